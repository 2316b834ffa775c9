"""transformers: what `save_pretrained` writes, with the tokenizer or processor; a head inside where the library's fits.

The library's heads for classification are tried: a linear layer of the same vector that zoo pools is filled with the
fitted head (a square layer before it becomes the identity), and the whole is compared on the example. Most of its text
heads have a trained layer and a tanh before the last, or read another token: those models travel as `AutoModel`, with
the head beside it and its two lines in the snippet.
"""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Padded
from zoo.errors import IncompatibleError
from zoo.hub.native import transformers_pairs as pairs
from zoo.hub.native.parts import LAYOUT, Staged, import_line
from zoo.hub.native.samples import reading
from zoo.providers import transformers_vision as vision
from zoo.providers.transformers_library import library, quietly, takes
from zoo.providers.transformers_speech import WINDOWED, extractor_of
from zoo.providers.transformers_text import pooling_of
from zoo.providers.transformers_weights import KEPT_POOLERS, SETTINGS, place_of
from zoo.providers.weights import tensor_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.hub.native.parts import Model

HEADS = {
    "text": "AutoModelForSequenceClassification",
    "vision": "AutoModelForImageClassification",
    "speech": "AutoModelForAudioClassification",
}
PROBLEMS = {"multi_label": "multi_label_classification", "regression": "regression"}
TEXT_POOLING = {
    "mean": 'mask = inputs["attention_mask"][..., None]\nfeatures = (tokens * mask).sum(1) / mask.sum(1)\n',
    "cls": "features = tokens[:, 0]\n",
    "max": 'mask = inputs["attention_mask"][..., None].bool()\n'
    'features = tokens.masked_fill(~mask, float("-inf")).amax(1)\n',
    "last": 'last = inputs["attention_mask"].sum(1) - 1  # padding stands on the right\n'
    "features = tokens[torch.arange(len(tokens)), last]\n",
}


def stage(model: Model, folder: Path) -> Staged:
    """Write the network and its preprocessing.

    Raises:
        IncompatibleError: texts for CLAP, for which no snippet exists, or two towers without a checkpoint's tokenizer.
    """
    spec, network = model.spec, model.backbone.module
    pair = spec.modality == "image-text"
    texts = spec.arch == "clap" and model.inputs != "audio"
    if texts or (pair and not model.backbone.spec.source):
        why = "its tokenizer is no file" if pair else "of this type zoo writes code for clips alone"
        raise IncompatibleError(
            f"{spec.name} is of the type {spec.arch}, and transformers alone cannot prepare its inputs: {why}. "
            "Fix: save it (model.save, zoo pretrain --out); zoo loads that."
        )
    notes = _preprocessing(model, folder)
    full = None if pair else with_head(model, network)
    code = pairs.code_of(model) if pair else code_of(model, inside=full is not None)
    return save(network if full is None else full, model, folder, code, inside=full is not None, notes=notes)


def code_of(model: Model, *, inside: bool) -> str:
    """The snippet, but for its first lines and a head beside the network."""
    modality = model.spec.modality
    loaded = load_line(model.backbone.module, HEADS[modality] if inside else "")
    run = CLAP if model.spec.arch == "clap" else RUN[modality][inside]
    return _prepare(model) + loaded + run + ("" if inside else _pooling(model))


def save(network: Any, model: Model, folder: Path, code: str, *, inside: bool, notes: tuple[str, ...] = ()) -> Staged:
    """`save_pretrained`, and by what names the backbone's tensors stand in its file."""
    with quietly():
        network.save_pretrained(folder, max_shard_size="1000GB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors, rest = names_in(folder / "model.safetensors", model.state)
    return Staged(
        "transformers",
        code,
        "logits" if inside else "features",
        inside,
        tensors=tensors,
        head_keys=rest,
        preprocessing=bool(model.spec.source) or model.spec.modality != "text",
        notes=notes,
    )


def names_in(file: Path, state: dict[str, Tensor]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """What each tensor of `state` is called in a file, where it differs, and the names there that are none of them.

    They are told by their content: the library renames tensors as it saves some types. Of tensors with the same
    content any is as good as the other.

    Raises:
        IncompatibleError: a tensor that is not in the file as it is.
    """
    from safetensors.torch import load_file

    there: dict[Any, list[str]] = {}
    for name, tensor in load_file(file).items():
        there.setdefault(_content(tensor), []).append(name)
    found, used = {}, set()
    for name, tensor in state.items():
        names = there.get(_content(tensor))
        if names is None:
            raise IncompatibleError(
                f"transformers saves {name} in another form, which zoo could not take back. Fix: save the model "
                "(model.save, zoo pretrain --out); zoo loads that."
            )
        theirs = name if name in names else min(names, key=lambda one: (not one.endswith(f".{name}"), len(one)))
        used.add(theirs)
        if theirs != name:
            found[name] = [theirs]
    rest = {name for names in there.values() for name in names} - used
    return found, tuple(sorted(rest))


def _content(tensor: Tensor) -> tuple[Any, ...]:
    return tuple(tensor.shape), hashlib.sha256(tensor_bytes(tensor)).digest()


def with_head(model: Model, network: nn.Module) -> Any:
    """The library's classifier over `network`, with the fitted head in it; None where it gives other outputs.

    Args:
        model: its `linear` is the head, and its example decides.
        network: of transformers; the model's own, or what it was converted to, which takes the same inputs.
    """
    found = None if model.linear is None else _classifier(model, network, len(model.linear[1]))
    if found is None or model.linear is None or found.base_model is found:
        return None
    told = found.base_model.load_state_dict(network.state_dict(), strict=False)
    if told.unexpected_keys or set(told.missing_keys) - {"masked_spec_embed"}:
        return None
    rest = {n: t for n, t in found.named_parameters() if not n.startswith(f"{found.base_model_prefix}.")}
    batch = model.backbone.preprocess([model.sample])
    with torch.no_grad():
        if not all(_filled(name, tensor, *model.linear) for name, tensor in rest.items()):
            return None
        try:
            outputs = found.eval()(batch.values if isinstance(batch, Padded) else batch).logits.float()
        except (RuntimeError, ValueError, TypeError, IndexError):  # a head that wants something else
            return None
    return found if model.equal(outputs) else None


def _filled(name: str, tensor: Tensor, weight: Tensor, bias: Tensor) -> bool:
    """Give a tensor of the library's head its value: that of the fitted layer, or of an identity before it."""
    before = "project" in name or tensor.shape not in (weight.shape, bias.shape)
    if not before:
        tensor.copy_(weight if tensor.ndim == 2 else bias)
    elif tensor.ndim == 2 and tensor.shape[0] == tensor.shape[1]:
        tensor.copy_(torch.eye(len(tensor)))
    elif tensor.ndim == 1 and len(tensor) == weight.shape[1]:
        tensor.zero_()
    else:
        return False
    return True


def _classifier(model: Model, network: Any, width: int) -> Any:
    """The library's network with a head of this task's size, by its own initialisation; None where it has none."""
    config = copy.deepcopy(network.config)
    names = model.classes or tuple(f"value {index}" for index in range(width))
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    kind = model.fitted.spec.task.kind if model.fitted else ""
    answer = next((answer for answer in PROBLEMS if kind.endswith(answer)), "")
    config.problem_type = PROBLEMS.get(answer, "single_label_classification")
    if hasattr(config, "classifier_proj_size"):
        config.classifier_proj_size = model.features.shape[1]
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


CLAP = (  # clips longer than its window are cut, so that none is told to be longer
    "with torch.inference_mode():\n"
    "    out = model.get_audio_features(input_features=values, is_longer=torch.zeros(1, 1, dtype=torch.bool))\n"
)


def _prepare(model: Model) -> str:
    """Code from the example to `inputs`, `pixels` or `values`."""
    spec = model.spec
    if spec.modality == "vision":
        mode = "L" if (spec.input_size or (3,))[0] == 1 else "RGB"
        made = 'AutoImageProcessor.from_pretrained(folder, backend="torchvision")'
        return (
            f"from transformers import AutoImageProcessor\n\nprocessor = {made}\n" + reading("image", mode)
            + f'pixels = processor(images=image, return_tensors="pt")["pixel_values"]{LAYOUT}\n'
        )  # fmt: skip
    if spec.modality == "speech":
        cut = "sound = sound[: extractor.nb_max_samples]  # it would choose where to cut by chance\n"
        cut = cut if spec.arch == "clap" else ""
        return (
            "from transformers import AutoFeatureExtractor\n\n"
            "extractor = AutoFeatureExtractor.from_pretrained(folder)\n" + reading("audio") + cut
            + 'found = extractor(sound, sampling_rate=rate, return_tensors="pt")\n'
            'values = found["input_values"] if "input_values" in found else found["input_features"]\n'
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
        if spec.arch == "whisper":
            return (
                "frames = -(-len(sound) // extractor.hop_length)\n"
                "features = out.last_hidden_state[:, : -(-frames // 2)].mean(1)  # those of the clip\n"
            )
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
        return (
            "there is no tokenizer: zoo reads texts as bytes, and the snippet reads their numbers from the example",
        )
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
