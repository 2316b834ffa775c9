"""What the networks see: of each modality labelled data with the parts of a seed, and samples to pre-train on.

Nothing of the validation and test part is pre-trained on, with labels or without.
"""

from __future__ import annotations

import dataclasses
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from zoo.data.labelled import LabelledData

sys.path.append(str(Path(__file__).parents[1] / "parity"))  # its docstrings and its sounds

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SOUNDS = 300  # of each kind
LOUDNESS = (0.0, 24.0)  # of a sound over its noise, in decibels: most of them can be told
TEXTS = 3000  # to pre-train on


def halves(text: str) -> tuple[str, str]:
    """The first and the second half of the words of a text.

    >>> halves("one two three four five")
    ('one two', 'three four five')
    """
    words = text.split()
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


def divided(data: LabelledData, seed: int) -> LabelledData:
    """The data with the parts of this seed written into it: 60 % train, 20 % validation, 20 % test."""
    import numpy as np

    from zoo.data.splits import split_data

    parts, _ = split_data(data, seed=seed)
    names = np.array(["train"] * len(parts.train) + ["validation"] * len(parts.validation) + ["test"] * len(parts.test))
    return dataclasses.replace(data.taken(np.concatenate([parts.train, parts.validation, parts.test])), parts=names)


def train_part(data: LabelledData) -> LabelledData:
    """Its samples for training alone, without parts."""
    return dataclasses.replace(data.taken(places(data, "train")), parts=None)


def places(data: LabelledData, name: str) -> np.ndarray:
    """The indices of a part."""
    import numpy as np

    return np.flatnonzero(np.asarray(data.parts) == name)


@cache
def read_once() -> Any:
    """The script that reads docstrings, which then reads each library once: that takes most of half a minute."""
    import docstrings

    docstrings.library_texts = cache(docstrings.library_texts)
    return docstrings


@cache
def texts() -> LabelledData:
    import zoo

    return zoo.read_data(read_once().which_library(), inputs="text", answer="classification")


@cache
def all_texts() -> tuple[str, ...]:
    found = read_once()
    return tuple(dict.fromkeys(text for library in found.LIBRARIES for text in found.library_texts(library)))


@cache
def sounds() -> LabelledData:
    from sounds import RATE, five_kinds

    import zoo

    clips, kinds = five_kinds(SOUNDS, loudness=LOUDNESS)
    return zoo.read_data(([(one, RATE) for one in clips], kinds), inputs="audio", answer="classification")


def of_vision(seed: int) -> tuple[LabelledData, Any]:
    from zoo.data.images import load_images

    data = divided(load_images("digits"), seed)
    return data, train_part(data)


def of_text(seed: int) -> tuple[LabelledData, Any]:
    import numpy as np

    data = divided(texts(), seed)
    kept = {data.samples[place] for name in ("validation", "test") for place in places(data, name)}
    found = [text for text in all_texts() if text not in kept]
    chosen = np.random.default_rng(seed).permutation(len(found))[:TEXTS]
    return data, [found[place] for place in chosen]


def of_speech(seed: int) -> tuple[LabelledData, Any]:
    data = divided(sounds(), seed)
    return data, train_part(data)


def of_pairs(seed: int) -> tuple[LabelledData, Any]:
    data, train = of_vision(seed)
    captions = [f"the digit {NAMES[int(data.classes[target])]}" for target in train.targets]
    return data, list(zip(train.samples, captions, strict=True))


DATA = {"vision": of_vision, "text": of_text, "speech": of_speech, "image-text": of_pairs}
