"""The docstrings of this machine as paragraphs to pre-train on, without whatever the text tasks are made of.

Two filters keep the tasks out: modules that a test text comes from are left out whole, and so is every paragraph with
eight words in a row of any task text, train or test, before or after names are taken out of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from zoo.data.docstring_names import NAMES, scrubbed
from zoo.data.docstring_tasks import DIGESTS, text_task
from zoo.data.docstring_texts import plain, prose, runs, runs_of
from zoo.data.docstrings import Docstrings, read_docstrings


@dataclass(frozen=True)
class Corpus:
    """Paragraphs by docstring, each paragraph once, and what was left out.

    Attributes:
        documents: of each docstring its paragraphs.
        digest: SHA-256 of all of them.
        versions: of the packages that they come from.
        removed: paragraphs that were left out because they share eight words with a task text.
        modules_out: modules that were left out because a test text comes from them.
    """

    documents: tuple[tuple[str, ...], ...]
    digest: str
    versions: dict[str, str]
    removed: int
    modules_out: int

    @property
    def leakage(self) -> str:
        """What was done about the texts of the tasks, in a sentence."""
        return (
            f"{self.removed} paragraphs with 8 words in a row of a task text and {self.modules_out} modules of test "
            "texts are left out"
        )


@cache
def corpus(packages: tuple[str, ...] | None = None) -> Corpus:
    """The docstrings of the named packages (None: of all that are known and installed), filtered.

    Example:
        >>> found = corpus(("packaging",))
        >>> len(found.documents) > 50, found.removed
        (True, 0)
    """
    return filtered(read_docstrings(None if packages is None else list(packages)))


def filtered(found: Docstrings) -> Corpus:
    """Paragraphs of docstrings that have nothing of a task in them."""
    tasks = [text_task(name) for name in DIGESTS]
    copied = runs_of(text for task in tasks for text in task.samples)
    tested = {
        group
        for task in tasks
        if task.groups is not None and task.parts is not None
        for group in task.groups[task.parts == "test"].tolist()
    }
    documents: list[tuple[str, ...]] = []
    seen: set[str] = set()
    out: set[str] = set()
    removed = 0
    content = hashlib.sha256()
    for one in found.texts:
        if (group := f"{one.package}/{one.module}") in tested:
            out.add(group)
            continue
        kept = []
        for part in prose(one.text):
            if (key := plain(part)) in seen:
                continue
            seen.add(key)
            names = NAMES.get(one.package)
            if runs(part) & copied or (names and runs(scrubbed(part, names)) & copied):
                removed += 1
            else:
                kept.append(part)
        if kept:
            documents.append(tuple(kept))
            content.update(("\0".join(kept) + "\1").encode("utf-8", "replace"))
    return Corpus(tuple(documents), content.hexdigest(), found.versions, removed, len(out))
