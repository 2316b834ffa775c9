"""Whether a library alone gives what zoo gives: the snippet of an exported folder, run in a fresh process."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import IncompatibleError, WeightsError
from zoo.hub.native.parts import CLOSE, bar

if TYPE_CHECKING:
    from zoo.providers.exported import Exported

ALLOWED = 1e-4  # of the largest output: beyond it nobody has the same model, whatever explains it
BEGIN = "import sys\nsys.modules['zoo'] = None  # an import of it fails\n"
END = """
import json
assert not [name for name in sys.modules if name.split(".")[0] == "zoo" and sys.modules[name]], "zoo was imported"
print("\\nOUTPUTS" + json.dumps(outputs.double().tolist()))
"""
SECONDS = 600


@dataclass(frozen=True)
class Verified:
    """What was found: the largest `difference`, relative to what `Exported.tolerance` is."""

    difference: float
    outputs: tuple[tuple[float, ...], ...]

    @property
    def exact(self) -> bool:
        """Within 1e-6; above that rounding explains it, for which there is a measure (`Exported.rounding`)."""
        return self.difference <= CLOSE


def verify(exported: Exported, *, before: str = "", paths: tuple[str, ...] = (), seconds: int = SECONDS) -> Verified:
    """Run the snippet in its folder by `python -I`, with zoo not importable and no network, and compare the outputs.

    Args:
        exported: what `zoo.export` gave, or `read_exported`.
        before: code that goes first: it defines `build` (and `transform`) for a network of your own.
        paths: folders that imports of your own code are looked for in.
        seconds: after which the process is stopped.

    Raises:
        WeightsError: the snippet fails, or its outputs differ by more than 1e-6 and by more than rounding explains, or
            by more than 1e-4; the message carries what was said.
        IncompatibleError: a network of your own, and no `before` or `paths`: only its owner has its class.

    Example:
        >>> verify(zoo.export("runs/photos", "runs/photos-timm")).exact             # doctest: +SKIP
        True
    """
    if exported.backbone.provider == "module" and not (before or paths):
        raise IncompatibleError(
            f"{exported.backbone.name} is your own network, whose class no library has. Fix: "
            "verify(exported, before='from my.code import build'), or paths=(FOLDER,) where its module lies."
        )
    found = "".join(f"sys.path.insert(0, {str(Path(path).resolve())!r})\n" for path in paths)
    code = f"{BEGIN}{found}{before}\n{exported.snippet}{END}"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
    try:
        ran = subprocess.run(
            [sys.executable, "-I", "-c", code], cwd=exported.folder, env=environment, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"loading {exported.folder} by {exported.library} took more than {seconds} s. Fix: verify(..., seconds=N)."
        ) from error
    line = next((line for line in ran.stdout.splitlines() if line.startswith("OUTPUTS")), "")
    if ran.returncode or not line:
        raise WeightsError(
            f"{exported.library} alone cannot load what was exported of {exported.backbone.name}: "
            f"{' '.join(ran.stderr.split())[-500:]} Fix: update {exported.library}, or report this."
        )
    outputs = tuple(tuple(row) for row in json.loads(line.removeprefix("OUTPUTS")))
    off = largest(outputs, exported.expected, exported.scale)
    # Folders of an earlier zoo do not say what rounding does to their model: 1e-4 of the largest is all there is.
    allowed = ALLOWED if exported.rounding is None else bar(exported.rounding)
    if not off <= allowed or not largest(outputs, exported.expected) <= ALLOWED:
        of = "the deviation of the targets" if exported.scale else "the largest"
        raise WeightsError(
            f"{exported.library} alone gives other outputs for {exported.backbone.name} than zoo: they differ by "
            f"{off:.1e} of {of} (allowed: {min(allowed, ALLOWED):.1g}). Fix: do not publish this; report it."
        )
    return Verified(off, outputs)


def compared(exported: Exported) -> Exported:
    """The record with what `verify` found as its `tolerance`, and a note where that is above 1e-6.

    Raises:
        WeightsError: as `verify` says.
    """
    found = verify(exported)
    notes = exported.notes
    if not found.exact and exported.rounding is not None:
        notes += (
            f"{exported.library} alone differs by {found.difference:.1e}: these outputs are sensitive, and rounding "
            f"each weight once more moves them by {exported.rounding:.1e}",
        )
    return dataclasses.replace(exported, tolerance=found.difference, notes=notes)


def largest(found: tuple[tuple[float, ...], ...], expected: tuple[tuple[float, ...], ...], scale: float = 0.0) -> float:
    """The largest difference, relative to `scale` or the largest number of its row; infinite for other shapes or NaN.

    Example:
        >>> largest(((1.0, 2.5),), ((1.0, 2.0),)), largest(((1.0,),), ((1.0, 2.0),))
        (0.25, inf)
    """
    if [len(row) for row in found] != [len(row) for row in expected]:
        return float("inf")
    off = []
    for row, wanted in zip(found, expected, strict=True):
        size = scale or max(map(abs, wanted), default=0.0) or 1.0
        off += [abs(value - other) / size for value, other in zip(row, wanted, strict=True)]
    return max(off, default=0.0) if all(value == value for value in off) else float("inf")
