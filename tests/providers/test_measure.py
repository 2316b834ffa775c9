import pytest
import torch
from torch import nn

from zoo.contracts import Features
from zoo.errors import IncompatibleError
from zoo.providers.measure import measured_spec
from zoo.specs import BackboneSpec


def test_what_is_measured():
    module = nn.Linear(3, 2)
    spec = BackboneSpec("x/y", "x", "y", parameters=7, pooled_dim=99, input_size=(3,))
    found = measured_spec(spec, module, lambda inputs, mask: {"vision": Features(module(inputs), tokens=inputs)})
    assert (found.parameters, found.pooled_dim, found.can) == (8, 2, ("pooled", "tokens"))


def test_pooled_must_be_a_matrix():
    spec = BackboneSpec("x/y", "x", "y", input_size=(3,))
    with pytest.raises(IncompatibleError, match=r"pooled features \[B, D\], received shape \[1, 3, 1\]"):
        measured_spec(spec, nn.Identity(), lambda inputs, mask: {"vision": Features(torch.zeros(1, 3, 1))})


def test_modules_that_keep_what_they_compute_still_train():
    class Caches(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 2)
            self.table = None

        def forward(self, inputs):
            self.table = torch.ones(2) if self.table is None else self.table
            return self.linear(inputs.flatten(1)) * self.table

    module = Caches()
    spec = BackboneSpec("x/y", "x", "y", input_size=(1, 2, 2))
    measured_spec(spec, module, lambda inputs, mask: {"vision": Features(module(inputs))})
    module(torch.ones(2, 1, 2, 2)).sum().backward()
    assert module.linear.weight.grad is not None


def test_any_refusal_of_a_size_is_told():
    def refuses(inputs, mask):
        assert inputs.shape[-1] == 99, "made for 99"

    with pytest.raises(IncompatibleError, match="AssertionError: made for 99"):
        measured_spec(BackboneSpec("x/y", "x", "y", input_size=(3,)), nn.Identity(), refuses)


def test_a_trial_input_that_cannot_be_encoded_is_told_without_a_size_of_images():
    spec = BackboneSpec("x/y", "x", "y", modality="text")

    def encode(inputs, mask):
        raise RuntimeError("no such token")

    with pytest.raises(
        IncompatibleError, match=r"cannot encode a small input of its own kind \(text\): RuntimeError: no"
    ):
        measured_spec(spec, nn.Identity(), encode, torch.ones(1, 3))
