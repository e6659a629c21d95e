"""A cascade of noise levels, without state and sound for every input: the radius within which its answer stays.

Noise levels s_1, s_2, ... The cascade answers at the first k at which some class has more than half of the noisy copies, with that class; it abstains where
there is none. Let p_k be the share of class c at the input with noise s_k, and q_k the largest share of any *other* class. Within

    R_k = min( s_k Phi^-1(p_k),  min over l < k of -s_l Phi^-1(q_l) )

the answer is c: at level k class c keeps its majority, and at each level before it no other class gets one (c itself may: the answer is c all the same).
That holds for each k with p_k > 1/2, so the cascade's radius is the largest R_k. Taking the first k alone,
and counting c among the others, would give up radius.

Source: Cohen, Rosenfeld, Kolter, ICML 2019, theorem 1, for each level (Phi^-1(p_c) is 1/s-Lipschitz); the combination is ours, tested by exact probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from odd_assess.stats.arrays import Floats, FloatsLike, Ints, IntsLike, scalar_if_single
from odd_assess.stats.proportions import proportion_lower_bound
from odd_assess.stats.smoothing import certified_radius


@overload
def level_radius(majority: float, clear: Sequence[float], sigmas: Sequence[float]) -> float: ...
@overload
def level_radius(majority: Floats, clear: Sequence[Floats], sigmas: Sequence[float]) -> Floats: ...
def level_radius(majority: FloatsLike, clear: Sequence[FloatsLike], sigmas: Sequence[float]) -> float | Floats:
    """R_k (input units, rounded down) of a class, for the last of ``sigmas`` (k,); 0 where it has no majority there, or another may have one before.

    ``majority``: the share of the class at that level, or a lower bound. ``clear`` (k - 1,): one minus the largest share of any other class at each level
    before, or lower bounds. Arrays, one entry an input, give an array.

    >>> level_radius(0.99, [0.5], [1.0, 0.25])
    0.0
    """
    *before, last = sigmas
    shares = [*zip(clear, before, strict=True), (majority, last)]
    radii = [np.asarray(certified_radius(np.asarray(share, dtype=np.float64), sigma=sigma)) for share, sigma in shares]
    return scalar_if_single(np.minimum.reduce(np.broadcast_arrays(*radii)))


def cascade_radii(
    counts: Sequence[IntsLike], labels: Sequence[int], sigmas: Sequence[float], *, alpha: float
) -> list[tuple[float, float]]:
    """(R_k, lower bound of the share) of ``labels[k]`` at each level k, from the class counts (classes,) there: all hold at once but with probability alpha.

    ``labels`` must not depend on the counts. Of the 2 K - 1 kinds of bounds (one on the majority at each level, one on the others at each but the last) each
    gets the same part of alpha, and within the latter each class the same part of that: so they hold whatever the label.
    """
    part = alpha / (2 * len(counts) - 1)
    found = []
    for k, label in enumerate(labels):
        majority = float(proportion_lower_bound(int(np.asarray(counts[k])[label]), int(np.sum(counts[k])), alpha=part))
        clear = [_clear(np.asarray(before), label, part) for before in counts[:k]]
        found.append((level_radius(majority, clear, sigmas[: k + 1]), majority))
    return found


def cascade_choice(
    counts: Sequence[IntsLike], labels: Sequence[int], sigmas: Sequence[float], *, alpha: float
) -> tuple[int, float, float]:
    """(k, R_k, lower bound of the share) of the level with the largest radius; where nothing is certified, of that with the largest share."""
    found = cascade_radii(counts, labels, sigmas, alpha=alpha)
    at = max(range(len(found)), key=lambda k: found[k])
    return at, *found[at]


def _clear(counts: Ints, label: int, part: float) -> float:
    """A lower bound of one minus the largest share of any class but ``label``."""
    n, others = int(counts.sum()), np.delete(counts, label)
    most = int(others.max()) if len(others) else 0
    return float(proportion_lower_bound(n - most, n, alpha=part / len(counts)))
