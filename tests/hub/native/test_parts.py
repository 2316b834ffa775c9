"""The pieces that all exporters share."""

import pytest
import torch
from torch import nn

from zoo.errors import IncompatibleError
from zoo.hub.native.parts import difference, import_line, linear_of, write_tensors
from zoo.tasks.scaled import ScaledLinear


def test_a_regression_is_folded():
    torch.manual_seed(0)
    head, features = ScaledLinear(5), torch.randn(4, 5)
    head.settle(mean=-3.0, deviation=7.0)
    weight, bias = linear_of(head)
    assert torch.allclose(features @ weight.T + bias, head(features), atol=1e-5)
    plain = nn.Linear(5, 3, bias=False)
    assert torch.equal(linear_of(plain)[1], torch.zeros(3))
    assert linear_of(nn.Sequential(plain)) is None


def test_differences():
    ones = torch.ones(2, 3)
    assert difference(ones, ones) == 0
    assert difference(torch.tensor([[100.0], [1.5]]), torch.tensor([[100.0], [1.0]])) == 0.5  # each row by its own
    assert difference(ones + 1, ones, scale=4.0) == 0.25
    assert difference(ones[:1], ones) == difference(ones * float("nan"), ones) == float("inf")


def test_a_class_within_a_function_has_no_statement():
    class Inner:
        pass

    with pytest.raises(IncompatibleError, match="defined within"):
        import_line(Inner)


def test_files_name_their_framework(tmp_path):
    from safetensors import safe_open

    write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(2, 3).T})
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert file.get_tensor("a").shape == (3, 2)
