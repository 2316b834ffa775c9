"""A run of `zoo embed` in parts, so that a killed one goes on: each part is a file that appears whole or not at all.

Beside `OUT` lies the folder `OUT.parts`: `plan.json` says of what run it is, and `NNNNNN.safetensors` holds the
features of one stretch of the inputs. It goes away when the result is written.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import StoreError, UsageError
from zoo.io.atomic import explained, publish, sweep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """Features of one stretch: `rows` [n] are the numbers of its inputs that were readable, `features` [n, D].

    `unreadable` gives the reason for each of the others.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.float32]
    unreadable: dict[int, str]


class Parts:
    """The parts of one run, on disk.

    Example:
        >>> import tempfile
        >>> import numpy as np; from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     parts = Parts(Path(folder, "out.parquet"), {"backbone": "pocket/resnet10"})
        ...     parts.write(0, Part(np.array([0]), np.ones((1, 4), np.float32), {1: "no image"}))
        ...     parts.has(0), parts.has(1), parts.read(0).unreadable
        (True, False, {1: 'no image'})
    """

    def __init__(self, out: Path, plan: Mapping[str, Any]) -> None:
        """Begin, or go on with what is there.

        Raises:
            UsageError: the folder holds parts of another run.
            StoreError: it cannot be written.
        """
        self.folder = out.with_name(f"{out.name}.parts")
        content = json.dumps(plan, sort_keys=True, indent=1).encode()
        with explained(f"{self.folder} cannot be written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            publish(self.folder / "plan.json", content)
            found = (self.folder / "plan.json").read_bytes()
        sweep(self.folder)
        if found != content:
            raise UsageError(
                f"{self.folder} holds an unfinished run, of {_difference(found, plan)}. "
                "Fix: go on with that one, remove the folder, or choose another --out."
            )

    def has(self, index: int) -> bool:
        """Whether this part is finished."""
        return self._path(index).is_file()

    def write(self, index: int, part: Part) -> None:
        """Store a part; one that another process has stored meanwhile stays."""
        from safetensors.numpy import save

        unreadable = {str(row): reason for row, reason in part.unreadable.items()}
        data = save({"rows": part.rows, "features": part.features}, {"unreadable": json.dumps(unreadable)})
        with explained(f"{self._path(index)} cannot be written"):
            publish(self._path(index), data)

    def read(self, index: int) -> Part:
        """A finished part.

        Raises:
            StoreError: it is damaged.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path(index), framework="numpy") as file:
                unreadable = json.loads((file.metadata() or {})["unreadable"])
                rows, features = file.get_tensor("rows"), file.get_tensor("features")
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise StoreError(f"{self._path(index)} is damaged ({error}). Fix: remove it and run again.") from error
        return Part(rows, features, {int(row): reason for row, reason in unreadable.items()})

    def clear(self) -> None:
        """Remove all parts: the result is written."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.safetensors"


def started(out: Path) -> bool:
    """Whether an unfinished run lies beside `out`."""
    return (out.with_name(f"{out.name}.parts") / "plan.json").is_file()


def _difference(found: bytes, plan: Mapping[str, Any]) -> str:
    """What another run does otherwise."""
    try:
        other = json.loads(found)
    except ValueError:
        return "a damaged plan"
    names = sorted(name for name in {*plan, *other} if plan.get(name) != other.get(name))
    return f"another {' and '.join(names)}"
