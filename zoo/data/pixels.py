"""The one place where any image becomes 8-bit grey or RGB, so that networks and the classical baseline see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112  # the EXIF tag; 1 is upright


def as_mode(image: Any, mode: Literal["L", "RGB"]) -> Image:
    """`image` in `mode`, upright and opaque; a plain 8-bit image that already is so is returned as it is.

    | received                                    | becomes                                                          |
    |---------------------------------------------|------------------------------------------------------------------|
    | `L`, `RGB`                                  | itself, or converted by PIL (grey is ITU-R 601-2 luma)           |
    | `1`, `P`, `CMYK`, `YCbCr`, `HSV`, `LAB`     | converted by PIL, without a colour profile                       |
    | alpha (`RGBA`, `LA`, `PA`, a colour key)    | composited on white                                              |
    | 16 bits (`I;16*`, `I` above 255)            | 0..65535 scaled to 0..255; never stretched to the image's range  |
    | `I` within 0..255 (16 bits if PNG or PGM)   | the same values                                                  |
    | `I` below 0 or above 65535, `F`             | refused: their range has no agreed meaning                       |
    | EXIF orientation                            | applied; EXIF that cannot be parsed counts as upright            |
    | animations                                  | the frame that PIL stands at: in a file just opened, the first   |
    | uint8 arrays [H, W] and [H, W, 3]           | as `L` and `RGB`; other arrays and types are refused             |

    Raises:
        DataError: a refused kind, as above.

    Example:
        >>> as_mode(np.zeros((4, 6, 3), dtype=np.uint8), "L").size
        (6, 4)
    """
    upright = _upright(_as_pil(image))
    if upright.mode == "F" or upright.mode.startswith("I"):
        plain = _eight_bits(upright)
    elif _has_alpha(upright):
        plain = _on_white(upright)
    else:
        plain = upright.convert("RGB") if upright.mode == "LAB" else upright  # PIL makes no grey of LAB
    return plain if plain.mode == mode else plain.convert(mode)


def _as_pil(image: Any) -> Image:
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    if not isinstance(image, np.ndarray):
        raise DataError(
            f"an image must be a PIL image or a uint8 array, received {type(image).__name__}. "
            "Fix: open files with PIL.Image.open, and turn tensors into uint8 arrays [H, W, 3]."
        )
    if image.dtype != np.uint8:
        fix = "(array * 255).round().astype('uint8') if its values are in 0..1, else scale them to 0..255 first"
        raise DataError(f"an image array must be uint8 in 0..255, received {image.dtype}. Fix: {fix}.")
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise DataError(
            f"an image array must be [H, W] or [H, W, 3], received {list(image.shape)}. Fix: array.squeeze() drops an "
            "axis of length 1, array.transpose(1, 2, 0) moves channels to the end; give alpha as a PIL image."
        )
    return Image.fromarray(image)


def _upright(image: Image) -> Image:
    from PIL import ImageOps

    image.load()  # pixels that cannot be read raise here
    try:
        turned = image.getexif().get(ORIENTATION, 1) != 1
    except Exception:  # damaged EXIF raises anything from SyntaxError to struct.error, and the pixels are fine
        turned = False
    return ImageOps.exif_transpose(image) if turned else image


def _eight_bits(image: Image) -> Image:
    """Grey of 16 or 32 bits as `L`."""
    from PIL import Image

    if image.mode == "F":
        raise DataError(
            f"{_named(image)} holds floating-point pixels (mode F), whose range has no agreed meaning. Fix: scale them "
            "to 0..255 and save as 8 bits, Image.fromarray((pixels * 255).round().astype('uint8')) if they are in 0..1."
        )
    values = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise DataError(
            f"{_named(image)} holds values from {low} to {high}, beyond 16 bits. "
            "Fix: scale them to 0..255 and save as 8 bits."
        )
    fits = image.mode == "I" and high <= 255 and image.format not in ("PNG", "PPM")
    grey = values if fits else (values + 128) // 257  # 65535 = 255 * 257: the nearest of 256 levels
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey = np.where(values == key, 255, grey)
    return Image.fromarray(grey.astype(np.uint8))


def _has_alpha(image: Image) -> bool:
    if image.mode in ("1", "L", "P", "RGB") and "transparency" in image.info:  # a colour key
        return True
    return image.has_transparency_data and image.mode in ("LA", "La", "PA", "P", "RGBA", "RGBa")


def _on_white(image: Image) -> Image:
    from PIL import Image

    image = image.convert("LA") if image.mode == "La" else image
    opaque = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")


def _named(image: Image) -> str:
    """The file that the image was opened from, where PIL still knows it."""
    name = getattr(image, "filename", "")
    return str(name) if name else "an image"
