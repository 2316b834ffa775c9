"""MFCCs against torchaudio's, and their statistics against a slow rewrite."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo.benchmarking.classical_sounds import BINS, KEPT, MELS, RATE, SHIFT, WINDOW, deltas, mfcc, sound_features

WAVE = (0.3 * np.sin(np.arange(9000) ** 1.2 / 40) + 0.01 * np.random.default_rng(0).standard_normal(9000)).astype(
    np.float32
)


def test_equal_to_torchaudio():
    torchaudio = pytest.importorskip("torchaudio")
    settings = {"n_fft": BINS, "win_length": WINDOW, "hop_length": SHIFT, "n_mels": MELS}
    theirs = torchaudio.transforms.MFCC(RATE, KEPT, melkwargs=settings).double()(torch.from_numpy(WAVE).double())
    assert mfcc(WAVE) == pytest.approx(theirs.numpy().T, abs=1e-3)
    moved = torchaudio.functional.compute_deltas(theirs).numpy().T
    assert deltas(theirs.numpy().T) == pytest.approx(moved, abs=1e-9)


def test_statistics_of_three_segments():
    frames = mfcc(WAVE)
    both = np.concatenate([frames, deltas(frames)], 1)
    cut = [both[i] for i in np.array_split(np.arange(len(both)), 3)]
    expected = np.concatenate([np.concatenate([part.mean(0), part.std(0)]) for part in cut])
    assert sound_features([None, (WAVE, RATE)], np.array([1]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("length", [1, 100, 511, 512, 16_000])
def test_any_length_and_silence(length):
    found = sound_features([(np.zeros(length, np.float32), RATE)], np.array([0]))
    assert found.shape == (1, 6 * 2 * KEPT)
    assert np.isfinite(found).all()


def test_another_rate_is_resampled():
    pytest.importorskip("torchaudio")
    assert sound_features([(WAVE, 8000)], np.array([0])).shape == (1, 240)
