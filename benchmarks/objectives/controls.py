"""Deliberately broken objectives: all is as in the real one, but each sample gets the target of another sample.

A backbone that gains as much from such a control has not gained by what the objective says: the statistics of its
BatchNorm, or weights that are merely larger, can help a probe too. Samples of a batch are drawn in a random order, so
the neighbour in the batch is a random other sample.
"""

from __future__ import annotations

from typing import Any

import torch

from zoo.contracts import Batch, Padded, Pair
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.causal import Causal
from zoo.objectives.clip import Clip
from zoo.objectives.dino import Dino
from zoo.objectives.distillation import Distillation, feature_distance
from zoo.objectives.mae import Mae, painting_loss
from zoo.objectives.masked_prediction import MaskedPrediction
from zoo.objectives.mlm import Mlm
from zoo.objectives.parts import joined, parts_of
from zoo.objectives.sentence_pairs import SentencePairs
from zoo.objectives.siglip import SigLip
from zoo.objectives.simclr import SimClr
from zoo.objectives.simmim import Simmim, _painted
from zoo.objectives.supervised import Supervised
from zoo.objectives.token_loss import IGNORED
from zoo.objectives.wav2vec2 import Wav2Vec2
from zoo.providers.bundles import pooled


def moved(batch: Any, by: int = 1) -> Any:
    """A batch in which each sample stands where another stood: a tensor, a Padded, or a tuple of them.

    >>> moved(torch.arange(4)).tolist()
    [3, 0, 1, 2]
    """
    if isinstance(batch, Padded):
        return Padded(batch.values.roll(by, 0), batch.mask.roll(by, 0))
    if isinstance(batch, tuple):
        return tuple(moved(part, by) for part in batch)
    return batch.roll(by, 0)


def permuted(targets: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Token targets with those that count permuted among all their places; the rest stays IGNORED."""
    found, counts = targets.clone(), targets != IGNORED
    wanted = targets[counts]
    found[counts] = wanted[torch.randperm(len(wanted), generator=generator)]
    return found


class OtherLabels(Supervised):
    def views(self, batch, generator):
        views = super().views(batch, generator)
        return Batch(views.inputs, moved(views.targets))


class OtherSecondView(SimClr):
    def views(self, batch, generator):
        one, other = super().views(batch, generator).inputs
        return Batch((one, moved(other)), batch.targets)


class OtherCrops(Dino):
    """No two crops at the same place of the batch are of one image."""

    def views(self, batch, generator):
        crops = super().views(batch, generator).inputs
        return Batch(tuple(moved(crop, by) for by, crop in enumerate(crops)), batch.targets)


class OtherPatches(Mae):
    """The network sees another image than the one whose hidden patches are to be painted."""

    def loss(self, _backbone, heads, views):
        order = views.targets.argsort(dim=1)
        restore = order.argsort(dim=1)
        painted = heads(self._visible.encode(moved(views.inputs), order[:, : self._shown]), restore)
        painted = getattr(painted, "logits", painted)
        return painting_loss(painted, views.inputs, restore >= self._shown, self._visible.patch, norm=self.patch_norm)


class OtherSquares(Simmim):
    def loss(self, backbone, heads, views):
        images, hidden = views.inputs, views.targets
        seen = torch.where(hidden, heads["colour"].weight[:, :, None, None], moved(images))
        maps = backbone.encode(seen)["vision"].maps
        return ((_painted(heads, maps[-1], images) - images).abs() * hidden).sum() / (hidden.sum() * images.shape[1])


class OtherFeatures(Distillation):
    def loss(self, backbone, heads, views):
        told = heads.projection(pooled(backbone, views.inputs))
        with torch.no_grad():
            wanted = pooled(self._teacher, self._given(views.inputs))
        return feature_distance(told, moved(wanted), self.distance)


class _OtherTokens:
    def views(self, batch, generator):
        views = super().views(batch, generator)  # type: ignore[misc]
        made = [permuted(part, generator) for part in parts_of(views.targets)]
        return Batch(views.inputs, joined(made, views.inputs))


class OtherWords(_OtherTokens, Mlm):
    pass


class OtherNextWords(_OtherTokens, Causal):
    pass


class OtherPartner(SentencePairs):
    def views(self, batch, generator):
        one, other = super().views(batch, generator).inputs
        return Batch((one, moved(other)), batch.targets)


class OtherSounds(MaskedPrediction):
    """The clusters that are to be told are those of another clip at the same time; clips are of one length."""

    def build(self, backbone, source):
        heads = super().build(backbone, source)
        own = heads.clusters.forward
        heads.clusters.forward = lambda waves, samples: moved(own(waves, samples))
        return heads


class OtherCodes(Wav2Vec2):
    """What the convolutions heard is that of hidden frames half a batch away."""

    def _hidden(self, backbone, heads, clips, hidden):
        heard, said = super()._hidden(backbone, heads, clips, hidden)
        return moved(heard, len(heard) // 2), said


class _OtherText:
    def views(self, batch, generator):
        views = super().views(batch, generator)  # type: ignore[misc]
        return Batch(Pair(views.inputs.vision, moved(views.inputs.text)), views.targets)


class ClipOtherText(_OtherText, Clip):
    pass


class SigLipOtherText(_OtherText, SigLip):
    pass


CONTROLS = {
    "supervised": OtherLabels,
    "simclr": OtherSecondView,
    "dino": OtherCrops,
    "mae": OtherPatches,
    "simmim": OtherSquares,
    "distillation": OtherFeatures,
    "mlm": OtherWords,
    "causal": OtherNextWords,
    "sentence_pairs": OtherPartner,
    "masked_prediction": OtherSounds,
    "wav2vec2": OtherCodes,
    "clip": ClipOtherText,
    "siglip": SigLipOtherText,
}


def register() -> None:
    """Put the controls among the objectives of this process, as NAME_control."""
    for name, kind in CONTROLS.items():
        OBJECTIVES.builtins[f"{name}_control"] = f"{__name__}:{kind.__name__}"
        NEEDS[f"{name}_control"] = NEEDS[name]


def unregister() -> None:
    """Take them out again."""
    for name in CONTROLS:
        OBJECTIVES.builtins.pop(f"{name}_control", None)
        NEEDS.pop(f"{name}_control", None)
