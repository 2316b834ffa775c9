"""Facts of a backbone as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec


def size(spec: BackboneSpec) -> str:
    """Millions of parameters, or a question mark."""
    return f"{spec.parameters / 1e6:.2f} M" if spec.parameters else "?"


def shape(spec: BackboneSpec) -> str:
    """The input in few letters: `3x224x224` ([C, H, W]), `16 kHz`, `512 tokens`; or a question mark."""
    if spec.input_size:
        return "x".join(map(str, spec.input_size))
    if spec.sample_rate:
        return f"{spec.sample_rate / 1000:g} kHz"
    return f"{spec.context} tokens" if spec.context else "?"
