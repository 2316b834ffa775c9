"""Glyphs of many scripts, drawn from the fonts that matplotlib ships: labelled images that need no download.

Naming the glyph is the pre-training task. Left out, because the downstream tasks are made of them: the held-out scripts
(Georgian, Armenian, Tifinagh), and every code point that is a number or decomposes to one. Symbols that merely look
like a digit (O, l, З) or contain one (∛) stay. Left out as well: what has a decomposition (accented letters, ligatures,
mathematical alphabets), private use, braille, box drawing and hexagrams.

The bitmaps follow from the fonts, Pillow's FreeType and Python's Unicode tables; the digest says which set it was.
"""

from __future__ import annotations

import hashlib
import tempfile
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageFont, features

from zoo.errors import DataError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)
HELD_OUT_SCRIPTS = frozenset({"GEORGIAN", "ARMENIAN", "TIFINAGH"})
CANVAS = 40  # pixels a side
BOX = 32  # the longer side of a glyph's text box within the canvas
ALIKE = 25  # two code points are one class when |a - b|^2 < min(|a|^2, |b|^2) / ALIKE at half resolution
RULES = 1  # raise it when what is drawn, or how, changes: it makes every cache stale
_LEFT_OUT = (range(0x2500, 0x25A0), range(0x2800, 0x2900), range(0x4DC0, 0x4E00), range(0xE000, 0xF900))


@dataclass(frozen=True, eq=False)
class GlyphSet:
    """Drawn glyphs and their classes.

    Shapes: `images` uint8 [N, 40, 40], white on black; `labels` int64 [N], from 0 to `classes` - 1; `code_points` int64
    [N]; `fonts` int64 [N], an index into `FONTS`. `skipped` counts glyphs that a font has but draws as nothing or as a
    speck of under 3 pixels. `digest` is the SHA-256 of images and labels.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    code_points: npt.NDArray[np.int64]
    fonts: npt.NDArray[np.int64]
    skipped: int
    digest: str

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1


def render_glyphs(cache: Path | None = None) -> GlyphSet:
    """Draw all glyphs, a few seconds of work: about 18,900 bitmaps of 3,200 classes.

    Args:
        cache: an .npz file to read the set from; written (all or nothing) where it is absent or made by other versions
            of these rules, matplotlib, Pillow, FreeType or Unicode.

    Raises:
        MissingDependency: matplotlib, whose fonts these are, is not installed.
        DataError: matplotlib lacks one of the fonts, or the cache cannot be read.

    Example:
        >>> glyphs = render_glyphs(Path("glyphs.npz"))  # doctest: +SKIP
        >>> glyphs.images.shape, glyphs.classes         # doctest: +SKIP
        ((18943, 40, 40), 3218)
    """
    made_by = _versions()
    if cache is not None and cache.is_file():
        stored = _read(cache, made_by)
        if stored is not None:
            return stored
    glyphs = _render()
    if cache is not None:
        _write(cache, glyphs, made_by)
    return glyphs


def included(code_point: int) -> bool:
    """Whether the pre-training set may hold this code point (see the module's docstring for the rules).

    Example:
        >>> [included(ord(character)) for character in "aO1½éბ"]
        [True, True, False, False, False, False]
    """
    character = chr(code_point)
    if not 33 <= code_point <= 0x1F000 or any(code_point in block for block in _LEFT_OUT):
        return False
    if unicodedata.category(character)[0] not in "LSP" or unicodedata.decomposition(character):
        return False  # also drops the marks, and with N most numbers
    if unicodedata.numeric(character, None) is not None:
        return False  # ideographs such as 三 are letters and numbers at once
    return HELD_OUT_SCRIPTS.isdisjoint(unicodedata.name(character, "").replace("-", " ").split())


def draw_glyph(font: ImageFont.FreeTypeFont, character: str) -> npt.NDArray[np.uint8] | None:
    """Draw one character on a uint8 [40, 40] canvas: its text box centred, the longer side scaled to 32 pixels.

    Pillow's text box reaches from the ink to the baseline and over the advance, so that an apostrophe stays small.

    Returns:
        The canvas, or None where the font draws nothing, less than 3 pixels a side, or a trace of ink.

    Example:
        >>> draw_glyph(ImageFont.load_default(40), "g").shape
        (40, 40)
    """
    left, top, right, bottom = (round(edge) for edge in font.getbbox(character))
    width, height = right - left, bottom - top
    if width < 3 or height < 3:
        return None
    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=font)
    factor = BOX / max(width, height)
    wide, high = max(2, round(width * factor)), max(2, round(height * factor))
    x, y = (CANVAS - wide) // 2, (CANVAS - high) // 2
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    canvas[y : y + high, x : x + wide] = np.asarray(image.resize((wide, high), Image.Resampling.BILINEAR))
    return canvas if int(canvas.sum()) >= 8 * 255 else None


def open_font(name: str) -> ImageFont.FreeTypeFont:
    """One of the fonts that matplotlib ships (see `FONTS`), at the size that glyphs are drawn with.

    Raises:
        MissingDependency: matplotlib is not installed.
        DataError: matplotlib lacks the font.

    Example:
        >>> draw_glyph(open_font("DejaVuSerif"), "g").shape
        (40, 40)
    """
    return _opened(_font_files([name])[0])


def _render() -> GlyphSet:
    from matplotlib.ft2font import FT2Font

    images, code_points, fonts, skipped = [], [], [], 0
    for index, path in enumerate(_font_files(FONTS)):
        font = _opened(path)
        for code_point in sorted(filter(included, FT2Font(str(path)).get_charmap())):
            image = draw_glyph(font, chr(code_point))
            if image is None:
                skipped += 1
                continue
            images.append(image)
            code_points.append(code_point)
            fonts.append(index)
    drawn, points = np.stack(images), np.array(code_points, np.int64)
    return _glyph_set(drawn, _merge(drawn, points), points, np.array(fonts, np.int64), skipped)


def _opened(path: Path) -> ImageFont.FreeTypeFont:
    # BASIC: the other layout engine depends on a library that a machine may or may not have
    return ImageFont.truetype(path, 40, layout_engine=ImageFont.Layout.BASIC)


def _font_files(names: Sequence[str]) -> list[Path]:
    try:
        from matplotlib import get_data_path
    except ImportError as error:
        raise MissingDependency("drawing glyphs (matplotlib's fonts)", "report") from error

    files = [Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf" for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise DataError(
            f"this matplotlib comes without {', '.join(missing)}, which glyphs are drawn with. "
            "Fix: install matplotlib from PyPI; some distributions leave its fonts out."
        )
    return files


def _merge(images: npt.NDArray[np.uint8], code_points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Labels [N]: one class a code point, look-alikes (Latin A, Greek Alpha) merged, as the first font draws them.

    Sums of pixels in float64 are whole numbers below 2^53, so that no machine's rounding can move a label.
    """
    points, first, inverse = np.unique(code_points, return_index=True, return_inverse=True)
    half = images[first].reshape(len(points), CANVAS // 2, 2, CANVAS // 2, 2).sum((2, 4), dtype=np.float64)
    flat = half.reshape(len(points), -1)
    norms = (flat**2).sum(1)
    labels = np.arange(len(points))
    for i, image in enumerate(flat):
        distances = norms[i] + norms[:i] - 2 * (flat[:i] @ image)
        alike = np.flatnonzero(ALIKE * distances < np.minimum(norms[i], norms[:i]))
        if len(alike):
            labels[i] = labels[alike[0]]
    return np.unique(labels[inverse], return_inverse=True)[1].astype(np.int64)


def _glyph_set(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    code_points: npt.NDArray[np.int64],
    fonts: npt.NDArray[np.int64],
    skipped: int,
) -> GlyphSet:
    digest = hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    return GlyphSet(images, labels, code_points, fonts, skipped, digest)


def _versions() -> str:
    """What the bitmaps depend on, in words."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingDependency("drawing glyphs (matplotlib's fonts)", "report") from error
    parts = {"rules": RULES, "matplotlib": matplotlib.__version__, "pillow": PIL.__version__,
             "freetype": features.version("freetype2"), "unicode": unicodedata.unidata_version}  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in parts.items())


def _read(path: Path, made_by: str) -> GlyphSet | None:
    """The cached set, or None when other versions made it."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["made_by"]) != made_by:
                return None
            images, labels, points, fonts = (stored[name] for name in ("images", "labels", "code_points", "fonts"))
            return _glyph_set(images, labels, points, fonts, int(stored["skipped"]))
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"the glyph cache {path} cannot be read: {error!r}. Fix: delete it.") from error


def _write(path: Path, glyphs: GlyphSet, made_by: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(glyphs, name) for name in ("images", "labels", "code_points", "fonts", "skipped")}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # beside the target: a rename is then atomic
        np.savez_compressed(Path(folder) / "glyphs.npz", made_by=np.array(made_by), **arrays)
        (Path(folder) / "glyphs.npz").replace(path)
