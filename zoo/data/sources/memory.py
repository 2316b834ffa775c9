"""Data in memory: pairs (samples, labels) of arrays or lists, and data frames of any library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.arrow import arrow_table
from zoo.data.sources.kinds import medium_of, suffix_kind
from zoo.data.sources.labelled_table import from_table
from zoo.data.sources.samples import Opened
from zoo.data.tables import Table
from zoo.errors import DataError, MissingDependency, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data.labelled import LabelledData


def from_pair(source: tuple[Any, Any], *, inputs: str = "", roles: Any = None, **options: Any) -> LabelledData:
    """`(samples, labels)`, both of length N.

    | samples                                        | become       |
    |------------------------------------------------|--------------|
    | array or tensor of 8 bits [N, H, W(, 3)]       | `image`      |
    | PIL images                                     | `image`      |
    | (waveform, Hz)                                 | `audio`      |
    | str                                            | `text`; with `inputs` image or audio, paths |
    | (str, str)                                     | `text_pair`  |

    Labels are a list or array [N], lists of classes, or an array [N, classes] of 0 and 1.

    Raises:
        DataError: other samples, lengths that differ, or labels that cannot be used.
        UsageError: `roles`, which a pair does not need.

    Example:
        >>> from_pair((["so good", "so bad", "fine"], [1, 0, 1]), answer="classification").classes
        ('0', '1')
    """
    if roles:
        raise UsageError("a pair (samples, labels) has no columns. Fix: leave roles out, or give a data frame.")
    samples, labels = (_listed(each) for each in source)
    if len(samples) != len(labels):
        raise DataError(f"{len(samples)} samples and {len(labels)} labels. Fix: give as many of each.")
    if not len(samples):
        raise DataError("no samples. Fix: give some.")
    columns = _sample_columns(samples, inputs)
    chosen = {role: f"sample.{role}" for role in columns}
    answers = _label_columns(labels)
    table = Table(
        "arrays",
        {chosen[role]: values for role, values in columns.items()} | answers,
        rows=Opened(len(samples), lambda index: f"sample {index}"),
    )
    return from_table(table, inputs=inputs, roles=chosen | {"label": ",".join(answers)}, **options)


def from_frame(source: Any, **options: Any) -> LabelledData:
    """A table of pyarrow, or a data frame that can give one (pandas, polars, duckdb and others).

    Raises:
        MissingDependency: pyarrow is not installed.
        DataError: a column of objects that Arrow does not know; what else `from_table` says.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingDependency("pyarrow", "data") from error
    try:
        if isinstance(source, pyarrow.Table):
            table = source
        elif hasattr(source, "__arrow_c_stream__"):
            table = pyarrow.table(source)
        else:
            from pyarrow.interchange import from_dataframe

            table = from_dataframe(source)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            f"the {type(source).__name__} cannot be read by Arrow ({error}). "
            "Fix: give each column one type; samples that are objects go into a pair (samples, labels)."
        ) from error
    return from_table(arrow_table(table, type(source).__name__), **options)


def is_frame(source: Any) -> bool:
    """Whether a library's table can be read by way of Arrow."""
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__dataframe__")


def _listed(values: Any) -> Any:
    """A list, or an array that stays one."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    elif hasattr(values, "to_numpy"):  # a series of pandas or polars
        values = values.to_numpy()
    if not hasattr(values, "__len__") or isinstance(values, (str, dict)) or getattr(values, "shape", None) == ():
        raise DataError(
            f"samples and labels must be lists or arrays, received {type(values).__name__}. Fix: list(...)."
        )
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind in "OUST" else values


def _sample_columns(samples: Any, inputs: str) -> dict[str, Any]:
    if isinstance(samples, np.ndarray):
        if samples.dtype != np.uint8 or not (samples.ndim == 3 or (samples.ndim == 4 and 3 in samples.shape[1::2])):
            raise DataError(
                f"arrays of samples must be images of 8 bits [N, H, W] or [N, H, W, 3], received {samples.dtype} "
                f"{list(samples.shape)}. Fix: give uint8; sound is a list of (waveform, Hz)."
            )
        return {"image": samples}
    kinds = {_kind(sample) for sample in samples}
    if len(kinds) > 1 or not (kind := kinds.pop()):
        told = ", ".join(sorted({type(sample).__name__ for sample in samples}))
        raise DataError(
            f"samples are {told}. Fix: give PIL images, arrays of 8 bits, texts, pairs of texts or (waveform, Hz)."
        )
    if kind == "text_pair":
        return {"text": [str(sample[0]) for sample in samples], "second": [str(sample[1]) for sample in samples]}
    if kind == "text" and inputs in ("image", "audio"):
        return {inputs: samples}
    if kind == "text" and not inputs and all(suffix_kind(sample) for sample in samples):
        medium = suffix_kind(samples[0])
        raise DataError(
            f"samples such as {samples[0]!r} may be texts or paths. Fix: inputs='text', or inputs='{medium}'."
        )
    return {kind: samples}


def _kind(sample: Any) -> str:
    if isinstance(sample, str):
        return "text"
    if isinstance(sample, (tuple, list)) and len(sample) == 2 and all(isinstance(each, str) for each in sample):
        return "text_pair"
    return medium_of(sample)


def _label_columns(labels: Any) -> dict[str, Sequence[Any]]:
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        return {str(at): labels[:, at].tolist() for at in range(labels.shape[1])}
    return {"label": labels.tolist() if isinstance(labels, np.ndarray) else [_plain(label) for label in labels]}


def _plain(label: Any) -> Any:
    """A number or a list, out of an array or tensor."""
    return label.tolist() if hasattr(label, "tolist") else label
