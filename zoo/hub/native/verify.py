"""Whether a library alone gives what zoo gives: the snippet of an exported folder, run in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import IncompatibleError, WeightsError

if TYPE_CHECKING:
    from zoo.providers.exported import Exported

CLOSE = 1e-6  # relative to the largest output: what rounding leaves of one order of sums
ALLOWED = 1e-4  # above it the two are not the same model
BEGIN = "import sys\nsys.modules['zoo'] = None  # an import of it fails\n"
END = """
import json
assert not [name for name in sys.modules if name.split(".")[0] == "zoo" and sys.modules[name]], "zoo was imported"
print("\\nOUTPUTS" + json.dumps(outputs.double().tolist()))
"""
SECONDS = 600


@dataclass(frozen=True)
class Verified:
    """What was found: `difference` relative to the largest output, and whether it is that of rounding alone."""

    difference: float
    outputs: tuple[tuple[float, ...], ...]

    @property
    def exact(self) -> bool:
        """Within 1e-6; above that, up to 1e-4, sums were made in another order."""
        return self.difference <= CLOSE


def verify(exported: Exported, *, before: str = "", paths: tuple[str, ...] = (), seconds: int = SECONDS) -> Verified:
    """Run the snippet in its folder by `python -I`, with zoo not importable and no network, and compare the outputs.

    Args:
        exported: what `zoo.export` gave, or `read_exported`.
        before: code that goes first: it defines `build` (and `transform`) for a network of your own.
        paths: folders that imports of your own code are looked for in.
        seconds: after which the process is stopped.

    Raises:
        WeightsError: the snippet fails, or its outputs differ by more than 1e-4; the message carries what was said.
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
    off = largest(outputs, exported.expected)
    if not off <= ALLOWED:
        raise WeightsError(
            f"{exported.library} alone gives other outputs for {exported.backbone.name} than zoo: they differ by "
            f"{off:.1e} of the largest (allowed: {ALLOWED:g}). Fix: do not publish this; report it."
        )
    return Verified(off, outputs)


def largest(found: tuple[tuple[float, ...], ...], expected: tuple[tuple[float, ...], ...]) -> float:
    """The largest difference relative to the largest expected number; infinite where shapes differ, or of NaN.

    Example:
        >>> largest(((1.0, 2.5),), ((1.0, 2.0),)), largest(((1.0,),), ((1.0, 2.0),))
        (0.25, inf)
    """
    if [len(row) for row in found] != [len(row) for row in expected]:
        return float("inf")
    pairs = [pair for one, other in zip(found, expected, strict=True) for pair in zip(one, other, strict=True)]
    scale = max((abs(value) for _, value in pairs), default=0.0) or 1.0
    off = [abs(value - wanted) / scale for value, wanted in pairs]
    return max(off) if all(value == value for value in off) else float("inf")
