import numpy as np

from zoo.data.synthesiser_phones import voice
from zoo.data.synthesiser_rooms import recorded
from zoo.data.synthesiser_voices import distinct_voice, recorded_close

SPREAD = ("pitch", "tract", "widths", "tilt", "breath", "jitter", "shimmer")


def test_voices_come_again_and_those_of_another_purpose_are_others():
    assert distinct_voice("x", 3).pitch == distinct_voice("x", 3).pitch
    pitches = {distinct_voice(purpose, k).pitch for purpose in ("x", "y") for k in range(20)}
    assert len(pitches) == 40


def test_they_have_more_spread_than_ordinary_ones():
    ordinary, distinct = ([make("x", k) for k in range(200)] for make in (voice, distinct_voice))
    for name in SPREAD:
        usual, more = (np.std([getattr(one, name) for one in voices]) for voices in (ordinary, distinct))
        assert more > 1.1 * usual, name
    assert [one.rate for one in distinct] == [one.rate for one in ordinary]


def test_close_to_the_mouth_there_is_neither_room_nor_channel():
    times = np.arange(16_000) / 16_000
    clicks = np.zeros((32, 16_000), np.float32)
    clicks[:, ::4000] = 8
    tone = np.sin(2 * np.pi * 7000 * times).astype(np.float32)[None].repeat(32, 0)
    for wave in (clicks, tone):
        close, far = (
            [abs(np.corrcoef(a, b)[0, 1]) for a, b in zip(clips.astype(float), wave, strict=True)]
            for clips in (
                recorded_close(wave, np.random.default_rng(0)),
                recorded(wave, np.random.default_rng(0), decibels=(15, 35)),
            )
        )
        assert min(close) > min(far)
        assert np.mean(close) > np.mean(far)
