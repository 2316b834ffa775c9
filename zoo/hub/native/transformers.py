"""transformers: what `save_pretrained` writes, with the tokenizer or processor; a head inside where the library's fits.

The library's heads for classification are tried: a linear layer of the same vector that zoo pools is filled with the
fitted head (a square layer before it becomes the identity), and the whole is compared on the example. Most of its text
heads have a trained layer and a tanh before the last, or read another token: those models travel as `AutoModel`, with
the head beside it and its two lines in the snippet.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import IncompatibleError
from zoo.hub.native.parts import CLOSE, Staged, difference, import_line
from zoo.hub.native.samples import reading
from zoo.providers import transformers_vision as vision
from zoo.providers.transformers_library import library, quietly, takes
from zoo.providers.transformers_speech import WINDOWED, extractor_of
from zoo.providers.transformers_text import pooling_of
from zoo.providers.transformers_weights import KEPT_POOLERS, SETTINGS, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.hub.native.parts import Model

HEADS = {
    "text": "AutoModelForSequenceClassification",
    "vision": "AutoModelForImageClassification",
    "speech": "AutoModelForAudioClassification",
}
PROBLEMS = {"multi_label": "multi_label_classification", "regression": "regression"}
TEXT_POOLING = {
    "mean": "mask = inputs['attention_mask'][..., None]\nfeatures = (tokens * mask).sum(1) / mask.sum(1)\n",
    "cls": "features = tokens[:, 0]\n",
    "max": "mask = inputs['attention_mask'][..., None].bool()\n"
    "features = tokens.masked_fill(~mask, float('-inf')).amax(1)\n",
    "last": "last = inputs['attention_mask'].sum(1) - 1  # padding stands on the right\n"
    "features = tokens[torch.arange(len(tokens)), last]\n",
}


def stage(model: Model, folder: Path) -> Staged:
    """Write the network and its preprocessing.

    Raises:
        IncompatibleError: a network of several towers, for which no snippet exists.
    """
    spec, network = model.spec, model.backbone.module
    if spec.modality not in HEADS or spec.arch in ("clap", "whisper"):
        raise IncompatibleError(
            f"{spec.name} is of the type {spec.arch}, which zoo cannot export yet: its features are made of more than "
            "one call of the library. Fix: save it (model.save, zoo pretrain --out); zoo loads that."
        )
    notes = _preprocessing(model, folder)
    full, prefix = with_head(model, network) if model.linear else (None, "")
    code = code_of(model, inside=full is not None)
    return save(full if full is not None else network, model, folder, prefix, code, inside=full is not None,
                notes=notes)  # fmt: skip


def code_of(model: Model, *, inside: bool) -> str:
    """The snippet, but for its first lines and a head beside the network."""
    modality = model.spec.modality
    loaded = load_line(model.backbone.module, HEADS[modality] if inside else "")
    return _prepare(model) + loaded + RUN[modality][inside] + ("" if inside else _pooling(model))


def save(
    network: Any, model: Model, folder: Path, prefix: str, code: str, *, inside: bool, notes: tuple[str, ...] = ()
) -> Staged:
    """`save_pretrained`, and by what names the backbone's tensors stand in the file."""
    from safetensors import safe_open

    with quietly():
        network.save_pretrained(folder, max_shard_size="1000GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    with safe_open(folder / "model.safetensors", "pt") as file:
        there = set(file.keys())
    ours = model.backbone.module.state_dict()
    tensors = {name: [prefix + name] for name in ours if prefix and prefix + name in there}
    keys = tuple(sorted(there - {prefix + name for name in ours})) if inside else ()
    return Staged(
        "transformers", code, "logits" if inside else "features", inside, tensors=tensors, head_keys=keys,
        preprocessing=bool(model.spec.source) or model.spec.modality != "text", notes=notes,
    )  # fmt: skip


def with_head(model: Model, network: nn.Module, inputs: Any = None) -> tuple[Any, str]:
    """The library's classifier over `network` and the prefix of its names; None where it gives other outputs.

    Args:
        model: its `linear` is the head, and its example decides.
        network: of transformers; the model's own, or what it was converted to.
        inputs: the example as that network takes it, if not as zoo's does.
    """
    found = _classifier(model, network)
    if found is None:
        return None, ""
    prefix = f"{found.base_model_prefix}."
    base = found.base_model
    linear = model.linear
    told = base.load_state_dict(network.state_dict(), strict=False)
    rest = {name: tensor for name, tensor in found.named_parameters() if not name.startswith(prefix)}
    if told.unexpected_keys or set(told.missing_keys) - {"masked_spec_embed"} or linear is None or base is found:
        return None, ""
    with torch.no_grad():
        for name, tensor in rest.items():
            if tensor.shape == linear[0].shape and "project" not in name:
                tensor.copy_(linear[0])
            elif tensor.shape == linear[1].shape and "project" not in name:
                tensor.copy_(linear[1])
            elif tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]:
                tensor.copy_(torch.eye(len(tensor)))
            elif tensor.ndim == 1 and len(tensor) == linear[0].shape[1]:
                tensor.zero_()
            else:
                return None, ""
        batch = model.backbone.preprocess([model.sample]) if inputs is None else inputs
        values = getattr(batch, "values", batch)
        try:
            outputs = found.eval()(values).logits.float()
        except (RuntimeError, ValueError, TypeError, IndexError):  # a head that wants something else
            return None, ""
    return (found, prefix) if difference(outputs, model.outputs) <= CLOSE else (None, "")


def _classifier(model: Model, network: Any) -> Any:
    """The library's network with a head of this task's size, by its own initialisation; None where it has none."""
    linear = model.linear
    assert linear is not None
    config = copy.deepcopy(network.config)
    names = model.classes or ("value",)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    kind = model.fitted.spec.task.kind if model.fitted else ""
    answer = next((answer for answer in PROBLEMS if kind.endswith(answer)), "")
    config.problem_type = PROBLEMS.get(answer, "single_label_classification")
    if hasattr(config, "classifier_proj_size"):
        config.classifier_proj_size = linear[0].shape[1]
    if hasattr(config, "use_weighted_layer_sum"):
        config.use_weighted_layer_sum = False
    auto = getattr(library(), HEADS[model.spec.modality])
    if type(config) not in auto._model_mapping:
        return None
    with quietly():
        return auto.from_config(config, dtype=torch.float32, trust_remote_code=False)


def load_line(network: Any, head: str = "", arch: str = "") -> str:
    """The statement that loads the network: by the library's automatic class, or by its own where that is another."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    arch = arch or network.config.model_type
    if head:
        return f"from transformers import {head}\n\nmodel = {head}.from_pretrained(folder).eval()\n"
    known = MODEL_MAPPING.get(type(network.config), ())
    bare = type(network) in (known if isinstance(known, tuple | list) else (known,))
    without = bare and takes(type(network).__init__, "add_pooling_layer") and arch not in KEPT_POOLERS
    options = ", add_pooling_layer=False" if without else ""
    name = "AutoModel" if bare else type(network).__name__
    line = "from transformers import AutoModel" if bare else import_line(type(network))
    return f"{line}\n\nmodel = {name}.from_pretrained(folder{options}).eval()\n"


RUN = {  # by modality: without and with a head inside
    "text": (
        "with torch.inference_mode():\n    tokens = model(**inputs).last_hidden_state\n",
        "with torch.inference_mode():\n    outputs = model(**inputs).logits\n",
    ),
    "vision": (
        "with torch.inference_mode():\n    out = model(pixels)\n",
        "with torch.inference_mode():\n    outputs = model(pixels).logits\n",
    ),
    "speech": (
        "with torch.inference_mode():\n    out = model(values)\n",
        "with torch.inference_mode():\n    outputs = model(values).logits\n",
    ),
}


def _prepare(model: Model) -> str:
    """Code from the example to `inputs`, `pixels` or `values`."""
    spec = model.spec
    if spec.modality == "vision":
        mode = "L" if (spec.input_size or (3,))[0] == 1 else "RGB"
        made = 'AutoImageProcessor.from_pretrained(folder, backend="torchvision")'
        return (
            f"from transformers import AutoImageProcessor\n\nprocessor = {made}\n" + reading("image", mode)
            + 'pixels = processor(images=image, return_tensors="pt")["pixel_values"]\n'
        )  # fmt: skip
    if spec.modality == "speech":
        name = "input_features" if spec.arch == "audio-spectrogram-transformer" else "input_values"
        return (
            "from transformers import AutoFeatureExtractor\n\n"
            "extractor = AutoFeatureExtractor.from_pretrained(folder)\n" + reading("audio")
            + f'found = extractor(sound, sampling_rate=rate, return_tensors="pt")\n'
            f'values = found["input_values"] if "input_values" in found else found["{name}"]\n'
        )  # fmt: skip
    if not spec.source:
        return reading("text") + 'ids = torch.tensor([example["ids"]])  # no tokenizer: the bytes of the text\n' + (
            'inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}\n')  # fmt: skip
    return (
        "from transformers import AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained(folder)\n"
        + reading("text") + f'inputs = tokenizer(*example["text"], {_options(model)}return_tensors="pt")\n'
    )  # fmt: skip


def _options(model: Model) -> str:
    """How long a text may be: what zoo keeps of it."""
    limit = model.backbone.spec.context
    return f"truncation=True, max_length={limit}, " if limit else ""


def _pooling(model: Model) -> str:
    """Code from what the bare network gives to `features`, as the provider pools them."""
    spec, network = model.spec, model.backbone.module
    if spec.modality == "text":
        folder = place_of(model.backbone.spec, SETTINGS).folder if model.backbone.spec.source else None
        return TEXT_POOLING[pooling_of(spec.arch, network.config, folder)]
    if spec.modality == "speech":
        if spec.arch in WINDOWED:
            return "features = out.pooler_output\n"
        return "features = out.last_hidden_state.mean(1)  # of one clip, without padding\n"
    with torch.no_grad():
        out: Any = network(model.backbone.preprocess([model.sample]))
    if getattr(out, "pooler_output", None) is not None:
        return "features = out.pooler_output.flatten(1)\n"
    hidden = getattr(out, "last_hidden_state", None)
    if hidden is None:
        return "features = out.feature_maps[-1].mean((2, 3))\n"
    if hidden.ndim == 4:
        axes = "(1, 2)" if spec.arch in vision.CHANNELS_LAST else "(2, 3)"
        return f"features = out.last_hidden_state.mean({axes})\n"
    has_class = any(name.split(".")[-1] == "cls_token" for name, _ in network.named_parameters())
    return f"features = out.last_hidden_state{'[:, 0]' if has_class else '.mean(1)'}\n"


def _preprocessing(model: Model, folder: Path) -> tuple[str, ...]:
    """Copy the files of the tokenizer or processor, or write those of one that was made without a repository."""
    spec: Any = model.backbone.spec
    if spec.source:
        copy_settings(place_of(spec, SETTINGS).folder, folder)
        return ()
    if spec.modality == "vision":
        vision.image_processor(None, spec).save_pretrained(folder)
    elif spec.modality == "speech":
        config: Any = model.backbone.module.config
        extractor_of(None, spec, config).save_pretrained(folder)
    else:
        return ("there is no tokenizer: zoo reads texts as bytes, and the snippet reads their numbers from the example",)
    return ()


def copy_settings(source: Path, folder: Path) -> None:
    """All settings of a repository but those of its weights and of other adapters."""
    for pattern in SETTINGS:
        for file in sorted(source.glob(pattern)):
            if file.name in ("config.json", "adapter_config.json") and file.parent == source:
                continue
            if file.name.endswith(".index.json") or file.name in ("zoo.json", "backbone.json", "fitted.json"):
                continue
            target = folder / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
