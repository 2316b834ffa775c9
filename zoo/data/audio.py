"""The one place where any sound becomes a mono waveform at a backbone's sample rate.

Files are read with soundfile, which carries its own library (WAV, FLAC, OGG, MP3, AIFF); torchaudio's own reader needs
torchcodec and FFmpeg on the system.
"""

from __future__ import annotations

import io
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingDependency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Waveform = NDArray[np.float32]

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
MOST_CHANNELS = 32
_LARGEST_KERNEL = 50_000_000  # weights of the resampling filter: 44,100 to 16,000 Hz has 220,000


def as_waveform(sample: Any, rate: int) -> Waveform:
    """`sample` as a mono waveform [T] of 32-bit floats at `rate` Hz.

    | received                            | becomes                                                                  |
    |-------------------------------------|--------------------------------------------------------------------------|
    | path                                | what the file holds, at the rate that it states                          |
    | float array [T]                     | taken as mono at `rate`: an array says no rate                           |
    | `(array, sample_rate)`              | the same at its own rate                                                 |
    | several channels, [T, C] or [C, T]  | their mean; the shorter axis is C, of 32 at most                         |
    | another rate                        | resampled by `torchaudio.functional.resample` (windowed sinc)            |
    | arrays of integers                  | refused: their full scale is not known                                   |
    | no samples, NaN, infinity           | refused                                                                  |

    Values are never rescaled here. What a backbone's weights expect (mean 0 and variance 1, say) is made afterwards.

    Raises:
        DataError: a refused kind, as above, or a file that cannot be read.
        MissingDependency: soundfile (for files) or torchaudio (for another rate) is not installed.

    Example:
        >>> as_waveform((np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), 16_000), 16_000).tolist()
        [0.5, 0.5, 0.5]
    """
    name = "audio"
    if isinstance(sample, (str, os.PathLike)):
        name = _shown(sample)
        sample, own = read_audio(sample)
    elif isinstance(sample, tuple):
        if len(sample) != 2 or not _is_rate(sample[1]):
            raise DataError(
                "audio with its rate must be (array, sample_rate), the rate being a whole number of Hz above 0, "
                f"received {_told(sample)}. Fix: write (array, 16000)."
            )
        sample, own = sample[0], int(sample[1])
    else:
        own = rate
    wave = _mono(_floats(sample, name), name)
    return wave if own == rate else resampled(wave, own, rate)


def read_audio(path: str | os.PathLike[str]) -> tuple[Waveform, int]:
    """A file's samples [T, C] in -1..1, and its rate in Hz.

    Raises:
        DataError: no such file, or one that is no sound.
        MissingDependency: soundfile is not installed.
    """
    try:
        with Path(path).open("rb") as file:
            return _decoded(file, _shown(path), "replace the file, or convert it to WAV or FLAC")
    except OSError as error:
        raise DataError(f"{_shown(path)} cannot be read ({error.strerror or error}). Fix: check the path.") from error


def decode_audio(data: bytes, name: str) -> tuple[Waveform, int]:
    """The samples [T, C] in -1..1 that the bytes of a file hold, and their rate in Hz; `name` is for the message.

    Raises:
        DataError: no sound.
        MissingDependency: soundfile is not installed.
    """
    return _decoded(io.BytesIO(data), name, "replace it, or convert it to WAV or FLAC")


def rate_of(data: bytes) -> int:
    """The rate in Hz that the bytes of a file state; 0 if they are no sound that can be read.

    Example:
        >>> rate_of(b"no sound")
        0
    """
    soundfile = _soundfile()
    try:
        return int(soundfile.info(io.BytesIO(data)).samplerate)
    except (RuntimeError, ValueError, TypeError):
        return 0


def _decoded(file: Any, name: str, fix: str) -> tuple[Waveform, int]:
    soundfile = _soundfile()
    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (RuntimeError, ValueError, TypeError) as error:  # soundfile's own errors are RuntimeErrors
        raise DataError(f"{name} cannot be read as audio ({error}). Fix: {fix}.") from error
    return samples, int(rate)


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its library does not load
        raise MissingDependency("soundfile", "audio") from error
    return soundfile


def resampled(wave: Waveform, own: int, rate: int) -> Waveform:
    """A waveform [T] at another rate: [ceil(T * rate / own)].

    Raises:
        DataError: rates so odd to each other that the filter would not fit into memory.
        MissingDependency: torchaudio is not installed.

    Example:
        >>> resampled(np.zeros(44_100, dtype=np.float32), 44_100, 16_000).shape
        (16000,)
    """
    common = math.gcd(own, rate)
    if (own // common) * (rate // common) > _LARGEST_KERNEL:
        raise DataError(
            f"audio at {own} Hz cannot be resampled to {rate} Hz: the two rates have no large common divisor. "
            f"Fix: resample it to {rate} Hz with another program first."
        )
    try:
        from torchaudio.functional import resample
    except ImportError as error:
        raise MissingDependency("torchaudio", "audio") from error
    import torch

    made: Waveform = resample(torch.from_numpy(wave), own, rate).numpy()
    return made


def _floats(samples: Any, name: str) -> NDArray[np.floating[Any]]:
    """`samples` as an array of floats, whatever library they come from."""
    array = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    if not np.issubdtype(array.dtype, np.floating):
        fix = "array / 32768 for 16-bit samples" if array.dtype == np.int16 else "floats in -1..1"
        raise DataError(f"{name} must be an array of floats, received {_told(samples)}. Fix: give {fix}.")
    return array


def _mono(array: NDArray[np.floating[Any]], name: str) -> Waveform:
    shape = list(array.shape)
    if array.size == 0:
        raise DataError(f"{name} has no samples (shape {shape}). Fix: leave it out, or record it again.")
    if array.ndim == 2 and min(shape) <= MOST_CHANNELS:
        array = array.mean(axis=0 if shape[0] < shape[1] else 1, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(
            f"{name} must have one axis [T] or two ([T, C] or [C, T], up to {MOST_CHANNELS} channels), received shape "
            f"{shape}. Fix: give one clip at a time."
        )
    wave = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(wave).all():
        raise DataError(f"{name} holds NaN or infinite values. Fix: replace them, or leave the clip out.")
    return wave


def _is_rate(value: Any) -> bool:
    whole = isinstance(value, (int, np.integer)) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value > 0


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_told(part) for part in value)})"
    dtype = getattr(value, "dtype", None)
    return f"{type(value).__name__} of {dtype}" if dtype is not None else f"{type(value).__name__} {value!r:.40}"


def _shown(path: str | os.PathLike[str]) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
