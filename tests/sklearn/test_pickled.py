"""What a pickle of a fitted model holds, and that it answers the same."""

import pickle

import numpy as np
import pytest
from small_data import ANSWERS, backbone_for, labels_for, samples_for

from zoo.errors import WeightsError
from zoo.sklearn import Classifier, Regressor
from zoo.sklearn.featurizer import shared
from zoo.sklearn.pickled import packed, unpacked


def fitted(tmp_path, answer="classification", inputs="text", **settings):
    backbone_for(inputs, tmp_path / "repository")
    samples, labels = samples_for(inputs, 20, tmp_path / "data"), labels_for(answer, 20)
    if answer == "multi_label":
        labels = np.array([[name in names for name in ("low", "high", "third")] for names in labels], dtype=int)
    name = "pocket/resnet10.glyphs" if inputs == "image" else str(tmp_path / "repository")
    kind = Regressor if answer == "regression" else Classifier
    return kind(name, steps=2, batch_size=4, device="cpu", **settings).fit(samples, labels), samples


@pytest.mark.parametrize("method", ["linear_probe", "knn", "layer_mix", "full", "lora"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_it_answers_the_same(method, answer, tmp_path):
    model, samples = fitted(tmp_path, answer, method=method)
    data = pickle.dumps(model)
    shared.cache_clear()  # as in another process
    again = pickle.loads(data)
    assert np.array_equal(again.predict(samples), model.predict(samples))
    assert again.get_params() == model.get_params()
    assert again.model_.spec == model.model_.spec
    if answer != "regression":
        assert np.array_equal(again.predict_proba(samples), model.predict_proba(samples))
        assert (again.classes_ == model.classes_).all()


def test_sounds_keep_their_preprocessing(tmp_path):
    for method in ("linear_probe", "full"):
        model, samples = fitted(tmp_path, inputs="audio", method=method)
        assert np.array_equal(pickle.loads(pickle.dumps(model)).predict_proba(samples), model.predict_proba(samples))


def test_a_frozen_backbone_is_not_in_it(tmp_path):
    frozen, _ = fitted(tmp_path / "a", inputs="image")
    trained, _ = fitted(tmp_path / "b", inputs="image", method="full")
    assert len(pickle.dumps(frozen)) < 20_000
    assert len(pickle.dumps(trained)) > 3_000_000


def test_before_a_fit_there_is_nothing_to_pack():
    assert not hasattr(pickle.loads(pickle.dumps(Classifier())), "model_")


def test_packing_changes_nothing(tmp_path):
    model, samples = fitted(tmp_path)
    before = model.predict_proba(samples)
    state = pickle.dumps(model)
    assert np.array_equal(model.predict_proba(samples), before)
    assert pickle.dumps(model) == state


def test_another_backbone_is_refused(tmp_path):
    from zoo.sklearn.estimators import shared as load

    model, _ = fitted(tmp_path)
    pack = packed(model.model_)
    with pytest.raises(WeightsError):
        unpacked(pack, lambda: load("pocket/resnet10.glyphs", True, None, 0, "cpu", ""))
