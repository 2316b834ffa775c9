import numpy as np
import torch

from zoo.data.mel import extractor, log_mel


def test_frames_are_those_of_a_plain_rewrite():
    """Whisper's features by their definition: Hann window, power, mel, log10, at most 8 below the largest."""
    wave = np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1
    padded = np.pad(wave, 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[k * 160 : k * 160 + 400] * window for k in range(100)])
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    logs = np.log10(np.maximum(power @ np.asarray(extractor().mel_filters), 1e-10))
    expected = (np.maximum(logs, logs.max() - 8) + 4) / 4
    assert np.abs(log_mel(wave[None])[0].numpy() - expected).max() < 1e-4


def test_clips_of_a_batch_do_not_mix():
    waves = np.random.default_rng(0).standard_normal((3, 16_000)).astype(np.float32)
    waves[0] *= 100
    alone = torch.cat([log_mel(wave[None]) for wave in waves])
    assert torch.equal(log_mel(waves), alone)


def test_short_clips_are_filled_and_long_ones_cut():
    wave = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    assert log_mel(wave[None]).shape == log_mel(wave[None, :5_000]).shape == (1, 100, 40)
