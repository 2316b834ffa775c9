import pytest
from torch import nn

import zoo
from zoo.providers.blocks import blocks, rows


def scratch(name):
    return zoo.load(name, pretrained=False, seed=0)


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("timm/test_vit", 6, "blocks.0", "blocks.5"),
        ("timm/test_convnext", 4, "stages.0", "stages.3"),
        ("timm/test_resnet", 4, "layer1.0", "layer4.0"),
        ("timm/resnet18", 8, "layer1.0", "layer4.1"),
        ("timm/test_efficientnet", 5, "blocks.0.0", "blocks.4.0"),
        ("pocket/resnet10", 4, "layer1.0", "layer4.0"),
    ],
)
def test_rows_of_known_families(name, count, first, last):
    backbone = scratch(name)
    row = blocks(backbone.module)
    assert (len(row), row[0][0], row[-1][0]) == (count, first, last)
    assert all(backbone.module.get_submodule(at) is part for at, part in row)


def test_no_row():
    assert blocks(nn.Sequential(nn.Flatten(), nn.Linear(16, 4))) == []


def test_a_large_block_among_small_ones_of_its_kind_hides_none():
    class Stage(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, width), nn.Linear(width, 4))

    stages = nn.ModuleList([Stage(2), Stage(2), Stage(200)])  # CvT
    assert [name for name, _ in blocks(stages)] == ["0", "1", "2"]


def test_lists_of_lists_are_laid_end_to_end_since_a_list_never_runs():
    def part():
        return nn.Sequential(nn.Linear(4, 4))

    stages = nn.ModuleList([nn.ModuleList([part(), part()]), nn.ModuleList([part()])])
    assert [name for name, _ in blocks(stages)] == ["0.0", "0.1", "1.0"]


def test_rows_inside_a_block_come_after_the_row_of_blocks():
    found = [[name for name, _ in row] for row in rows(scratch("timm/test_vit").module)]
    assert found[0][0] == "blocks.0"
    assert ["blocks.0.mlp.fc1", "blocks.0.mlp.fc2"] in found


def test_a_network_and_a_small_thing_beside_it_are_no_row():
    inner = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64)) for _ in range(3)])
    assert [name for name, _ in blocks(nn.Sequential(inner, nn.LayerNorm(64)))] == ["0.0", "0.1", "0.2"]
