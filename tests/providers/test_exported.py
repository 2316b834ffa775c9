"""Exported folders are taken back only as they were written."""

import json

import pytest
import torch

import zoo
from zoo.errors import UnsafeContent, WeightsError
from zoo.hub.native.export import export
from zoo.io.repository import fetch_repository
from zoo.providers.exported import Exported, is_exported, read_exported, tensors_of


@pytest.fixture
def folder(tmp_path):
    export("pocket/resnet10.glyphs", tmp_path / "out", check=False)
    return tmp_path / "out"


def changed(folder, **values):
    record = json.loads((folder / "zoo.json").read_text())
    (folder / "zoo.json").write_text(json.dumps(record | values))


def test_a_backbone_comes_back(folder):
    assert is_exported(folder)
    again, first = zoo.load(str(folder)), zoo.load("pocket/resnet10.glyphs")
    assert zoo.fingerprint(again) == zoo.fingerprint(first)
    assert torch.equal(again.module.state_dict()["conv1.0.weight"], first.module.state_dict()["conv1.0.weight"])
    scratch = zoo.load(str(folder), pretrained=False, seed=0)
    assert not torch.equal(scratch.module.state_dict()["conv1.0.weight"], first.module.state_dict()["conv1.0.weight"])


def test_a_flipped_bit_is_noticed(folder):
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match="not the file that was exported"):
        zoo.load(str(folder))


def test_a_missing_file_and_a_damaged_record_are_told(folder):
    (folder / "sample.png").unlink()
    zoo.load(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"lacks config\.json"):
        zoo.load(str(folder))
    (folder / "zoo.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"zoo\.json cannot be read"):
        zoo.load(str(folder))


def test_a_snapshot_of_a_hub_is_such_a_folder(folder, hub):
    hub.add("me/glyphs", {path.name: path.read_bytes() for path in folder.iterdir()} | {"README.md": b"# Glyphs"})
    found = fetch_repository("me/glyphs")
    assert (found.folder / "zoo.json").is_symlink()
    again = zoo.load(str(found.folder))
    assert zoo.fingerprint(again) == zoo.fingerprint(zoo.load("pocket/resnet10.glyphs"))


def test_a_record_may_not_leave_its_folder_or_skip_the_digest(folder):
    files = read_exported(folder).files
    (folder.parent / "other").write_text("")
    changed(folder, files=files | {"../other": "0" * 64})
    with pytest.raises(UnsafeContent):
        read_exported(folder)
    changed(folder, files={name: digest for name, digest in files.items() if name != "model.safetensors"})
    with pytest.raises(WeightsError, match="states no digest"):
        read_exported(folder)


def test_arguments_that_choose_files_are_refused(folder):
    spec = read_exported(folder).backbone.to_json()
    config = json.dumps({"model_args": {"checkpoint_path": "/etc/passwd"}, "pretrained_cfg": {}})
    changed(folder, backbone=spec | {"provider": "timm", "config": config})
    with pytest.raises(UnsafeContent, match="checkpoint_path"):
        zoo.load(str(folder))


@pytest.mark.parametrize("config", ["{", "[1]", '{"model_args": 1}', '{"model_args": null}'])
def test_a_config_that_cannot_be_read_is_told(folder, config):
    record = json.loads((folder / "zoo.json").read_text())
    changed(folder, backbone=record["backbone"] | {"provider": "timm", "config": config})
    with pytest.raises(WeightsError, match="config in"):
        read_exported(folder)


def test_tensors_are_joined_and_renamed(folder):
    from safetensors.torch import save_file

    from zoo.io.digests import file_digest

    file = folder / "some.safetensors"
    save_file({"q": torch.ones(2), "k": torch.zeros(1), "head": torch.ones(1), "same": torch.ones(3)}, file)
    found = Exported(
        "torch", "features", read_exported(folder).backbone, weights=file.name, head_keys=("head",),
        files={file.name: file_digest(file, "0" * 64)}, tensors={"both": ["q", "k"]}, folder=str(folder),
    )  # fmt: skip
    made = tensors_of(found)
    assert set(made) == {"both", "same"}
    assert made["both"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("tensors", [{"a": []}, {"a": [1]}, {"a": 1}, {"a": ["conv1.0.weight", "conv1.1.weight"]}])
def test_tensors_that_are_named_wrongly_are_told(folder, tensors):
    changed(folder, tensors=tensors)
    with pytest.raises(WeightsError, match="again"):
        zoo.load(str(folder))


def test_what_it_was_published_under_goes_with_it(folder):
    assert zoo.load(str(folder)).spec.licence == "apache-2.0"
    changed(folder, published={"licence": "cc-by-nc-4.0"})
    assert zoo.load(str(folder)).spec.licence == "cc-by-nc-4.0"
    changed(folder, published={"licence": 3})
    assert zoo.load(str(folder)).spec.licence == "apache-2.0"
