"""The state of each point for a radius r: certified, refuted, or neither (more draws would tell).

Both statements are wrong with probability at most alpha each, at any point, so that their fractions can be corrected for it (`odd_assess.stats.domain`).

Where noise levels were fitted to inputs, a point is certified as far as the memory of the whole run lets it count, and refuted by its own counts alone. So both
speak of the point as a fresh memory meets it: each point by itself is an independent draw, and what the memory takes away only lowers what is shown. Of a
cascade no upper bound on the radius is known: its radius is refuted only where it is certified as another class.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odd_assess.policies import ByInput, Cascade
from odd_assess.records import Bools, Floats, Results
from odd_assess.stats import anytime_upper_bound, certified_radius, largest_radius, proportion_upper_bound


def certified_at(results: Results, radius: float) -> Bools:
    """Where the true class was certified at ``radius`` or beyond (m,)."""
    return results.correct & (results.radius >= radius)


def refuted_at(results: Results, radius: float) -> Bools:
    """Where no number of draws would certify the true class at ``radius`` (m,): the upper bound of the label's share of the draws is too small for it.

    This covers "another class is certified": its hits h have a lower bound above 1/2 at alpha, the label has at most n - h of the n draws, and the upper bound
    at n - h is one minus the lower bound at h, hence below 1/2. A bound that rests on a baseline too may contradict the counts of the modified model, where
    either fails: what is certified is then not refuted.
    """
    return (largest_label_radius(results) < radius) & ~certified_at(results, radius)


def certified_alone(results: Results) -> Bools:
    """Where a class was certified before any memory (m,)."""
    return np.asarray(results.p_a_lower > 0.5) if isinstance(results.policy, ByInput) else results.certified


def alone(results: Results) -> Results:
    """The results before any memory."""
    return replace(results, certified=certified_alone(results), radius=radius_alone(results))


def radius_alone(results: Results) -> Floats:
    """The certified radii (m,) before any memory."""
    if not isinstance(results.policy, ByInput):
        return results.radius
    return np.where(certified_alone(results), certified_radius(results.p_a_lower, sigma=results.sigma), 0.0)


def largest_label_radius(results: Results) -> Floats:
    """An upper bound (m,), except with probability alpha, on the radius that any budget could certify for the true class. Negative: it does not win."""
    if isinstance(results.policy, Cascade):
        return np.where(results.certified & (results.chosen != results.label), -np.inf, np.inf)
    return largest_radius(_label_share_upper(results), sigma=results.sigma)


def _label_share_upper(results: Results) -> Floats:
    """The upper bound (m,) of the label's share of the draws: exact where n was fixed beforehand, valid at any time where it was not.

    Where a modified model was certified on its baseline for the label, it is the bound that rests on that too.
    """
    by_hits = np.atleast_1d(proportion_upper_bound(results.label_hits, results.n, alpha=results.alpha))
    if results.anytime.any():
        by_hits = np.where(results.anytime, anytime_upper_bound(results.label_hits, results.n, alpha=results.alpha), by_hits)
    return np.where(np.isnan(results.p_upper), by_hits, results.p_upper)
