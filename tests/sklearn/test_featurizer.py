import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

import zoo
from zoo.errors import DataError, UnknownName
from zoo.providers.batching import encode_samples
from zoo.sklearn.featurizer import Featurizer, shared

NAME = "pocket/resnet10.glyphs"


@pytest.fixture
def labelled(photos):
    """24 images as arrays, and their classes."""
    paths = sorted(photos.rglob("*.png"))
    return [np.array(Image.open(path)) for path in paths], [int("right" in path.parts) for path in paths]


def pipeline(**settings):
    return Pipeline([("features", Featurizer(NAME, **settings)), ("head", LogisticRegression(max_iter=500))])


def test_features_are_those_of_the_backbone(labelled, photos):
    images, _ = labelled
    expected = encode_samples(zoo.load(NAME), images)["vision"].pooled.numpy()
    found = Featurizer(NAME, batch_size=5, device="cpu").fit_transform(images)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    paths = sorted(photos.rglob("*.png"))
    assert np.array_equal(Featurizer(NAME, batch_size=5).transform(paths), found)
    assert np.array_equal(Featurizer(NAME, batch_size=5).transform([str(path) for path in paths]), found)
    assert np.array_equal(Featurizer(NAME, batch_size=5).transform(np.stack(images)), found)


def test_cross_validation_and_grid_search(labelled):
    images, targets = labelled
    assert cross_val_score(pipeline(), images, targets, cv=3, error_score="raise").min() == 1.0
    grid = {"features__backbone": ["pocket/resnet10.glyphs", "pocket/resnet10.textures"], "head__C": [0.1, 1.0]}
    search = GridSearchCV(pipeline(), grid, cv=2, error_score="raise").fit(images, targets)
    assert search.best_score_ == 1.0
    assert len(search.cv_results_["params"]) == 4


def test_two_processes(labelled):
    images, targets = labelled
    scores = cross_val_score(pipeline(device="cpu"), images, targets, cv=2, n_jobs=2, error_score="raise")
    assert scores.tolist() == [1.0, 1.0]


def test_it_clones_and_pickles_without_weights(labelled):
    images, targets = labelled
    one = Featurizer("pocket/resnet10", pretrained=False, seed=3, batch_size=7)
    features = one.fit_transform(images)
    data = pickle.dumps(one)
    assert len(data) < 2_000
    again, copy = pickle.loads(data), clone(one)
    assert copy.get_params() == one.get_params() == again.get_params()
    shared.cache_clear()  # as in another process
    assert np.array_equal(again.transform(images), features)
    assert not np.array_equal(clone(one).set_params(seed=4).transform(images), features)
    fitted = pipeline().fit(images, targets)
    assert pickle.loads(pickle.dumps(fitted)).predict(images).tolist() == targets


def test_it_is_lazy_and_shares_what_is_loaded(monkeypatch, labelled):
    from zoo.sklearn import featurizer

    loaded = []
    real = featurizer.load
    monkeypatch.setattr(featurizer, "load", lambda name, **settings: loaded.append(name) or real(name, **settings))
    shared.cache_clear()
    one = Featurizer(NAME).fit(labelled[0])
    assert loaded == []
    for copy in (one, clone(one), clone(one)):
        copy.transform(labelled[0][:2])
    assert loaded == [NAME]
    with pytest.raises(UnknownName, match="glyphs"):
        Featurizer("pocket/resnet10.glyph").fit([])
    assert loaded == [NAME]


def test_names_of_features():
    assert Featurizer(NAME).get_feature_names_out().tolist()[:2] == ["featurizer0", "featurizer1"]
    assert len(Featurizer(NAME).get_feature_names_out()) == 256


def test_pairs_need_a_modality(monkeypatch):
    import torch
    from torch import nn

    from zoo.contracts import Backbone, Features
    from zoo.sklearn import featurizer

    def encode(inputs, mask):
        return {"vision": Features(inputs), "text": Features(-inputs)}

    pairs = Backbone(zoo.BackboneSpec("x/y", "x", "y", modality="image-text"), nn.Identity(), torch.tensor, encode)
    monkeypatch.setattr(featurizer, "shared", lambda *settings: pairs)
    with pytest.raises(DataError, match=r"features of text and vision, and modality='' names neither"):
        Featurizer().transform([[1.0], [2.0]])
    with pytest.raises(DataError, match=r"modality='speech' names none"):
        Featurizer(modality="speech").transform([[1.0]])
    assert Featurizer(modality="text").transform([[1.0], [2.0]]).tolist() == [[-1.0], [-2.0]]


def test_no_samples():
    with pytest.raises(DataError, match="no samples"):
        Featurizer(NAME).transform([])
