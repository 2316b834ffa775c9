"""Checkpoints of an unfinished run: atomic, resumed exactly, and refused when they belong to another run.

A checkpoint is a run's own state (weights as safetensors; optimiser, schedule and random state as accelerate writes
them) and lies where the run was told to put it. It is not a format for exchange: do not resume from a folder that
you did not write.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from zoo.errors import WeightsError
from zoo.training.processes import rank, wait

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from zoo.training.trainspec import TrainSpec

KEEP = 2
BEST = "best.safetensors"  # the weights that a run would end with now: the best ones, or their average
IGNORED = ("checkpoint_every",)  # settings that may change between a run and its resumption


class Checkpoints:
    """Folders `step-N` under `root`, each complete or absent; the newest `KEEP` are kept.

    `identity` names everything beside the settings that the run depends on: its starting weights, data, head.
    """

    def __init__(self, root: Path, accelerator: Any, spec: TrainSpec, identity: str = "") -> None:
        self.root = root
        self.accelerator = accelerator
        self.spec = spec.to_json()
        self.identity = identity
        self.state: dict[str, Any] = {}
        self.weights: dict[str, Tensor] = {}

    def steps(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        found = [path for path in self.root.glob("step-*") if re.fullmatch(r"step-\d+", path.name)]
        return sorted(found, key=_step)

    def save(
        self,
        step: int,
        losses: list[float],
        state: dict[str, Any] | None = None,
        weights: dict[str, Tensor] | None = None,
    ) -> None:
        """Write to a temporary folder, then rename: a kill in between leaves the previous checkpoint in place.

        Of several processes, which all call this, the first writes what they share.

        `state` (JSON) and `weights` are what else the run remembers; a resumed one finds them in `self.state` and
        `self.weights`.

        Raises:
            WeightsError: the folder cannot be written.
        """
        final = self.root / f"step-{step}"
        partial = self.root / f".partial-{step}"
        from safetensors.torch import save

        try:
            if rank() == 0:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            wait()
            _written(self.accelerator, partial)
            wait()
            if rank() == 0:
                run = {"spec": self.spec, "identity": self.identity, "losses": losses, "state": state or {}}
                if weights:
                    (partial / BEST).write_bytes(save({name: one.cpu().contiguous() for name, one in weights.items()}))
                (partial / "run.json").write_text(json.dumps(run), encoding="utf-8")
                shutil.rmtree(final, ignore_errors=True)
                partial.rename(final)
                for old in self.steps()[:-KEEP]:
                    shutil.rmtree(old)
            wait()
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)  # on a full disk it would be in the way of everything else
            kept = self.steps()
            there = f"the last good one is {kept[-1]}" if kept else "there is no earlier one"
            raise WeightsError(
                f"checkpoint {final} cannot be written: {error.strerror or error}; {there}. "
                "Fix: free space there and run the same command again, or choose another --out folder."
            ) from error

    def resume(self, losses: list[float]) -> int:
        """Load the newest readable checkpoint, extend `losses`, and return its step (0 if there is none).

        Raises:
            WeightsError: the run is another one (settings, weights, data), or no checkpoint can be read.
        """
        from safetensors.torch import load

        damaged = []
        for path in reversed(self.steps()):
            try:
                run = json.loads((path / "run.json").read_text(encoding="utf-8"))
                self._check(path, run)
                weights = load((path / BEST).read_bytes()) if (path / BEST).exists() else {}
                self.accelerator.load_state(str(path))
            except WeightsError:
                raise
            except Exception as error:  # a damaged file raises whatever its reader raises
                damaged.append(f"{path.name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
                continue
            losses.extend(run["losses"])
            self.state, self.weights = run.get("state", {}), weights
            return _step(path)
        if damaged:
            raise WeightsError(
                f"the checkpoints in {self.root} do not fit this model or are damaged ({'; '.join(damaged)}). "
                "Fix: use the backbone that they were written for, move that folder away to start again, or choose "
                "another --out folder."
            )
        return 0

    def clear(self) -> None:
        """Remove all checkpoints: the run is finished and its result is saved elsewhere."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _check(self, path: Path, run: dict[str, Any]) -> None:
        spec = run["spec"]
        differing = [name for name in self.spec if name not in IGNORED and spec.get(name) != self.spec[name]]
        if differing:
            shown = ", ".join(f"{name} {spec.get(name)!r} instead of {self.spec[name]!r}" for name in differing)
            raise WeightsError(
                f"checkpoint {path} was written with other settings: {shown}. "
                "Fix: use the same settings, or another --out folder."
            )
        if run["identity"] != self.identity:
            raise WeightsError(
                f"checkpoint {path} belongs to another run: its starting weights, its data, its labels or its "
                "early stopping were others. Fix: use the same ones, or another --out folder."
            )


def _written(accelerator: Any, folder: Path) -> None:
    """What accelerate saves. Its writers raise kinds of their own for a disk that is full, all made OSError here.

    Raises:
        OSError: the folder cannot be written.
    """
    from safetensors import SafetensorError

    hook = accelerator.register_save_state_pre_hook(_once)
    try:
        accelerator.save_state(str(folder))
    except (SafetensorError, RuntimeError) as error:
        raise OSError(str(error).splitlines()[0]) from error
    finally:
        hook.remove()


def _once(_models: list[Any], weights: list[dict[str, Any]], _folder: str) -> None:
    """Leave out of each state dict what is one tensor under another name: a head that is tied to its embeddings.

    The module that reads the file is tied in the same way, and gets it under every name. accelerate would leave it out
    as well, with a warning; that is kept for tensors that share a part of their memory only.
    """
    for state in weights:
        seen = set()
        for name, tensor in list(state.items()):
            place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            if place in seen and tensor.data_ptr():  # 0: it is empty, or not on this machine
                del state[name]
            seen.add(place)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
