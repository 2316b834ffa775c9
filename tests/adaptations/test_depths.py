import torch
from small_backbones import narrow
from torch import nn

import zoo
from zoo.adaptations.depths import depths, running_blocks
from zoo.adaptations.reached import as_seen
from zoo.providers.blocks import blocks


def scratch(name):
    return zoo.load(name, pretrained=False, seed=0)


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x):
        return x + self.inner(x)


class Text(nn.Module):
    """As transformers writes encoders: a table that is larger than all layers, and a norm registered before them."""

    def __init__(self):
        super().__init__()
        self.norm_at_the_end = nn.LayerNorm(4)
        self.embeddings = nn.Linear(1000, 4)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList([Layer(4) for _ in range(3)])

    def forward(self, x):
        x = self.embeddings(x)
        for layer in self.encoder.layer:
            x = layer(x)
        return self.norm_at_the_end(x)


def test_a_large_table_hides_no_layers_and_depth_follows_what_runs():
    backbone = zoo.wrap(nn.Sequential(nn.Flatten(), Text()), input_size=(1, 10, 100))
    assert [name for name, _ in blocks(backbone.module)] == [f"1.encoder.layer.{index}" for index in range(3)]
    found, count = depths(backbone)
    assert count == 3
    assert found["1.norm_at_the_end.weight"] == 4
    assert found["1.embeddings.weight"] == 0
    assert [found[f"1.encoder.layer.{index}.inner.bias"] for index in range(3)] == [1, 2, 3]


def test_every_weight_of_a_vit_has_its_depth():
    backbone = scratch("timm/test_vit")
    found, count = depths(backbone)
    assert found.keys() == dict(backbone.module.named_parameters()).keys()
    assert {name.split(".")[0] for name, depth in found.items() if depth == 0} == {
        "cls_token",
        "pos_embed",
        "patch_embed",
    }
    assert {name.split(".")[0] for name, depth in found.items() if depth == count + 1} == {"norm"}
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in backbone.module.modules())


def test_no_row():
    net = zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), input_size=(1, 4, 4))
    assert blocks(net.module) == []
    assert depths(net) == ({"1.weight": 0, "1.bias": 0}, 0)


def test_the_mode_is_kept():
    backbone = scratch("pocket/resnet10")
    backbone.module.train()
    before = backbone.module.bn1.running_mean.clone()
    depths(backbone)
    assert backbone.module.training
    assert torch.equal(backbone.module.bn1.running_mean, before)


def test_the_blocks_that_run_are_those_of_the_tower_that_is_seen():
    backbone = narrow("clip")
    for modality in ("vision", "text"):
        names = [name for name, _ in running_blocks(as_seen(backbone, modality))]
        assert names == [f"{modality}_model.encoder.layers.{index}" for index in range(2)]
