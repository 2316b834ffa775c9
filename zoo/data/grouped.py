"""Deal whole groups (speakers, documents, single samples) to the parts of a split, rarest answer first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.data.batches import substream

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAWS = 8  # seeded deals, of which the best balanced is kept
MANY = 5000  # so many groups balance by themselves: one deal is enough


def dealt(held: np.ndarray, groups: np.ndarray, shares: Sequence[float], seed: int = 0) -> np.ndarray:
    """The part (0, 1, ...) of every sample [N]; no group stands in two parts.

    The answer that the fewest groups still hold is dealt first: each of its groups, largest first, goes to the part
    that lacks most of it, and while there are no more groups than parts without it, to one of these. The rest goes
    where samples are missing. Of several seeded deals the one is kept in which the fewest answers miss a part, then
    the one nearest to the shares.

    Source:
        The order is that of iterative stratification (Sechidis et al. 2011,
        https://doi.org/10.1007/978-3-642-23808-6_10), here over groups in place of samples.

    Args:
        held: [N, K], how much of each of K answers a sample holds (0 or 1).
        groups: [N] of numbers or names; `np.arange(N)` where every sample stands alone.
        shares: how much of the whole each part should get; they sum to 1.
        seed: of the order among equals.

    Example:
        >>> speakers = np.repeat(np.arange(10), 4)
        >>> parts = dealt(np.ones((40, 1)), speakers, (0.6, 0.2, 0.2))
        >>> np.bincount(parts).tolist(), [len({*parts[speakers == one]}) for one in (0, 9)]
        ([24, 8, 8], [1, 1])
    """
    names, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member, minlength=len(names)).astype(np.float64)
    counts = np.zeros((len(names), held.shape[1]))
    np.add.at(counts, member, held)
    wanted = np.asarray(shares, dtype=np.float64)
    generators = [np.random.default_rng([substream(seed, "groups"), draw]) for draw in range(DRAWS)]
    deals = [_deal(counts, sizes, wanted, rng) for rng in generators[: DRAWS if len(names) <= MANY else 1]]
    found: np.ndarray = min(deals, key=lambda deal: _faults(deal, counts, sizes, wanted))[member]
    return found


def _deal(counts: np.ndarray, sizes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The part of each group [G], from `counts` [G, K] and `sizes` [G]."""
    order = rng.permutation(len(sizes))
    part = np.full(len(sizes), -1)
    need = shares[:, None] * counts.sum(0)
    room = shares * sizes.sum()
    there = np.zeros((len(shares), counts.shape[1]), dtype=bool)
    holds = counts > 0
    waiting = holds.sum(0)  # groups of each answer that are not dealt yet

    def give(group: int, answer: int | None) -> None:
        parts = np.arange(len(shares))
        if answer is not None:
            lacking = parts[~there[:, answer]]
            parts = lacking if len(lacking) and len(lacking) >= waiting[answer] else parts
            most = need[parts, answer].max()
            parts = parts[need[parts, answer] >= most - 1e-9]
        chosen = parts[room[parts].argmax()]
        part[group] = chosen
        need[chosen] -= counts[group]
        room[chosen] -= sizes[group]
        there[chosen] |= holds[group]
        waiting[:] -= holds[group]

    while waiting.any():
        answer = int(np.where(waiting > 0, waiting, np.iinfo(np.int64).max).argmin())
        groups = order[(part[order] < 0) & holds[order, answer]]
        for group in groups[np.argsort(-counts[groups, answer], kind="stable")]:
            give(int(group), answer)
    rest = order[part[order] < 0]
    for group in rest[np.argsort(-sizes[rest], kind="stable")]:
        give(int(group), None)
    return part


def _faults(part: np.ndarray, counts: np.ndarray, sizes: np.ndarray, shares: np.ndarray) -> tuple[int, float]:
    """Answers that miss a part, and how far the parts are from their shares: of each answer and of all samples."""
    met = np.stack([counts[part == one].sum(0) for one in range(len(shares))])
    size = np.array([sizes[part == one].sum() for one in range(len(shares))])
    off = np.abs(met / np.maximum(counts.sum(0), 1) - shares[:, None]).mean() if counts.shape[1] else 0.0
    return int((met == 0).sum()), float(off + np.abs(size / sizes.sum() - shares).mean())
