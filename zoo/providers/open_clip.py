"""Backbones of open_clip (https://github.com/mlfoundations/open_clip): two towers, for images and texts, one space.

clip = zoo.load("open_clip/ViT-B-32.laion2b_s34b_b79k")
clip.encode(clip.preprocess([image, image]))["vision"].pooled       # [2, 512]
clip.encode(clip.preprocess(["a cat", "a dog"]))["text"].pooled     # [2, 512]
clip.encode(clip.preprocess([(image, "a cat")]))                    # both
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Pair
from zoo.data.pixels import as_mode
from zoo.errors import DataError, IncompatibleError, UnsafeContent, WeightsError
from zoo.io.repository import fetch_repository
from zoo.io.transport import install
from zoo.providers.heard import heard
from zoo.providers.measure import measured_spec
from zoo.providers.open_clip_configs import (
    image_config,
    import_open_clip,
    model_config,
    quick_gelu_note,
    weights_file,
)
from zoo.providers.open_clip_texts import text_preprocess, tokenizer_files
from zoo.providers.open_clip_towers import encoder
from zoo.providers.repositories import notes_of, weights_of
from zoo.providers.timm import check_architecture
from zoo.providers.weights import load_strictly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn

    from zoo.contracts import Encode
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None, allow_pickle: str = "") -> Backbone:
    """Build `open_clip/arch.tag`, or a repository that open_clip wrote.

    Weights come as safetensors and pass through open_clip's own conversion, strictly: the result equals
    `open_clip.create_model(arch, tag)`, with QuickGELU and preprocessing as the weights were trained (see
    `open_clip_configs`). `preprocess` takes images, texts, or pairs of them; `open_clip_texts` says what becomes of
    long and empty texts. Text towers of transformers are built from a configuration that is fetched, also from scratch.

    Raises:
        UnknownName: no such architecture.
        WeightsError: an architecture without weights, or weights that do not fit it.
        Offline, UnsafeContent: as `fetch_repository` says.
    """
    config = model_config(spec)
    text_config = dict(config["text_cfg"])
    notes: tuple[str, ...] = quick_gelu_note(spec)
    file = None
    if pretrained and tensors is None:
        if not spec.source:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose a tag "
                f"(`zoo list '{spec.name}.*'` shows them), or train it from scratch (pretrained=False, --scratch)."
            )
        name = weights_file(spec)
        found = weights_of(spec, (name,), allow_pickle)
        file = found.folder / (allow_pickle or name)
        tokenizer_files(spec, text_config)  # what is missing is said now, not at the first text
        notes = (*notes, *notes_of(spec, found))
        spec = dataclasses.replace(spec, revision=found.commit)
    module = _build(config)
    if file is not None:
        notes = (*notes, *_fill(module, file, spec.name))
    if tensors is not None:
        load_strictly(module, tensors, spec.name)
    encode = encoder(module)
    preprocess = pair_preprocess(spec, text_config)
    cut = f"{spec.name}: texts beyond {text_config.get('context_length', 77)} tokens are cut there"
    return Backbone(_measured(spec, module, encode), module, preprocess, encode, (*notes, cut))


def pair_preprocess(spec: BackboneSpec, text_config: dict[str, Any]) -> Callable[[Sequence[Any]], Pair]:
    """Images, texts or (image, text) pairs to a `Pair`; a batch holds one of these kinds.

    Raises (when called):
        DataError: no samples, kinds that are mixed, or what is no image.
    """
    import torch
    from open_clip.transform import image_transform_v2

    transform = image_transform_v2(image_config(spec), is_train=False)
    tokens = text_preprocess(spec, text_config)

    def preprocess(samples: Sequence[Any]) -> Pair:
        kinds = {_kind(sample) for sample in samples}
        if len(kinds) != 1:
            received = " and ".join(sorted(kinds)) or "none"
            raise DataError(f"a batch must hold images, texts, or pairs of both; received {received}. Fix: split it.")
        kind = kinds.pop()
        images = [sample[0] if kind == "pairs" else sample for sample in samples] if kind != "texts" else []
        texts = [sample[1] if kind == "pairs" else sample for sample in samples] if kind != "images" else []
        return Pair(
            torch.stack([transform(as_mode(image, "RGB")) for image in images]) if images else None,
            tokens(texts) if texts else None,
        )

    return preprocess


def _kind(sample: Any) -> str:
    if isinstance(sample, str):
        return "texts"
    return "pairs" if isinstance(sample, tuple | list) and len(sample) == 2 else "images"


def _build(config: dict[str, Any]) -> nn.Module:
    """The network of a configuration, with no weights of either tower: open_clip would fetch those by itself."""
    import_open_clip()
    install()
    from open_clip.coca_model import CoCa
    from open_clip.model import CLIP, CustomTextCLIP

    text = dict(config["text_cfg"])
    has_own_text = bool(config.pop("custom_text", False) or text.get("hf_model_name"))
    if text.get("hf_model_name"):
        found = fetch_repository(text["hf_model_name"], "", ("config.json",))
        text |= {"hf_model_name": str(found.folder), "hf_model_pretrained": False}
    vision = dict(config["vision_cfg"])
    if vision.get("timm_model_name"):
        check_architecture(
            str(vision["timm_model_name"])
        )  # timm takes names of repositories here, and would fetch them
        vision["timm_model_pretrained"] = False
    kind = CLIP if not has_own_text else CoCa if "multimodal_cfg" in config else CustomTextCLIP
    module: nn.Module = kind(**{**config, "vision_cfg": vision, "text_cfg": text})
    return module


def _fill(module: nn.Module, file: Path, name: str) -> tuple[str, ...]:
    """Load a file that passed its gate, by open_clip's own function, which converts older names. Says what it resized.

    Raises:
        WeightsError: tensors that are missing, unexpected or of another shape, or a damaged file.
        UnsafeContent: a pickle that holds more than tensors.
    """
    import pickle

    from open_clip.factory import load_checkpoint

    with heard("") as said:
        try:
            load_checkpoint(module, str(file), strict=True, weights_only=True)
        except pickle.UnpicklingError as error:
            raise UnsafeContent(
                f"{file.name} of {name} holds more than tensors, and was not loaded. "
                "Fix: ask its owner for safetensors."
            ) from error
        except Exception as error:  # torch, safetensors and open_clip raise their own kinds
            reason = " ".join(str(error).split())[:300]
            raise WeightsError(
                f"the weights of {name} do not fit its {type(module).__name__}, or are damaged: {reason} "
                "Fix: name the backbone that they belong to, or fetch them again."
            ) from error
    return tuple(f"{name}: {line}" for line in said if line.startswith("Resizing"))


def _measured(spec: BackboneSpec, module: nn.Module, encode: Encode) -> BackboneSpec:
    """The record with what the image tower shows; both towers must give the same width.

    Raises:
        IncompatibleError: they do not.
    """
    import torch

    found = measured_spec(spec, module, lambda images, _mask: {spec.modality: encode(images, None)["vision"]})
    training = module.training
    module.eval()
    with torch.no_grad():
        text = encode(torch.zeros(1, spec.context or 77, dtype=torch.long), None)["text"]
    module.train(training)
    if text.pooled.shape[1] != found.pooled_dim:
        raise IncompatibleError(
            f"the towers of {spec.name} share no space: images give {found.pooled_dim} numbers, texts "
            f"{text.pooled.shape[1]}. Fix: mend embed_dim in its configuration."
        )
    return found
