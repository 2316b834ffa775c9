"""Which licence a model may be published under: that of the weights it began from, unless a stricter one is asked for.

This is a rule of thumb over well-known licences and no legal advice. Where it is not sure it refuses, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.catalog.query import COPYLEFT, NONCOMMERCIAL, PERMISSIVE, licence_class
from zoo.errors import PublishError, UnknownName
from zoo.hub.vocabulary import slug, words

NO_TERMS = frozenset({"cc0-1.0", "unlicense", "wtfpl", "0bsd", "pddl"})  # ask for nothing, not even a notice
NO_DERIVATIVES = frozenset({"cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"})


@dataclass(frozen=True)
class Licence:
    """`identifier` is a word of the hub; `name` is said beside the identifier `other`; `why` is a sentence."""

    identifier: str
    name: str = ""
    why: str = ""


def licence_of(base: str, asked: str = "", *, base_name: str = "", derived: bool = True) -> Licence:
    """The licence of a model whose weights began as those of a base.

    Args:
        base: the licence of the base's weights, `unknown` where nobody said it; "" where there is no base.
        asked: what the publisher wants; empty carries the base's licence over.
        base_name: the base, for messages.
        derived: whether the weights were changed, which some licences do not allow to be shared.

    Raises:
        PublishError: what was asked for allows more than the base does, or the base's licence forbids it.
        UnknownName: a licence that the hub does not know.

    Example:
        >>> licence_of("apache-2.0").identifier, licence_of("dinov3-license").name
        ('apache-2.0', 'dinov3-license')
        >>> licence_of("cc-by-nc-4.0", "mit", base_name="org/base")
        Traceback (most recent call last):
        zoo.errors.PublishError: the weights began as org/base under cc-by-nc-4.0, which forbids commercial use, ...
    """
    base, asked = base.lower(), asked.lower()
    what = base_name or "the base"
    if asked == "other" and base != "other":
        raise PublishError(
            "the licence `other` needs a name and a text of its own, which zoo cannot write. Fix: --licence with "
            "another identifier; or leave it out, and state your terms in the repository's LICENSE and card."
        )
    if asked and asked not in words("licences"):
        raise UnknownName("licence", asked, words("licences"), "Fix: an identifier of the hub, or leave it out.")
    if not base:
        return Licence(asked or "unknown", why="" if asked else "nobody said a licence: --licence states one")
    if derived and base in NO_DERIVATIVES:
        raise PublishError(
            f"{what} is under {base}, which allows no changed weights to be passed on. Fix: ask its owner."
        )
    if not asked or asked == base:
        return _carried(base, what)
    if reason := _conflict(base, asked):
        raise PublishError(
            f"the weights began as {what} under {base}, {reason}, so they cannot be passed on under {asked}. "
            "Fix: leave --licence out, which carries the base's licence over; or ask the base's owner."
        )
    return Licence(asked, why=f"the base {what} is under {base}, whose notices must be kept")


def _carried(base: str, what: str) -> Licence:
    if base == "unknown":
        return Licence("unknown", why=f"nobody said the licence of {what}: it is not assumed")
    if base == "other":  # the hub wants a name beside it
        return Licence("other", f"{slug(what)}-licence", f"carried over from {what}; read its terms there")
    if base in words("licences"):
        return Licence(base, why=f"carried over from {what}")
    return Licence("other", base, f"carried over from {what}; read its terms there")


def _conflict(base: str, asked: str) -> str:
    """Why `asked` allows more than `base` does, or cannot be told to allow less; empty where there is no conflict."""
    kind = licence_class(base)
    if kind == "unknown":
        return "that is, nobody said which"
    if base in NONCOMMERCIAL:
        return "which forbids commercial use"
    if base in COPYLEFT:
        return "which asks for the same licence"
    if base in NO_TERMS:
        return ""
    if base in PERMISSIVE:
        if asked in NO_TERMS:
            return "which asks for its notice to be kept"
        return "" if asked in PERMISSIVE | COPYLEFT | NONCOMMERCIAL else "and zoo does not know how they compare"
    return "whose terms zoo does not know"
