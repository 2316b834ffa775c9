import subprocess
import sys

import pytest
import torch

from zoo.contracts import Backbone, Features, Padded, Pair
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


def test_encode_unpacks_what_is_padded_and_passes_pairs_on():
    def encoder(inputs, mask):
        return {"given": (inputs, mask)}

    backbone = Backbone(BackboneSpec("x/y", "x", "y"), torch.nn.Identity(), torch.stack, encoder)
    padded, pair = Padded(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bool)), Pair(vision=torch.zeros(1))
    assert backbone.encode(padded)["given"] == (padded.values, padded.mask)
    assert backbone.encode(pair)["given"] == (pair, None)


def test_unmeasured_width_is_an_error():
    with pytest.raises(ValueError, match="without measuring"):
        _ = Backbone(BackboneSpec("x/y", "x", "y"), torch.nn.Identity(), torch.stack, lambda i, m: {}).pooled_dim


def test_importing_contracts_loads_no_torch():
    code = "import sys, zoo.contracts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
