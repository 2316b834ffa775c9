import numpy as np
import pytest

from zoo.data.synthesiser_rooms import NOISES, recorded

TONE = np.sqrt(2) * np.sin(np.arange(16_000) * 0.3).astype(np.float32)[None].repeat(64, 0)


@pytest.mark.parametrize("noise", NOISES)
def test_clips_are_of_16_bits_within_range_and_repeat(noise):
    one, other = (recorded(TONE[:8], np.random.default_rng(1), (noise,)) for _ in range(2))
    assert one.dtype == np.int16
    assert one.shape == (8, 16_000)
    assert np.abs(one.astype(int)).max(1).min() > 1000
    assert np.abs(one.astype(int)).max() <= 32_000
    assert one.tobytes() == other.tobytes()


def test_less_noise_is_nearer_to_the_speech():
    def told(decibels):
        clips = recorded(TONE, np.random.default_rng(0), decibels=decibels).astype(float)
        return np.median([abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(clips, TONE, strict=True)])

    assert told((30, 30)) > told((0, 0)) + 0.03
