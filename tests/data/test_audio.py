import numpy as np
import pytest
import soundfile
import torch

from zoo.data.audio import as_waveform, read_audio, resampled
from zoo.errors import DataError, MissingDependency


def tone(seconds=0.5, rate=44_100, frequency=440.0):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


@pytest.fixture
def stereo(tmp_path):
    """A 44.1 kHz file with a tone on the left and silence on the right."""
    left = tone()
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, 0 * left], 1), 44_100, subtype="FLOAT")
    return tmp_path / "stereo.wav"


def test_stereo_at_another_rate_becomes_mono_at_this_one(stereo):
    wave = as_waveform(stereo, 16_000)
    assert wave.dtype == np.float32
    assert wave.shape == (8000,)
    assert np.abs(wave - tone(rate=16_000) / 2)[50:-50].max() < 1e-3
    assert np.array_equal(wave, as_waveform(str(stereo), 16_000))


def test_resampling_is_torchaudios():
    from torchaudio.functional import resample

    wave = tone(0.1).astype(np.float32)
    assert np.array_equal(resampled(wave, 44_100, 16_000), resample(torch.from_numpy(wave), 44_100, 16_000).numpy())


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_formats(tmp_path, suffix):
    soundfile.write(tmp_path / f"a.{suffix}", tone(rate=16_000), 16_000)
    samples, rate = read_audio(tmp_path / f"a.{suffix}")
    assert rate == 16_000
    assert samples.shape[1] == 1
    assert np.abs(samples[:, 0]).max() == pytest.approx(1, abs=0.1)


def test_arrays_of_both_layouts_and_libraries():
    mono = np.linspace(-1, 1, 100)
    both = np.stack([mono + 0.5, mono - 0.5])
    for sample in (mono, torch.from_numpy(mono), (mono.astype(np.float32), 16_000), (both, 16_000), (both.T, 16_000.0)):
        assert np.allclose(as_waveform(sample, 16_000), mono, atol=1e-6)
    assert np.abs(as_waveform(mono * 5, 16_000)).max() == pytest.approx(5)  # never rescaled


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (np.zeros(0), r"no samples \(shape \[0\]\)"),
        (np.zeros((0, 2)), "no samples"),
        (np.array([0.0, np.nan]), "NaN or infinite"),
        (np.array([0.0, np.inf]), "NaN or infinite"),
        (np.zeros(5, dtype=np.int16), "array / 32768"),
        (np.zeros(5, dtype=np.uint8), "must be an array of floats, received ndarray of uint8"),
        ([["a"]], "must be an array of floats"),
        (np.zeros((40, 50)), "must have one axis"),
        (np.zeros((2, 3, 4)), "must have one axis"),
        (np.float64(3), "must have one axis"),
        ((np.zeros(5), 0), r"must be \(array, sample_rate\)"),
        ((np.zeros(5), True), r"must be \(array, sample_rate\)"),
        ((np.zeros(5), 44.1), r"must be \(array, sample_rate\)"),
        ((np.zeros(5),), r"must be \(array, sample_rate\)"),
        ((np.zeros(5), 44_101), "no large common divisor"),
    ],
)
def test_what_is_refused(sample, said):
    with pytest.raises(DataError, match=said):
        as_waveform(sample, 16_000)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"RIFF but nothing more")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(0), 16_000)
    for name, said in (
        ("noise.wav", r"noise\.wav cannot be read as audio"),
        ("empty.wav", r"empty\.wav cannot be read as audio"),
        ("absent.wav", r"absent\.wav cannot be read \(No such file"),
        (".", "cannot be read"),
        ("silent.wav", r"silent\.wav has no samples"),
    ):
        with pytest.raises(DataError, match=said):
            as_waveform(tmp_path / name, 16_000)


def test_missing_library_names_the_extra(stereo, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[audio\]"):
        as_waveform(stereo, 16_000)
    monkeypatch.setitem(__import__("sys").modules, "torchaudio.functional", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[audio\]"):
        resampled(np.zeros(10, np.float32), 8_000, 16_000)
