"""Pre-train adapters: what a backbone can be trained on before it meets a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.catalog.fit import Needs
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec

OBJECTIVES = Registry(
    "objective",
    {
        "supervised": "zoo.objectives.supervised:Supervised",
        "mlm": "zoo.objectives.mlm:Mlm",
        "causal": "zoo.objectives.causal:Causal",
        "mae": "zoo.objectives.mae:Mae",
        "simmim": "zoo.objectives.simmim:Simmim",
        "masked_prediction": "zoo.objectives.masked_prediction:MaskedPrediction",
        "simclr": "zoo.objectives.simclr:SimClr",
        "dino": "zoo.objectives.dino:Dino",
        "clip": "zoo.objectives.clip:Clip",
        "siglip": "zoo.objectives.siglip:SigLip",
        "sentence_pairs": "zoo.objectives.sentence_pairs:SentencePairs",
        "wav2vec2": "zoo.objectives.wav2vec2:Wav2Vec2",
        "distillation": "zoo.objectives.distillation:Distillation",
    },
    group="zoo.objectives",
)
NEEDS = {
    "supervised": Needs(modalities=("vision", "text", "speech")),
    "mlm": Needs(("tokens",), ("text",), "masked_head"),
    "causal": Needs(("tokens",), ("text",), "causal_head"),
    "mae": Needs(("tokens",), ("vision",), "patches"),
    "simmim": Needs(("maps",), ("vision",)),
    "masked_prediction": Needs(("tokens",), ("speech",), "frames"),
    "simclr": Needs(modalities=("vision",)),
    "dino": Needs(modalities=("vision",)),
    "clip": Needs(modalities=("image-text",)),
    "siglip": Needs(modalities=("image-text",)),
    "sentence_pairs": Needs(modalities=("text",)),
    "wav2vec2": Needs(("tokens",), ("speech",), "codes"),
    "distillation": Needs(modalities=("vision", "text", "speech")),
}


def compatible(objective: str, backbone: str | BackboneSpec) -> str:
    """Why a backbone cannot be pre-trained by an objective, or "" where it can; told from records alone.

    Of a plug-in and of a person's own module only the built network can say; the answer is then the text "known when
    built", which is False in a condition (`zoo.catalog.fit.KNOWN_WHEN_BUILT`): nothing is known against it.

    Args:
        objective: one of `OBJECTIVES`.
        backbone: its record, or whatever `zoo.load` takes. Of `hf-hub:...` the configuration file is fetched.

    Raises:
        UnknownName: no such objective or backbone.

    Example:
        >>> compatible("supervised", "pocket/resnet10")
        ''
        >>> compatible("supervised", "open_clip/ViT-B-32")
        'supervised is for vision or text or speech, and open_clip/ViT-B-32 is for image-text'
        >>> compatible("mlm", "transformers/gpt2")
        'mlm needs a head for masked language modelling, and transformers/gpt2 has none'
        >>> compatible("mlm", "module/mine.nets:build")
        'known when built'
    """
    if isinstance(backbone, str):
        from zoo.providers.loading import spec_of

        backbone = spec_of(backbone)
    if objective in OBJECTIVES.builtins:
        needs = NEEDS[objective]
    else:
        needs = Needs(tuple(sorted(OBJECTIVES.get(objective).needs)))
    unmet = needs.unmet(backbone)
    return unmet and f"{objective} {unmet}, and {backbone.name} {needs.against(backbone)}"
