import pytest
import torch

from zoo.errors import DeviceError, UnknownName
from zoo.training.device import check_precision, choose_device


def test_auto_takes_the_best_that_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"


def test_absent_and_unknown_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"'cuda' was asked for.*Available: cpu"):
        choose_device("cuda")
    with pytest.raises(UnknownName, match="Nearest: cuda"):
        choose_device("cud")


def test_bf16_only_where_the_hardware_has_it(monkeypatch):
    import torch

    for precision in ("no", "fp16"):
        check_precision("cpu", precision)
    for has in (True, False):
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda has=has: has)
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        for device in ("cpu", "cuda"):
            if has:
                check_precision(device, "bf16")
            else:
                with pytest.raises(DeviceError, match=f"this {device} has no instructions for it"):
                    check_precision(device, "bf16")
    check_precision("mps", "bf16")
