"""The state of each point for a radius r: certified, refuted, or neither (more draws would tell).

Both statements are wrong with probability at most alpha each, at any point, so that their fractions can be corrected for it (`odd_assess.stats.domain`).
"""

from __future__ import annotations

import numpy as np

from odd_assess.records import Bools, Floats, Results
from odd_assess.stats import anytime_upper_bound, largest_radius, proportion_upper_bound


def certified_at(results: Results, radius: float) -> Bools:
    """Where the true class was certified at ``radius`` or beyond (m,)."""
    return results.correct & (results.radius >= radius)


def refuted_at(results: Results, radius: float) -> Bools:
    """Where no number of draws would certify the true class at ``radius`` (m,): the upper bound of the label's share of the draws is too small for it.

    This covers "another class is certified": its hits h have a lower bound above 1/2 at alpha, the label has at most n - h of the n draws, and the upper bound
    at n - h is one minus the lower bound at h, hence below 1/2.
    """
    return largest_label_radius(results) < radius


def largest_label_radius(results: Results) -> Floats:
    """An upper bound (m,), except with probability alpha, on the radius that any budget could certify for the true class. Negative: it does not win."""
    return largest_radius(_label_share_upper(results), sigma=results.sigma)


def _label_share_upper(results: Results) -> Floats:
    """The upper bound (m,) of the label's share of the draws: exact where n was fixed beforehand, valid at any time where it was not."""
    fixed = np.atleast_1d(proportion_upper_bound(results.label_hits, results.n, alpha=results.alpha))
    if not results.anytime.any():
        return fixed
    return np.where(results.anytime, anytime_upper_bound(results.label_hits, results.n, alpha=results.alpha), fixed)
