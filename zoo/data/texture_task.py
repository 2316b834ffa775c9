"""The data set `textures_task`: patterns of eight kinds that the pre-training textures do not have, at three sizes.

Nothing is shared with the pre-training source `textures` but the idea of drawing by formulas: other kinds
(`zoo.data.patterns` against `zoo.data.textures`), another code, other light, blur and noise (`zoo.data.scans`).
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from zoo.data.labelled import LabelledData
from zoo.data.patterns import KINDS
from zoo.data.scans import scanned

AMOUNTS = {"low": 0.1, "middle": 0.5, "high": 0.9}
SPREAD = 0.1  # standard deviation of the amount within a class
TRAIN, TEST = 60, 25  # images of each class
SEED = 24


def textures_task() -> LabelledData:
    """1,440 images of 24 classes to learn from (validation is taken from them) and 600 to test, 32 x 32 grey pixels.

    Each image has its own amount, direction, place, light and noise. Train and test are drawn alike.

    Example:
        >>> data = textures_task()
        >>> len(data), data.classes[:3], int((data.parts == "test").sum())
        (2040, ('bricks low', 'bricks middle', 'bricks high'), 600)
    """
    from PIL import Image

    classes = [(kind, name) for kind in KINDS for name in AMOUNTS]
    images, targets = [], []
    for index, (kind, name) in enumerate(classes):
        random = np.random.default_rng([SEED, index])
        for _ in range(TRAIN + TEST):
            amount = float(np.clip(AMOUNTS[name] + SPREAD * random.standard_normal(), 0, 1))
            image = kind(amount, random.uniform(0, math.pi), random)
            low, high = image.min(), image.max()
            images.append(scanned((image - low) / (high - low), random))
            targets.append(index)
    pixels, answers = np.stack(images), np.array(targets, np.int64)
    return LabelledData(
        name="textures_task",
        samples=[Image.fromarray(image) for image in pixels],
        targets=answers,
        classes=tuple(f"{kind.__name__} {name}" for kind, name in classes),
        digest=hashlib.sha256(pixels.tobytes() + answers.astype("<i8").tobytes()).hexdigest(),
        parts=np.array((["train"] * TRAIN + ["test"] * TEST) * len(classes)),
    )
