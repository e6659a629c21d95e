"""Which bound speaks for the whole ODD, by the sampling design.

random                    the points are independent draws from the declared distribution: exact binomial bound; betting bound for means
random, until decided     the same, stopped when it is decided: test martingales, valid at any stopping time
stratified, proportional  one point in each of m equal segments of the domain: the pooled bound (Hoeffding); betting bound for means
stratified, equal         known weights of the cells, a fixed number of points in each: weighted betting bound
stratified, declared      two groups of cells of known weight, a fixed number of independent points in each: exact bound on the weighted mean of two
                          proportions; betting bound of each group for means
ranked                    two groups of ranks of known weight, a fixed number of independent points in each: as for two groups of cells
sobol, lhs, grid,         no probability model: points are placed to cover, not drawn from the declared distribution. No bound.
pairwise

Within a cell the points of the random and stratified designs are independent draws from the declared distribution inside it, given how many fell there.
So are those of the random design within a level, a class or any other part; and of the declared allocation within what a level has of a group, which is known
to weigh so much: given how many points fell there, the bound for two groups holds. Of the ranked design nobody knows what a part, be it a cell, weighs
within a group of ranks. There, and in the other stratified designs, such a part has no fixed number of
points and its points are not alike: the bound there is that of `odd_assess.stats.parts`, which needs neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from odd_assess.criteria.parts import Located
from odd_assess.odd.domain import Domain
from odd_assess.records import Bools, Floats, Ints, Results, SamplingPlan
from odd_assess.stats import (
    anytime_lower_bound,
    log_evidence_above,
    mean_lower_bound,
    part_mean_lower_bound,
    pooled_lower_bound,
    probability_at_least,
    probability_at_most,
    proportion_lower_bound,
    two_group_lower_bound,
    two_group_mean_lower_bound,
    weighted_mean_lower_bound,
)


class Inference(Protocol):
    """One-sided bounds on the mean over the ODD of a quantity that is known at the points (m,), with confidence 1 - beta.

    ``copies`` asks "what if every point had been seen so often": for advice on the number of points, never for a claim.
    """

    @property
    def fraction_words(self) -> str:
        """The bound on fractions in a few words, for the report."""
        ...

    @property
    def mean_words(self) -> str:
        """The bound on means in a few words, for the report."""
        ...

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """A lower bound on the fraction of the ODD where the indicator holds."""
        ...

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """A lower bound on the mean over the ODD of values in [0, upper]."""
        ...


def fraction_upper(inference: Inference, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
    """An upper bound on the fraction of the ODD where the indicator holds."""
    return 1.0 - inference.fraction_lower(~indicator, beta=beta, copies=copies)


def mean_upper(inference: Inference, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
    """An upper bound on the mean over the ODD of values in [0, upper]."""
    return upper - inference.mean_lower(upper - values, upper=upper, beta=beta, copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Independent:
    """Independent points from the declared distribution; also the points inside one cell."""

    fraction_words: str = "exact binomial bound, independent points"
    mean_words: str = "betting bound, independent points"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """Clopper-Pearson."""
        return proportion_lower_bound(*_counted(indicator, copies), alpha=beta)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting."""
        return mean_lower_bound(values, upper=upper, beta=beta, copies=copies)

    def p_value_above(self, indicator: Bools, p0: float, *, copies: float = 1.0) -> float:
        """The p-value against "the proportion is at most p0"."""
        return float(probability_at_least(*_counted(indicator, copies), p0))

    def p_value_below(self, indicator: Bools, p0: float, *, copies: float = 1.0) -> float:
        """The p-value against "the proportion is at least p0"."""
        misses, points = _counted(~indicator, copies)
        return float(probability_at_most(points - misses, points, p0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anytime:
    """Independent points from the declared distribution, ``horizon`` of them at most, that stopped coming when the verdict was decided.

    Source: Ville's inequality (odd_assess.stats.sequential, odd_assess.stats.bounded_mean). 1 / evidence is a p-value at any stopping time.
    """

    horizon: int
    fraction_words: str = "test martingale, independent points, valid at any stopping time"
    mean_words: str = "betting bound, independent points, valid at any stopping time"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """The best bound of all times up to now: what was decided once stays decided."""
        successes, points = _over_time(indicator, copies)
        return float(anytime_lower_bound(successes, points, alpha=beta).max())

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting, with bets that were fixed beforehand."""
        return mean_lower_bound(values, upper=upper, beta=beta, copies=copies, horizon=self.horizon)

    def p_value_above(self, indicator: Bools, p0: float, *, copies: float = 1.0) -> float:
        """The p-value against "the proportion is at most p0": one over the most evidence of all times up to now."""
        return float(np.exp(-np.max(np.maximum(0.0, log_evidence_above(*_over_time(indicator, copies), p0)))))

    def p_value_below(self, indicator: Bools, p0: float, *, copies: float = 1.0) -> float:
        """The p-value against "the proportion is at least p0", likewise."""
        return self.p_value_above(~indicator, 1.0 - p0, copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One independent point in each of m equal segments of the domain."""

    fraction_words: str = "binomial bound of the pooled strata (Hoeffding)"
    mean_words: str = "betting bound, independent points"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """The binomial bound of the sum, with its guards."""
        return pooled_lower_bound(*_counted(indicator, copies), beta=beta)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting: it needs independence, not identical distributions."""
        return mean_lower_bound(values, upper=upper, beta=beta, copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighted:
    """Independent points in cells of known weight, whatever their number. A cell without points counts against the claim."""

    cell: Ints
    weights: Floats
    fraction_words: str = "betting bound weighted by cell"
    mean_words: str = "betting bound weighted by cell"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """Betting on the weighted indicators."""
        return self.mean_lower(indicator.astype(np.float64), upper=1.0, beta=beta, copies=copies)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting on the weighted values."""
        return weighted_mean_lower_bound(values, self.cell, self.weights, upper=upper, beta=beta, copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoGroups:
    """Independent points in each of two groups (or in what a part of the ODD has of each) of known ``weights``; ``group`` (m,): 0 or 1, where each point lies.

    A group without points counts against the claim.
    """

    group: Ints
    weights: tuple[float, float]
    fraction_words: str = "exact bound of two groups of cells, independent points in each"
    mean_words: str = "betting bound of two groups of cells"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """Buehler's bound with a confined nuisance."""
        (k1, m1), (k2, m2) = (_counted(indicator[self.group == one], copies) for one in (0, 1))
        return two_group_lower_bound((k1, k2), (m1, m2), self.weights, beta=beta)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting in each group, or on the weighted values."""
        return two_group_mean_lower_bound(values, self.group, self.weights, upper=upper, beta=beta, copies=copies)


RANKS = {
    "fraction_words": "exact bound of two groups of ranks, independent points in each",
    "mean_words": "betting bound of two groups of ranks",
}
"""Of the bounds for two groups, where these are ranks among candidates."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """Bounds of another inference, for an ODD of which only the share ``share`` could be sampled: the rest counts against the claim.

    A fraction q of the whole is share * q_reached + (1 - share) * q_rest with q_rest anywhere in [0, 1].
    """

    inference: Inference
    share: float

    @property
    def fraction_words(self) -> str:
        """The bound on fractions in a few words."""
        return f"{self.inference.fraction_words}; {self._rest}"

    @property
    def mean_words(self) -> str:
        """The bound on means in a few words."""
        return f"{self.inference.mean_words}; {self._rest}"

    @property
    def _rest(self) -> str:
        return f"{1 - self.share:.1%} of the ODD has no frame in the table and counts against the claim"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """The bound on the reached part, as a part of the whole."""
        return self.share * self.inference.fraction_lower(indicator, beta=beta, copies=copies)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """The bound on the reached part, as a part of the whole."""
        return self.share * self.inference.mean_lower(values, upper=upper, beta=beta, copies=copies)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WithinPart:
    """Bounds on a part of the ODD from its points, of which each stands for ``share`` / ``points`` of the ODD; ``heaviest`` is the largest share of any point.

    The share ``missing`` of the ODD may belong to the part and could not be sampled: it counts against the claim.
    """

    share: Floats
    points: float
    heaviest: float = 1.0
    missing: float = 0.0
    horizon: int | None = None

    @property
    def fraction_words(self) -> str:
        """The bound on fractions in a few words."""
        return self.mean_words

    @property
    def mean_words(self) -> str:
        """The bound on means in a few words."""
        rest = f"; {self.missing:.1%} of the ODD has no frame in the table and counts against the claim" if self.missing else ""
        return f"betting bound on a part of the ODD{rest}"

    def fraction_lower(self, indicator: Bools, *, beta: float, copies: float = 1.0) -> float:
        """Betting on the indicators at the points of the part (n,)."""
        return self.mean_lower(indicator.astype(np.float64), upper=1.0, beta=beta, copies=copies)

    def mean_lower(self, values: Floats, *, upper: float, beta: float, copies: float = 1.0) -> float:
        """Betting on the values at the points of the part (n,)."""
        return part_mean_lower_bound(
            values,
            self.share,
            points=self.points,
            heaviest=self.heaviest,
            upper=upper,
            beta=beta,
            missing=self.missing,
            copies=copies,
            horizon=self.horizon,
        )


def part_inference(
    sampling: SamplingPlan,
    domain: Domain,
    results: Located,
    inside: Bools,
    *,
    weight: float | None,
    missing: float,
    reached: float,
    cells: Bools | None = None,
) -> Inference | None:
    """The bounds within a part that holds the points ``inside`` (m,); None where the design has no probability model.

    ``cells`` (cells,): those that the part consists of, where it consists of whole cells.

    ``missing``: the share of the ODD that may belong to the part and could not be sampled at all, of the share 1 - ``reached`` that could not.
    ``weight``: the part's own share, where it is declared.
    """
    horizon = _horizon(sampling) if sampling.until_decided else None
    ones, points = np.ones(int(inside.sum())), float(len(results))
    match sampling.design, sampling.allocation:
        case "random", _ if missing == 0:
            return cell_inference(sampling)
        case "random", _ if weight is not None:
            return Reached(inference=cell_inference(sampling), share=max(0.0, 1.0 - missing / weight))
        case ("random", _) | ("stratified", "proportional"):
            return WithinPart(share=reached * ones, points=points, heaviest=reached, missing=missing, horizon=horizon)
        case "stratified", "declared" if cells is not None:
            return _two_groups(sampling, np.where(cells, domain.layout.weight, 0.0), results.cell[inside])
        case (("stratified" | "ranked"), _):
            shares = point_shares(sampling, domain, results)
            return WithinPart(share=shares[inside], points=points, heaviest=float(shares.max()), missing=missing)
        case _:
            return None


def point_shares(sampling: SamplingPlan, domain: Domain, results: Located) -> Floats:
    """For points in cells (or groups of cells, or of ranks) of known weight, whatever their number: the weight that each stands for (m,), times m."""
    weight, place = domain.layout.weight, results.cell
    if sampling.ranked is not None:
        weight, place = np.array(sampling.ranked.weights), group_of_ranks(sampling, results)
    elif sampling.groups is not None:
        weight, place = np.array(sampling.groups.weights(weight)), sampling.groups.place(results.cell)
    counts = np.bincount(place, minlength=len(weight))
    return np.asarray(weight[place] * len(results) / counts[place], dtype=np.float64)


def _two_groups(sampling: SamplingPlan, weight: Floats, cell: Ints) -> TwoGroups:
    """The bounds for points in the given cells (n,), of a part of the ODD that has so much of each cell (cells,)."""
    assert sampling.groups is not None  # a plan that declares its allocation has groups
    return TwoGroups(group=sampling.groups.place(cell), weights=sampling.groups.weights(weight))


def group_of_ranks(sampling: SamplingPlan, results: Located) -> Ints:
    """The group of ranks (m,) of each point, 0 for low: by its number, so that only results will do."""
    assert sampling.ranked is not None  # a plan whose design is ranked has sets
    assert isinstance(results, Results)  # which carry numbers
    return sampling.ranked.group(sampling.seed)[results.index]


def cell_inference(sampling: SamplingPlan) -> Independent | Anytime:
    """The bounds inside one cell, whose points are independent in the random and stratified designs."""
    return Anytime(horizon=_horizon(sampling)) if sampling.until_decided else Independent()


def inference_for(sampling: SamplingPlan, domain: Domain, results: Located, *, reached: float = 1.0) -> Inference | None:
    """The bounds that the design allows; None where it has no probability model. ``reached``: the share of the ODD that could be sampled at all."""
    whole = _inference_for(sampling, domain, results)
    return whole if whole is None or reached == 1 or isinstance(whole, Weighted) else Reached(inference=whole, share=reached)


def _inference_for(sampling: SamplingPlan, domain: Domain, results: Located) -> Inference | None:
    match sampling.design, sampling.allocation:
        case "random", _:
            return cell_inference(sampling)
        case "stratified", "proportional":
            return Pooled()
        case "stratified", "declared":
            return _two_groups(sampling, domain.layout.weight, results.cell)
        case "ranked", _:
            assert sampling.ranked is not None  # a plan whose design is ranked has sets
            return TwoGroups(group=group_of_ranks(sampling, results), weights=sampling.ranked.weights, **RANKS)
        case "stratified", _:
            return Weighted(cell=results.cell, weights=np.array([cell.weight for cell in domain.cells]))
        case _:
            return None


def _horizon(sampling: SamplingPlan) -> int:
    assert sampling.points is not None  # a plan that stops when decided says how many points there are at most
    return sampling.points


def point_weights(sampling: SamplingPlan, domain: Domain, results: Located) -> Floats:
    """What each point counts in a plain estimate over the ODD (m,), summing to 1: equal, but by cell or group where these got other numbers of points."""
    if sampling.design == "ranked" or (sampling.design == "stratified" and sampling.allocation != "proportional"):
        counted = point_shares(sampling, domain, results)
        return np.asarray(counted / counted.sum())
    return np.full(len(results), 1.0 / len(results))


WEIGHTED = ", weighted by the share of the ODD that each point stands for"
"""Said of a plain estimate beside plain numbers of points."""


def weighted_words(weights: Floats) -> str:
    """What to add to a plain estimate in which points count ``weights`` (m,); empty where they count alike."""
    return "" if not len(weights) or weights.min() > weights.max() * (1 - 1e-9) else WEIGHTED


def _over_time(indicator: Bools, copies: float) -> tuple[Floats, Floats]:
    """(successes, points) after each point, had each been seen ``copies`` times."""
    successes = np.floor(np.cumsum(indicator) * copies + 1e-9)
    return successes, np.maximum(successes, np.ceil(np.arange(1, len(indicator) + 1) * copies - 1e-9))


def _counted(indicator: Bools, copies: float) -> tuple[int, int]:
    successes = math.floor(np.count_nonzero(indicator) * copies + 1e-9)
    return successes, max(successes, math.ceil(len(indicator) * copies - 1e-9))
