"""Export as a whole: what it takes, what it leaves behind, and what it says."""

import dataclasses
import json

import pytest
import torch
from exporting import fitted

import zoo
from zoo.errors import IncompatibleError, WeightsError
from zoo.hub.native import export as room
from zoo.hub.native.export import export, head_code, public, taken
from zoo.providers.exported import Exported, read_exported


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path_factory.mktemp("photos"))


def test_names_folders_and_objects_are_taken(model, tmp_path):
    model.save(tmp_path / "saved")
    one = export(model, tmp_path / "one", check=False)
    two = export(tmp_path / "saved", tmp_path / "two", check=False)
    three = export(tmp_path / "two", tmp_path / "three", check=False)
    assert one.files == two.files == three.files
    assert one.expected == two.expected == three.expected
    assert export("pocket/resnet10.glyphs", tmp_path / "four", check=False).fitted == {}
    with pytest.raises(IncompatibleError, match=r"received Linear.*zoo\.wrap"):
        export(torch.nn.Linear(2, 2), tmp_path / "five")


def test_a_folder_that_is_there_is_left(model, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(WeightsError, match="there already"):
        export(model, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_model_that_upstream_gets_wrong_leaves_nothing(model, tmp_path, monkeypatch):
    def wrong(record):
        raise WeightsError("other outputs")

    monkeypatch.setattr(room, "compared", wrong)
    with pytest.raises(WeightsError, match="other outputs"):
        export(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_record_is_what_is_stored(model, tmp_path):
    said = []
    found = export(model, tmp_path / "out", check=False, say=said.append)
    stored = json.loads((tmp_path / "out" / "zoo.json").read_text())
    assert stored["folder"] == ""
    assert tuple(said) == found.notes
    assert read_exported(tmp_path / "out") == found
    assert found.backbone.digest == zoo.describe("pocket/resnet10.glyphs").digest
    assert "model.safetensors" in found.files
    assert "zoo.json" not in found.files


def test_formulas_of_heads(tmp_path):
    one = fitted(zoo.load("pocket/resnet10.glyphs"), "image", tmp_path, "regression")
    features = taken(one).features
    export(one, tmp_path / "out", check=False)
    from safetensors.torch import load_file

    scope = {"torch": torch, "features": features, "folder": tmp_path / "out", "load_file": load_file}
    exec(head_code(one), scope)
    assert torch.allclose(scope["outputs"], taken(one).outputs, rtol=1e-5)


def test_what_lies_in_a_folder_keeps_its_name_and_its_origin(tmp_path):
    spec = zoo.describe("transformers/bert")
    spec = dataclasses.replace(spec, name="hf-hub:org/bert@c0ffee", source="hf-hub:org/bert")
    record = Exported("transformers", "features", spec, preprocessing=True, folder=str(tmp_path))
    assert record.spec.source == f"folder:{tmp_path}"
    assert public(record.spec).name == record.spec.origin == "hf-hub:org/bert@c0ffee"
    assert public(record.spec).source == ""


def test_weights_from_scratch_say_so_to_whom_fits_them_further(tmp_path):
    model = fitted("pocket/resnet10", "image", tmp_path, method="full", pretrained=False)
    export(model, tmp_path / "out", check=False)
    assert zoo.load(str(tmp_path / "out")).spec.origin == "scratch"


def test_a_provider_without_a_format_is_refused(tmp_path):
    backbone = zoo.load("pocket/resnet10.glyphs")
    other = dataclasses.replace(backbone, spec=dataclasses.replace(backbone.spec, provider="other"))
    with pytest.raises(IncompatibleError, match=r"writes no format.*zoo\.wrap"):
        export(other, tmp_path / "out")
