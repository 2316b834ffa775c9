"""What pre-training data is to an objective, behind one small protocol; and what zoo makes itself: glyphs, textures.

A source gives clean batches without end and knows how to corrupt them; the objective decides how many corrupted views
it takes. Third parties add theirs through the entry-point group `zoo.sources`; files are `zoo.training.sources`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from zoo.contracts import Batch
from zoo.data.augment_images import corrupt_glyphs, photometric
from zoo.data.glyphs import render_glyphs
from zoo.data.textures import Textures
from zoo.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = Registry(
    "pre-training data",
    {
        "glyphs": "zoo.data.generated:GlyphSource",
        "textures": "zoo.data.generated:TextureSource",
        "docstrings": "zoo.data.docstring_sources:DocstringSource",
        "docstring_pairs": "zoo.data.docstring_sources:DocstringPairSource",
        "pseudo_words": "zoo.data.spoken_source:PseudoWords",
        "pseudo_voices": "zoo.data.spoken_source:PseudoVoices",
    },
    group="zoo.sources",
)


@runtime_checkable
class Source(Protocol):
    """Samples without end. `digest` is a SHA-256 of whatever defines them; targets are below `classes`.

    `classes` is 0 where there are no labels, and all targets are then 0. What a source may have beside:

    - `tokens`: of texts what the ids are, where the backbone's tokenizer does not say it: `vocabulary`, `mask`, `pad`
      and `special`.
    - `at(step, size, seed)`: batch `step` of an order of its own, which is used in place of `batch`.
    - `clean = True`: the inputs of a batch are what the backbone takes, without `corrupt`.
    - `modality`: of the backbones that it is for, where that is not vision; of the class, which is asked first.
    - `notes`: sentences for the user about what was read.
    - `stream()`: of texts all ids in reading order [N], for `init = "ppmi"`.
    """

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def batch(self, size: int, generator: Generator) -> Batch:
        """Inputs of `size` samples (a Tensor, Padded, Pair or Bundle) and targets int64 [size].

        Randomness comes from `generator` only.
        """
        ...

    def corrupt(self, inputs: Any, generator: Generator) -> Any:
        """One corrupted view of the inputs of a batch, as the backbone takes it; call it again for another view."""
        ...


class GlyphSource:
    """Glyphs of some 3,200 classes, drawn uniformly from all bitmaps (a class that more fonts have comes more often).

    Args:
        cache: an .npz file that spares the few seconds of drawing; see `render_glyphs`, also for the errors.

    Example:
        >>> source = GlyphSource()                                          # doctest: +SKIP
        >>> batch = source.batch(128, torch.Generator().manual_seed(0))     # doctest: +SKIP
        >>> batch.inputs.shape                                              # doctest: +SKIP
        torch.Size([128, 1, 40, 40])
    """

    name = "glyphs"

    def __init__(self, cache: Path | None = None) -> None:
        glyphs = render_glyphs(cache)
        self.classes, self.digest = glyphs.classes, glyphs.digest
        self._images, self._labels = torch.from_numpy(glyphs.images), torch.from_numpy(glyphs.labels)

    def batch(self, size: int, generator: Generator) -> Batch:
        """Canvases [size, 1, 40, 40] float in [0, 1] and their classes, on the CPU."""
        rows = torch.randint(len(self._labels), (size,), generator=generator, device=generator.device).cpu()
        return Batch(self._images[rows].unsqueeze(1).float() / 255, self._labels[rows])

    def corrupt(self, inputs: Tensor, generator: Generator) -> Tensor:
        return corrupt_glyphs(inputs, generator)


class TextureSource:
    """Procedural textures, all classes equally often, drawn anew for every batch.

    Example:
        >>> source = TextureSource(classes=16)
        >>> batch = source.batch(4, torch.Generator().manual_seed(0))
        >>> source.corrupt(batch.inputs, torch.Generator().manual_seed(1)).shape
        torch.Size([4, 1, 32, 32])
    """

    name = "textures"

    def __init__(self, classes: int = 240, seed: int = 0) -> None:
        self._textures = Textures(classes, seed)
        self.classes, self.digest = classes, self._textures.digest

    def batch(self, size: int, generator: Generator) -> Batch:
        """Textures [size, 1, 32, 32] float in [0, 1] and their classes, on the generator's device."""
        targets = torch.randint(self.classes, (size,), generator=generator, device=generator.device)
        return Batch(self._textures.render(targets, generator), targets)

    def corrupt(self, inputs: Tensor, generator: Generator) -> Tensor:
        return photometric(inputs, generator)
