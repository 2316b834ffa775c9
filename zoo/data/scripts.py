"""The data set `scripts`: letters of two scripts that no pre-training glyph shows, to be read in a new kind of font.

Twenty small letters of Georgian and twenty of Armenian, drawn from the fonts that matplotlib ships. The train part has
sans-serif fonts only, the test part serif fonts only; both are scanned (`zoo.data.scans`). Some Armenian letters are
drawn exactly as letters of other scripts that the pre-training glyphs hold (ո as n, հ as h, ս as u): none of those is
here. Every letter here, in each of the eight fonts, differs from every pre-training glyph and from every other letter
here by at least `APART` of its ink: squared distance over squared norm, at half resolution. Tifinagh, the third
held-out script, has no serif font and stays out.

The images follow from matplotlib's fonts and Pillow's FreeType; the digest says which set it was.
"""

from __future__ import annotations

import hashlib

import numpy as np

from zoo.data.glyphs import draw_glyph, open_font
from zoo.data.labelled import LabelledData
from zoo.data.scans import laid, scanned

LETTERS = "აბგდეზთკლმნოპჟრსტუფქ" + "դեէըթժիխծկձճմնշչջռվփ"
TRAIN_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold")
TEST_FONTS = ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic")
APART = 0.1
TRAIN, TEST = 60, 16  # images of each letter
SEED = 40


def scripts() -> LabelledData:
    """2,400 images of 40 letters to learn from (validation is taken from them) and 640 to test, 32 x 32 grey pixels.

    Raises:
        MissingDependency: matplotlib, whose fonts these are, is not installed.
        DataError: matplotlib lacks one of the fonts.

    Example:
        >>> data = scripts()
        >>> len(data), len(data.classes), int((data.parts == "test").sum())
        (3040, 40, 640)
    """
    from PIL import Image

    images, targets, parts, origins = [], [], [], []
    for part, names, count in (("train", TRAIN_FONTS, TRAIN), ("test", TEST_FONTS, TEST)):
        fonts = {name: open_font(name) for name in names}
        for index, letter in enumerate(LETTERS):
            random = np.random.default_rng([SEED, len(part), index])
            drawn = [draw_glyph(font, letter) for font in fonts.values()]
            for number in range(count):
                glyph = drawn[number % len(names)]
                assert glyph is not None  # every font draws every one of these letters
                images.append(scanned(laid(glyph, random), random))
                targets.append(index)
                parts.append(part)
                origins.append(f"{letter} of {names[number % len(names)]}, number {number}")
    pixels, answers = np.stack(images), np.array(targets, np.int64)
    return LabelledData(
        name="scripts",
        samples=[Image.fromarray(image) for image in pixels],
        targets=answers,
        classes=tuple(LETTERS),
        digest=hashlib.sha256(pixels.tobytes() + answers.astype("<i8").tobytes()).hexdigest(),
        parts=np.array(parts),
        origins=origins,
    )
