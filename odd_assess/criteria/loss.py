"""What the small budget cost this run: its results against the reference subsample, and what the counts let us expect of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from odd_assess.criteria.point_states import radius_alone
from odd_assess.policies import Cascade
from odd_assess.records import Floats, Reduction, Results
from odd_assess.stats import measured_reduction, radius_reduction, reference_share, theory_reduction
from odd_assess.stats.reduction import PredictedReduction


def bound_levels(results: Results) -> Floats:
    """The level (m,) at which each point's class was bounded: alpha, half of it where one batch chose and bounded (n0 = 0), its part in a cascade."""
    if isinstance(results.policy, Cascade):
        return results.alpha / results.policy.bounds_at_once
    return np.where((results.n0 == 0) & (results.base_n == 0), results.alpha / 2, results.alpha)


def largest_levels(results: Results) -> Floats:
    """The largest noise level (m,) that each point could have had."""
    return results.sigma if results.policy is None else np.full(len(results), results.policy.largest)


def radius_loss(results: Results, reference: Results | None, *, n_ref: int, seed: int) -> Reduction:
    """The reduction of the mean certified radius against ``n_ref`` draws: predicted for all points, measured on the ``reference`` subsample.

    Radii count whatever class they certify: the budget costs radius at wrong answers too. They are those before any memory; of a cascade, the prediction is for
    the level that gives the radius. The reference procedure has a fixed n, also where this run stopped when decided. The prediction's prior is fitted to all
    counts, so ``predicted_subsample`` compares like with like.

    Raises: ValueError if there is no point, or a reference point that has no row in ``results``.
    """
    expected = radius_reduction(
        results.hits,
        results.n,
        n_ref,
        alpha=bound_levels(results),
        sigma=results.sigma,
        certified=radius_alone(results),
        whole_alpha=results.alpha,
    )
    common: dict[str, Any] = {
        "n_ref": n_ref,
        "expected_reference": expected.expected_reference,
        "predicted": expected.reduction,
        "per_point_median": expected.per_point_median,
        "cap_share": expected.cap_share,
        **_shares(results, expected),
        "theory": _theory(results, n_ref),
    }
    if reference is None:
        return Reduction(**common)
    rows = np.searchsorted(results.index, reference.index)
    if not np.array_equal(results.index[np.minimum(rows, len(results) - 1)], reference.index):
        raise ValueError("every point of the reference subsample must be among the results")
    found = radius_alone(results)
    measured = measured_reduction(found[rows], reference.radius, seed=seed)
    at_reference = float(expected.expected_reference[rows].sum())
    return Reduction(
        predicted_subsample=1 - float(found[rows].sum()) / at_reference if at_reference > 0 else None,
        measured=measured.reduction,
        measured_lower=measured.lower,
        measured_upper=measured.upper,
        confidence=measured.confidence,
        measured_points=measured.points,
        **common,
    )


def certified_share_at_reference(results: Results, radii: Floats, weights: Floats, *, n_ref: int) -> Floats:
    """The share (r,) of the points, weighted by ``weights`` (m,), that ``n_ref`` draws would certify for the true class at the ``radii``. An estimate.

    Given the counts. Where another class than the true one was tried here, it is taken to be tried at the reference too.
    """
    return reference_share(
        results.hits,
        results.n,
        n_ref,
        radii,
        alpha=bound_levels(results),
        sigma=results.sigma,
        weights=np.where(results.chosen == results.label, weights, 0.0),
    )


def _shares(results: Results, expected: PredictedReduction) -> dict[str, float | None]:
    """What width and multiplicity take: no draw of a bound that rests on a baseline serves twice, so that all but the cap is due to the width of that bound."""
    width, twice = expected.width_share, expected.multiplicity_share
    if not results.base_n.any() or width is None or twice is None:
        return {"width_share": width, "multiplicity_share": twice}
    return {"width_share": width + twice, "multiplicity_share": 0.0}


def _theory(results: Results, n_ref: int) -> float | None:
    """The theory's reduction; None where n is not one fixed number that alone decides the bound, of which alone the theory speaks."""
    one = all(column.min() == column.max() for column in (results.n, results.alpha))
    if not one or results.anytime.any() or results.base_n.any():
        return None
    return theory_reduction(int(results.n[0]), n_ref, alpha=float(results.alpha[0]))
