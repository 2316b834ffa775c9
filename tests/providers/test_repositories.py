import json

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from vision import disturbed, picture

import zoo
from zoo.errors import Offline, UnknownName, UnsafeContent, UsageError, WeightsError
from zoo.providers.repositories import (
    KINDS,
    READERS,
    detect,
    is_repository,
    notes_of,
    read_json,
    spec_of_repository,
    weights_of,
)
from zoo.specs import BackboneSpec
from zoo.testing.hub import Hub


@pytest.fixture
def folder(tmp_path):
    """A fine-tuned network with ten classes, as timm saves it for the hub."""
    module = disturbed(timm.create_model("test_resnet", num_classes=10))
    place = tmp_path / "net"
    timm.models.save_for_hf(module, place, model_config={"num_classes": 10}, safe_serialization=True)
    return place


def test_a_folder_of_timm_equals_timms_own_loading(folder):
    assert detect(folder) == "timm"
    backbone = zoo.load(str(folder))
    upstream = timm.create_model(f"local-dir:{folder}", pretrained=True)
    inputs = torch.rand(2, 3, 160, 160)
    backbone.module.eval(), upstream.eval()
    with torch.inference_mode():
        features = backbone.encode(inputs)["vision"].pooled
        assert torch.allclose(upstream.get_classifier()(features), upstream(inputs), atol=1e-6)
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=upstream))
    assert torch.equal(backbone.preprocess([picture()])[0], transform(picture()))
    assert zoo.fingerprint(backbone) == zoo.fingerprint(zoo.load(str(folder), pretrained=False))
    assert backbone.notes == ()  # the classifier is left out, as always
    assert BackboneSpec.from_json(backbone.spec.to_json()) == backbone.spec


def test_a_hub_repository_is_pinned_to_its_commit(folder, tmp_path, monkeypatch):
    with Hub() as hub:
        sha = hub.add("me/net", {path.name: path.read_bytes() for path in folder.iterdir()})
        for name, value in hub.environment(token=hub.read_token, home=tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        spec = spec_of_repository("hf-hub:me/net")
        assert not any("safetensors" in path for method, path in hub.requests if method == "GET")
        backbone = zoo.load("hf-hub:me/net@main")
    assert (spec.name, spec.revision, spec.source) == (f"hf-hub:me/net@{sha}", sha, "hf-hub:me/net")
    assert backbone.spec.name == spec.name
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert zoo.load(spec.name).spec == backbone.spec  # by the name that it says, from the cache
    with pytest.raises(Offline):
        zoo.load("hf-hub:me/other")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"architecture": "resnet19x"}, "unknown timm architecture 'resnet19x'"),
        ({"architecture": "hf-hub:evil/net"}, "unknown timm architecture"),
        ({"model_args": {"checkpoint_path": "/etc/x.pth"}}, "sets checkpoint_path in model_args"),
        ({"pretrained_cfg": {"mean": [0.5]}}, "zoo assumes no preprocessing"),
    ],
)
def test_configurations_of_strangers(folder, config, said):
    content = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises((UnknownName, UnsafeContent, WeightsError), match=said):
        zoo.load(str(folder), pretrained=False)


def test_weights_that_lack_something(folder):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    dropped = next(name for name in tensors if name.endswith("conv1.weight") and name != "conv1.weight")
    save_file({name: tensor for name, tensor in tensors.items() if name != dropped}, file)
    with pytest.raises(WeightsError, match=rf"lack 1 parameters \({dropped}\), which would stay random"):
        zoo.load(str(folder))
    save_file(tensors | {"strange": torch.zeros(1)}, file)
    assert any("(strange" in note or "strange" in note for note in zoo.load(str(folder)).notes)
    file.write_bytes(b"\x00" * 40)
    with pytest.raises(WeightsError):
        zoo.load(str(folder))
    file.unlink()
    with pytest.raises(WeightsError, match=r"has no model\.safetensors; it holds config\.json"):
        zoo.load(str(folder))


def test_a_pickle_by_name_only(folder):
    tensors = load_file(folder / "model.safetensors")
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"has no model\.safetensors"):
        zoo.load(str(folder))
    loaded = zoo.load(str(folder), allow_pickle="pytorch_model.bin").module.state_dict()
    assert all(torch.equal(value, tensors[name]) for name, value in loaded.items())


def test_a_link_that_leads_out_is_refused(folder):
    (folder / "model.safetensors").rename(folder.parent / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(folder.parent / "elsewhere.safetensors")
    with pytest.raises(UnsafeContent, match="leads out"):
        zoo.load(str(folder))


def test_folders_of_no_library(tmp_path):
    assert not is_repository(str(tmp_path))
    (tmp_path / "config.json").write_text('{"strange": 1}')
    with pytest.raises(WeightsError, match="says of no library that zoo can load from a repository"):
        detect(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(WeightsError, match="holds no JSON object but a list"):
        detect(tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_json(tmp_path / "absent.json")
    (tmp_path / "backbone.json").write_text("{}")  # zoo's own record goes first
    assert not is_repository(str(tmp_path))


def test_every_kind_has_a_reader():
    assert {kind.provider for kind in KINDS} == set(READERS.names())
    assert all(callable(READERS.get(kind.provider)) for kind in KINDS)


def test_names_that_cannot_be():
    with pytest.raises(UsageError, match="names no revision after the @"):
        spec_of_repository("hf-hub:me/net@")
    with pytest.raises(UsageError, match="names no hub repository"):
        spec_of_repository("hf-hub:../../etc")


def test_what_is_said_of_the_commit(tmp_path):
    from zoo.io.repository import Snapshot

    spec = BackboneSpec("timm/a.b", "timm", "a", "b", source="hf-hub:timm/a.b")
    found = Snapshot("timm/a.b", "c" * 40, tmp_path, {}, ("from the cache",))
    assert notes_of(spec, found) == (
        "timm/a.b: the catalog pins no revision; its weights are commit cccccccccccc of hf-hub:timm/a.b",
        "from the cache",
    )
    (tmp_path / "w").write_bytes(b"")
    spec = BackboneSpec("x", "timm", "a", source=f"folder:{tmp_path}")
    assert weights_of(spec, ("w",)).folder == tmp_path
