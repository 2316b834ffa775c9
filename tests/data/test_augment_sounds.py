import math
from itertools import pairwise

import pytest
import torch

from zoo.data.augment_sounds import shift_gain_noise, spec_masks

LENGTHS = torch.tensor([[50], [80], [1]])
MASK = torch.arange(80) < LENGTHS


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def waves():
    return torch.randn(3, 80, generator=generator(9)).masked_fill(~MASK, 7.0)  # what is padded is 7, to be seen


def test_with_all_ranges_at_nothing_it_is_the_identity():
    x = waves()
    found = shift_gain_noise(x, MASK, generator(), shift=0.0, gain=0.0, noise=(300.0, 300.0))
    torch.testing.assert_close(found, x)


def test_a_shift_rolls_the_real_part_only():
    x, seen = waves(), set()
    for seed in range(20):
        found = shift_gain_noise(x, MASK, generator(seed), shift=0.1, gain=0.0, noise=(300.0, 300.0))
        rolls = [k for k in range(-5, 6) if torch.allclose(found[0, :50], x[0, :50].roll(k), atol=1e-5)]
        assert len(rolls) == 1
        seen |= set(rolls)
        assert (found[0, 50:] == 7).all()
    assert min(seen) <= -3
    assert max(seen) >= 3


def test_gain_is_within_its_decibels():
    x, mask = torch.ones(500, 4), torch.ones(500, 4, dtype=torch.bool)
    found = 20 * shift_gain_noise(x, mask, generator(), shift=0, gain=6.0, noise=(300.0, 300.0))[:, 0].log10()
    assert -6.001 < found.min() < -5.5 < 5.5 < found.max() < 6.001


@pytest.mark.parametrize("ratio", [0.0, 10.0, 30.0])
def test_noise_has_the_ratio_that_was_asked_for(ratio):
    x, mask = 3 * torch.randn(2, 40_000, generator=generator(1)), torch.ones(2, 40_000, dtype=torch.bool)
    mask[1, 20_000:] = False
    x[1, 20_000:] = 100.0  # of the padded part nothing is counted
    noise = shift_gain_noise(x, mask, generator(), shift=0.0, gain=0.0, noise=(ratio, ratio)) - x
    for row, length in ((0, 40_000), (1, 20_000)):
        found = 10 * math.log10(float(x[row, :length].square().mean() / noise[row, :length].square().mean()))
        assert abs(found - ratio) < 0.2
    assert not noise[1, 20_000:].any()


def test_silence_stays_silent_and_an_empty_row_is_left_alone():
    mask = MASK.clone()
    mask[2] = False
    found = shift_gain_noise(torch.zeros(3, 80), mask, generator())
    assert not found.any()


def frames():
    return torch.randn(3, 80, 20, generator=generator(9)).masked_fill(~MASK[..., None], 7.0)


def runs(places):
    """How many runs of True."""
    values = [False, *places.tolist()]
    return sum(now and not before for before, now in pairwise(values))


def test_bands_are_covered_with_the_mean_of_the_real_frames():
    x = frames()
    for seed in range(30):
        found = spec_masks(x, MASK, generator(seed))
        changed = (found != x)[1]
        mean = x[1].mean()
        assert torch.allclose(found[1][changed], mean.expand(int(changed.sum())), atol=1e-6)
        in_time, in_bins = changed.all(1), changed.all(0)
        assert torch.equal(changed, in_time[:, None] | in_bins[None, :])
        assert int(in_time.sum()) <= 16  # two bands of at most 8 of 80 frames
        assert int(in_bins.sum()) <= 6  # two of at most 3 of 20 bins
        assert runs(in_time) <= 2
        assert runs(in_bins) <= 2
        assert (found[0, 50:] == 7).all()
        assert int((found != x)[0, :50].all(1).sum()) <= 10


def test_bands_have_every_width_and_place():
    x, mask = torch.randn(3000, 10, 1), torch.ones(3000, 10, dtype=torch.bool)
    changed = (spec_masks(x, mask, generator(), times=0.3, bins=0.0, count=1) != x)[..., 0]
    widths = torch.bincount(changed.sum(1), minlength=4) / 3000
    assert widths.shape == (4,)
    assert (widths - 0.25).abs().max() < 0.04
    assert changed.any(0).all()
    assert (changed & mask).any(1).float().mean() < 0.8


@pytest.mark.parametrize(("change", "make"), [(shift_gain_noise, waves), (spec_masks, frames)])
def test_the_same_generator_gives_the_same_sound_and_inputs_are_kept(change, make):
    x = make()
    first, same, other = (change(x, MASK, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(x, make())
