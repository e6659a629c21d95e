"""How many draws were spent, in words, and how far they can reach."""

from __future__ import annotations

from odd_assess.criteria import bound_levels
from odd_assess.records import Results
from odd_assess.report.view import formats
from odd_assess.stats.smoothing import radius_caps


def draws_in_words(results: Results) -> str:
    """The draws per point in words: one number, or a range where points differ."""
    low, high = int(results.n.min()), int(results.n.max())
    return formats.count(high) if low == high else f"{formats.count(low)} to {formats.count(high)}"


def largest_cap(results: Results) -> float:
    """The largest radius that the draws of this run can certify at any point."""
    return float(radius_caps(results.n, alpha=bound_levels(results), sigma=results.sigma).max())
