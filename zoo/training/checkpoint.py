"""Checkpoints of an unfinished run: atomic, resumed exactly, and refused when they belong to another run."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from zoo.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.training.loop import TrainSpec

KEEP = 2


class Checkpoints:
    """Folders `step-N` under `root`, each complete or absent; the newest `KEEP` are kept."""

    def __init__(self, root: Path, accelerator: Any, spec: TrainSpec) -> None:
        self.root = root
        self.accelerator = accelerator
        self.spec = spec.to_json()

    def steps(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        return sorted(self.root.glob("step-*"), key=lambda path: int(path.name.removeprefix("step-")))

    def save(self, step: int, losses: list[float]) -> None:
        """Write to a temporary folder, then rename: a kill in between leaves the previous checkpoint in place."""
        final = self.root / f"step-{step}"
        if final.exists():
            return
        partial = self.root / f".partial-{step}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.accelerator.save_state(str(partial))
        (partial / "run.json").write_text(json.dumps({"spec": self.spec, "losses": losses}), encoding="utf-8")
        partial.rename(final)
        for old in self.steps()[:-KEEP]:
            shutil.rmtree(old)

    def resume(self, losses: list[float]) -> int:
        """Load the newest checkpoint into the prepared objects, extend `losses`, and return its step (0 if none).

        Raises:
            WeightsError: the checkpoint was written by a run with other settings or another architecture.
        """
        found = self.steps()
        if not found:
            return 0
        newest = found[-1]
        run = json.loads((newest / "run.json").read_text(encoding="utf-8"))
        if differing := sorted(k for k in self.spec if k != "checkpoint_every" and run["spec"].get(k) != self.spec[k]):
            raise WeightsError(
                f"checkpoint {newest} was written with other settings: "
                + ", ".join(f"{k} {run['spec'].get(k)!r} instead of {self.spec[k]!r}" for k in differing)
                + ". Fix: use the same settings, or another --out folder."
            )
        try:
            self.accelerator.load_state(str(newest))
        except (RuntimeError, ValueError, KeyError) as error:
            raise WeightsError(
                f"checkpoint {newest} does not fit this model ({str(error).splitlines()[0]}). Fix: use the backbone "
                "that it was written for, or another --out folder."
            ) from error
        losses.extend(run["losses"])
        return int(newest.name.removeprefix("step-"))
