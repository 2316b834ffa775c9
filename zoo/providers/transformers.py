"""Backbones of transformers (https://github.com/huggingface/transformers): text, vision, speech and image-text.

`transformers/TYPE` is a model type by its default configuration; `transformers/NAMESPACE/NAME` a checkpoint of the hub.
The library is given folders on this machine only, reads safetensors only, and runs no code of a repository. Tokenizers
and processors are those of the checkpoint, from scratch too: there they are fetched when `preprocess` is first called.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.catalog.rows import rows_of, spec_of
from zoo.contracts import Backbone, Padded
from zoo.errors import IncompatibleError, UnknownName, WeightsError
from zoo.providers import transformers_pairs as pairs
from zoo.providers import transformers_speech as speech
from zoo.providers import transformers_text as text
from zoo.providers import transformers_tokens as tokens
from zoo.providers import transformers_vision as vision
from zoo.providers.measure import measured_spec
from zoo.providers.repositories import FOLDER
from zoo.providers.transformers_library import changes, config_of, library
from zoo.providers.transformers_weights import (
    SETTINGS,
    from_folder,
    from_tensors,
    place_of,
    read_config,
    same_graph,
    scratch,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zoo.providers.transformers_weights import Loaded
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec


BROKEN = {"mra": "without its own CUDA kernel transformers gives zeros for its attention, and says nothing"}
"""Model types that transformers builds and runs, and that do not do what they are made for."""


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None) -> Backbone:
    """Build `transformers/...` without its heads, in float32.

    Policies, which `notes` tell as well: a text beyond the context is cut at its end; an empty text becomes its
    tokenizer's special tokens; a clip beyond a window of fixed length is cut; a network from scratch that is no
    checkpoint's reads bytes; of an encoder-decoder the encoder is used. Text is pooled as docs/decisions/0010 says.

    Raises:
        UnknownName: the installed library has no such model type.
        IncompatibleError: a type that does not fit the contract, with the reason.
        WeightsError: missing, damaged or other weights; or a name without weights.
        Offline, UnsafeContent: as `fetch_repository` says.
        MissingDependency: transformers, or a library that a tokenizer needs, is not installed.
    """
    library()
    if spec.arch in BROKEN:
        raise IncompatibleError(f"{spec.arch} is not a backbone here: {BROKEN[spec.arch]}. Fix: choose another one.")
    if spec.modality == "image-text":
        pairs.check(spec.arch)
    notes: tuple[str, ...] = ()
    folder = place_of(spec, SETTINGS).folder if spec.source.startswith(FOLDER) else None
    if tensors is not None:
        loaded = from_tensors(tensors, config_of(spec), spec.name)
    elif pretrained:
        if not spec.source:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose a checkpoint (see "
                "`zoo list 'transformers/*/*'`), or train it from scratch (pretrained=False, --scratch)."
            )
        place = place_of(spec)
        folder, config = place.folder, read_config(place.folder)
        if config.model_type != spec.arch:
            raise WeightsError(f"{spec.source} is of the type {config.model_type}, and {spec.name} of {spec.arch}.")
        loaded = from_folder(folder, config, spec.name)
        notes = (*_of_place(spec, place.commit), *place.notes)
        if not same_graph(loaded, spec):
            notes = (
                *notes,
                f"{spec.name}: its config.json makes another graph than the catalog's, and is used",
            )
        spec = dataclasses.replace(spec, revision=place.commit or spec.revision, config=changes(config))
    else:
        loaded = scratch(config_of(spec))
        if spec.source and folder is None:
            notes = (f"{spec.name}: its preprocessing is that of {spec.source}, fetched when it is first used",)
    backbone = _BUILDERS[spec.modality](spec, loaded, folder)
    return dataclasses.replace(backbone, notes=(*notes, *loaded.notes, *backbone.notes))


def repository_spec(config: dict[str, Any], name: str) -> BackboneSpec:
    """The record of a repository by its `config.json`; `config` is that file's content.

    Raises:
        UnknownName: a model type that is none of the catalog's.
    """
    types = {row["arch"]: row for row in rows_of("transformers") if not row.get("tag")}
    arch = config.get("model_type", "")
    if arch not in types:
        raise UnknownName("model type", str(arch), types, "zoo knows backbones of these types.")
    library()
    auto = library().AutoConfig
    try:
        settled = auto.for_model(**{**config, "model_type": arch})
    except Exception as error:  # each type checks its values in its own way
        raise WeightsError(f"the config.json of {name} is no configuration of {arch}: {error}") from error
    return dataclasses.replace(spec_of(types[arch]), name=name, tag=name, config=changes(settled), parameters=None)


def _text(spec: BackboneSpec, loaded: Loaded, folder: Path | None) -> Backbone:
    pad = _pad(loaded.config)
    pooling = text.pooling_of(spec.arch, loaded.config, folder)
    encode = text.text_encoder(loaded.network, pooling, pad)
    preprocess, context, notes = _texts(spec, loaded, folder, pad, loaded.config)
    spec = dataclasses.replace(spec, padding=text.padding_of(spec.arch), context=context)
    import torch

    spec = measured_spec(spec, loaded.network, encode, torch.full((1, 8), 5))
    notes = (*notes, f"{spec.name}: texts are pooled by {pooling}")
    kinds = [] if folder is None else text.modules(folder)
    if left := [kind for kind in kinds if kind not in ("Transformer", "Pooling")]:
        notes = (*notes, f"{spec.name}: modules.json names steps after pooling that zoo leaves out: {', '.join(left)}")
    return Backbone(spec, loaded.network, preprocess, encode, notes)


def _vision(spec: BackboneSpec, loaded: Loaded, folder: Path | None) -> Backbone:
    encode = vision.vision_encoder(loaded.network, spec.arch)
    channels = (spec.input_size or (3,))[0]
    preprocess = vision.image_preprocess(
        _lazily(spec, folder, lambda place: vision.image_processor(place, spec)), channels
    )
    trial = None if folder is None else preprocess([_blank()])
    if spec.arch in vision.ANY_SIZE:
        spec = dataclasses.replace(spec, padding="equal_length")
    if trial is not None:
        spec = dataclasses.replace(spec, input_size=tuple(trial.shape[1:]))
    return Backbone(measured_spec(spec, loaded.network, encode, trial), loaded.network, preprocess, encode)


def _speech(spec: BackboneSpec, loaded: Loaded, folder: Path | None) -> Backbone:
    from zoo.providers.transformers_repairs import shortest

    network, config = loaded.network, loaded.config
    clips = speech.speech_preprocess(
        _lazily(spec, folder, lambda place: speech.extractor_of(place, spec, config)), spec.arch, shortest(network)
    )
    spec = dataclasses.replace(
        spec, padding=speech.padding_of(spec.arch, adapter=getattr(network, "adapter", None) is not None)
    )
    notes: tuple[str, ...] = ()
    if spec.arch in speech.WINDOWED:
        notes = (f"{spec.name}: a clip longer than its window is cut at the end of the window",)
    trial = speech.trial(spec, config)
    if spec.arch != "clap":
        encode = speech.speech_encoder(network, spec.arch)
        return Backbone(measured_spec(spec, network, encode, trial), network, clips, encode, notes)
    pad = _pad(config.text_config)
    towers = pairs.clap_encoder(network, pad)
    texts, context, told = _texts(spec, loaded, folder, pad, config.text_config)
    spec = measured_spec(dataclasses.replace(spec, context=context), network, towers, trial)
    return Backbone(spec, network, pairs.clip_or_text_preprocess(clips, texts), towers, (*notes, *told))


def _image_text(spec: BackboneSpec, loaded: Loaded, folder: Path | None) -> Backbone:
    import torch

    network, config = loaded.network, loaded.config
    pad = _pad(config.text_config)
    encode = pairs.pair_encoder(network, spec.arch, pad)
    images = vision.image_preprocess(_lazily(spec, folder, lambda place: vision.image_processor(place, spec)))
    texts, context, notes = _texts(spec, loaded, folder, pad, config.text_config)
    if folder is not None:
        spec = dataclasses.replace(spec, input_size=tuple(images([_blank()]).shape[1:]))
    context = context or 77
    both = pairs.pair_preprocess(images, pairs.to_context(texts, context, _own_pad(loaded, folder, pad)))

    def alone(inputs: Any, _mask: Any = None) -> Any:
        return {"image-text": encode(inputs, None)["vision"]}

    trial = torch.zeros(1, *(spec.input_size or (3, 224, 224)))
    spec = measured_spec(dataclasses.replace(spec, context=context, padding="fixed"), network, alone, trial)
    return Backbone(spec, network, both, encode, notes)


_BUILDERS = {"text": _text, "vision": _vision, "speech": _speech, "image-text": _image_text}


def _texts(
    spec: BackboneSpec, loaded: Loaded, folder: Path | None, pad: int, config: Any
) -> tuple[Callable[[Any], Padded], int | None, tuple[str, ...]]:
    """The preprocessing of texts, the context that it keeps, and what there is to tell of it."""
    limit = tokens.context_of(config, loaded.network)
    two = text.second_text(spec.arch, config, loaded.network) if spec.modality == "text" else ""
    if folder is not None:
        tokenizer = tokens.tokenizer_of(folder, loaded.config)
        limit = tokens.context_of(config, loaded.network, tokenizer, folder)
        own = tokenizer.pad_token_id
        return (
            tokens.text_preprocess(tokens.by_tokenizer(tokenizer, limit), pad if own is None else own, pairs=two),
            limit,
            _cut(spec, limit),
        )
    if spec.arch == "canine":
        return tokens.text_preprocess(tokens.by_characters(limit), pad, pairs=two), limit, _cut(spec, limit)
    if not spec.source:
        told = f"{spec.name}: no checkpoint, so no tokenizer: a text is read as the bytes of its UTF-8"
        return tokens.text_preprocess(_bytes(config, limit), pad, pairs=two), limit, (told, *_cut(spec, limit))
    made: list[Any] = []

    def later(texts: Any) -> Padded:
        if not made:
            place = place_of(spec, SETTINGS).folder
            tokenizer = tokens.tokenizer_of(place, loaded.config)
            most = tokens.context_of(config, loaded.network, tokenizer, place)
            own = tokenizer.pad_token_id
            tokenize = tokens.by_tokenizer(tokenizer, most)
            made.append(tokens.text_preprocess(tokenize, pad if own is None else own, pairs=two))
        found: Padded = made[0](texts)
        return found

    return later, limit, _cut(spec, limit)


def _bytes(config: Any, limit: int | None) -> Callable[..., tokens.Tokens]:
    """Bytes; a vocabulary that is too small for them is refused when a text comes, not before."""

    def tokenize(*texts: str) -> tokens.Tokens:
        found: tokens.Tokens = tokens.by_bytes(config, limit)(*texts)
        return found

    return tokenize


def _cut(spec: BackboneSpec, limit: int | None) -> tuple[str, ...]:
    return (f"{spec.name}: texts beyond {limit} tokens are cut at their end",) if limit else ()


def _lazily(spec: BackboneSpec, folder: Path | None, make: Callable[[Path | None], Any]) -> Callable[[], Any]:
    """A processor, made when it is first needed: from the folder, from the checkpoint's, or of the type."""
    if folder is None and spec.source:
        return lambda: make(place_of(spec, SETTINGS).folder)
    return lambda: make(folder)


def _pad(config: Any) -> int:
    found = getattr(config, "pad_token_id", None)
    return found if isinstance(found, int) and found >= 0 else 0


def _own_pad(loaded: Loaded, folder: Path | None, pad: int) -> int:
    """What the tokenizer pads with: SigLIP's towers read it."""
    found = tokens.tokenizer_of(folder, loaded.config).pad_token_id if folder is not None else None
    return pad if found is None else int(found)


def _blank() -> Any:
    from PIL import Image

    return Image.new("RGB", (64, 64))


def _of_place(spec: BackboneSpec, commit: str) -> tuple[str, ...]:
    if spec.revision or not commit:
        return ()
    return (f"{spec.name}: the catalog pins no revision; its weights are commit {commit[:12]} of {spec.source}",)
