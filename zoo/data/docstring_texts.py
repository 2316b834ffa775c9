"""From docstrings to prose: what is code, markup or a table goes, and paragraphs of words stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = 8  # that stand in a row in two texts, for one to count as a copy of the other
_SHORTEST = 25  # characters of a paragraph
_WORDY = 0.72  # share of letters and spaces
_SECTION = re.compile(
    r"\n(?:Parameters|Returns|Yields|Args|Arguments|Attributes|Examples?|Notes|See Also|References)(?::|\n-)"
)
_ROLE = re.compile(r":(?:[a-z]+:)?[a-z]+:`[~!]*([^`<]*?)(?: ?<[^`]*>)?`")  # of Sphinx: :class:`~a.b.C`
_LINK = re.compile(r"\[`~?([^`\]]+)`\](?:\([^)]*\))?")  # of the hub's docs: [`~a.b.C`](...)
_RULE = re.compile(r"[-=~^*`#_+|. ]{3,}")
_MARKUP = (".. ", "```", "|", "+--", "http")


def prose(docstring: str) -> list[str]:
    r"""The paragraphs of a docstring: on one line each, without examples, directives, rules and role marks.

    Example:
        >>> prose("Sum :func:`~a.b.items` of a long list.\n\n>>> 1 + 1\n2\n\nIt is slow when the list is long.")
        ['Sum items of a long list.', 'It is slow when the list is long.']
    """
    kept = [" ".join(part.split()) for part in re.split(r"\n\s*\n", without_marks(_without_code(docstring)))]
    return [part for part in kept if len(part) >= _SHORTEST and _share_of_letters(part) > _WORDY]


def opening(docstring: str, words: int = 60) -> str:
    r"""The first words of the prose that stands before the first section (`Parameters`, `Args:` ...).

    Example:
        >>> opening("Add two numbers of any kind.\n\nParameters\n----------\nx : the first number of the two.", 4)
        'Add two numbers of'
    """
    return " ".join(" ".join(prose(_SECTION.split(docstring)[0])).split()[:words])


def described(docstring: str, words: int = 40) -> list[tuple[str, str]]:
    r"""What the section `Parameters` of numpy's style says: of each single parameter its type and description.

    Example:
        >>> described("Add.\n\nParameters\n----------\nx : int, optional\n    The first of them.\n    Or none.\n")
        [('int, optional', 'The first of them. Or none.')]
    """
    found: list[tuple[str, list[str]]] = []
    lines = docstring.split("\n")
    starts = [place for place in range(1, len(lines)) if lines[place - 1] == "Parameters" and lines[place][:3] == "---"]
    for place in range(starts[0] + 1, len(lines)) if starts else ():
        line = lines[place]
        if place + 1 < len(lines) and lines[place + 1].startswith("---"):
            break  # the next section
        if told := re.fullmatch(r"\*{0,2}\w+ ?: ?(\S.*)", line):
            found.append((told[1], []))
        elif line.startswith("  ") and found:
            found[-1][1].append(line)
        elif line.strip():
            found.append(("", []))  # several parameters on one line, which are left out
    cleaned = ((kind, without_marks(_without_code("\n".join(text)))) for kind, text in found if kind)
    return [(kind, " ".join(text.split()[:words])) for kind, text in cleaned if text.split()]


def without_marks(text: str) -> str:
    """Text without roles, links and back-quotes; of a dotted name in them the last part stays.

    Example:
        >>> without_marks("see :class:`~numpy.ndarray` or [`~a.Model`] and ``x``")
        'see ndarray or Model and x'
    """
    text = _LINK.sub(lambda found: _last(found[1]), _ROLE.sub(lambda found: _last(found[1]), text))
    return text.replace("`", "").replace("**", "")


def plain(text: str) -> str:
    """Lower-case letters and single spaces: what is compared where copies are looked for.

    Example:
        >>> plain("If True, x[0] is 1.")
        'if true x is'
    """
    return re.sub(r"[^a-z]+", " ", text.lower()).strip()


def runs(text: str) -> set[str]:
    """Every eight words in a row, plainly; none of a shorter text.

    Example:
        >>> sorted(runs("One two, three four five six seven eight. Nine!"))
        ['one two three four five six seven eight', 'two three four five six seven eight nine']
    """
    words = plain(text).split()
    return {" ".join(words[place : place + WORDS]) for place in range(len(words) - WORDS + 1)}


def runs_of(texts: Iterable[str]) -> set[str]:
    """The eight words in a row of all these texts."""
    return set().union(*map(runs, texts))


def _without_code(docstring: str) -> str:
    kept: list[str] = []
    in_example = False
    for line in map(str.strip, docstring.split("\n")):
        if line.startswith((">>>", "...")):
            in_example = True
        elif not line or _RULE.fullmatch(line):
            in_example = in_example and bool(line)
            kept.append("")
        elif not in_example and not line.startswith(_MARKUP):
            kept.append(line)
    return "\n".join(kept)


def _last(name: str) -> str:
    return name if " " in name else name.split(".")[-1]


def _share_of_letters(text: str) -> float:
    return sum(letter.isalpha() or letter == " " for letter in text) / len(text)
