"""The example that goes with an exported model: a picture, a text or a sound, and the plain code that reads it."""

from __future__ import annotations

import io
import json
import wave
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

IMAGE, TEXT, SOUND = "sample.png", "sample.json", "sample.wav"
TEXTS = ["The second text is a little longer than the first.", "A cat runs far."]
RATE = 16_000  # Hz


def sample_of(inputs: str, rate: int = RATE) -> Any:
    """An example that zoo takes: a PIL image, a text, two texts, (waveform, Hz), or (image, text) for `both`."""
    if inputs == "both":
        return picture(), TEXTS[1]
    if inputs == "audio":
        return sound(rate), rate
    return picture() if inputs == "image" else TEXTS[1] if inputs == "text" else tuple(TEXTS)


def write_sample(inputs: str, folder: Path, rate: int = RATE, ids: list[int] | None = None) -> str:
    """Write the example to `folder`; returns the name of its file. `ids` stand there too where nothing makes them."""
    if inputs in ("image", "both"):
        buffer = io.BytesIO()
        picture().save(buffer, "PNG")
        (folder / IMAGE).write_bytes(buffer.getvalue())
    if inputs == "audio":
        with wave.open(str(folder / SOUND), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((sound(rate) * 32768).astype("<i2").tobytes())
        return SOUND
    if inputs != "image":
        told: dict[str, Any] = {"text": TEXTS if inputs == "text_pair" else TEXTS[1:]}
        (folder / TEXT).write_text(json.dumps(told | ({"ids": ids} if ids else {})), encoding="utf-8")
    return TEXT if inputs in ("text", "text_pair") else IMAGE


def reading(inputs: str, mode: str = "RGB") -> str:
    """Code that reads the example from `folder` as `image`, `texts` or `sound` (with `rate`)."""
    image = f'from PIL import Image\n\nimage = Image.open(f"{{folder}}/{IMAGE}").convert("{mode}")\n'
    texts = f'import json\n\nwith open(f"{{folder}}/{TEXT}") as file:\n    example = json.load(file)\n'
    sounds = (
        f'import wave\n\nimport numpy as np\n\nwith wave.open(f"{{folder}}/{SOUND}") as file:\n'
        "    rate = file.getframerate()\n"
        '    sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float32) / 32768\n'
    )
    return {"image": image, "text": texts, "text_pair": texts, "audio": sounds, "both": image + texts}[inputs]


def picture() -> Any:
    """120 x 90 pixels with stripes, colours and edges: neither grey nor square, and the same on every machine.

    Example:
        >>> picture().size
        (120, 90)
    """
    from PIL import Image

    down, right = np.mgrid[0:90, 0:120]
    red, green = 2 * right, (right * down) // 42
    blue = np.where((down // 15 + right // 20) % 2 == 0, 230, 20)
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


def sound(rate: int = RATE) -> np.ndarray:
    """One second [T] of a rising tone with some hiss, in steps of 16 bits.

    Example:
        >>> len(sound(8000)), bool(np.abs(sound(8000)).max() < 1)
        (8000, True)
    """
    time = np.arange(rate) / rate
    hiss = ((np.arange(rate) * 7919) % 1009) / 1009 - 0.5
    values = 0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time) + 0.1 * hiss
    return (np.round(values * 32767) / 32768).astype(np.float32)
