from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zoo.data import textures as module
from zoo.data.textures import FAMILIES, Textures
from zoo.errors import DataError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def parameters(count: int, **fixed: float) -> Tensor:
    """Random parameters, with `p0` to `p3` held at a value where given."""
    drawn = torch.rand(count, 4, generator=generator(9))
    for name, value in fixed.items():
        drawn[:, int(name[1])] = value
    return drawn


def statistics(x: Tensor) -> Tensor:
    """What a texture looks like wherever it lies: its grey levels and its power spectrum, [B, D]."""
    levels = torch.stack([((x >= k / 8) & (x < (k + 1) / 8 + (k == 7))).float().mean((1, 2, 3)) for k in range(8)], 1)
    spectrum = torch.fft.rfft2(x[:, 0] - x[:, 0].mean((1, 2), keepdim=True)).abs().add(1e-3).log()
    spectrum = torch.nn.functional.avg_pool2d(spectrum[:, None, :, :16], 4).flatten(1)
    return torch.cat([8 * levels, spectrum], 1)


class TestTextures:
    @pytest.mark.parametrize("size", [16, 32, 48])
    def test_images_fill_the_unit_range(self, size):
        x = Textures(24).render(torch.arange(24), generator(), size)
        assert x.shape == (24, 1, size, size)
        assert x.dtype == torch.float32
        assert x.amin((1, 2, 3)).eq(0).all()
        assert x.amax((1, 2, 3)).gt(0.99).all()
        assert x.max() <= 1

    def test_only_the_generator_counts(self):
        textures, labels = Textures(240), torch.arange(48)
        torch.manual_seed(1)
        first = textures.render(labels, generator(3))
        torch.manual_seed(2)
        before = torch.random.get_rng_state()
        assert torch.equal(first, textures.render(labels, generator(3)))
        assert torch.equal(before, torch.random.get_rng_state())
        other = textures.render(labels, generator(4))
        assert all(not torch.equal(a, b) for a, b in zip(first, other, strict=True))

    def test_every_sample_of_a_class_is_new(self):
        x = Textures(8).render(torch.arange(8).repeat_interleave(6), generator())
        assert len(torch.unique(x.flatten(1), dim=0)) == 48

    def test_families_take_turns(self):
        assert Textures(20).families.tolist() == [*range(8), *range(8), *range(4)]
        assert len(FAMILIES) == 8

    def test_classes_are_told_apart_by_simple_statistics(self):
        """Nearest class mean: 40 classes, chance 2.5 %."""
        textures, labels = Textures(40), torch.arange(40).repeat_interleave(30)
        train, test = (statistics(textures.render(labels, generator(seed))) for seed in (0, 1))
        means = train.view(40, 30, -1).mean(1)
        found = torch.cdist(test, means).argmin(1)
        assert (found == labels).float().mean() > 0.5
        assert (found % 8 == labels % 8).float().mean() > 0.7  # the right family

    def test_seed_and_count_define_the_classes(self):
        assert Textures(40, seed=1).digest == Textures(40, seed=1).digest
        assert len({Textures(40, 0).digest, Textures(40, 1).digest, Textures(41, 0).digest}) == 3
        assert not torch.equal(Textures(40, 0).parameters, Textures(40, 1).parameters)
        assert torch.equal(Textures(40).parameters, Textures(41).parameters[:40])

    def test_no_classes_are_refused(self):
        with pytest.raises(DataError, match="classes=0"):
            Textures(0)

    def test_an_empty_batch_stays_empty(self):
        assert Textures().render(torch.empty(0, dtype=torch.long), generator()).shape == (0, 1, 32, 32)


class TestFamilies:
    def test_folded_value_noise_has_no_sign(self):
        assert module.value_noise(parameters(8, p1=1.0), generator(), 32).min() >= 0
        assert module.value_noise(parameters(8, p1=0.0), generator(), 32).min() < 0

    @pytest.mark.parametrize("family", [module.grating, module.plaid, module.power_law])
    def test_the_fourth_parameter_sharpens(self, family):
        sharp, smooth = (family(parameters(6, p3=value), generator(), 32) for value in (1.0, 0.0))
        assert max(len(image.unique()) for image in sharp) <= 3  # a sign is 0 on the rare exact zero
        assert min(len(image.unique()) for image in smooth) > 100

    def test_a_straight_grating_has_the_asked_frequency(self):
        x = module.grating(parameters(16, p0=0.5, p1=0.0, p2=0.5, p3=0.0), generator(), 64)
        spectrum = torch.fft.fft2(x[:, 0]).abs()
        spectrum[:, 0, 0] = 0
        peak = spectrum.flatten(1).argmax(1)
        down, right = (torch.minimum(k, 64 - k) for k in (peak // 64, peak % 64))
        waves = torch.hypot(down.float(), right.float())
        expected = (3 + 17 * 0.5) * 2 / (2 * math.pi)  # radians a unit, two units a side
        assert (waves - expected).abs().max() < 1

    def test_cells_match_a_slow_rewrite(self):
        p = torch.tensor([[0.32, 0.0, 0.2, 0.5], [0.72, 1.0, 0.9, 0.5]])
        fast = module.cellular(p, generator(6), 9)
        points = torch.rand(2, 24, 2, generator=generator(6)) * 2 - 1
        for b, (density, ridged, stretch, _) in enumerate(p.tolist()):
            for i in range(9):
                for j in range(9):
                    v, u = -1 + 2 * i / 8, -1 + 2 * j / 8
                    distances = sorted(
                        math.hypot(u - x, (v - y) * (0.5 + 1.5 * stretch))
                        for x, y in points[b, : int(4 + 20 * density)].tolist()
                    )
                    expected = distances[1] - distances[0] if ridged > 0.5 else distances[0]
                    assert fast[b, 0, i, j].item() == pytest.approx(expected, abs=1e-4)

    def test_dead_leaves_are_flat_and_few(self):
        x = module.dead_leaves(parameters(8), generator(), 32)
        levels = [len(image.unique()) for image in x]
        assert max(levels) <= 41
        assert min(levels) >= 3

    def test_larger_leaves_show_fewer(self):
        small, large = (module.dead_leaves(parameters(16, p0=value), generator(), 32) for value in (0.0, 1.0))
        assert sum(len(i.unique()) for i in small) > 1.5 * sum(len(i.unique()) for i in large)

    def test_fractals_are_sparse_and_touch_all_sides(self):
        x = module.iterated_functions(parameters(32), generator(), 32)
        assert set(x.unique().tolist()) <= {0.0, 1.0, 2.0}
        assert (x > 0).float().mean() < 0.5
        for side in (x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]):
            assert side.flatten(1).any(1).all()

    def test_power_law_noise_has_the_asked_slope(self):
        for exponent in (0.2, 0.8):
            p = parameters(64, p0=exponent, p1=0.375, p3=0.0)  # 0.4 + 1.6 * 0.375 = 1: round
            power = torch.fft.rfft2(module.power_law(p, generator(), 64)[:, 0]).abs().square().mean(0)
            radius = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64)[None])
            inside = (radius > 0.05) & (radius < 0.45)
            x, y = radius[inside].log(), power[inside].log()
            slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
            assert slope.item() == pytest.approx(-2 * (0.2 + 2 * exponent), abs=0.1)

    def test_marble_turns_faster_with_frequency(self):
        slow, fast = (module.marble(parameters(16, p0=value, p1=0.0), generator(), 32) for value in (0.0, 1.0))
        assert fast.diff(dim=3).abs().mean() > 1.3 * slow.diff(dim=3).abs().mean()
