"""Facts of a backbone as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def named_values(what: str, pairs: list[str], example: str) -> dict[str, Any]:
    """What a repeatable `--what NAME=VALUE` gave, by name; the values are texts.

    Raises:
        UsageError: one is no NAME=VALUE, or a name comes twice.

    Example:
        >>> named_values("option", ["rank=4"], "rank=4")
        {'rank': '4'}
    """
    from zoo.errors import UsageError

    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or name in given:
            wrong = "was given twice" if name in given else "is no NAME=VALUE"
            raise UsageError(f"--{what} {pair!r} {wrong}. Fix: write it once, such as --{what} {example}.")
        given[name] = value
    return given
