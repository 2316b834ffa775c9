"""Options of an adaptation: what each may be, its default, and errors that say so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import InvalidRecord, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Option:
    """One option: `read` turns what was received (also text, from the command line) into a value, or raises ValueError.

    `meaning` is what the value must be, for errors and help. A default of None leaves the choice to the adaptation.
    """

    default: Any
    meaning: str
    read: Callable[[Any], Any]


def whole(default: int | None, least: int = 1) -> Option:
    """A whole number from `least` on."""

    def read(value: Any) -> int:
        number = float(value)
        if isinstance(value, bool) or number != int(number) or number < least:
            raise ValueError
        return int(number)

    return Option(default, f"a whole number from {least} on", read)


def number(default: float | None, meaning: str, holds: Callable[[float], bool]) -> Option:
    """A finite number for which `holds` is true."""

    def read(value: Any) -> float:
        found = float(value)
        if isinstance(value, bool) or not math.isfinite(found) or not holds(found):
            raise ValueError
        return found

    return Option(default, meaning, read)


def flag(default: bool) -> Option:
    """True or false."""

    def read(value: Any) -> bool:
        known = {"true": True, "false": False}
        if str(value).lower() not in known:
            raise ValueError
        return known[str(value).lower()]

    return Option(default, "true or false", read)


def one_of(default: str, *others: str) -> Option:
    """One of some words; the first is the default."""
    words = (default, *others)
    meaning = f"one of {', '.join(words)}"

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(meaning)
        return str(value)

    return Option(default, meaning, read)


def names(default: str = "") -> Option:
    """Names with commas between them."""

    def read(value: Any) -> str:
        found = [name.strip() for name in (value.split(",") if isinstance(value, str) else value)]
        if not all(found):
            raise ValueError
        return ",".join(found)

    return Option(default, "names with commas between them", read)


def own_options(method: str, adaptation: Any, received: Mapping[str, Any]) -> dict[str, Any]:
    """All options of an adaptation: those that were received, checked, and the defaults of the others.

    Raises:
        UnknownName: it has no such option; the message carries the nearest.
        InvalidRecord: a value that the option cannot have.

    Example:
        >>> from zoo.adaptations.lora import Lora
        >>> own_options("lora", Lora(), {"rank": "4"})["rank"]
        4
    """
    known: Mapping[str, Option] = getattr(adaptation, "options", {})
    for name in received:
        if name not in known:
            takes = f"{method} takes: {', '.join(known)}." if known else f"{method} takes no options."
            raise UnknownName(f"option of {method}", name, known, takes)
    return {name: _value(method, name, option, received) for name, option in known.items()}


def pick(method: str, adaptation: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The adaptation's own options out of a larger table of settings (a recipe)."""
    known = getattr(adaptation, "options", {})
    return own_options(method, adaptation, {name: settings[name] for name in known if name in settings})


def _value(method: str, name: str, option: Option, received: Mapping[str, Any]) -> Any:
    value = received.get(name, option.default)
    if value is option.default:
        return value
    try:
        return option.read(value)
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise InvalidRecord(
            f"option {name} of {method} must be {option.meaning}, received {value!r}. Fix: for example "
            f"{name}={option.default if option.default not in (None, '') else '...'}.",
            (name,),
        ) from error
