"""zoo's own small text backbone: a GPT-2 of transformers over zoo's own word pieces, pooled by their mean."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone
from zoo.data.word_pieces import DIGEST, Pieces, tokenizer
from zoo.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

    from zoo.providers.transformers_tokens import Tokens
    from zoo.specs import BackboneSpec

POSITIONS = 64  # of the network; what it is pre-trained on may be as long
CONTEXT = 40  # tokens that are read of a text, with the one that opens it: pairs are of spans of 32


def gpt2() -> nn.Module:
    """A GPT-2 of 2 layers, width 128, 2 heads and 6,000 word pieces: 1.17 M parameters.

    Source: Radford et al. 2019, as transformers' `GPT2Model` builds it. Its weights start wider than those of the large
    one (0.05 for 0.02), since its layers are narrower; dropout is on the embeddings only.
    """
    from zoo.providers.transformers_library import library

    config = library().GPT2Config(
        vocab_size=Pieces.vocabulary,
        n_positions=POSITIONS,
        n_embd=128,
        n_layer=2,
        n_head=2,
        embd_pdrop=0.1,
        resid_pdrop=0.0,
        attn_pdrop=0.0,
        initializer_range=0.05,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own, "gelu_new", is the same function in eight kernels
        bos_token_id=Pieces.start,
        eos_token_id=Pieces.end,
        pad_token_id=Pieces.pad,
    )
    module: nn.Module = library().GPT2Model(config)
    return module


def assemble_text(spec: BackboneSpec, module: nn.Module) -> Backbone:
    """The network behind the contract; texts beyond 40 tokens are cut at their end.

    Raises:
        WeightsError: weights that were trained with another tokenizer.
        MissingDependency: transformers is not installed.
    """
    import torch

    from zoo.providers.measure import measured_spec
    from zoo.providers.transformers_text import text_encoder
    from zoo.providers.transformers_tokens import text_preprocess

    if spec.tokenizer != (own := f"word pieces, SHA-256 {DIGEST}"):
        raise WeightsError(
            f"{spec.name} belongs to the tokenizer {spec.tokenizer!r}, and this version of zoo has {own!r}. "
            "Fix: train it again by its recipe (`zoo pretrain --recipe ...`)."
        )
    encode = text_encoder(module, "mean", Pieces.pad)
    preprocess = text_preprocess(_tokenize, Pieces.pad, pairs="joined")
    spec = dataclasses.replace(spec, context=CONTEXT)
    notes = (f"{spec.name}: texts beyond {CONTEXT} tokens are cut at their end",)
    return Backbone(measured_spec(spec, module, encode, torch.full((1, 8), 5)), module, preprocess, encode, notes)


def _tokenize(text: str, second: str | None = None) -> Tokens:
    """The first tokens of a text; of two texts the first halves of the context, with the end token between them."""
    from zoo.providers.transformers_tokens import Tokens

    read: Any = tokenizer()
    if second is None:
        return Tokens(read.encode(text).ids[:CONTEXT])
    one, other = (read.encode(part, add_special_tokens=False).ids for part in (text, second))
    half = (CONTEXT - 2) // 2
    return Tokens([Pieces.start, *one[:half], Pieces.end, *other[:half]])
