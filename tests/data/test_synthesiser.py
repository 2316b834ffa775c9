import numpy as np
import pytest
from scipy import fft, signal

from zoo.data import synthesiser
from zoo.data.synthesiser import HOP, RATE, SIZE, Voice, synthesise
from zoo.errors import DataError

VOICE = Voice(125, 1, (3400, 4500), 1, 0.3, 0.0, 0.0, 0.0, 1, np.zeros((15, 3)))
VOWEL = np.array([[700, 1200, 2500, 1, 0, 0, 1000, 1000, 0, 0.8]])
HISS = np.array([[500, 1500, 2500, 0, 0, 1, 5000, 1500, 0, 0.6]])


def rng(seed=0):
    return np.random.default_rng(seed)


def tracks(*rows):
    return np.repeat(np.array(rows, dtype=np.float32)[:, None], 6, axis=1)


def test_frames_add_up_to_the_wave_that_they_were_cut_from():
    wave = rng().standard_normal((2, 10 * HOP)).astype(np.float32)
    frames = fft.irfft(synthesiser._frames(wave), SIZE, axis=2)
    assert np.allclose(synthesiser._added(frames, 10 * HOP), wave, atol=1e-5)


def test_the_tract_is_a_cascade_of_resonators():
    found = synthesiser._tract(tracks(VOWEL[0]), [VOICE])[0, 0]
    denominator = np.polymul(np.polymul([1, -0.98], [1, -0.9]), [1, -VOICE.tilt])
    for centre, width in zip((700, 1200, 2500, 3400, 4500), (60, 90, 130, 200, 250), strict=True):
        radius = np.exp(-np.pi * width / RATE)
        one = np.array([1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2])
        denominator = np.polymul(denominator, one / one.sum())
    heights = np.arange(SIZE // 2 + 1) * RATE / SIZE
    _, expected = signal.freqz([1, -0.97], denominator, heights, fs=RATE)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-3


def test_a_vowel_has_pitch_and_formants_and_a_longer_tract_lowers_them():
    wave = synthesise([VOWEL, VOWEL], [VOICE, Voice(125, 1.2, *list(vars(VOICE).values())[2:])], rng())
    assert wave.shape == (2, RATE)
    peaks = []
    for one in wave:
        heights, power = signal.welch(one, RATE, nperseg=4096)
        harmonics = signal.find_peaks(power, distance=20)[0]
        strong = harmonics[(heights[harmonics] > 100) & (heights[harmonics] < 3000)]
        assert np.abs(np.diff(heights[strong]) - 125).mean() < 8
        smooth = signal.savgol_filter(np.log(power[strong]), 5, 2)
        band = (heights[strong] > 2000) & (heights[strong] < 3000 + 100)
        peaks.append(heights[strong][band][smooth[band].argmax()])
    assert abs(peaks[0] - 2500) < 150
    assert peaks[1] > peaks[0] + 200


def test_hiss_lies_in_its_band():
    wave = synthesise([HISS], [VOICE], rng())[0]
    heights, power = signal.welch(wave, RATE, nperseg=512)
    inside = (heights > 4000) & (heights < 6000)
    assert power[inside].sum() > 0.8 * power.sum()


def test_what_sounds_has_a_mean_square_of_one_and_the_rest_is_quiet():
    wave = synthesise([VOWEL], [VOICE], rng())[0]
    loud = np.abs(wave) > 1e-3
    assert 0.5 < (wave**2).sum() / (0.8 * RATE) < 1.6
    assert (~loud).mean() > 0.05


def test_long_utterances_are_spoken_faster():
    long = np.repeat(VOWEL, 4, axis=0)
    wave = synthesise([long], [VOICE], rng())[0]
    assert np.abs(wave[-RATE // 100 :]).max() < 0.5


def test_only_the_generator_counts_and_a_clip_is_new_each_time():
    many = [VOWEL] * 20
    one, other = (synthesise(many, [VOICE] * 20, rng(3)) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert len({clip.tobytes() for clip in one}) == 20


def test_wrong_counts_are_refused():
    with pytest.raises(DataError, match="0 utterances"):
        synthesise([], [], rng())
    with pytest.raises(DataError, match="2 voices"):
        synthesise([VOWEL], [VOICE] * 2, rng())
    with pytest.raises(DataError, match="100 samples"):
        synthesise([VOWEL], [VOICE], rng(), samples=100)
