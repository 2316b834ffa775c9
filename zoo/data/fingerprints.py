"""What tells whether two samples are the same, or nearly: a digest of the content, and a sketch that changes little.

| inputs      | the same                                         | nearly the same                                     |
|-------------|--------------------------------------------------|-----------------------------------------------------|
| `image`     | equal pixels, upright and as RGB                 | difference hash within 6 of 64 bits, and thumbnails |
|             |                                                  | with a correlation of 0.989 or more                 |
| `text`      | equal but for case, white space and width (NFKC) | from 200 characters on: 60 % or more of all runs of |
|             |                                                  | 32 characters in common                             |
| `text_pair` | both equal in that sense                         | not looked for: one text often stands in many pairs |
| `audio`     | equal samples at an equal rate                   | not looked for                                      |

Nearly the same is found after recoding, resizing and changes of brightness or contrast; not after cropping, mirroring
or turning grey. Images without contrast or below 32 pixels have no sketch: there likeness does not mean a copy.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.audio import read_audio
from zoo.data.pixels import as_mode

if TYPE_CHECKING:
    import os

SMALLEST, FLATTEST = 32, 4.0  # pixels of the shorter side; standard deviation of grey levels
THUMB = 16  # pixels a side
LONG, RUN, KEPT = 200, 32, 64  # characters of a text that has a sketch, of one run; runs kept
_ODD = np.uint64(0x9E3779B97F4A7C15)


def image_marks(image: Any) -> tuple[bytes, tuple[int, np.ndarray] | None]:
    """Digest of the pixels; difference hash (64 bits) and standardised thumbnail [768] float32, or None.

    Source:
        The difference hash compares each pixel of a 9 x 8 grey thumbnail with its right neighbour
        (https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).

    Example:
        >>> ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
        >>> hash_of = lambda image: image_marks(image)[1][0]
        >>> f"{hash_of(ramp):016x}", f"{hash_of(ramp[:, ::-1].copy()):016x}"
        ('ffffffffffffffff', '0000000000000000')
    """
    from PIL.Image import Resampling

    image = as_mode(image, "RGB")
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()
    small = image.resize((THUMB, THUMB), Resampling.BOX)
    thumb = np.asarray(small, dtype=np.float32).ravel()
    if min(image.size) < SMALLEST or thumb.std() < FLATTEST:
        return digest, None
    grey = np.asarray(image.convert("L").convert("F").resize((9, 8), Resampling.BOX))  # F: cells are not rounded
    bits = int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")
    return digest, (bits, (thumb - thumb.mean()) / thumb.std())


def text_marks(text: str) -> tuple[bytes, np.ndarray | None]:
    """Digest of the normalised text; of a long one the `KEPT` smallest hashes of its runs of characters, else None.

    Source:
        A bottom-k sketch (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900); runs of characters need no
        words, so that it serves every script.

    Example:
        >>> text_marks("Good  day")[0] == text_marks("good day ")[0], text_marks("short")[1] is None
        (True, True)
    """
    plain = normalised(text)
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()
    if len(plain) < LONG:
        return digest, None
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    runs = np.zeros(len(codes) - RUN + 1, dtype=np.uint64)
    for at in range(RUN):  # a polynomial in _ODD, modulo 2**64
        runs = runs * _ODD + codes[at : at + len(runs)]
    mixed = np.unique(_mixed(runs))
    return digest, mixed[:KEPT]


def pair_digest(pair: tuple[str, str]) -> bytes:
    """Digest of two texts, normalised."""
    return b"".join(text_marks(text)[0] for text in pair)


def audio_digest(sample: str | os.PathLike[str] | tuple[Any, int]) -> bytes:
    """Digest of a file's samples, or of (waveform, rate), and of the rate.

    Raises:
        DataError: a file that cannot be read.
        MissingDependency: soundfile is not installed.
    """
    wave, rate = sample if isinstance(sample, tuple) else read_audio(sample)
    array = np.asarray(wave.detach().cpu() if hasattr(wave, "detach") else wave).astype(np.float32).squeeze()
    return hashlib.sha256(f"{rate} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()).digest()


def normalised(text: str) -> str:
    r"""A text without differences of case, white space and width of characters.

    Example:
        >>> normalised(" The\tＦＯＸ ")
        'the fox'
    """
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Estimated share of runs that two texts have in common (Jaccard), from their sketches; exact for short ones.

    Example:
        >>> resemblance(np.array([1, 2, 3]), np.array([2, 3, 4]))
        0.5
    """
    both = np.union1d(one, other)
    both = both[: KEPT if len(one) >= KEPT or len(other) >= KEPT else len(both)]
    return float((np.isin(both, one) & np.isin(both, other)).mean())


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finalising steps of SplitMix64: near numbers become far ones."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed
