"""One stored row a backbone: what every check saw, or why it was not checked. Readable without torch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.errors import StoreError
from zoo.io.atomic import explained, replace
from zoo.specs import Record

if TYPE_CHECKING:
    from pathlib import Path

STATES = {
    "conforms": "every check holds",
    "fails": "at least one check does not hold",
    "refused": "zoo refuses to build it, and says why",
    "declared": "a check does not hold, for a reason that is known and stated",
    "not checked": "too large for the machine, and what should stand for it cannot be built",
}


@dataclass(frozen=True)
class Conformance(Record):
    """What was found of one backbone; `state` is a word of `STATES`.

    `through` says what was built in place of one that is too large. `checks` maps the name of
    a check to its finding (`state`, `detail`, `value`). `measured` holds seconds and the versions of the libraries.
    """

    name: str
    provider: str
    family: str
    modality: str
    state: str
    reason: str = ""
    through: str = ""
    padding: str = ""
    parameters: int | None = None
    checks: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def failing(self) -> tuple[str, ...]:
        """The checks that do not hold."""
        return tuple(name for name, found in self.checks.items() if found["state"] == "fails")


def write(folder: Path, row: Conformance) -> None:
    """Store a row under the name of its backbone; an earlier one is replaced.

    Raises:
        StoreError: the folder cannot be written.
    """
    with explained(f"{folder} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / file_name(row.name), json.dumps(row.to_json(), indent=1).encode())


def read(source: Path) -> list[Conformance]:
    """All rows of a folder, or of a packed `.jsonl` file, by name.

    Raises:
        StoreError: neither is there, or a row is damaged.
    """
    if not source.exists():
        raise StoreError(
            f"{source} holds no rows of conformance: nothing is there. Fix: name --out or --pack of a run."
        )
    try:
        texts = (
            source.read_text(encoding="utf-8").splitlines()
            if source.is_file()
            else [path.read_text(encoding="utf-8") for path in sorted(source.glob("*.json"))]
        )
        rows = [Conformance.from_json(json.loads(text)) for text in texts]
    except (OSError, ValueError) as error:
        raise StoreError(f"{source} holds rows that cannot be read ({error}). Fix: run `zoo conform` again.") from error
    return sorted(rows, key=lambda row: row.name)


def pack(rows: list[Conformance], path: Path) -> None:
    """Write rows as one `.jsonl` file, without what differs from run to run."""
    lines = [
        json.dumps({**row.to_json(), "measured": {}}, sort_keys=True) for row in sorted(rows, key=lambda r: r.name)
    ]
    with explained(f"{path} cannot be written"):
        replace(path, ("\n".join(lines) + "\n").encode())


def file_name(name: str) -> str:
    """A file name for a backbone's name, different for different ones.

    Example:
        >>> file_name("timm/resnet18.a1_in1k"), file_name("a/b-c"), file_name("a-b/c")
        ('timm--resnet18.a1_in1k.json', 'a--b-c.json', 'a-b--c.json')
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", name.replace("/", "--")) + ".json"
