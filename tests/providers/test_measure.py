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
