"""torchaudio's wav2vec 2.0, HuBERT and WavLM as the classes of transformers, which has a format on the hub for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from zoo.hub.native import transformers as native
from zoo.hub.native.parts import Staged
from zoo.hub.native.samples import reading
from zoo.providers.transformers_library import library, quietly

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from zoo.hub.native.parts import Model

PARTS = (  # beginnings of names: torchaudio's, then those of transformers
    ("encoder.feature_projection.", "feature_projection."),
    ("encoder.transformer.", "encoder."),
    ("feature_extractor.", "feature_extractor."),
)
OWN_NORM = "extractor.do_normalize = False\n"
NORMALISED = "values = torch.nn.functional.layer_norm(values, values.shape[1:])  # as these weights were trained\n"
QUERIES = ("q_proj", "k_proj", "v_proj")  # WavLM's attention holds these three as one tensor


def stage(model: Model, folder: Path) -> Staged:
    """Convert, and write as transformers does; the head goes in as its sequence classifier where that is equal."""
    network = converted(model)
    spec = model.spec
    extractor = library().Wav2Vec2FeatureExtractor(
        sampling_rate=spec.sample_rate, do_normalize=spec.normalize_waveform, return_attention_mask=False
    )
    extractor.save_pretrained(folder)
    full = native.with_head(model, network)
    inside = full is not None
    code = (
        "from transformers import AutoFeatureExtractor\n\nextractor = AutoFeatureExtractor.from_pretrained(folder)\n"
        + (OWN_NORM if spec.normalize_waveform else "") + reading("audio")
        + 'values = extractor(sound, sampling_rate=rate, return_tensors="pt")["input_values"]\n'
        + (NORMALISED if spec.normalize_waveform else "")
        + native.load_line(network, native.HEADS["speech"] if inside else "") + native.RUN["speech"][inside]
    )  # fmt: skip
    if not inside:
        code += "features = out.last_hidden_state.mean(1)  # of one clip, without padding\n"
    whole = full if inside else network
    with quietly():
        whole.save_pretrained(folder, max_shard_size="1000GB")
    prefix = f"{whole.base_model_prefix}." if inside else ""
    names = {name: [prefix + new for new in new_names(name)] for name in model.backbone.module.state_dict()}
    used = {new for news in names.values() for new in news}
    keys = tuple(sorted(set(whole.state_dict()) - used))
    notes = ["converted from torchaudio to the class of transformers"]
    if spec.normalize_waveform:
        notes.append(
            "the snippet normalises waveforms as torchaudio, which adds 1e-5 to their variance; the extractor adds "
            "1e-7, which can only be heard near silence"
        )
    gives = "logits" if inside else "features"
    return Staged("transformers", code, gives, inside, tensors=names, head_keys=keys, notes=tuple(notes))


def new_names(name: str) -> list[str]:
    """What a tensor of torchaudio is called in transformers; several where its rows are.

    Example:
        >>> new_names("encoder.transformer.layers.0.attention.attention.in_proj_bias")[0]
        'encoder.layers.0.attention.q_proj.bias'
    """
    old, new = next(pair for pair in PARTS if name.startswith(pair[0]))
    name = new + name.removeprefix(old)
    if "attention.attention.in_proj_" in name:
        begin, end = name.split("attention.attention.in_proj_")
        return [f"{begin}attention.{part}.{end}" for part in QUERIES]
    return [name.replace("attention.attention.out_proj", "attention.out_proj")]


def converted(model: Model) -> Any:
    """The network of transformers with the same weights."""
    module: Any = model.backbone.module
    state: dict[str, Tensor] = {}
    for name, tensor in module.state_dict().items():
        names = new_names(name)
        state |= dict(zip(names, tensor.detach().clone().chunk(len(names)), strict=True))
    with quietly():
        network = library().AutoModel.from_config(configuration(module, model.spec.arch), dtype=torch.float32)
    told = network.load_state_dict(state, strict=False)
    left = set(told.missing_keys) - {"masked_spec_embed"}
    if told.unexpected_keys or left:
        raise ValueError(f"names of torchaudio changed: {sorted(left)[:3]} {told.unexpected_keys[:3]}")
    if hasattr(network, "masked_spec_embed"):
        torch.nn.init.zeros_(network.masked_spec_embed)  # only pre-training reads it
    return network.eval()


def configuration(module: Any, arch: str) -> Any:
    """The configuration of transformers, read off torchaudio's network."""
    convolutions = module.feature_extractor.conv_layers
    encoder = module.encoder.transformer
    layers, position = encoder.layers, encoder.pos_conv_embed
    inner = layers[0].attention
    wavlm = hasattr(inner, "rel_attn_embed")
    kind = "wavlm" if wavlm else "hubert" if arch.startswith("hubert") else "wav2vec2"
    norm = convolutions[0].layer_norm
    heads = inner.num_heads
    options: dict[str, Any] = {
        "feat_extract_norm": "group" if isinstance(norm, torch.nn.GroupNorm) else "layer",
        "conv_dim": [layer.conv.out_channels for layer in convolutions],
        "conv_kernel": [layer.kernel_size for layer in convolutions],
        "conv_stride": [layer.stride for layer in convolutions],
        "conv_bias": convolutions[0].conv.bias is not None,
        "hidden_size": module.encoder.feature_projection.projection.out_features,
        "num_conv_pos_embeddings": position.conv.kernel_size[0],
        "num_conv_pos_embedding_groups": position.conv.groups,
        "num_hidden_layers": len(layers),
        "num_attention_heads": heads,
        "intermediate_size": layers[0].feed_forward.intermediate_dense.out_features,
        "do_stable_layer_norm": bool(layers[0].layer_norm_first),
        "apply_spec_augment": False,
    }
    if wavlm:
        options |= {"num_buckets": inner.num_buckets, "max_bucket_distance": inner.max_distance}
    return library().AutoConfig.for_model(kind, **options)
