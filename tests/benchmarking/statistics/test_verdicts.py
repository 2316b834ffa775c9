"""Verdicts word by word."""

from __future__ import annotations

import math

import pytest

from zoo.benchmarking.statistics.intervals import Interval
from zoo.benchmarking.statistics.verdicts import VERDICTS, verdict


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.1, 5, "helps"), (1.0, 5, "leans up"), (0.1, 5, "leans up"), (0.1, 0.9, "no difference"),
        (-1.0, 1.0, "no difference"), (-1.0, 1.1, "undetermined"), (0.0, 5, "undetermined"), (-5, 5, "undetermined"),
        (-5, -1.1, "hurts"), (-5, -1.0, "leans down"), (-5, -0.1, "leans down"), (-0.9, -0.1, "no difference"),
        (-math.inf, math.inf, "undetermined"),
    ],
)  # fmt: skip
def test_verdict_words(low, high, word):
    effect = Interval((low + high) / 2 if math.isfinite(low) else 0.0, low, high, 1.0, "")
    assert verdict(effect, 1.0, 10) == word
    assert word in VERDICTS


def test_verdict_without_grounds():
    strong = Interval(20, 15, 25, 1.0, "")
    assert verdict(strong, 1.0, 9) == "indicative"
    assert verdict(strong, 1.0, 9, failed=1, missing=1) == "no verdict (failed)"
    assert verdict(strong, 1.0, 9, missing=1) == "incomplete"
    assert {"indicative", "no verdict (failed)", "incomplete"} <= set(VERDICTS)
