"""Answers of a fitted model for files, folders and tables, written as CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.labelled import inputs_of
from zoo.embedding.inputs import TABLES, find_items
from zoo.errors import DataError, UsageError
from zoo.io.atomic import explained, replace
from zoo.training.fitted import load_model
from zoo.training.inputs import Inputs
from zoo.training.progress import Progress

if TYPE_CHECKING:
    from zoo.embedding.inputs import Item
    from zoo.training.fitted import FittedModel

FORMATS = (".csv", ".jsonl")
STEP = 512  # inputs between two looks at the clock
_READS = {"image": "vision", "text": "text", "text_pair": "text", "audio": "speech"}


@dataclass(frozen=True)
class Predicted:
    """What `predict_files` wrote: `rows` in all, and the inputs that could not be read, each with its reason."""

    rows: int
    unreadable: list[tuple[str, str]]


def predict_files(
    model: str | Path | FittedModel,
    paths: Sequence[str | Path],
    out: str | Path | None = None,
    *,
    columns: Sequence[str] = (),
    batch_size: int = 64,
    quiet: bool = False,
) -> Predicted:
    """A row for each input, in order: `path`, `row` of a table (from 0), `prediction`, `error`, and probabilities.

    In CSV each class has a column `p(CLASS)`, and several labels stand with `|` between them; in JSON lines
    `probabilities` is an object and several labels are a list. An input that cannot be read has a row with its `error`
    and no prediction.

    Args:
        model: a fitted model, or the folder of one.
        paths: files, folders, .txt (a text each line), and tables (.csv, .tsv, .jsonl, .parquet) with `columns`.
        out: a .csv or .jsonl file, written whole or not at all; None writes CSV to standard output.
        columns: of a table, the one that holds texts or paths; two for pairs of texts.
        batch_size: inputs that go through the network together; it changes no answer.
        quiet: no progress on stderr.

    Raises:
        UsageError: `out` exists or has another suffix; columns that do not fit.
        DataError: nothing to read. WeightsError: no such model. StoreError: `out` cannot be written.

    Example:
        >>> predict_files("runs/photos", ["new/"], "answers.csv").rows                 # doctest: +SKIP
        24
    """
    target = None if out is None else Path(out).expanduser()
    if target is not None and target.suffix not in FORMATS:
        raise UsageError(f"--out must end in {' or '.join(FORMATS)}, received {target.name!r}. Fix: rename it.")
    if target is not None and target.exists():
        raise UsageError(f"{target} exists. Fix: remove it, or choose another --out.")
    if batch_size < 1:
        raise UsageError(f"a batch holds at least 1 input, received --batch-size {batch_size}.")
    fitted = load_model(model) if isinstance(model, (str, Path)) else model
    items = _items(fitted, paths, columns)
    if target is not None:
        with explained(f"{target} cannot be written"):  # now, and not when all answers are there
            target.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with Progress("predicting", len(items), unit="input", quiet=quiet or target is None) as progress:
        for start in range(0, len(items), STEP):
            part = items[start : start + STEP]
            rows += _rows(fitted, part, batch_size)
            progress.advance(len(part))
    data = _csv(rows, fitted) if target is None or target.suffix == ".csv" else _lines(rows)
    if target is None:
        sys.stdout.write(data.encode("utf-8", "backslashreplace").decode())
    else:
        with explained(f"{target} cannot be written"):
            replace(target, data.encode("utf-8", "backslashreplace"))  # a name of a file may hold any bytes
    return Predicted(len(rows), [(_where(row), row["error"]) for row in rows if row["error"]])


def _items(fitted: FittedModel, paths: Sequence[str | Path], columns: Sequence[str]) -> list[tuple[Item, ...]]:
    """One item for each input, or two for a pair of texts."""
    inputs = inputs_of(fitted.spec.task.kind)
    wanted = 2 if inputs == "text_pair" else 1
    if len(columns) > wanted or (wanted == 2 and len(columns) != 2):
        raise UsageError(
            f"this model takes {inputs}, so {wanted} --column, received {len(columns)}. Fix: --column NAME"
            f"{' --column NAME' if wanted == 2 else ''}."
        )
    if wanted == 2 and (other := next((path for path in paths if Path(path).suffix.lower() not in TABLES), None)):
        raise UsageError(
            f"pairs of texts stand in two columns of a table, received {other}. Fix: give {' '.join(TABLES)}."
        )
    found = [find_items(paths, _READS[inputs], column) for column in columns or ("",)]
    return list(zip(*found, strict=True))


def _rows(fitted: FittedModel, items: Sequence[tuple[Item, ...]], batch_size: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"path": one[0].path, "row": one[0].row, "prediction": None, "error": "", "probabilities": {}} for one in items
    ]
    inputs = Inputs(_Read(items), fitted.backbone.preprocess, fitted.backbone.spec.padding)
    ready = []
    for place, row in enumerate(rows):
        try:
            inputs.one(place)
        except DataError as error:
            row["error"] = str(error)
        else:
            ready.append(place)
    outputs = fitted.outputs_of(inputs, np.array(ready, dtype=int), batch_size)
    found = fitted.kind.probabilities(outputs / fitted.spec.temperature)
    for at, (place, answer) in enumerate(zip(ready, fitted.answers(outputs), strict=True)):
        rows[place]["prediction"] = answer
        if found is not None:
            rows[place]["probabilities"] = dict(zip(fitted.spec.classes, map(float, found[at]), strict=True))
    return rows


class _Read(Sequence[Any]):
    """Raw samples, read when they are asked for."""

    def __init__(self, items: Sequence[tuple[Item, ...]]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        parts = [item.read() for item in self.items[index]]
        return parts[0] if len(parts) == 1 else tuple(parts)


def _csv(rows: Sequence[dict[str, Any]], fitted: FittedModel) -> str:
    with io.StringIO(newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["path", "row", "prediction", "error", *(f"p({name})" for name in fitted.spec.classes)])
        for row in rows:
            answer = "|".join(row["prediction"]) if isinstance(row["prediction"], tuple) else row["prediction"]
            shares = [f"{value:.6f}" for value in row["probabilities"].values()] or [""] * len(fitted.spec.classes)
            writer.writerow([row["path"], row["row"], answer, row["error"], *shares])
        return text.getvalue()


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _where(row: dict[str, Any]) -> str:
    return row["path"] if row["row"] is None else f"{row['path']} row {row['row']}"
