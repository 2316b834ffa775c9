import subprocess
import sys

import pytest

import zoo


def test_every_public_name_resolves():
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None
    assert set(zoo.__all__) <= set(dir(zoo))


def test_lazy_homes_match_the_typed_imports():
    """What type checkers see is what is imported: each name comes from the module in the TYPE_CHECKING block."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(zoo.__file__).read_text())
    typed = {
        alias.name: node.module
        for block in ast.walk(tree)
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == zoo._HOMES
    assert {*typed, "__version__"} == set(zoo.__all__)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        zoo.laod  # noqa: B018


def test_functions_stay_functions():
    """No module bears the name of a public function."""
    code = "import zoo, zoo.training.pretraining, zoo.benchmarking.runner as runner; print(callable(zoo.pretrain))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "True"
