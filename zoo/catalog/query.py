"""Which backbones exist, and which of them fit: answered from files, without torch, transformers or a network.

Filters look at plain rows (`zoo.catalog.rows`), and a record is built only for the rows that pass: `zoo list` is to
cost few times a bare interpreter.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from zoo.catalog.rows import backbones, rows, spec_of
from zoo.errors import UnknownName, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zoo.catalog.rows import Row
    from zoo.specs import BackboneSpec

MODALITIES = ("text", "vision", "speech", "image-text")
CAPABILITIES = ("pooled", "tokens", "maps")
SORTS = ("name", "params", "width")
# Classes of well-known licences. One that is in no class has terms of its own, for a person to read.
PERMISSIVE = frozenset(
    {
        *("apache-2.0", "mit", "mit-0", "bsd-2-clause", "bsd-3-clause", "isc", "0bsd", "zlib", "unlicense", "cc0-1.0"),
        *("cc-by-3.0", "cc-by-4.0", "odc-by", "wtfpl"),
    }
)
COPYLEFT = frozenset({"cc-by-sa-3.0", "cc-by-sa-4.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0"})
NONCOMMERCIAL = frozenset(
    {
        *("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "apple-amlr"),
        *("fair-noncommercial-research-license", "qwen-research"),
    }
)
CLASSES = {"permissive": PERMISSIVE, "copyleft": COPYLEFT, "noncommercial": NONCOMMERCIAL}

__all__ = ["backbones", "describe", "entries", "find", "licence_class", "near"]


def entries() -> list[BackboneSpec]:
    """Every backbone, built-in and third-party, sorted by name.

    Example:
        >>> [spec.name for spec in entries() if spec.provider == "pocket"][0]
        'pocket/gpt2'
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
        twins = [full for full in known if model in _short(full.lower())]
        fix = f"Write the full name: {', '.join(twins)}." if twins else "To search, use a pattern: zoo list '*resnet*'."
        raise UnknownName("backbone", name, twins or known, fix)
    return spec_of(known[name])


def find(
    pattern: str = "*",
    *,
    modality: str | None = None,
    provider: str | None = None,
    pretrained: bool | None = None,
    curated: bool | None = None,
    family: str | None = None,
    max_params: str | int | None = None,
    min_params: str | int | None = None,
    license: str | None = None,  # noqa: A002  # the word that people type
    can: str | Iterable[str] = (),
    sort: str = "name",
    limit: int | None = None,
) -> list[BackboneSpec]:
    """Backbones that match all that is asked, sorted by name; none is an empty list, not an error.

    What is not known does not match: with `max_params`, backbones of unknown size are left out, and with `modality`,
    those third-party ones that must be loaded to know it.

    Args:
        pattern: a glob over the full name, the part after the provider, or the part after the last slash (so `bert*`
            finds `transformers/google-bert/bert-base-uncased`); case does not matter.
        modality: one of `MODALITIES`.
        provider: the part of the name before the slash.
        pretrained: True for trained weights, False for bare architectures, None for both.
        curated: True for the canonical checkpoints only, False for all others, None for both.
        family: the model family, such as "resnet", "bert" or "wav2vec2".
        max_params: the most parameters, as a number or like "300K", "30M", "1.5B".
        min_params: the fewest parameters.
        license: an identifier such as "mit" (case does not matter), or a class: "permissive", "copyleft",
            "noncommercial" (known to forbid commercial use), "other" (terms of their own, for a person to read),
            "unknown" (nobody said; so for bare architectures, which have no weights).
        can: capabilities that are all needed, of `CAPABILITIES`.
        sort: of `SORTS`: "name"; "params", smallest first; "width", narrowest pooled features first. Unknown values
            come last. With "-" before it, the other way round.
        limit: the most results to return.

    Raises:
        UnknownName: a modality, provider, family, licence, capability, size, order or limit that means nothing.

    Example:
        >>> [spec.name for spec in find("resnet50.a*", provider="timm", license="permissive", limit=2)]
        ['timm/resnet50.a1_in1k', 'timm/resnet50.a1h_in1k']
        >>> [spec.name for spec in find("resnet*", provider="timm", pretrained=False, sort="params", limit=2)]
        ['timm/resnet10t', 'timm/resnet14t']
    """
    wanted = {can} if isinstance(can, str) else set(can)
    for capability in sorted(wanted):
        _check("capability", capability, CAPABILITIES)
    if modality is not None:
        _check("modality", modality, MODALITIES)
    for kind, asked in (("provider", provider), ("family", family)):
        if asked is not None:
            _check(kind, asked, {row[kind] for row in rows().values() if row.get(kind)})
    _check("order", sort.removeprefix("-"), SORTS)
    licences = None if license is None else _licences(license.lower())
    most = None if max_params is None else count_of(max_params)
    fewest = None if min_params is None else count_of(min_params)
    if limit is not None and limit < 0:
        raise UnknownName("limit", str(limit), (), "Give a whole number from 0 on.")
    matches = _matcher(pattern)
    found = [
        row
        for name, row in rows().items()
        if matches(name)
        and (provider is None or row["provider"] == provider)
        and (modality is None or row.get("modality", "vision") == modality)
        and (pretrained is None or bool(row.get("tag")) == pretrained)
        and (curated is None or row.get("curated", False) == curated)
        and (family is None or row.get("family") == family)
        and (licences is None or row.get("licence", "unknown") in licences)
        and (most is None or 0 < (row.get("parameters") or 0) <= most)
        and (fewest is None or fewest <= (row.get("parameters") or -1))
        and wanted.issubset(row.get("can", ("pooled",)))
    ]
    return [spec_of(row) for row in _sorted(found, sort)[:limit]]


def near(pattern: str) -> str:
    """What to add to "no backbone matches": the names most like a pattern, of all providers, or nothing.

    Example:
        >>> near("resnet5*1")
        ' (nearest: timm/resnet51q, torchvision/resnet50, torchvision/resnet18)'
    """
    plain = re.sub(r"[*?\[\]]", "", pattern)
    names = {_short(name)[1]: name for name in rows()}
    found = [names[short] for short in nearest(plain, names)] if plain else []
    return f" (nearest: {', '.join(found)})" if found else ""


def licence_class(licence: str) -> str:
    """`permissive`, `copyleft`, `noncommercial`, `unknown`, or `other` for terms that a person must read.

    Example:
        >>> licence_class("cc-by-nc-4.0"), licence_class("dinov3-license")
        ('noncommercial', 'other')
    """
    named = [name for name, licences in CLASSES.items() if licence in licences]
    return named[0] if named else "unknown" if licence == "unknown" else "other"


def _check(kind: str, received: str, known: Iterable[str]) -> None:
    if received not in known:
        few = sorted(known)
        raise UnknownName(kind, received, few, f"Known: {', '.join(few)}." if len(few) < 40 else "")


def _licences(asked: str) -> frozenset[str]:
    """The licences that `asked`, a class or an identifier, stands for."""
    present = {row.get("licence", "unknown") for row in rows().values()}
    _check("licence", asked, {*CLASSES, "other", "unknown", *present})
    if asked == "other":
        return frozenset(licence for licence in present if licence_class(licence) == "other")
    return CLASSES.get(asked, frozenset({asked}))


def _sorted(found: list[Row], sort: str) -> list[Row]:
    """Rows, which come sorted by name, in another order; rows of equal rank stay sorted by name."""
    column, backwards = sort.removeprefix("-"), sort.startswith("-")
    if column == "name":
        return found[::-1] if backwards else found
    field = {"params": "parameters", "width": "pooled_dim"}[column]
    known = [row for row in found if row.get(field)]
    return sorted(known, key=lambda row: -row[field] if backwards else row[field]) + [
        row for row in found if not row.get(field)
    ]


def count_of(size: str | int) -> int:
    """`size` as a number of parameters.

    Raises:
        UnknownName: not a size.

    Example:
        >>> count_of("1.5B"), count_of("30M")
        (1500000000, 30000000)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMB]?)", str(size).strip().upper())
    if not found:
        raise UnknownName("size", str(size), (), "Write a number of parameters, such as 30000000, '30M' or '1.5B'.")
    return round(float(found[1]) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}[found[2]])


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a full name, or what `_short` makes of it, matches the glob `pattern`."""
    if pattern == "*":
        return lambda _name: True
    match = re.compile(fnmatch.translate(pattern.lower())).match

    def matches(name: str) -> bool:
        name = name.lower()
        return bool(match(name) or any(map(match, _short(name))))

    return matches


def _short(name: str) -> tuple[str, str]:
    """A name without its provider, and without the namespace of a hub repository.

    Example:
        >>> _short("transformers/google-bert/bert-base-uncased")
        ('google-bert/bert-base-uncased', 'bert-base-uncased')
    """
    return name.partition("/")[2], name.rpartition("/")[2]
