"""Facts of a backbone as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec


def size(spec: BackboneSpec) -> str:
    """Millions of parameters, or a question mark."""
    return f"{spec.parameters / 1e6:.2f} M" if spec.parameters else "?"


def shape(spec: BackboneSpec) -> str:
    """The input [C, H, W], or a question mark."""
    return "x".join(map(str, spec.input_size)) if spec.input_size else "?"
