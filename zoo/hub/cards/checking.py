"""The last look at a card before it goes out: its words are the hub's, and nothing in it is open."""

from __future__ import annotations

import re
from typing import Any

from zoo.errors import PublishError
from zoo.hub.vocabulary import check_metadata

NEEDED = ("Use", "Limits", "Licence")  # sections of every card
_OPEN = re.compile(
    r"More Information Needed|\bTODO\b|\bTBD\b|\$\{[a-z_]+\}|\| (?:None|nan) (?=\|)|(?<= )(?:None|nan)\.$", re.M
)


def check_card(text: str) -> dict[str, Any]:
    """The metadata of a card, if it may be published.

    Raises:
        PublishError: no metadata, a section that is missing or empty, or a place that was left open.
        UnknownName: a word that the hub does not know.

    Example:
        >>> check_card("# pets")
        Traceback (most recent call last):
        zoo.errors.PublishError: the card has no metadata...
    """
    import yaml

    block = re.match(r"---\n(.*?\n)---\n(.*)", text, re.DOTALL)
    try:
        metadata = yaml.safe_load(block[1]) if block else None
    except yaml.YAMLError as error:
        raise PublishError(f"the metadata of the card are not YAML ({error}). Fix: report this.") from error
    if not block or not isinstance(metadata, dict):
        raise PublishError("the card has no metadata. Fix: begin it with a block between two lines `---`.")
    check_metadata(metadata)
    prose = re.sub(r"```.*?```|`[^`\n]+`", "", block[2], flags=re.DOTALL)  # words of others stand in code too
    if found := _OPEN.search(prose):
        line = next(line for line in prose.splitlines() if found[0] in line)
        raise PublishError(f"the card leaves {found[0]!r} open: {line.strip()[:100]!r}. Fix: record what is missing.")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", block[2], re.DOTALL | re.MULTILINE))
    for name in NEEDED:
        if not sections.get(name, "").strip():
            raise PublishError(f"the card has nothing under {name!r}. Fix: record what is missing.")
    if "```python\n" not in sections["Use"]:
        raise PublishError("the card shows no code. Fix: export the model again.")
    return metadata
