import colorsys

import pytest
import torch

from zoo.data.augment_colours import blurred, colour_view, greyed, jittered, turned

JITTER = (0.8, 0.8, 0.8, 0.2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(channels=3, size=20):
    return torch.rand(6, channels, size, size, generator=generator(9))


@pytest.mark.parametrize("channels", [1, 3])
def test_views_come_from_the_generator_alone(channels):
    x = images(channels)
    before, state = x.clone(), torch.get_rng_state()
    one, same, other = (colour_view(x, generator(seed), jitter=JITTER, solarise_chance=0.2) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(x, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert one.min() >= 0
    assert one.max() <= 1


def test_chances_of_zero_change_nothing():
    chances = {"jitter_chance": 0.0, "grey_chance": 0.0, "blur_chance": 0.0, "solarise_chance": 0.0}
    assert torch.equal(colour_view(images(), generator(), jitter=JITTER, **chances), images())


def test_solarisation_inverts_what_is_bright():
    chances = {"jitter_chance": 0.0, "grey_chance": 0.0, "blur_chance": 0.0, "solarise_chance": 1.0}
    x = images()
    expected = torch.tensor([1 - value if value >= 0.5 else value for value in x.flatten().tolist()]).view_as(x)
    assert torch.allclose(colour_view(x, generator(), jitter=JITTER, **chances), expected)


def test_no_jitter_is_no_change():
    assert torch.allclose(jittered(images(), generator(), 0, 0, 0, 0), images(), atol=1e-5)


def test_a_turned_hue_keeps_the_luma_and_turns_the_right_way():
    muted = 0.4 + 0.2 * images()  # nothing is clamped
    seen = turned(muted, torch.full((6,), 0.3))
    assert torch.allclose(greyed(seen), greyed(muted), atol=1e-3)
    red = torch.tensor([0.6, 0.4, 0.4]).view(1, 3, 1, 1)
    hues = [colorsys.rgb_to_hsv(*turned(red, torch.tensor([turn])).flatten().tolist())[0] for turn in (1 / 3, 2 / 3)]
    assert {round(3 * hue) for hue in hues} == {1, 2}  # green and blue


def test_blur_equals_a_slow_rewrite():
    x = images(1, 40)[:1]
    found = blurred(x, generator(), sigma=(1.3, 1.3))
    weights = torch.tensor([2.718281828 ** (-0.5 * (k / 1.3) ** 2) for k in (-2, -1, 0, 1, 2)])
    weights = weights / weights.sum()
    expected = sum(weights[i] * weights[j] * x[0, 0, 10 + i - 2, 15 + j - 2].item() for i in range(5) for j in range(5))
    assert found[0, 0, 10, 15].item() == pytest.approx(float(expected), rel=1e-4)
