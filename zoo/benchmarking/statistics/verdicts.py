"""The words for an interval and a margin: exactly those of the protocol."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.benchmarking.statistics.intervals import Interval

SEEDS_FOR_A_VERDICT = 10
"""Fewer reporting seeds give directions only."""

VERDICTS = {
    "helps": "the whole interval lies above the margin",
    "hurts": "the whole interval lies below minus the margin: negative transfer",
    "no difference": "the whole interval lies within the margin on both sides of zero",
    "leans up": "the interval excludes zero on the upper side, but not the margin",
    "leans down": "the interval excludes zero on the lower side, but not the margin",
    "undetermined": "the interval includes zero and leaves the margin: this run cannot tell",
    "indicative": f"fewer than {SEEDS_FOR_A_VERDICT} seeds: a direction, no verdict",
    "incomplete": "cells are missing, so there is no verdict yet",
    "no verdict (failed)": "at least one cell failed in one of the two arms; a failure is never a free win",
}
"""Every word that `verdict` returns, with its meaning."""

REFERENCE = {
    "helps": ("ahead", "of the classical baseline, noise or a reference of another architecture: the whole interval "
              "lies above the margin, which is no effect of pre-training"),
    "hurts": ("behind", "of the same: the whole interval lies below minus the margin, which is no negative transfer"),
}  # fmt: skip
"""Words for arms that are not scratch's network with trained weights, in place of those that speak of pre-training."""


def of_reference(word: str) -> str:
    """The word of `verdict` for any role but P and F: `helps` and `hurts` would speak of pre-training.

    Example:
        >>> of_reference("helps"), of_reference("leans up")
        ('ahead', 'leans up')
    """
    return REFERENCE[word][0] if word in REFERENCE else word


def verdict(effect: Interval, margin: float, seeds: int, failed: int = 0, missing: int = 0) -> str:
    """The word for a paired difference, exactly as the protocol defines it (`VERDICTS` holds all words).

    Args:
        effect: the interval of the difference, in points.
        margin: the smallest difference that matters, in points, fixed before any run.
        seeds: how many seeds were paired.
        failed: failed cells in either arm.
        missing: cells of either arm that were never run.

    Raises:
        DataError: a margin that is not above 0, or an interval with a bound that is NaN.

    Source:
        PROTOCOL, "Numbers": helps, hurts, no difference, leans up or down, undetermined.

    Example:
        >>> from zoo.benchmarking.statistics import Interval
        >>> verdict(Interval(3.0, 1.2, 4.8, 0.8, "crossed"), margin=1.0, seeds=10)
        'helps'
    """
    if not margin > 0:
        raise DataError(f"margin must be above 0 points, received {margin}. Fix: set it in the suite file.")
    if math.isnan(effect.low) or math.isnan(effect.high):
        raise DataError(f"an interval [{effect.low}, {effect.high}] has no verdict. Fix: mark its cells as failed.")
    if failed:
        return "no verdict (failed)"
    if missing:
        return "incomplete"
    if seeds < SEEDS_FOR_A_VERDICT:
        return "indicative"
    return _word(effect.low, effect.high, margin)


def _word(low: float, high: float, margin: float) -> str:
    if low > margin:
        return "helps"
    if high < -margin:
        return "hurts"
    if low >= -margin and high <= margin:
        return "no difference"
    if low > 0:
        return "leans up"
    if high < 0:
        return "leans down"
    return "undetermined"
