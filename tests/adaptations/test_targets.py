import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations.targets import targets
from zoo.errors import IncompatibleError, UnknownName


def scratch(name):
    return zoo.load(name, pretrained=False, seed=0)


def ends(found):
    return {name.rpartition(".")[2] for name in found}


def test_vit():
    found = targets(scratch("timm/test_vit"))
    assert ends(found) == {"qkv", "proj", "fc1", "fc2"}
    assert len(found) == 4 * 6
    assert not any("patch_embed" in name or name.startswith("head") for name in found)


def test_convnext_has_its_dense_layers_and_no_grouped_convolution():
    backbone = scratch("timm/test_convnext")
    found = targets(backbone)
    assert {"fc1", "fc2"} < ends(found)
    assert "conv_dw" not in ends(found)
    kinds = {type(backbone.module.get_submodule(name)) for name in found}
    assert kinds == {nn.Linear, nn.Conv2d}


def test_resnet_has_its_convolutions_though_a_norm_hides_them_at_first():
    backbone = scratch("timm/test_resnet")
    inside = {n for n, part in backbone.module.named_modules() if n.startswith("layer") and isinstance(part, nn.Conv2d)}
    assert set(targets(backbone)) == inside


class Attention(nn.Module):
    """torch's attention takes the weight of its out_proj without calling it."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Linear(8, 8)
        self.idle = nn.Linear(8, 8)

    def forward(self, x):
        return x + self.mlp(self.attention(x, x, x, need_weights=False)[0])


def attending():
    net = nn.Sequential(nn.Conv2d(1, 8, 2, 2), nn.Flatten(2), _Turned(), Attention(), Attention())
    return zoo.wrap(net, input_size=(1, 4, 4))


class _Turned(nn.Module):
    def forward(self, x):
        return x.transpose(1, 2)


def test_layers_without_a_gradient_of_their_own_are_left_out():
    found = targets(attending())
    assert "3.mlp" in found
    assert not any(name.endswith(("out_proj", "idle")) for name in found)


def test_wanted_layers():
    vit = scratch("timm/test_vit")
    assert ends(targets(vit, ["qkv", "attn.proj"])) == {"qkv", "proj"}
    assert targets(vit, ["blocks.1.mlp.fc1"]) == ["blocks.1.mlp.fc1"]
    with pytest.raises(UnknownName, match=r"layer of timm/test_vit 'qvk'. Nearest: qkv.*Layers that fit: fc1, fc2"):
        targets(vit, ["qvk"])
    with pytest.raises(IncompatibleError, match="groups leave no room"):
        targets(scratch("timm/test_convnext"), ["conv_dw"])
    with pytest.raises(IncompatibleError, match="receives no gradient by itself"):
        targets(attending(), ["idle"])
    with pytest.raises(IncompatibleError, match="a LayerNorm is no Linear"):
        targets(vit, ["norm1"])


def test_by_type_without_a_row_of_blocks_but_never_a_classifier():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = nn.Linear(16, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.fc(self.body(x.flatten(1)))

    assert targets(zoo.wrap(Own(), input_size=(1, 4, 4))) == ["body"]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 3, groups=2),
        nn.Conv2d(2, 2, 3, dilation=2),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.PReLU(),
    ],
)
def test_nothing_fits(layer):
    with pytest.raises(IncompatibleError, match=r"lora fits no layer of module/own .*Fix: method='full'"):
        targets(zoo.wrap(nn.Sequential(layer), input_size=(2, 8, 8)))


def test_nothing_is_left_behind():
    backbone = scratch("timm/test_vit")
    targets(backbone)
    assert not any(part._forward_hooks for part in backbone.module.modules())
    assert all(p.requires_grad and p.grad is None for p in backbone.module.parameters())
    assert torch.is_grad_enabled()
