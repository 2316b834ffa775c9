import pytest
import torch

from zoo.errors import DeviceError, UnknownName
from zoo.training.device import choose_device


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
