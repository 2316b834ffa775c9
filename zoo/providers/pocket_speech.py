"""The pocket speech network: Whisper's encoder as transformers builds it, small, and for clips of one second.

Its weights load in the plain class, `WhisperEncoder(config())`, and its frames are those of `WhisperFeatureExtractor`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone
from zoo.data.mel import BINS, FRAMES, extractor
from zoo.providers.measure import measured_spec
from zoo.providers.transformers_library import library
from zoo.providers.transformers_speech import speech_encoder, speech_preprocess

if TYPE_CHECKING:
    from torch import nn

    from zoo.specs import BackboneSpec

SHORTEST = 400  # samples of the first frame


def config() -> Any:
    """Three layers of width 96, 40 mel bins, 50 positions.

    The initialisation is wider than Whisper's: about 1 / sqrt(96). With 0.03 the loss of 200 words had not moved after
    300 steps that brought it from 5.3 to 4.4 with 0.1.
    """
    return library().WhisperConfig(
        num_mel_bins=BINS,
        d_model=96,
        encoder_layers=3,
        encoder_attention_heads=4,
        encoder_ffn_dim=384,
        max_source_positions=FRAMES // 2,
        dropout=0.0,
        init_std=0.1,
    )


def whisper3() -> nn.Module:
    """An encoder for 100 log-mel frames of 40 bins, 0.38 M parameters.

    Source: Radford et al. 2022, Whisper (https://arxiv.org/abs/2212.04356), as transformers builds it.
    """
    settings = config()
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    module: nn.Module = WhisperEncoder(settings)
    return module


def assemble(spec: BackboneSpec, module: nn.Module) -> Backbone:
    """The network behind the contract: clips to log-mel frames, `pooled` the mean of the tokens that are real."""
    import torch

    encode = speech_encoder(module, "whisper")
    spec = measured_spec(dataclasses.replace(spec, padding="fixed"), module, encode, torch.zeros(1, FRAMES, BINS))
    notes = (f"{spec.name}: a clip longer than its window of one second is cut at the end of the window",)
    return Backbone(spec, module, speech_preprocess(extractor, "whisper", SHORTEST), encode, notes)
