"""Scripts of benchmarks/parity as modules, by path: their names are those of other modules too."""

import importlib.util
import os
import sys
from pathlib import Path
from unittest.mock import patch

FOLDER = Path(__file__).parents[2] / "benchmarks" / "parity"


def script(name):
    """The module; what it sets in the environment for its own runs is taken back."""
    spec = importlib.util.spec_from_file_location(f"parity_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with patch.dict(os.environ), patch.dict(sys.modules, {spec.name: module}):  # dataclasses look their module up
        spec.loader.exec_module(module)
    return module
