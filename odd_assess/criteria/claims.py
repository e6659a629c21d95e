"""Domain claims: a metric's value over the whole ODD, enclosed by two quantities that are known at the points.

A claim holds ``low`` and ``high`` (m,): what was shown at each point, and what was not excluded. Their means over the ODD, bounded with confidence 1 - beta
each and corrected for the error alpha of the points' own statements, enclose the metric. Where nothing depends on noise (clean accuracy), low and high
are the same and alpha is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from odd_assess.criteria.inference import Inference, fraction_upper, mean_upper
from odd_assess.criteria.loss import bound_levels
from odd_assess.criteria.point_states import certified_at, largest_label_radius, refuted_at
from odd_assess.records import Bools, Criterion, Floats, Ints, Reduction, Results
from odd_assess.stats import radius_caps, true_fraction_lower, true_fraction_upper

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FractionClaim:
    """The fraction of the ODD where something is true: it was shown at ``low`` and not excluded at ``high``, each wrong with probability <= alpha."""

    low: Bools
    high: Bools
    alpha: float = 0.0

    @property
    def values(self) -> Floats:
        """What a plain estimate averages (m,)."""
        return self.low.astype(np.float64)

    def in_words(self, inference: Inference) -> str:
        """The counts and the bound behind the claim."""
        m, shown, excluded = len(self.low), int(self.low.sum()), int((~self.high).sum())
        if self.alpha == 0:
            return f"{shown} of {m} points; {inference.fraction_words}"
        return f"{shown} of {m} points shown, {excluded} refuted, {m - shown - excluded} undecided; {inference.fraction_words}"

    def bounds(self, inference: Inference, *, beta: float, copies: float = 1.0) -> Bounds:
        """(lower, upper), each with confidence 1 - beta."""
        return (
            true_fraction_lower(inference.fraction_lower(self.low, beta=beta, copies=copies), alpha=self.alpha),
            true_fraction_upper(fraction_upper(inference, self.high, beta=beta, copies=copies), alpha=self.alpha),
        )

    def take(self, rows: Ints | Bools) -> FractionClaim:
        """The claim on some points."""
        return FractionClaim(low=self.low[rows], high=self.high[rows], alpha=self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanClaim:
    """The mean over the ODD of a radius in [0, cap]: at least ``low`` (in [0, cap_low]) and at most ``high``, each wrong with probability <= alpha.

    Where a point's statement is wrong, it is wrong by at most the cap, so alpha times the cap is given up on either side.
    """

    low: Floats
    high: Floats
    cap_low: float
    cap: float
    alpha: float

    @property
    def values(self) -> Floats:
        """What a plain estimate averages (m,)."""
        return self.low

    def in_words(self, inference: Inference) -> str:
        """The counts and the bound behind the claim."""
        return f"the true class is certified at {int((self.low > 0).sum())} of {len(self.low)} points; {inference.mean_words}"

    def bounds(self, inference: Inference, *, beta: float, copies: float = 1.0) -> Bounds:
        """(lower, upper), each with confidence 1 - beta. A budget at which no count certifies anything says nothing."""
        if self.cap_low == 0:
            return 0.0, self.cap
        lower = inference.mean_lower(self.low, upper=self.cap_low, beta=beta, copies=copies) - self.alpha * self.cap_low
        upper = mean_upper(inference, self.high, upper=self.cap, beta=beta, copies=copies) + self.alpha * self.cap
        return max(0.0, lower), min(self.cap, upper)


Claim = FractionClaim | MeanClaim


def certified_accuracy(results: Results, criterion: Criterion, _: Reduction) -> FractionClaim:
    """The fraction of the ODD where the true class can be certified at the criterion's radius, whatever the budget."""
    assert criterion.radius is not None  # `check` has made sure
    return FractionClaim(
        low=certified_at(results, criterion.radius),
        high=~refuted_at(results, criterion.radius),
        alpha=float(results.alpha.max()),
    )


def clean_accuracy(results: Results, _: Criterion, __: Reduction) -> FractionClaim:
    """The fraction of the ODD where the base classifier is right without noise."""
    right = results.clean == results.label
    return FractionClaim(low=right, high=right)


def abstention_rate(results: Results, _: Criterion, __: Reduction) -> FractionClaim:
    """The chance that certification at this budget shows no class, at a random point of the ODD. A property of model and budget together."""
    abstained = ~results.certified
    return FractionClaim(low=abstained, high=abstained)


def mean_certified_radius(results: Results, _: Criterion, reduction: Reduction) -> MeanClaim:
    """The mean over the ODD of the radius that can be certified for the true class, counted up to the cap of the reference budget.

    Decision (2026-11-20): the cap is that of the reference budget (or of the run's, if larger) and not that of the run's. Otherwise a small
    budget, whose cap is low, would turn "not shown yet" into NOT MET: the metric would depend on the budget. Now the budget only widens the bounds.
    """
    levels = bound_levels(results)
    caps = radius_caps(np.maximum(results.n, reduction.n_ref), alpha=levels, sigma=results.sigma)
    low = np.where(results.correct, results.radius, 0.0)
    return MeanClaim(
        low=low,
        high=np.clip(largest_label_radius(results), 0.0, caps),
        cap_low=float(max(radius_caps(results.n, alpha=levels, sigma=results.sigma).max(), low.max())),
        cap=float(caps.max()),
        alpha=float(results.alpha.max()),
    )


CLAIMS: Mapping[str, Callable[[Results, Criterion, Reduction], Claim]] = MappingProxyType(
    {
        "certified_accuracy": certified_accuracy,
        "clean_accuracy": clean_accuracy,
        "abstention_rate": abstention_rate,
        "mean_certified_radius": mean_certified_radius,
    }
)
"""How each metric of kind "domain claim" reads the results."""
