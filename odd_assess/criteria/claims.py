"""Domain claims: a metric's value over the whole ODD, enclosed by two quantities that are known at the points.

A claim holds ``low`` and ``high`` (m,): what was shown at each point, and what was not excluded. Their means over the ODD, bounded with confidence 1 - beta
each and corrected for the error alpha of the points' own statements, enclose the metric. Where nothing depends on noise (clean accuracy), low and high
are the same and alpha is 0.

Decision (2026-11-21), where a policy chooses noise levels. What is shown is what counts after the memory, what is excluded is judged on the point's own
counts: the claim is about the ODD as met by a fresh memory, point by point, and the memory of the others only lowers what is shown. The range of a mean is
that of the policy's largest level: the observed levels depend on the points, and a range must not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from odd_assess.criteria.inference import Inference, fraction_upper, mean_upper
from odd_assess.criteria.loss import bound_levels, largest_levels
from odd_assess.criteria.point_states import certified_alone, certified_at, largest_label_radius, refuted_at
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

    def estimate(self, weights: Floats) -> float:
        """The plain estimate, the points weighted by ``weights`` (m,)."""
        return float(weights @ self.values)

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

    def estimate(self, weights: Floats) -> float:
        """The plain estimate, the points weighted by ``weights`` (m,)."""
        return float(weights @ self.low)

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantileClaim:
    """The radius in [0, cap] that all but a share ``quantile`` of the ODD reach: at least ``low`` was shown at each point, no more than ``high`` not excluded.

    "The quantile is at least r" and "a share 1 - quantile of the ODD reaches r" are one statement, so the bounds are those of the fraction, inverted in r. The
    fractions fall with r, so that a wrong bound needs a wrong fraction at one r only: no correction for searching r. (For independent points
    these are the order statistics of `odd_assess.stats.quantiles`.)
    """

    low: Floats
    high: Floats
    quantile: float
    cap: float
    alpha: float

    def estimate(self, weights: Floats) -> float:
        """The quantile of what was shown, the points weighted by ``weights`` (m,)."""
        order = np.argsort(-self.low)
        reached = np.searchsorted(np.cumsum(weights[order]), 1.0 - self.quantile - 1e-12)
        return float(self.low[order][min(int(reached), len(order) - 1)])

    def in_words(self, inference: Inference) -> str:
        """The bound behind the claim."""
        return f"what all but {100 * self.quantile:.4g} % of the ODD reach; {inference.fraction_words}, inverted"

    def bounds(self, inference: Inference, *, beta: float, copies: float = 1.0) -> Bounds:
        """(lower, upper), each with confidence 1 - beta."""
        shown, left = np.unique(self.low), np.unique(self.high)

        def reach(r: float) -> FractionClaim:
            return FractionClaim(low=self.low >= r, high=self.high > r, alpha=self.alpha)

        def enough(r: float) -> bool:
            return reach(r).bounds(inference, beta=beta, copies=copies)[0] >= 1.0 - self.quantile

        def too_few(r: float) -> bool:
            return reach(r).bounds(inference, beta=beta, copies=copies)[1] < 1.0 - self.quantile

        reached = bisect_left(shown, True, key=lambda r: not enough(float(r)))
        missed = bisect_left(left, True, key=lambda r: too_few(float(r)))
        lower = float(shown[reached - 1]) if reached else 0.0
        upper = float(left[missed]) if missed < len(left) else self.cap
        return min(lower, self.cap), min(upper, self.cap)


Claim = FractionClaim | MeanClaim | QuantileClaim


def certified_accuracy(results: Results, criterion: Criterion, _: Reduction) -> FractionClaim:
    """The fraction of the ODD where the true class can be certified at the criterion's radius, whatever the budget."""
    assert criterion.radius is not None  # `check` has made sure
    return FractionClaim(
        low=certified_at(results, criterion.radius),
        high=~refuted_at(results, criterion.radius),
        alpha=float(results.alpha.max()),
    )


def smoothed_accuracy(results: Results, _: Criterion, __: Reduction) -> FractionClaim:
    """The fraction of the ODD where the smoothed classifier gives the true class at the point itself.

    A certificate shows its class there, except with probability alpha; where nothing is certified, neither is shown nor excluded.
    """
    return FractionClaim(
        low=results.correct,
        high=~(certified_alone(results) & (results.chosen != results.label)),
        alpha=float(results.alpha.max()),
    )


def clean_accuracy(results: Results, _: Criterion, __: Reduction) -> FractionClaim:
    """The fraction of the ODD where the base classifier is right without noise."""
    right = results.clean == results.label
    return FractionClaim(low=right, high=right)


def abstention_rate(results: Results, _: Criterion, __: Reduction) -> FractionClaim:
    """The chance that certification at this budget shows no class, at a random point of the ODD. A property of model and budget together."""
    return FractionClaim(low=~certified_alone(results), high=~results.certified)


def mean_certified_radius(results: Results, _: Criterion, reduction: Reduction) -> MeanClaim:
    """The mean over the ODD of the radius that can be certified for the true class, counted up to the cap of the reference budget.

    Decision (2026-11-20): the cap is that of the reference budget (or of the run's, if larger) and not that of the run's. Otherwise a small
    budget, whose cap is low, would turn "not shown yet" into NOT MET: the metric would depend on the budget. Now the budget only widens the bounds.
    """
    low, high, cap = _radii(results, reduction)
    # n varies where draws stop when decided, and the range of the values may not depend on the data: the reference's cap covers every n
    cap_low = cap if results.anytime.any() else max(_cap(results, results.n), float(low.max()))
    return MeanClaim(low=low, high=high, cap_low=cap_low, cap=cap, alpha=float(results.alpha.max()))


def radius_quantile(results: Results, criterion: Criterion, reduction: Reduction) -> QuantileClaim:
    """The radius that can be certified for the true class on all but a share ``criterion.quantile`` of the ODD, up to the cap of the reference budget."""
    assert criterion.quantile is not None  # `check` has made sure
    low, high, cap = _radii(results, reduction)
    return QuantileClaim(low=low, high=high, quantile=criterion.quantile, cap=cap, alpha=float(results.alpha.max()))


def _radii(results: Results, reduction: Reduction) -> tuple[Floats, Floats, float]:
    """(shown, not excluded, cap): the radii (m,) of the true class, up to the cap of the reference budget or the run's, if that is larger."""
    n = np.maximum(results.n, reduction.n_ref)
    caps = _caps(results, n)
    low = np.where(results.correct, results.radius, 0.0)
    return low, np.clip(largest_label_radius(results), 0.0, caps), float(caps.max())


def _cap(results: Results, n: Ints) -> float:
    return float(_caps(results, n).max())


def _caps(results: Results, n: Ints) -> Floats:
    return radius_caps(n, alpha=bound_levels(results), sigma=largest_levels(results))


CLAIMS: Mapping[str, Callable[[Results, Criterion, Reduction], Claim]] = MappingProxyType(
    {
        "certified_accuracy": certified_accuracy,
        "worst_cell": certified_accuracy,
        "level_difference": certified_accuracy,
        "smoothed_accuracy": smoothed_accuracy,
        "clean_accuracy": clean_accuracy,
        "abstention_rate": abstention_rate,
        "mean_certified_radius": mean_certified_radius,
        "radius_quantile": radius_quantile,
    }
)
"""How each metric of kind "domain claim" reads the results."""
