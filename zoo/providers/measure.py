"""What a built backbone really has: widths, parameters and capabilities, measured on one input of zeros."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from torch import nn

    from zoo.contracts import Encode
    from zoo.specs import BackboneSpec


def measured_spec(spec: BackboneSpec, module: nn.Module, encode: Encode, inputs: Any = None) -> BackboneSpec:
    """`spec` with `parameters`, `pooled_dim`, `token_dim` and `can` as they are.

    `inputs` is what is tried; None tries one image of zeros of `spec.input_size`.

    Raises:
        IncompatibleError: the network does not accept an input of `spec.input_size`, or gives no pooled vector.
    """
    import torch

    training = module.training
    module.eval()
    try:
        with torch.no_grad():  # not inference mode: a module may keep what it computes here
            trial = torch.zeros(1, *(spec.input_size or ())) if inputs is None else inputs
            features = encode(trial, None)[spec.modality]
    except IncompatibleError:
        raise
    except Exception as error:  # a network may refuse a size in any way: an assertion, a shape error
        if inputs is not None:
            raise IncompatibleError(
                f"{spec.name} cannot encode a small input of its own kind ({spec.modality}): {type(error).__name__}: "
                f"{error}. Fix: its configuration does not fit together; take the library's own."
            ) from error
        raise IncompatibleError(
            f"{spec.name} does not accept an input of shape {list(spec.input_size or ())} ([C, H, W]): "
            f"{type(error).__name__}: {error}. Fix: pass the input_size that the network was made for."
        ) from error
    finally:
        module.train(training)
    if features.pooled.ndim != 2:
        raise IncompatibleError(
            f"{spec.name} must give pooled features [B, D], received shape {list(features.pooled.shape)}."
        )
    can = ["pooled"] + [name for name in ("tokens", "maps") if getattr(features, name) is not None]
    return dataclasses.replace(
        spec,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        pooled_dim=features.pooled.shape[1],
        token_dim=spec.token_dim if features.tokens is None else features.tokens.shape[-1],
        can=tuple(can),
    )
