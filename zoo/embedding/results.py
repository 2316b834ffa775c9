"""The result of `zoo embed` as one file: Parquet or safetensors, by its suffix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.arrow import import_parquet
from zoo.errors import UsageError
from zoo.io.atomic import explained, replace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.embedding.inputs import Item

FORMATS = (".parquet", ".safetensors")


def check_format(out: Path) -> None:
    """See, before any work is done, that a result can be written in this form.

    Raises:
        UsageError: another suffix.
        MissingDependency: Parquet, and pyarrow is not installed.
    """
    if out.suffix not in FORMATS:
        raise UsageError(f"--out must end in {' or '.join(FORMATS)}, received {out.name!r}. Fix: rename it.")
    if out.suffix == ".parquet":
        import_parquet("embed")


def write_result(out: Path, items: Sequence[Item], features: NDArray[np.float32], about: dict[str, str]) -> None:
    """Write features [N, D] of N items, at once or not at all. The whole file is held in memory meanwhile.

    | Parquet                                | safetensors                                                            |
    |----------------------------------------|------------------------------------------------------------------------|
    | column `path`: text                    | `paths` [bytes] uint8: a JSON list of N texts in UTF-8                 |
    | column `row`: number from 0, or null   | `rows` [N] int64, -1 where the input is a file of its own              |
    | column `features`: list of D floats    | `features` [N, D] float32                                              |

    `about` becomes the metadata of the file.

    Raises:
        StoreError: the file cannot be written.
    """
    data = _parquet(items, features, about) if out.suffix == ".parquet" else _safetensors(items, features, about)
    with explained(f"{out} cannot be written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace(out, data)


def _parquet(items: Sequence[Item], features: NDArray[np.float32], about: dict[str, str]) -> bytes:
    parquet = import_parquet("embed")
    import pyarrow

    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(features.reshape(-1)), features.shape[1])
    table = pyarrow.table(
        {
            "path": pyarrow.array([item.path for item in items], pyarrow.string()),
            "row": pyarrow.array([item.row for item in items], pyarrow.int64()),
            "features": vectors,
        }
    ).replace_schema_metadata(about)
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _safetensors(items: Sequence[Item], features: NDArray[np.float32], about: dict[str, str]) -> bytes:
    from safetensors.numpy import save

    paths = json.dumps([item.path for item in items], ensure_ascii=False).encode("utf-8", "surrogateescape")
    tensors: dict[str, NDArray[Any]] = {
        "features": np.ascontiguousarray(features),
        "rows": np.array([-1 if item.row is None else item.row for item in items], dtype=np.int64),
        "paths": np.frombuffer(paths, dtype=np.uint8),
    }
    data: bytes = save(tensors, about)
    return data
