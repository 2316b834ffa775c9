"""Pure functions of arrays behind every number of a report: no torch, no files, no randomness that is not passed in."""

from zoo.benchmarking.statistics.aggregate import interquartile_interval, interquartile_mean, normalised
from zoo.benchmarking.statistics.intervals import (
    Interval,
    interval,
    mean_interval,
    minimum_detectable_effect,
    p_value,
    probability_above,
)
from zoo.benchmarking.statistics.label_efficiency import LabelEfficiency, break_even_reuse, label_efficiency_factor
from zoo.benchmarking.statistics.multiplicity import holm
from zoo.benchmarking.statistics.verdicts import REFERENCE, SEEDS_FOR_A_VERDICT, VERDICTS, of_reference, verdict
from zoo.benchmarking.statistics.winners import Winner, pick_winner

__all__ = [
    "REFERENCE", "SEEDS_FOR_A_VERDICT", "VERDICTS", "Interval", "LabelEfficiency", "Winner", "break_even_reuse", "holm",
    "interquartile_interval", "interquartile_mean", "interval", "label_efficiency_factor", "mean_interval",
    "minimum_detectable_effect", "normalised", "of_reference", "p_value", "pick_winner", "probability_above", "verdict",
]  # fmt: skip
