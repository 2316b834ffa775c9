"""Scripts of benchmarks/objectives as modules, by path; they import each other by plain names only when they run."""

import importlib.util
import os
import sys
from pathlib import Path
from unittest.mock import patch

FOLDER = Path(__file__).parents[2] / "benchmarks" / "objectives"


def hand_script(name):
    """The module, which stays known, so that objectives are found in it; what it sets in the environment does not."""
    called = f"objectives_table_{name}"
    if called in sys.modules:
        return sys.modules[called]
    spec = importlib.util.spec_from_file_location(called, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[called] = module
    with patch.dict(os.environ), patch.object(sys, "path", list(sys.path)):
        spec.loader.exec_module(module)
    return module
