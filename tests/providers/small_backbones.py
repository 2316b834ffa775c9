"""Backbones small enough for tests: from scratch, with narrow layers where the network of that name is large."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import torch
from torch import nn

import zoo
from zoo.catalog.query import describe
from zoo.providers.loading import build, load

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.contracts import Backbone

CONVOLUTIONS = {"conv_dim": [16] * 7}  # those that read waveforms are 512 wide by default
SIZES = {
    "audio-spectrogram-transformer": {"max_length": 64},
    "clap": {
        "audio_config": {
            "model_type": "clap_audio_model",
            "patch_embeds_hidden_size": 16,
            "hidden_size": 128,
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [2, 2, 2, 2],
            "projection_dim": 64,
        }
    },
    "convnext": {"image_size": 64},
    "hubert": CONVOLUTIONS,
    "segformer": {"image_size": 64},
    "swin": {"image_size": 64, "embed_dim": 16, "depths": [1, 1, 1], "num_heads": [2, 2, 2], "window_size": 4},
    "vit": {"image_size": 32},
    "wav2vec2": CONVOLUTIONS,
    "wavlm": CONVOLUTIONS,
}


def narrow(arch: str, layers: bool = False) -> Backbone:
    """A type of transformers without any checkpoint: two narrow layers, small images, texts as bytes."""
    from zoo.conformance.tiny import tiny
    from zoo.providers.transformers_library import changes

    spec = dataclasses.replace(describe(f"transformers/{arch}"), config=changes(tiny(arch, **SIZES.get(arch, {}))))
    spec = dataclasses.replace(spec, tag="", source="", revision="")
    if side := SIZES.get(arch, {}).get("image_size"):
        spec = dataclasses.replace(spec, input_size=(3, side, side))
    return build(spec, pretrained=False, seed=0, layers=layers)


def of_torchaudio(family: str, layers: bool = False) -> Backbone:
    """`wav2vec2` or `wavlm` of torchaudio: two layers of 32."""
    import torchaudio

    from zoo.providers import torchaudio as provider
    from zoo.providers.layers import with_layers

    make = torchaudio.models.wavlm_model if family == "wavlm" else torchaudio.models.wav2vec2_model
    relative = {"encoder_num_buckets": 8, "encoder_max_distance": 20} if family == "wavlm" else {}
    torch.manual_seed(0)
    module = make(
        extractor_mode="group_norm", extractor_conv_layer_config=[(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2],
        extractor_conv_bias=False, encoder_embed_dim=32, encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=4, encoder_attention_dropout=0.0,
        encoder_ff_interm_features=48, encoder_ff_interm_dropout=0.0, encoder_dropout=0.0,
        encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=None, **relative,
    )  # fmt: skip
    backbone = provider.assemble(describe("torchaudio/wav2vec2_base"), module)
    return with_layers(backbone) if layers else backbone


def of_size(name: str, side: int, layers: bool = False) -> Backbone:
    """An image network of the catalog for images of another size."""
    spec = dataclasses.replace(describe(name), input_size=(3, side, side))
    return build(spec, pretrained=False, seed=0, layers=layers)


class Attending(nn.Module):
    """A person's own transformer: torch's attention, a class token, a part that nothing calls."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, 16))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.unused = nn.Linear(16, 16)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], 1)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens


def own(kind: str, layers: bool = False) -> Backbone:
    """A person's own module: `convolutions` or `attending`."""
    torch.manual_seed(0)
    net = Attending()
    if kind == "convolutions":
        net = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2), nn.Sequential(nn.Conv2d(12, 12, 3), nn.GELU()), nn.Conv2d(12, 16, 3, 2)
        )
    return zoo.wrap(net, input_size=(3, 16, 16), layers=layers)


def small(name: str, seed: int = 0) -> Backbone:
    """A backbone by its name, such as `transformers/bert` or `timm/resnet10t`, from scratch and in evaluation mode."""
    if name.startswith("transformers/"):
        from zoo.conformance.tiny import tiny
        from zoo.providers.transformers_library import changes

        spec = dataclasses.replace(describe(name), config=changes(tiny(name.partition("/")[2])))
        backbone = build(spec, pretrained=False, seed=seed)
    else:
        backbone = load(name, pretrained=False, seed=seed)
    backbone.module.eval()
    return backbone


def small_folder(name: str, folder: Path, **changed: object) -> str:
    """A folder that `zoo.load(..., pretrained=False)` takes for such a backbone of transformers; returns its path."""
    from zoo.conformance.tiny import tiny
    from zoo.providers.transformers_library import changes

    spec = dataclasses.replace(describe(name), config=changes(tiny(name.partition("/")[2], **changed)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backbone.json").write_text(json.dumps(spec.to_json()), encoding="utf-8")
    return str(folder)
