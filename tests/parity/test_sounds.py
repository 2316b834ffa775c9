import numpy as np
import pytest
from scripts import script

sounds = script("sounds")


def test_clips_are_seeded_and_bounded():
    (clips, kinds), (again, _) = sounds.five_kinds(3), sounds.five_kinds(3)
    assert kinds == [kind for kind in sounds.KINDS for _ in range(3)]
    assert all(np.array_equal(one, other) for one, other in zip(clips, again, strict=True))
    for clip in clips:
        assert clip.shape == (sounds.SAMPLES,)
        assert clip.dtype == np.float32
        assert 0.1 <= np.abs(clip).max() <= 0.9


@pytest.mark.parametrize(("kind", "sign"), [("rising", 1), ("falling", -1), ("tone", 0)])
def test_pitch_moves_as_the_kind_says(kind, sign, monkeypatch):
    monkeypatch.setattr(sounds, "LOUDNESS", (60.0, 60.0))
    clip = sounds.clip(kind, np.random.default_rng(0))
    loud = np.flatnonzero(np.abs(clip) > 0.2 * np.abs(clip).max())
    halves = np.array_split(clip[loud[0] : loud[-1]], 2)
    low, high = (np.abs(np.fft.rfft(half, 8192)).argmax() for half in halves)
    assert np.sign(high - low) == sign or (sign == 0 and abs(high - low) < 10)
