"""Image-text networks of transformers: both towers in one snippet."""

import pytest
import torch
from exporting import fitted, two_towers

from zoo.hub.native.export import export, taken
from zoo.providers.exported import tensors_of


@pytest.fixture
def clip(tmp_path):
    return two_towers(tmp_path / "clip")


def test_both_towers_are_written(clip, tmp_path):
    found = export(clip, tmp_path / "out", check=False)
    assert len(found.expected) == 2
    assert 'padding="max_length", max_length=16' in found.snippet
    own = clip.module.state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in tensors_of(found).items())
    again = taken(str(tmp_path / "out"))
    assert torch.allclose(again.features, taken(clip).features, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_in_a_fresh_process(clip, tmp_path):
    assert export(clip, tmp_path / "out").tolerance <= 1e-6
    assert export(fitted(clip, "image", tmp_path), tmp_path / "fitted").head == "beside"
