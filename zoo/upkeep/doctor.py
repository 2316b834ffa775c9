"""`zoo doctor`: what is installed, what is missing, what is broken, and what to do about each."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.adaptations import ADAPTATIONS
from zoo.catalog.query import backbones, entries
from zoo.objectives import OBJECTIVES
from zoo.tasks import TASKS
from zoo.training.threads import usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = ("torch", "accelerate", "numpy", "scikit-learn", "scipy", "safetensors", "huggingface_hub", "pillow", "rich")
EXTRAS = {"timm": "timm", "torchvision": "timm", "peft": "peft", "matplotlib": "report", "espeakng-loader": "espeak"}


@dataclass(frozen=True)
class Check:
    """One line of the diagnosis: `state` is `ok`, `note` (works, with a limit) or `broken`."""

    name: str
    state: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> list[Check]:
    """All checks, none of which changes anything or needs a network.

    Example:
        >>> {check.state for check in examine()} <= {"ok", "note", "broken"}
        True
    """
    return [*_python(), *_packages(), *_devices(), *_weights(), *_plugins()]


def _python() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("cores", "ok", f"{usable_cores()} usable")


def _packages() -> Iterator[Check]:
    for package in (*NEEDED, *EXTRAS):
        try:
            yield Check(package, "ok", version(package))
        except PackageNotFoundError:
            if package in NEEDED:
                yield Check(package, "broken", "not installed. Fix: pip install transfer-zoo")
            else:
                yield Check(
                    package, "note", f"not installed; for its path: pip install 'transfer-zoo[{EXTRAS[package]}]'"
                )


def _devices() -> Iterator[Check]:
    try:
        import torch
    except Exception as error:  # a broken torch install can raise anything, and telling so is the point here
        yield Check("devices", "broken", f"torch does not import: {error}. Fix: install it again.")
        return
    found = ["cpu"] + [name for name in ("cuda", "mps") if _available(torch, name)]
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if "cuda" in found else []
    yield Check("devices", "ok", ", ".join(found) + (f" ({', '.join(names)})" if names else ""))


def _available(torch: Any, name: str) -> bool:
    return bool(torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available())


def _weights() -> Iterator[Check]:
    folder = Path(__file__).parent.parent / "weights"
    for spec in entries():
        if spec.provider != "pocket" or not spec.tag:
            continue
        file = folder / f"{spec.arch}.{spec.tag}.safetensors"
        if not file.is_file():
            yield Check(spec.name, "broken", f"{file.name} is missing. Fix: install zoo again.")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != spec.digest:
            yield Check(spec.name, "broken", f"{file.name} does not match its digest. Fix: install zoo again.")
        else:
            yield Check(spec.name, "ok", f"shipped, {file.stat().st_size / 1e6:.1f} MB, digest matches")


def _plugins() -> Iterator[Check]:
    from zoo.data.generated import SOURCES
    from zoo.data.images import DATASETS
    from zoo.providers.loading import PROVIDERS

    for registry in (backbones, PROVIDERS, DATASETS, SOURCES, OBJECTIVES, ADAPTATIONS, TASKS):
        failures = registry.failures()
        for name in registry.plugins:
            good = f"plug-in {registry.kind} from {registry.plugins[name].value}"
            yield Check(name, "broken" if name in failures else "ok", failures.get(name, good))
