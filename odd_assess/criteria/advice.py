"""What would decide a criterion, or meet it: estimates that assume that the observed fractions persist.

Points: the smallest multiple of the sample, with the same fractions, that decides. Draws: the smallest budget, by doubling, that decides at
the same points, if each point's observed share of hits (with half a hit and half a miss added, so that k = n is not taken for certainty) persists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from odd_assess.criteria.loss import bound_levels
from odd_assess.criteria.point_states import certified_alone
from odd_assess.criteria.words import about, listed, part_noun, plural
from odd_assess.records import Criterion, Ints, Reduction, Results, State
from odd_assess.stats import anytime_lower_bound, certified_radius, expected_reference_radius, proportion_lower_bound

MOST_COPIES = 4096
"""Beyond so many times the sample we do not call it advice."""
MOST_DRAWS = 10_000_000
"""Beyond so many draws a point we do not call it advice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do, in words, and its numbers where there are any: points at this budget, draws a point at these points."""

    text: str = ""
    points: int | None = None
    draws: int | None = None


def advise(
    points: int,
    draws: int,
    with_copies: Callable[[float], State],
    with_draws: Callable[[int], State],
    *,
    on_baseline: bool = False,
) -> Advice:
    """What would decide an inconclusive claim. The two functions answer which state a larger sample or budget would give.

    ``on_baseline``: the points are certified on what a baseline keeps, which has no more points and no more answers than it has. Draws are then those of a
    certification from nothing.
    """
    copies, n = _copies_to_decide(with_copies), _draws_to_decide(draws, with_draws)
    ways = []
    if copies is not None:
        first = ", which the baseline must have first" if on_baseline else ""
        ways.append(f"about {about(points * copies[0])} points at this budget{first} ({copies[1].value})")
    if n is not None:
        nothing = (
            "recertifying with more --draws where the baseline keeps more answers, or certifying this model from nothing with "
            if on_baseline
            else ""
        )
        ways.append(f"{nothing}about {about(n[0])} draws a point at these points ({n[1].value})")
    if ways:
        return Advice(
            text=f"If the observed fractions persist, this would decide: {', or '.join(ways)}.",
            points=None if copies is None else math.ceil(points * copies[0]),
            draws=None if n is None else n[0],
        )
    return Advice(
        text="Neither more points alone nor more draws alone would decide while the observed fractions persist: "
        "what is observed lies too close to the requirement, or between it and what this budget can show. Increase both."
    )


def at_budget(results: Results, n: int) -> Results:
    """What the points would look like at ``n`` draws, if each one's share of hits persists. For advice only.

    Where draws stop when the radii asked about are decided, more of them come at the points that spent the most only.
    """
    stay = results.anytime & (results.n < results.n.max())
    draws = np.where(stay, results.n, n)
    hits = np.where(stay, results.hits, _scaled(results.hits, results.n, n))
    label_hits = np.where(stay, results.label_hits, _scaled(results.label_hits, results.n, n))
    lower = np.atleast_1d(proportion_lower_bound(hits, draws, alpha=bound_levels(results)))
    if results.anytime.any():
        lower = np.where(results.anytime, anytime_lower_bound(hits, draws, alpha=results.alpha), lower)
    certified = (lower > 0.5) & ~(
        certified_alone(results) & ~results.certified
    )  # what the memory took away, more draws do not bring back
    radius = np.where(certified, certified_radius(lower, sigma=results.sigma), 0.0)
    from_nothing = np.full(len(results), np.nan)
    return replace(
        results,
        hits=hits,
        label_hits=label_hits,
        n=draws,
        certified=certified,
        p_a_lower=lower,
        p_upper=from_nothing,
        radius=radius,
    )


def draws_for_reduction(results: Results, reduction: Reduction, required: float) -> int | None:
    """The smallest budget, by doubling, whose expected reduction is at most ``required``; None if none below the reference budget is."""
    reference = float(reduction.expected_reference.sum())
    n: int = int(results.n.max())
    while 2 * n < reduction.n_ref and reference > 0:
        n *= 2
        expected = expected_reference_radius(results.hits, results.n, n, alpha=bound_levels(results), sigma=results.sigma)
        if 1.0 - float(expected.sum()) / reference <= required:
            return n
    return None


def empty_parts(criterion: Criterion, names: list[str]) -> str:
    """Advice for cells, levels or classes without a point."""
    data = "Use more points, and data that hold every class."
    ways = data if criterion.scope == "each_class" else "Use design stratified with allocation equal, or more points."
    return f"{plural(len(names), *part_noun(criterion))} without points: {listed(names)}. {ways}"


def _copies_to_decide(state: Callable[[float], State]) -> tuple[float, State] | None:
    copies = 1.0
    while state(2 * copies) is State.INCONCLUSIVE:
        copies *= 2
        if copies > MOST_COPIES:
            return None
    low, high = copies, 2 * copies
    while high > 1.02 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if state(middle) is State.INCONCLUSIVE else (low, middle)
    return high, state(high)


def _draws_to_decide(n: int, state: Callable[[int], State]) -> tuple[int, State] | None:
    while 2 * n <= MOST_DRAWS:
        n *= 2
        found = state(n)
        if found is not State.INCONCLUSIVE:
            return n, found
    return None


def _scaled(hits: Ints, n: Ints, draws: int) -> Ints:
    share = (hits + 0.5) / (n + 1.0)
    return np.asarray(np.floor(share * draws), dtype=np.int64)
