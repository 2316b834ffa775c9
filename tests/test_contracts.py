import subprocess
import sys

import pytest
import torch

from zoo.contracts import Backbone, Features, Padded, Pair
from zoo.errors import IncompatibleError
from zoo.specs import BackboneSpec


def test_encode_passes_inputs_and_mask_on():
    seen = []

    def encoder(inputs, mask):
        seen.append(mask)
        return {"vision": Features(inputs)}

    backbone = Backbone(BackboneSpec("x/y", "x", "y", pooled_dim=3), torch.nn.Identity(), torch.stack, encoder)
    inputs = torch.ones(2, 3)
    assert backbone.encode(inputs)["vision"].pooled is inputs
    assert backbone.pooled_dim == 3
    assert seen == [None]


def test_a_padded_brings_its_mask_and_a_pair_stays_whole():
    seen = []
    backbone = Backbone(BackboneSpec("x/y", "x", "y"), torch.nn.Identity(), torch.stack, lambda *given: seen.append(given))
    padded = Padded(torch.ones(2, 3), torch.tensor([[True, True, False], [True, True, True]]))
    pair = Pair(text=padded)
    backbone.encode(padded)
    backbone.encode(pair)
    assert seen[0][0] is padded.values
    assert seen[0][1] is padded.mask
    assert seen[1] == (pair, None)
    for inputs in (padded, pair):
        with pytest.raises(IncompatibleError, match="which has its own"):
            backbone.encode(inputs, padded.mask)


def test_unmeasured_width_is_an_error():
    with pytest.raises(ValueError, match="without measuring"):
        _ = Backbone(BackboneSpec("x/y", "x", "y"), torch.nn.Identity(), torch.stack, lambda i, m: {}).pooled_dim


def test_importing_contracts_loads_no_torch():
    code = "import sys, zoo.contracts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
