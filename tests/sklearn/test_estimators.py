"""Fitted models as scikit-learn's estimators: cloned, pickled, cross-validated and searched like all others."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from small_data import backbone_for, labels_for, samples_for

import zoo
from zoo.errors import DataError, IncompatibleError, InvalidRecord, UnknownName
from zoo.providers.weights import weights_digest
from zoo.sklearn import Classifier, Regressor
from zoo.sklearn.featurizer import shared

NAME = "pocket/resnet10.glyphs"


@pytest.fixture
def labelled(photos):
    """24 paths of images, and their classes."""
    paths = sorted(photos.rglob("*.png"))
    return paths, ["right" if "right" in path.parts else "left" for path in paths]


def test_classes_come_back_as_they_were(labelled):
    paths, names = labelled
    for labels in (
        names,
        np.array(names),
        [name == "right" for name in names],
        [{"left": 7, "right": 30}[n] for n in names],
    ):
        model = Classifier(NAME).fit(paths, labels)
        assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
        found = model.predict(paths)
        assert found.tolist() == list(labels)
        assert found.dtype == np.asarray(labels).dtype
        shares = model.predict_proba(paths)
        assert np.allclose(shares.sum(1), 1, atol=1e-5)
        assert (model.classes_[shares.argmax(1)] == found).all()
        assert model.score(paths, labels) == 1.0


def test_more_than_ten_classes_stay_in_order():
    """Names of numbers must not be sorted as texts: 10 would stand before 2."""
    rng = np.random.default_rng(0)
    images = [
        np.full((8, 8), 20 * kind, np.uint8) + rng.integers(0, 9, (8, 8)).astype(np.uint8) for kind in range(12)
    ] * 6
    labels = list(range(12)) * 6
    model = Classifier(NAME, method="knn", options={"k": 1}).fit(images, labels)
    assert model.model_.spec.classes == tuple(map(str, range(12)))
    assert model.score(images, labels) > 0.9


def test_samples_of_every_kind(tmp_path, labelled):
    paths, names = labelled
    for samples in ([str(path) for path in paths], [Image.open(path) for path in paths],
                    np.stack([np.array(Image.open(path)) for path in paths])):  # fmt: skip
        assert Classifier(NAME).fit(samples, names).predict(samples).tolist() == names
    for inputs in ("text", "text_pair", "audio"):
        backbone_for(inputs, tmp_path / inputs)
        samples, labels = samples_for(inputs, 20, tmp_path / f"{inputs} data"), labels_for("classification", 20)
        model = Classifier(str(tmp_path / inputs), device="cpu").fit(samples, labels)
        assert model.score(samples, labels) > 0.9
        assert model.model_.spec.task.kind == f"{inputs}_classification"


def test_all_that_is_given_is_used_and_nothing_is_held_back_as_a_test(labelled):
    paths, names = labelled
    scores = Classifier(NAME).fit(paths, names).model_.spec.scores
    assert (scores["labels"], scores["validation_items"], scores["test_items"]) == (20, 4, 0)
    scores = Classifier(NAME, validation=0.5).fit(paths, names).model_.spec.scores
    assert (scores["labels"], scores["validation_items"]) == (12, 12)


def test_several_labels(tmp_path, labelled):
    paths, names = labelled
    labels = np.array([[name == "left", name == "right", at % 2] for at, name in enumerate(names)], dtype=int)
    model = Classifier(NAME).fit(paths, labels)
    found = model.predict(paths)
    assert found.shape == (24, 3)
    assert (found[:, :2] == labels[:, :2]).mean() > 0.9
    assert model.classes_.tolist() == [0, 1, 2]
    assert ((model.predict_proba(paths) > 0.5) == found).all()
    assert 0 <= model.score(paths, labels) <= 1


def test_numbers(labelled):
    paths, names = labelled
    numbers = np.array([100.0 * (name == "right") for name in names]) + np.arange(24) % 3
    model = Regressor(NAME).fit(paths, numbers)
    assert model.score(paths, numbers) > 0.9
    assert model.predict(paths).shape == (24,)
    folds = KFold(3, shuffle=True, random_state=0)
    assert cross_val_score(Regressor(NAME), paths, numbers, cv=folds, error_score="raise").min() > 0.5


def test_cross_validation_and_grid_search(labelled):
    paths, names = labelled
    assert cross_val_score(Classifier(NAME), paths, names, cv=3, error_score="raise").min() == 1.0
    grid = [
        {"method": ["linear_probe", "knn"]},
        {"method": ["full"], "steps": [1, 2], "lr": [1e-4, 1e-2]},
        {"method": ["lora"], "steps": [1], "options": [{"rank": 2}, {"rank": 4, "dora": True}]},
    ]
    search = GridSearchCV(Classifier(NAME, batch_size=4, device="cpu"), grid, cv=2, error_score="raise")
    search.fit(paths, names)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ == 1.0
    assert search.predict(paths).tolist() == names


def test_in_a_pipeline(labelled):
    paths, names = labelled
    model = make_pipeline("passthrough", Classifier(NAME, device="cpu"))
    scores = cross_val_score(model, paths, names, cv=2, error_score="raise")
    assert scores.tolist() == [1.0, 1.0]


def test_a_clone_has_the_settings_and_nothing_that_was_learnt(labelled):
    one = Classifier(NAME, method="lora", options={"rank": 2}, steps=3, seed=5).fit(*labelled)
    copy = clone(one)
    assert copy.get_params() == one.get_params()
    assert copy.get_params()["options"] == {"rank": 2}
    with pytest.raises(NotFittedError):
        copy.predict(labelled[0])
    with pytest.raises(NotFittedError):
        copy.predict_proba(labelled[0])


def test_fits_of_one_seed_are_the_same_and_start_anew(labelled):
    """A second fit must not go on from where the first one ended."""
    one = Classifier(NAME, method="full", steps=2, batch_size=4, device="cpu")
    digests = {weights_digest(one.fit(*labelled).model_.backbone.module) for _ in range(2)}
    assert len(digests) == 1
    other = one.set_params(seed=1).fit(*labelled)
    assert weights_digest(other.model_.backbone.module) not in digests


def test_frozen_methods_share_a_backbone_that_nobody_trains(labelled):
    shared.cache_clear()
    frozen = Classifier(NAME).fit(*labelled)
    trained = Classifier(NAME, method="full", steps=2, batch_size=4, device="cpu").fit(*labelled)
    assert Classifier(NAME).fit(*labelled).model_.backbone is frozen.model_.backbone
    assert trained.model_.backbone is not frozen.model_.backbone
    assert weights_digest(frozen.model_.backbone.module) == weights_digest(zoo.load(NAME).module)


def test_settings_are_looked_at_by_fit(labelled):
    assert Classifier("pocket/nothing", method="none").get_params()["method"] == "none"
    for settings, error, message in (
        ({"backbone": "pocket/resnet10.glyph"}, UnknownName, "glyphs"),
        ({"method": "linear-probe"}, UnknownName, "Nearest: linear_probe"),
        ({"options": {"rank": 2}}, UnknownName, "option of linear_probe 'rank'"),
        ({"class_weights": "balanced"}, IncompatibleError, "weighs no classes"),
        ({"validation": 0.0}, DataError, "a share above 0 and below 1"),
        ({"backbone": "transformers/bert", "pretrained": False, "options": {"penalty": 0}}, InvalidRecord, "penalty"),
    ):
        with pytest.raises(error, match=message):
            Classifier(**{"backbone": NAME, **settings}).fit(*labelled)


def test_data_that_cannot_be_used(labelled, tmp_path):
    paths, names = labelled
    (tmp_path / "no.png").write_text("no image")
    with pytest.raises(DataError, match=r"1 of 25 samples of arrays cannot be read"):
        Classifier(NAME).fit([*paths, tmp_path / "no.png"], [*names, "left"])
    with pytest.raises(DataError, match="one class only"):
        Classifier(NAME).fit(paths, ["left"] * 24)
    with pytest.raises(DataError, match="class 'rare' of arrays has 1 sample; at least 2"):
        Classifier(NAME).fit([*paths, paths[0]], [*names, "rare"])
    with pytest.raises(DataError, match="24 samples and 23 labels"):
        Classifier(NAME).fit(paths, names[1:])
    with pytest.raises(DataError, match="no samples"):
        Classifier(NAME).fit([], [])
    with pytest.raises(DataError, match="labels are empty"):
        Regressor(NAME).fit(paths, [np.nan, *range(23)])


CODE = "import pickle, sys; model = pickle.load(open(sys.argv[1], 'rb')); print(model.predict(sys.argv[2:]).tolist())"


def test_a_pickle_answers_the_same_in_another_process(labelled, tmp_path):
    paths, names = labelled
    model = Classifier(NAME, method="full", steps=2, device="cpu").fit(paths, names)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    command = [sys.executable, "-c", CODE, str(tmp_path / "model.pkl"), *map(str, paths[10:14])]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert said == str(model.predict(paths[10:14]).tolist())


def test_a_pickle_keeps_the_backbone_that_was_fitted():
    images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 5, 10, 15, 240, 245, 250, 255)]
    model = Classifier("pocket/resnet10", pretrained=False, seed=0).fit(images, [0] * 4 + [1] * 4)
    model.set_params(seed=5)  # for the next fit
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(images), model.predict_proba(images))
