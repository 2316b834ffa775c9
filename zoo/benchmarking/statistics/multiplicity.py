"""P-values of a family of comparisons, adjusted for their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order received.

    Calling all comparisons below `alpha` different keeps the chance of even one false call, in the whole family, at
    `alpha` or below, however the comparisons depend on each other (all share the scratch arm and the test items).

    Args:
        p_values: one for each comparison of the family. Give 1 for a comparison that was planned but has no value:
            leaving it out would make the family look smaller than it was.

    Raises:
        DataError: a value outside [0, 1], or NaN.

    Source:
        S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
        [0.03, 0.06, 0.06, 0.02]
    """
    if bad := [value for value in p_values if not 0 <= value <= 1]:
        raise DataError(f"p-values must lie between 0 and 1, received {bad}. Fix: give 1 where there is no value.")
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, reached = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = reached
    return adjusted
