import pytest
import torch

from zoo.errors import IncompatibleError
from zoo.objectives.image_views import check_statistics, photo_view
from zoo.specs import BackboneSpec

SPEC = BackboneSpec("a/net", "a", "net", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
NONE = {"jitter_chance": 0.0, "grey_chance": 0.0, "blur_chance": 0.0, "jitter": (0.0, 0.0, 0.0, 0.0)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_views_stay_within_what_preprocessing_gives():
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (SPEC.mean, SPEC.std))
    x = (torch.rand(4, 3, 24, 24) - mean) / std
    one, same = (photo_view(x, generator(), SPEC, area=(0.1, 1), jitter=(0.8, 0.8, 0.8, 0.2)) for _ in range(2))
    assert torch.equal(one, same)
    assert (one * std + mean).min() >= -1e-6
    assert (one * std + mean).max() <= 1 + 1e-6


def test_without_colours_only_the_crop_is_left():
    x = torch.zeros(2, 3, 10, 10)
    seen = photo_view(x, generator(), SPEC, area=(0.1, 0.5), size=(6, 6), **NONE)
    assert seen.shape == (2, 3, 6, 6)
    assert torch.allclose(seen, torch.zeros(2, 3, 6, 6), atol=1e-6)


def test_a_backbone_without_statistics_is_refused():
    check_statistics("simclr", SPEC)
    with pytest.raises(IncompatibleError, match="augmentation=source"):
        check_statistics("simclr", BackboneSpec("a/net", "a", "net"))
