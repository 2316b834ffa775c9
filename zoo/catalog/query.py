"""Which backbones exist, and which of them fit: answered from files, without torch, transformers or a network.

Filters look at plain rows (`zoo.catalog.rows`), and a record is built only for the rows that pass: `zoo list` is to
cost few times a bare interpreter.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from zoo.catalog.rows import backbones, rows, spec_of
from zoo.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zoo.specs import BackboneSpec

MODALITIES = ("text", "vision", "speech", "image-text")
CAPABILITIES = ("pooled", "tokens", "maps")
# Classes of well-known licences. One that is in neither class has terms of its own, for a person to read.
PERMISSIVE = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "0bsd", "zlib", "unlicense", "cc0-1.0", "cc-by-4.0"}
)
NONCOMMERCIAL = frozenset(
    {"cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "fair-noncommercial-research-license", "apple-amlr"}
)

__all__ = ["backbones", "describe", "entries", "find", "licence_class"]


def entries() -> list[BackboneSpec]:
    """Every backbone, built-in and third-party, sorted by name.

    Example:
        >>> [spec.name for spec in entries() if spec.provider == "pocket"][0]
        'pocket/resnet10'
    """
    return [spec_of(row) for row in rows().values()]


def describe(name: str) -> BackboneSpec:
    """The record of one backbone by its full, exact name.

    Raises:
        UnknownName: no such backbone; the message carries the nearest names of all providers.

    Example:
        >>> describe("timm/resnet50.a1_in1k").source
        'hf-hub:timm/resnet50.a1_in1k'
    """
    known = rows()
    if name not in known:
        model = name.rpartition("/")[2].lower()
        twins = [full for full in known if full.lower().partition("/")[2] == model]
        fix = f"Write the full name: {', '.join(twins)}." if twins else "To search, use a pattern: zoo list '*resnet*'."
        raise UnknownName("backbone", name, twins or known, fix)
    return spec_of(known[name])


def find(
    pattern: str = "*",
    *,
    modality: str | None = None,
    provider: str | None = None,
    pretrained: bool | None = None,
    max_params: str | int | None = None,
    license: str | None = None,  # noqa: A002  # the word that people type
    can: str | Iterable[str] = (),
    limit: int | None = None,
) -> list[BackboneSpec]:
    """Backbones that match all that is asked, sorted by name; none is an empty list, not an error.

    What is not known does not match: with `max_params`, backbones of unknown size are left out, and with `modality`,
    those third-party ones that must be loaded to know it.

    Args:
        pattern: a glob over the full name or the part after the provider; case does not matter.
        modality: one of `MODALITIES`.
        provider: the part of the name before the slash.
        pretrained: True for trained weights, False for bare architectures, None for both.
        max_params: the most parameters, as a number or like "300K", "30M", "1.5B".
        license: an identifier such as "mit" (case does not matter), or a class: "permissive", "noncommercial" (known
            to forbid commercial use), "unknown" (nobody said; so for timm's bare architectures, which have no weights).
        can: capabilities that are all needed, of `CAPABILITIES`.
        limit: the most results to return.

    Raises:
        UnknownName: a modality, provider, licence, capability, size or limit that means nothing.

    Example:
        >>> [spec.name for spec in find("resnet50.a*", provider="timm", license="permissive", limit=2)]
        ['timm/resnet50.a1_in1k', 'timm/resnet50.a1h_in1k']
    """
    wanted = {can} if isinstance(can, str) else set(can)
    for capability in sorted(wanted):
        _check("capability", capability, CAPABILITIES)
    if modality is not None:
        _check("modality", modality, MODALITIES)
    if provider is not None:
        _check("provider", provider, {row["provider"] for row in rows().values()})
    licences = None if license is None else _licences(license.lower())
    most = None if max_params is None else _count(max_params)
    if limit is not None and limit < 0:
        raise UnknownName("limit", str(limit), (), "Give a whole number from 0 on.")
    matches = _matcher(pattern)
    found = [
        spec_of(row)
        for name, row in rows().items()
        if matches(name)
        and (provider is None or row["provider"] == provider)
        and (modality is None or row.get("modality", "vision") == modality)
        and (pretrained is None or bool(row.get("tag")) == pretrained)
        and (licences is None or row.get("licence", "unknown") in licences)
        and (most is None or 0 < (row.get("parameters") or 0) <= most)
        and wanted.issubset(row.get("can", ("pooled",)))
    ]
    return found[:limit]


def licence_class(licence: str) -> str:
    """`permissive`, `noncommercial`, `unknown`, or `other` for terms that a person must read.

    Example:
        >>> licence_class("cc-by-nc-4.0"), licence_class("dinov3-license")
        ('noncommercial', 'other')
    """
    if licence in PERMISSIVE:
        return "permissive"
    if licence in NONCOMMERCIAL:
        return "noncommercial"
    return "unknown" if licence == "unknown" else "other"


def _check(kind: str, received: str, known: Iterable[str]) -> None:
    if received not in known:
        raise UnknownName(kind, received, known, f"Known: {', '.join(sorted(known))}.")


def _licences(asked: str) -> frozenset[str]:
    """The licences that `asked`, a class or an identifier, stands for."""
    classes = {"permissive": PERMISSIVE, "noncommercial": NONCOMMERCIAL}
    present = {row.get("licence", "unknown") for row in rows().values()}
    _check("licence", asked, {*classes, "unknown", *present})
    return classes.get(asked, frozenset({asked}))


def _count(size: str | int) -> float:
    """`size` as a number of parameters."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMB]?)", str(size).strip().upper())
    if not found:
        raise UnknownName("size", str(size), (), "Write a number of parameters, such as 30000000, '30M' or '1.5B'.")
    return round(float(found[1]) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}[found[2]])


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a full name, or its part after the provider, matches the glob `pattern`."""
    match = re.compile(fnmatch.translate(pattern.lower())).match

    def matches(name: str) -> bool:
        name = name.lower()
        return bool(match(name) or match(name.partition("/")[2]))

    return matches
