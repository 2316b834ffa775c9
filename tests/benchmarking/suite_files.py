"""Copies of the digits suite with one thing wrong."""

from __future__ import annotations

import pytest

import zoo.benchmarking.suite as module
from zoo.benchmarking.suite import load_suite
from zoo.errors import InvalidRecord

DIGITS = (module.Path(module.__file__).parents[2] / "benchmarks" / "suites" / "digits.toml").read_text()
S_ARM = """
[[arms]]
id = "{id}"
role = "S"
label = "again"
backbone = "pocket/resnet10"
adaptation = "full"
"""


def edited(tmp_path, old, new, count=1):
    """The path of a copy of the digits suite in which the first `count` occurrences of `old` read `new`."""
    assert old in DIGITS
    path = tmp_path / "mine.toml"
    path.write_text(DIGITS.replace(old, new, count), encoding="utf-8")
    return path


def refusal(path, kind=InvalidRecord, level="quick"):
    with pytest.raises(kind) as caught:
        load_suite(path, level)
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)
    return str(caught.value)


def line(name):
    return next(text for text in DIGITS.splitlines() if text.startswith(f"{name} ="))
