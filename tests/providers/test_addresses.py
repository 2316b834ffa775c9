import pytest
import torch
from vision import saved

from zoo.errors import Offline, WeightsError
from zoo.providers.addresses import weights_at_address
from zoo.specs import BackboneSpec


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    place = tmp_path / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    return place


def test_a_named_pickle_gives_its_tensors(cache):
    file = saved({"a": torch.ones(2, dtype=torch.float16)}, cache, "net")
    spec = BackboneSpec("torchvision/net.X", "torchvision", "net", "X", source=f"https://example.org/{file.name}")
    assert weights_at_address(spec, file.name)["a"].dtype == torch.float32
    with pytest.raises(WeightsError, match=rf"Fix: allow_pickle='{file.name}'"):
        weights_at_address(spec, "")
    file.unlink()
    with pytest.raises(Offline):
        weights_at_address(spec, file.name)


def test_safetensors_need_no_permission(cache):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, cache / "net.safetensors")
    spec = BackboneSpec("x/net.X", "x", "net", "X", source="https://example.org/net.safetensors")
    assert weights_at_address(spec, "")["a"].tolist() == [1, 1]
