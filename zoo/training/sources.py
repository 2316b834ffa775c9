"""Samples of the user's own as a source of batches: drawn in a seeded order, and opened only then.

Batch k is a function of (seed, k) alone, whatever was drawn before and by whichever thread. A sample that cannot be
read is replaced by the next one of the data that can, so that this holds there too.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Batch, Padded, Pair
from zoo.data.augment import augmented, layout_of, named
from zoo.data.bad_samples import BadSample, allowed_share
from zoo.data.batches import EpochOrder, generator_at
from zoo.errors import DataError, IncompatibleError
from zoo.training.inputs import nbytes
from zoo.training.processes import gathered, share
from zoo.training.sharing import Rows, batch_from, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Generator

    from zoo.contracts import Backbone
    from zoo.data.raw import RawData

USUAL = {"images": "warp", "waveforms": "shift_gain_noise", "frames": "spec_masks", "tokens": "token_dropout"}
"""What corrupts inputs of a layout, unless another augmentation is named."""

AROUND = 1200  # bytes that keeping a sample takes beside its numbers, as measured for short texts


class SampleSource:
    """The samples of `data` as batches of inputs for a backbone, without end: every epoch in another order.

    Args:
        data: the samples.
        backbone: its preprocessing makes the inputs.
        augmentation: what `corrupt` does; empty is the usual one of the layout of the inputs.
        policy: what becomes of samples that cannot be read: `error`, `skip`, or `cap 5%` of all samples.
        keep_bytes: how much of what was made is kept in memory.

    Raises:
        UsageError: no such policy.
        UnknownName: no such augmentation.

    Example:
        >>> import zoo
        >>> from zoo.data.raw import from_labelled
        >>> backbone = zoo.load("pocket/resnet10", pretrained=False)
        >>> source = SampleSource(from_labelled(zoo.read_data("digits")), backbone)
        >>> source.at(0, 8, seed=0).inputs.shape
        torch.Size([8, 1, 32, 32])
    """

    clean = True  # its batches are what the backbone takes

    def __init__(
        self,
        data: RawData,
        backbone: Backbone,
        *,
        augmentation: str = "",
        policy: str = "error",
        keep_bytes: int = 2**30,
    ) -> None:
        named(augmentation or "none")
        self.data, self.name, self.digest, self.classes = data, data.name, data.digest, len(data.classes)
        self._vocabulary = _vocabulary(backbone)
        self.bad: dict[int, BadSample] = {}
        self._backbone, self._augmentation, self._policy = backbone, augmentation, policy
        self._allowed = allowed_share(policy)
        self._kept: dict[int, Any] = {}
        self._left = keep_bytes
        self._lock = threading.Lock()
        # tokenizers must not be used by two threads at once; pictures and sound may be
        self._one_at_a_time = threading.Lock() if backbone.spec.modality in ("text", "image-text") else None
        self._order = lru_cache(maxsize=4)(lambda size, seed: EpochOrder(len(data), size, seed))

    @property
    def size(self) -> int:
        """How many samples there are."""
        return len(self.data)

    def at(self, step: int, size: int, seed: int) -> Batch:
        """Batch `step`: each sample comes once before any comes twice."""
        return self._batch(self._order(size, seed)(step).tolist())

    def own(self, step: int, size: int, seed: int) -> Rows:
        """The rows of batch `step` that this process takes; nothing else is read."""
        return self._rows(self._order(size, seed)(step)[share(size)].tolist())

    def joined(self, rows: Rows) -> Batch:
        """The batch that all processes share, with zeros for the rows of the others; all of them call this."""
        return whole(rows, self._backbone.spec.padding)

    def batch(self, size: int, generator: Generator) -> Batch:
        """Samples drawn with replacement."""
        return self._batch(torch.randint(len(self.data), (size,), generator=generator).tolist())

    def corrupt(self, inputs: Any, generator: Generator) -> Any:
        """One augmented view, of each part of a batch in parts."""
        if isinstance(inputs, tuple):
            return tuple(self.corrupt(side, generator) for side in inputs)
        return augmented(self._augmentation or USUAL.get(_layout(inputs), "none"), inputs, generator)

    def _batch(self, drawn: Sequence[int]) -> Batch:
        """The samples at these places.

        Raises:
            DataError: a sample cannot be read and the policy does not allow that, or none can be read.
            IncompatibleError: ids beyond the network's vocabulary.
        """
        rows = self._rows(drawn)
        return batch_from(rows.made, rows.targets, self._backbone.spec.padding)

    def _rows(self, drawn: Sequence[int]) -> Rows:
        found = [self._readable(index) for index in drawn]
        targets = torch.zeros(len(drawn), dtype=torch.int64)
        if self.data.targets is not None:
            targets = torch.from_numpy(self.data.targets[[index for index, _ in found]]).long()
        return Rows([inputs for _, inputs in found], targets)

    def _readable(self, index: int) -> tuple[int, Any]:
        """The sample at `index`, or the next one that can be read."""
        for further in range(len(self.data)):
            place = (index + further) % len(self.data)
            if place in self._kept:
                return place, self._kept[place]
            if place in self.bad:
                continue
            try:
                return place, self._made(place)
            except DataError as error:
                self._note(BadSample(place, self.data.origin(place), str(error)))
        first = "; ".join(f"{one.origin} ({_reason(one)})" for one in list(self.bad.values())[:3])
        raise DataError(f"none of the {len(self.data)} samples of {self.name} can be read: {first}. Fix: mend them.")

    def _made(self, place: int) -> Any:
        sample = self.data.samples[place]
        with self._one_at_a_time or nullcontext():
            sides = [self._backbone.preprocess([side]) for side in (sample if self.data.pairs else (sample,))]
        for side in sides:
            self._check_ids(side, place)
        made = tuple(sides) if self.data.pairs else sides[0]
        with self._lock:
            size = sum(map(nbytes, sides)) + AROUND
            if place not in self._kept and size <= self._left:
                self._kept[place] = made
                self._left -= size
        return made

    def _check_ids(self, made: Any, place: int) -> None:
        if self._vocabulary is None or not isinstance(made, Padded) or not made.values.numel():
            return
        ids = made.values if made.values.ndim == 2 else made.values[..., 0]
        if (largest := int(ids.max())) >= self._vocabulary:
            raise IncompatibleError(
                f"the tokenizer of {self._backbone.spec.name} gives the id {largest} for {self.data.origin(place)}, "
                f"and the network has a vocabulary of {self._vocabulary}. Fix: use the tokenizer that belongs to it."
            )

    def state(self) -> dict[str, Any]:
        """What a resumed run has to know: samples that no process could read. All processes call this.

        Raises:
            DataError: they are more than the policy allows.
        """
        with self._lock:
            own = list(self.bad.values())
        found = {
            bad.index: bad for some in gathered(own) for bad in some
        }  # the same in all processes, as the answer is
        if found and self._allowed:  # else it is an error where it is drawn
            with self._lock:
                self.bad |= found
            self._limit(len(found), found[max(found)])
        return {"bad": [asdict(found[index]) for index in sorted(found)]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`: what could not be read is tried again, under the policy of this run.

        A checkpoint may know of samples that were read ahead, for whose step the policy ended the run.

        Raises:
            DataError: they are more than the policy allows.
        """
        for one in state.get("bad", []):
            self._readable(one["index"])

    def _note(self, bad: BadSample) -> None:
        with self._lock:
            self.bad[bad.index] = bad
            count = len(self.bad)
        self._limit(count, bad)

    def _limit(self, count: int, bad: BadSample) -> None:
        """Refuse more samples that cannot be read than the policy allows; `bad` is the last of them."""
        if count == len(self.data) or 100 * count / len(self.data) <= self._allowed:
            return
        many = f"{count} of {len(self.data)} samples of {self.name} cannot be read" if self._allowed else ""
        more = f", more than the {self._allowed:g} % that are allowed; the last: " if self._allowed else ""
        raise DataError(
            f"{many}{more}{bad.origin} cannot be used ({_reason(bad)}). Fix: mend it, or leave such samples out by "
            "bad_samples='skip' or 'cap 5%'."
        )


def batch_of(source: Any, step: int, size: int, seed: int) -> Batch:
    """Batch `step` of any source: of its own order, else drawn by a generator of (seed, step)."""
    if hasattr(source, "at"):
        own: Batch = source.at(step, size, seed)
        return own
    drawn: Batch = source.batch(size, generator_at(seed, step, stream=1))
    return drawn


def bytes_of_context(backbone: Backbone, texts: Sequence[str]) -> int:
    """How many bytes of such texts fill nine tenths of the context, which leaves room for texts of longer words."""
    context = backbone.spec.context
    if not context or not any(texts):
        return 2**20
    lengths = tokens = 0
    for text in texts:
        while (count := int(backbone.preprocess([text]).mask.sum())) >= context and len(text) > 1:
            text = text[: len(text) // 2]  # what was cut off has bytes and no tokens
        lengths += len(text.encode("utf-8", "surrogatepass"))
        tokens += count
    return max(16, int(0.9 * context * lengths / tokens))


def _vocabulary(backbone: Backbone) -> int | None:
    """How many ids a text network of transformers knows."""
    if backbone.spec.provider != "transformers" or backbone.spec.modality != "text":
        return None
    return getattr(backbone.module.get_input_embeddings(), "num_embeddings", None)  # type: ignore[operator]


def _layout(inputs: Any) -> str:
    if hasattr(inputs, "parts"):
        return _layout(inputs.parts[0])
    if isinstance(inputs, Pair):
        return _layout(inputs.text if inputs.vision is None else inputs.vision)
    return layout_of(inputs)


def _reason(bad: BadSample) -> str:
    return bad.reason.partition(" Fix:")[0].rstrip(".")
