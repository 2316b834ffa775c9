"""Which column is the sample, the second text, the label, the group and the part: by name and by content.

What is inferred is never a guess: where two columns could be meant, the error names them and what to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from zoo.data.sources.kinds import Kind, kind_of
from zoo.errors import DataError, UnknownName, UsageError
from zoo.io.datasets import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.data.tables import Table

ROLES = ("text", "second", "image", "audio", "label", "group", "split")
"""What `roles` may say; a label may be several columns of 0 and 1, joined by commas; "" says that there is none."""
TEXTS = (
    "text", "texts", "sentence", "review", "content", "document", "body", "question", "message", "tweet", "comment",
    "utterance", "query", "title", "description", "abstract", "headline", "summary", "sms", "post", "passage",
)  # fmt: skip
PAIRS = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence"),
    ("question", "passage"), ("text1", "text2"), ("text_a", "text_b"), ("query", "document"), ("query", "passage"),
)  # fmt: skip
LABELS = (
    "label", "labels", "target", "targets", "class", "classes", "category", "categories", "score", "rating", "stars",
    "sentiment", "emotion", "intent", "genre", "tags", "y", "label_id", "class_id",
)  # fmt: skip
GROUPS = (
    "group", "group_id", "speaker", "speaker_id", "subject", "subject_id", "patient", "patient_id", "author",
    "author_id", "user", "user_id", "client_id", "document_id", "doc_id", "session", "session_id", "recording_id",
)  # fmt: skip
SPLITS = ("split", "part", "partition", "subset", "set")
_ID = re.compile(r"(id|ids|idx|index|guid|uid|uuid|key|row|line|unnamed.*|__index_level_\d+__|.+_(id|idx|uuid))")


@dataclass(frozen=True)
class Roles:
    """Columns by what they are for; `samples` are two for a pair of texts, `labels` several for columns of 0 and 1."""

    inputs: str
    samples: tuple[str, ...]
    labels: tuple[str, ...]
    group: str = ""
    split: str = ""


def find_roles(table: Table, given: Mapping[str, str], inputs: str = "", *, has_parts: bool = False) -> Roles:
    """Decide what each column is for.

    | role   | without `roles`                                                                                        |
    |--------|--------------------------------------------------------------------------------------------------------|
    | sample | the only column of images or audio (bytes before paths); else a known pair of texts; else the only     |
    |        | column with a name of `TEXTS`; else the only column of texts that do not repeat as classes do          |
    | label  | the only column with a name of `LABELS` or with declared classes; else the only one that is left       |
    | group  | the only column with a name of `GROUPS`, if its values repeat                                          |
    | split  | the only column with a name of `SPLITS`, if all its values are names of parts                          |

    A column that is named like an id, or that only counts rows, is never the label unless `roles` says so.

    Raises:
        UnknownName: `given` has a role or a column that is none.
        UsageError: roles that do not go together.
        DataError: no column, or more than one, could be meant.
    """
    return _Search(table, given, inputs, has_parts).found()


def said_roles(roles: Mapping[str, str | Sequence[str]] | None) -> dict[str, str]:
    """Roles as one text each; several columns may be given as a list.

    Raises:
        UsageError: no mapping of names.

    Example:
        >>> said_roles({"text": "words", "label": ["a", "b"]})
        {'text': 'words', 'label': 'a,b'}
    """
    said: dict[str, str] = {}
    for role, column in dict(roles or {}).items():
        names = [column] if isinstance(column, str) else list(column) if isinstance(column, (list, tuple)) else [None]
        if not all(isinstance(name, str) for name in [role, *names]):
            raise UsageError(f'roles are names of columns, received {role!r}: {column!r}. Fix: {{"label": "COLUMN"}}.')
        said[role] = ",".join(map(str, names))
    return said


class _Search:
    def __init__(self, table: Table, given: Mapping[str, str], inputs: str, has_parts: bool) -> None:
        self.table, self.inputs, self.has_parts = table, inputs, has_parts
        self.given = {role: column.strip() for role, column in given.items()}
        for role in self.given:
            if role not in ROLES:
                raise UnknownName("role", role, ROLES, f"Known: {', '.join(ROLES)}.")
        self.kinds: dict[str, Kind] = {}
        self.taken: set[str] = set()
        for role, column in self.given.items():
            for name in self._columns(role, column):
                if name in self.taken:
                    raise UsageError(f"column {name!r} has two roles. Fix: give it one, in roles={{...}}.")
                self.taken.add(name)

    def found(self) -> Roles:
        split = self._split()
        group = self._group()
        inputs, samples = self._samples()
        self.taken |= set(samples)
        labels = self._labels()
        return Roles(inputs, samples, labels, group, split)

    def kind(self, name: str) -> Kind:
        if name not in self.kinds:
            self.kinds[name] = kind_of(self.table, name)
        return self.kinds[name]

    def _columns(self, role: str, said: str) -> tuple[str, ...]:
        """The columns that a role names; a name with a comma in it is one column where the table has it."""
        names = (said,) if said in self.table.columns or role != "label" else tuple(said.split(","))
        names = tuple(name.strip() for name in names if name.strip())
        for name in names:
            if name not in self.table.columns:
                raise UnknownName("column", name, self.table.columns, f"{self.table.name} has {self._listed()}.")
        return names

    def _left(self) -> list[str]:
        return [name for name in self.table.columns if name not in self.taken]

    def _named(self, names: Sequence[str]) -> list[str]:
        """Columns that are left and have one of the names, in the order of the names."""
        return [name for wanted in names for name in self._left() if _plain(name) == wanted]

    def _split(self) -> str:
        if "split" in self.given or self.has_parts:
            return self.given.get("split", "")
        found = [name for name in self._named(SPLITS) if self._all_parts(name)]
        if len(found) > 1:
            self._unclear("part of a sample", found, "split")
        self.taken |= set(found)
        return found[0] if found else ""

    def _all_parts(self, name: str) -> bool:
        kind = self.kind(name)
        few = kind.name == "text" and kind.distinct <= len(PARTS)
        return few and all(_plain(value) in PARTS for value in set(filter(None, self.table.columns[name])))

    def _group(self) -> str:
        if "group" in self.given:
            return self.given["group"]
        named = self._named(GROUPS)
        found = [name for name in named if self.kind(name).distinct < self.kind(name).filled]
        if len(found) > 1:
            self._unclear("group", found, "group")
        self.taken |= set(named)  # one that does not repeat is an id
        return found[0] if found else ""

    def _samples(self) -> tuple[str, tuple[str, ...]]:
        said = {role: name for role in ("text", "second", "image", "audio") if (name := self.given.get(role))}
        if said:
            return self._said_samples(said)
        if self.inputs in ("", "image", "audio"):
            media = [name for name in self._left() if self.kind(name).name in ("image", "audio")]
            media = [name for name in media if self.inputs in ("", self.kind(name).name)]
            for form in ("object", "bytes", "path"):
                found = [name for name in media if self.kind(name).form == form]
                if len(found) > 1:
                    self._unclear("sample", found, self.kind(found[0]).name)
                if found:
                    return self.kind(found[0]).name, (found[0],)
            if self.inputs:
                self._none(f"column of {self.inputs}", self.inputs)
        return self._texts()

    def _said_samples(self, said: dict[str, str]) -> tuple[str, tuple[str, ...]]:
        if "text" in said and set(said) <= {"text", "second"}:
            columns = tuple(said[role] for role in ("text", "second") if role in said)
            inputs = "text_pair" if len(columns) == 2 else "text"
        elif len(said) == 1 and "second" not in said:
            inputs, columns = next(iter(said)), tuple(said.values())
        else:
            raise UsageError(
                f"roles {' and '.join(said)} make no sample. Fix: give text, text and second, image or audio."
            )
        if self.inputs not in ("", inputs):
            raise UsageError(f"inputs={self.inputs!r} and the roles {', '.join(said)} differ. Fix: leave inputs out.")
        return inputs, columns

    def _texts(self) -> tuple[str, tuple[str, ...]]:
        texts = [name for name in self._left() if self._may_be_text(name)]
        plain = {_plain(name): name for name in texts}
        pairs = [(plain[a], plain[b]) for a, b in PAIRS if a in plain and b in plain]
        various = [name for name in texts if not self.kind(name).few()]
        if self.inputs == "text_pair" and not pairs and len(various) == 2:
            pairs = [(various[0], various[1])]
        known = [name for name in self._named(TEXTS) if name in texts]
        if self.inputs != "text" and len(pairs) == 1 and set(known) <= set(pairs[0]):
            return "text_pair", pairs[0]
        if self.inputs == "text_pair" or pairs:
            self._unclear("pair of texts" if self.inputs else "text, or pair of texts", texts, "text", "second")
        if len(known) > 1:
            self._unclear("text", known, "text")
        found = known or various or texts
        if len(found) > 1:
            self._unclear("text", found, "text")
        if not found:
            self._none("column of texts, images or audio", "text")
        return "text", (found[0],)

    def _may_be_text(self, name: str) -> bool:
        kind = self.kind(name)
        named = _is_id(name) or _plain(name) in LABELS or name in self.table.classes
        return kind.name == "text" and not named

    def _labels(self) -> tuple[str, ...]:
        if "label" in self.given:
            return self._columns("label", self.given["label"])
        left = [name for name in self._left() if not _is_id(name) and not self._counts(name)]
        declared = [name for name in left if name in self.table.classes]
        found = list(dict.fromkeys([*(name for name in self._named(LABELS) if name in left), *declared]))
        found = found or [name for name in left if self.kind(name).name not in ("image", "audio", "empty", "other")]
        if len(found) > 1:
            self._unclear("label", found, "label")
        return tuple(found)

    def _counts(self, name: str) -> bool:
        """Whether a column only numbers the rows."""
        kind = self.kind(name)
        if kind.name != "whole" or kind.distinct < max(3, len(self.table)) or _plain(name) in LABELS:
            return False
        numbers = [int(value) for value in self.table.columns[name]]
        return max(numbers) - min(numbers) == len(numbers) - 1

    def _listed(self) -> str:
        names = list(self.table.columns)
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        return f"the columns {', '.join(map(repr, names[:12]))}{more}"

    def _unclear(self, what: str, found: Sequence[str], *roles: str) -> NoReturn:
        written = ", ".join(f'"{role}": "{name}"' for role, name in zip(roles, found, strict=False))
        several = ""
        if what == "label" and all(self._is_flag(name) for name in found):
            several = f' (or all, as one label of several classes: roles={{"label": "{",".join(found[:20])}"}})'
        raise DataError(
            f"more than one column of {self.table.name} may be the {what}: {', '.join(found[:20])}. "
            f"Fix: say which, such as roles={{{written}}}{several}."
        )

    def _is_flag(self, name: str) -> bool:
        return self.kind(name).name in ("whole", "bool") and self.kind(name).distinct <= 2

    def _none(self, what: str, role: str) -> NoReturn:
        raise DataError(
            f"{self.table.name} has no {what} that zoo recognises; it has {self._listed()}. "
            f'Fix: say which one it is: roles={{"{role}": "COLUMN"}}.'
        )


def _plain(name: object) -> str:
    """A name as it is compared: small letters, and `_` for blanks and dashes."""
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


def _is_id(name: str) -> bool:
    return _plain(name) not in LABELS and _ID.fullmatch(_plain(name)) is not None
