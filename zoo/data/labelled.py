"""Samples with their answers, wherever they came from: what every source gives and every fit takes.

A raw sample is what `Backbone.preprocess` takes, and is read when it is asked for:

| inputs      | a sample                                            |
|-------------|-----------------------------------------------------|
| `image`     | a PIL image                                         |
| `text`      | a str                                               |
| `text_pair` | two of them: (str, str)                             |
| `audio`     | the path of a file, or (waveform [T] or [T, C], Hz) |
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import InvalidRecord, nearest

if TYPE_CHECKING:
    import numpy as np

INPUTS = {"image": "vision", "text": "text", "text_pair": "text", "audio": "speech"}
"""Kinds of samples, and the modality of the backbones that take them."""
ANSWERS = ("classification", "multi_label", "regression")
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class LabelledData:
    """N samples and what is to be predicted of each.

    Attributes:
        name: what the data set is called.
        samples: N raw samples.
        targets: by `answer`: class indices [N] int64; for `multi_label` [N, classes] float32 of 0 and 1; for
            `regression` [N] float32.
        classes: names in the order of the indices; none for regression.
        digest: SHA-256 of samples and targets.
        notes: sentences for the user: what was left out, what was taken for granted, and how to change it.
        inputs: one of `INPUTS`.
        answer: one of `ANSWERS`.
        groups: [N] of str, or None: samples of one group (a speaker, a document) must stay in one part.
        parts: [N] of str, or None: the part (of `PARTS`) that the source gives each sample.
        origins: N places to tell the user: a path, or a table and a row; none where the source has no names.

    Example:
        >>> import numpy as np
        >>> answers = np.array([1, 0, 1])
        >>> data = LabelledData("moods", ["fine", "bad", "good"], answers, ("down", "up"), "", inputs="text")
        >>> len(data), data.kind, data.origin(1)
        (3, 'text_classification', 'sample 1 of moods')
    """

    name: str
    samples: Sequence[Any]
    targets: np.ndarray
    classes: tuple[str, ...]
    digest: str
    notes: tuple[str, ...] = ()
    inputs: str = "image"
    answer: str = "classification"
    groups: np.ndarray | None = None
    parts: np.ndarray | None = None
    origins: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, value, known in (("inputs", self.inputs, INPUTS), ("answer", self.answer, ANSWERS)):
            if value not in known:
                near = ", ".join(nearest(value, known)) or ", ".join(known)
                raise InvalidRecord(f"{name} of {self.name} is {value!r}. Nearest: {near}.", (name,))
        for name in ("samples", "groups", "parts", "origins"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.targets) and not (name == "origins" and not len(value)):
                raise InvalidRecord(f"{self.name} has {len(self.targets)} targets and {len(value)} {name}.", (name,))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def kind(self) -> str:
        """The kind of task, as `zoo.tasks.TASKS` names it: `image_classification`, `text_regression` ..."""
        return f"{self.inputs}_{self.answer}"

    @property
    def modality(self) -> str:
        """Of the backbones that take such samples."""
        return INPUTS[self.inputs]

    def origin(self, index: int) -> str:
        """Where a sample came from, for a message."""
        return self.origins[index] if len(self.origins) else f"sample {index} of {self.name}"

    def taken(self, indices: np.ndarray) -> LabelledData:
        """The samples at `indices` [n], in that order."""
        from zoo.specs import digest_of

        return dataclasses.replace(
            self,
            samples=Taken(self.samples, indices),
            targets=self.targets[indices],
            digest=digest_of([self.digest, indices.tolist()]),
            groups=None if self.groups is None else self.groups[indices],
            parts=None if self.parts is None else self.parts[indices],
            origins=[self.origins[index] for index in indices] if len(self.origins) else (),
        )


def answer_of(targets: np.ndarray) -> str:
    """What targets say, by their shape and type: see `LabelledData.targets`.

    Example:
        >>> import numpy as np
        >>> answer_of(np.array([0, 1])), answer_of(np.eye(2)), answer_of(np.array([0.5, 1.5]))
        ('classification', 'multi_label', 'regression')
    """
    if targets.ndim == 2:
        return "multi_label"
    return "regression" if targets.dtype.kind == "f" else "classification"


def inputs_of(kind: str) -> str:
    """What the samples of a kind of task are; a third party's kind takes images unless its name begins otherwise.

    Example:
        >>> inputs_of("text_pair_classification"), inputs_of("audio_regression")
        ('text_pair', 'audio')
    """
    return next((name for name in ("text_pair", *INPUTS) if kind.startswith(f"{name}_")), "image")


class Opened(Sequence[Any]):
    """Samples as a person has them, read when they are asked for: images from their paths, all else as it is.

    Example:
        >>> list(Opened(["a text", "another"], "text"))
        ['a text', 'another']
    """

    def __init__(self, samples: Sequence[Any], inputs: str) -> None:
        self.samples, self.inputs = samples, inputs

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> Any:
        from zoo.data.images import open_image

        sample = self.samples[index]
        if self.inputs != "image" or not isinstance(sample, str | os.PathLike):
            return sample
        return open_image(os.fspath(sample))


class Taken(Sequence[Any]):
    """Some samples of a sequence, in another order, read when they are asked for.

    Example:
        >>> import numpy as np
        >>> list(Taken("abcd", np.array([3, 0])))
        ['d', 'a']
    """

    def __init__(self, samples: Sequence[Any], indices: np.ndarray) -> None:
        self.samples, self.indices = samples, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        return self.samples[int(self.indices[index])]
