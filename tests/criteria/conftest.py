"""Constructed runs: results from label hits, a domain of two cells, and everything else that `check` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from odd_assess.criteria import METRICS, check
from odd_assess.odd.attributes import Ordinal
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.domain import Domain
from odd_assess.records import (
    AverageCasePlan,
    Coverage,
    Criterion,
    Evidence,
    Finding,
    Gap,
    Groups,
    OddPoints,
    PointEstimates,
    Reduction,
    Results,
    SamplingPlan,
    Subdomain,
)
from odd_assess.stats import anytime_lower_bound, certified_radius, proportion_lower_bound

SIGMA, ALPHA, N = 0.25, 1e-3, 1000


def make_domain(*weights: float) -> Domain:
    """A domain with one cell a weight (at least two)."""
    names = tuple(f"level {i}" for i in range(len(weights)))
    return Domain(attributes=(Ordinal(id="surface", labels=names, weights=weights),))


def make_results(
    label_hits: Any,
    *,
    cell: Any = 0,
    n: Any = N,
    sigma: Any = SIGMA,
    alpha: Any = ALPHA,
    clean: Any = 0,
    other: Any = None,
    anytime: bool = False,
    label: Any = 0,
) -> Results:
    """Points of true class 0 (or ``label``): ``label_hits`` of ``n`` draws answered it; class 1 was tried where ``other`` gives its hits."""
    k = np.asarray(label_hits, dtype=np.int64)
    m = len(k)

    def column(value: Any, dtype: type = np.int64) -> Any:
        return np.array(np.broadcast_to(value, m), dtype=dtype)

    rival = column(-1 if other is None else other)
    hits = np.where(rival >= 0, rival, k)
    bound = anytime_lower_bound if anytime else proportion_lower_bound
    lower = np.atleast_1d(bound(hits, column(n), alpha=column(alpha, float)))
    certified = lower > 0.5
    return Results(
        index=np.arange(m),
        cell=column(cell),
        level=np.zeros((m, 2), dtype=np.int64),
        label=column(label),
        clean=column(clean) + column(label),
        chosen=np.where(rival >= 0, 1, 0) + column(label),
        certified=certified,
        hits=hits,
        label_hits=k,
        n0=column(100),
        n=column(n),
        sigma=column(sigma, float),
        alpha=column(alpha, float),
        p_a_lower=lower,
        radius=np.where(certified, certified_radius(lower, sigma=column(sigma, float)), 0.0),
        anytime=column(anytime, bool),
        ties=column(0, int),
        base_n=column(0, int),
        p_upper=column(np.nan, float),
    )


def make_points(domain: Domain, results: Results) -> OddPoints:
    """The conditions of the points: in a domain with one cell a label, the cell is the label's code."""
    codes = results.cell[:, None].astype(np.float64)
    return OddPoints(attributes=domain.attributes, indices=results.index, cell=results.cell, codes=codes)


def make_where(share: float, *labels: str) -> Subdomain:
    """The sub-domain of some labels of the attribute surface."""
    return Subdomain(
        name="", text=f"surface: {' or '.join(labels)}", statement=Statement(conditions={"surface": OneOf(labels)}), share=share
    )


def make_coverage(results: Results, cells: int, **changes: Any) -> Coverage:
    """Visits counted from the results; the fractions as given."""
    visits = np.bincount(results.cell, minlength=cells)
    gaps = tuple(Gap(kind="cell", name=f"cell {i}", reason="not visited") for i in np.flatnonzero(visits == 0))
    given = {"level_coverage": 1.0, "pairwise_coverage": 1.0, "cell_coverage": float((visits > 0).mean()), "gaps": gaps} | changes
    return Coverage(visits=visits, pairs={}, **given)


def make_criterion(metric: str, required: float, **changes: Any) -> Criterion:
    """A criterion with the comparator and confidence that fit its metric."""
    info = METRICS.get(metric)
    comparator = ">=" if info is None else info.comparator
    claims = info is not None and info.kind == "domain claim"
    given: dict[str, Any] = {
        "id": "C",
        "title": "",
        "comparator": comparator,
        "confidence": 0.95 if claims else None,
        "quantile": 0.1 if metric == "radius_quantile" else None,
        "radius": 0.25 if (info is not None and info.needs_radius) or metric == "regression" else None,
        "scope": "odd" if info is None else info.scopes[0],
        "of": "certified_accuracy" if metric == "regression" else None,
        "attribute": "surface" if info is not None and info.needs_attribute else None,
    }
    return Criterion(metric=metric, required=required, **(given | changes))


def make_estimates(value: Any) -> PointEstimates:
    """Estimates of average-case robustness at as many points."""
    known = np.asarray(value, dtype=np.float64)
    m = len(known)
    return PointEstimates(
        plan=AverageCasePlan(sigma=SIGMA, method="mmse"),
        index=np.arange(m),
        clean=np.zeros(m, dtype=np.int64),
        value=known,
        low=known / 2,
        high=np.ones(m),
        cdf_error=np.zeros(m),
        dead_gradient=np.zeros(m, dtype=np.bool_),
    )


def check_one(
    criterion: Criterion,
    results: Results,
    *,
    design: str = "random",
    allocation: str = "proportional",
    weights: Sequence[float] = (0.9, 0.1),
    points: int | None = None,
    until_decided: bool = False,
    groups: Groups | None = None,
    reduction: Reduction | None = None,
    reached: float = 1.0,
    class_names: Sequence[str] = ("a", "b"),
    baseline: Results | None = None,
    estimates: Any = None,
    **coverage: Any,
) -> Finding:
    """`check` of one criterion on constructed results."""
    domain = make_domain(*weights)
    plan = SamplingPlan(design=design, points=points, seed=1, allocation=allocation, until_decided=until_decided, groups=groups)  # type: ignore[arg-type]
    lost = reduction or Reduction(n_ref=100_000, expected_reference=np.zeros(len(results)), predicted=None)
    visited = make_coverage(results, len(domain.cells), reached=reached, **coverage)
    evidence = Evidence(
        domain=domain,
        sampling=plan,
        results=results,
        coverage=visited,
        reduction=lost,
        class_names=tuple(class_names),
        baseline=baseline,
        points=make_points(domain, results),
        average_case=None if estimates is None else make_estimates(estimates),
    )
    (finding,) = check([criterion], evidence)
    return finding


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """The makers above: build.results, build.criterion, build.coverage, build.domain, build.check ..."""
    return SimpleNamespace(
        results=make_results,
        criterion=make_criterion,
        coverage=make_coverage,
        estimates=make_estimates,
        domain=make_domain,
        check=check_one,
        where=make_where,
        points=make_points,
    )
