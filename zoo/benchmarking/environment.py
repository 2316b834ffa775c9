"""What a result depends on beside its specification: library versions, processor, commit. Stored in each row."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "timm", "accelerate", "numpy", "scikit-learn", "pillow", "codecarbon")


def environment() -> dict[str, Any]:
    """Versions, processor capability, platform and commit of this process.

    Example:
        >>> environment()["versions"]["torch"] == __import__("torch").__version__
        True
    """
    import torch

    from zoo.version import __version__

    found = {"zoo": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["torch"] = str(torch.__version__)
    return {
        "versions": found,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "system": platform.system(),
        "commit": _commit(),
    }


def _commit() -> str:
    """The commit of the checkout that this package runs from; empty for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        shown = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.stdout.strip()
