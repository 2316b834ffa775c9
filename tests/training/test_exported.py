"""Fitted models back from exported folders."""

import json

import pytest
import torch
from exporting import fitted, there_and_back

import zoo
from zoo.errors import WeightsError
from zoo.hub.native.export import export, taken


@pytest.mark.parametrize("method", ["knn", "linear_probe"])
def test_heads_come_back_as_they_were_fitted(method, tmp_path):
    model = fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path, method=method)
    there_and_back(model, tmp_path / "out", check=False)
    again = zoo.load_model(tmp_path / "out")
    sample = taken(model).sample
    assert (again.predict_proba([sample]) == model.predict_proba([sample])).all()
    assert again.spec.scores == model.spec.scores
    again.save(tmp_path / "saved")
    assert torch.equal(zoo.load_model(tmp_path / "saved").outputs([sample]), model.outputs([sample]))


def test_a_mix_of_layers_comes_back(tmp_path):
    backbone = zoo.load("timm/test_vit", pretrained=False, seed=0, layers=True)
    model = fitted(backbone, "image", tmp_path, method="layer_mix")
    assert there_and_back(model, tmp_path / "out", check=False).head == "zoo"


def test_a_backbone_has_no_head(tmp_path):
    export("pocket/resnet10.glyphs", tmp_path / "out", check=False)
    with pytest.raises(WeightsError, match=r"without a fitted head.*zoo\.load\("):
        zoo.load_model(tmp_path / "out")


def test_what_it_was_published_under_goes_with_it(tmp_path):
    model = fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path, method="linear_probe")
    export(model, tmp_path / "out", check=False)
    assert zoo.load_model(tmp_path / "out").spec.licence == ""
    record = json.loads((tmp_path / "out" / "zoo.json").read_text())
    (tmp_path / "out" / "zoo.json").write_text(json.dumps(record | {"published": {"licence": "cc-by-nc-4.0"}}))
    again = zoo.load_model(tmp_path / "out")
    assert again.spec.licence == "cc-by-nc-4.0"
    again.save(tmp_path / "saved")
    export(str(tmp_path / "saved"), tmp_path / "further", check=False)
    assert zoo.load_model(tmp_path / "further").spec.licence == "cc-by-nc-4.0"


@pytest.mark.parametrize("facts", [{"a": 1}, {"samples": None}, {"samples": -1}])
def test_a_record_that_says_no_head_is_told(tmp_path, facts):
    model = fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path, method="knn")
    export(model, tmp_path / "out", check=False)
    record = json.loads((tmp_path / "out" / "zoo.json").read_text())
    record["fitted"]["head"] = facts
    (tmp_path / "out" / "zoo.json").write_text(json.dumps(record))
    with pytest.raises(WeightsError, match="says no head of `knn`"):
        zoo.load_model(tmp_path / "out")
