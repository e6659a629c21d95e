"""What the small budget cost in radius: a sentence, what other budgets would cost, the numbers and two charts."""

from __future__ import annotations

import numpy as np

from odd_assess.criteria import bound_levels
from odd_assess.records import Assessment, Bools, Reduction, Results
from odd_assess.report.view import formats
from odd_assess.report.view.budgets import draws_in_words, largest_cap
from odd_assess.report.view.records import Cell, Column, HistogramChart, ReductionView, ScatterChart, Table
from odd_assess.stats.reduction import expected_reference_radius
from odd_assess.stats.smoothing import radius_cap

HISTOGRAM_BINS = 20
"""Classes of reduction from 0 to 100%."""


def reduction(assessment: Assessment) -> ReductionView:
    """What the small budget cost: a sentence, what other budgets would cost, the numbers and two charts."""
    found, results = assessment.reduction, assessment.results
    lossy = found.expected_reference > 0
    return ReductionView(
        sentence=_cost(found, results),
        change=_change(assessment),
        facts=_reduction_facts(found),
        budgets=_budgets(assessment) if lossy.any() and found.predicted is not None else None,
        scatter=_scatter(assessment) if lossy.any() else None,
        histogram=_histogram(assessment, lossy) if lossy.any() else None,
    )


def _cost(found: Reduction, results: Results) -> str:
    n, n_ref = draws_in_words(results), formats.count(found.n_ref)
    if found.measured is not None:
        interval = ""
        if found.measured_lower is not None and found.measured_upper is not None:
            low, high = formats.percent(found.measured_lower, side="down"), formats.percent(found.measured_upper, side="up")
            interval = f" ({formats.plain(100 * found.confidence)}% interval {low} to {high})"
        points = formats.plural(found.measured_points, "point")
        text = (
            f"Certifying with n = {n} draws instead of {n_ref} cost {formats.percent(found.measured)} of the mean certified radius{interval}, "
            f"measured on {points} certified at both budgets"
        )
        if found.predicted_subsample is not None:
            text += f"; the counts at n = {n} alone predict {formats.percent(found.predicted_subsample)} for these points"
            text += (
                "" if found.predicted is None else f" and {formats.percent(found.predicted)} for all {formats.count(len(results))}"
            )
        return f"{text}."
    if found.predicted is not None:
        return (
            f"Certifying with n = {n} draws instead of {n_ref} is expected to cost {formats.percent(found.predicted)} of the mean certified radius, "
            "predicted from the counts; no point was certified at the reference budget, so this is not measured."
        )
    return f"No radius reduction can be stated: no point certifies at n = {n}, nor would any be expected to at {n_ref}."


def _mean_radius_at(assessment: Assessment, n: int) -> float:
    """Mean radius of all points expected at ``n`` draws, given the counts of this run."""
    results = assessment.results
    return float(expected_reference_radius(results.hits, results.n, n, alpha=bound_levels(results), sigma=results.sigma).mean())


def _budget_ladder(assessment: Assessment) -> list[int]:
    n, n_ref = int(assessment.results.n.max()), assessment.reduction.n_ref
    steps = [round(n * factor) for factor in (2, 5, 10, 30, 100)]
    return [step for step in steps if step < n_ref] + [n_ref]


def _change(assessment: Assessment) -> str:
    """What another n would change, in one sentence."""
    found = assessment.reduction
    reference = float(found.expected_reference.mean()) if len(found.expected_reference) else 0.0
    if found.predicted is None or reference <= 0:
        return ""
    n = int(assessment.results.n.max())
    ladder = [step for step in _budget_ladder(assessment) if step < found.n_ref]
    picked = [step for step in ladder if step in {2 * n, 10 * n}] or ladder[:1]
    words = [
        f"n = {formats.count(step)} about {formats.percent(max(0.0, 1 - _mean_radius_at(assessment, step) / reference), digits=0)}"
        for step in picked
    ]
    would = f"With {formats.listed(words)} of the radius would be lost, instead of {formats.percent(found.predicted, digits=0)}. "
    if found.cap_share is None or found.width_share is None:
        return would if words else ""
    return (would if words else "") + (
        f"{formats.percent(found.cap_share, digits=0)} of the radius is lost to the cap, which only a larger n lifts, "
        f"and {formats.percent(found.width_share, digits=0)} to the width of the confidence bound."
    )


def _reduction_facts(found: Reduction) -> Table:
    def fraction(value: float | None, side: formats.Side = "nearest") -> Cell:
        return Cell(text=formats.NOTHING if value is None else formats.percent(value, side=side), value=value)

    level = f"{formats.plain(100 * found.confidence)}%"
    rows = [
        (
            "Measured on the subsample",
            fraction(found.measured),
            f"1 − mean radius at n / mean radius at {formats.count(found.n_ref)}, {found.measured_points} points",
        ),
        (f"Its interval, lower end ({level})", fraction(found.measured_lower, "down"), "bootstrap over points"),
        (f"Its interval, upper end ({level})", fraction(found.measured_upper, "up"), "bootstrap over points"),
        ("Predicted for the subsample", fraction(found.predicted_subsample), "from the counts at n alone"),
        ("Predicted for all points", fraction(found.predicted), "from the counts at n alone"),
        (
            "Median over points",
            fraction(found.per_point_median),
            "over the points whose votes would certify at the reference budget",
        ),
        ("Part due to the cap", fraction(found.cap_share), "even if all n copies agree, the radius cannot exceed the cap"),
        ("Part due to the width of the bound", fraction(found.width_share), "what an exact knowledge of the votes would give back"),
        ("Theory line", fraction(found.theory), "mean ratio 1 − 1.64 z / √n for a typical model (Seferis et al. 2024)"),
    ]
    return Table(
        id="reduction-table",
        caption="The radius reduction in numbers",
        columns=(Column(title="Quantity"), Column(title="Reduction", number=True), Column(title="How it is known")),
        rows=tuple((Cell(text=name), value, Cell(text=how)) for name, value, how in rows if value.value is not None),
        note="All of these are estimates. Fractions of the mean radius at the reference budget.",
    )


def _budgets(assessment: Assessment) -> Table:
    results, found = assessment.results, assessment.reduction
    alpha, sigma = float(bound_levels(results).max()), float(results.sigma.max())
    reference, now = float(found.expected_reference.mean()), float(results.radius.mean())
    rows = [("this run", int(results.n.max()), now)]
    rows += [("expected", n, _mean_radius_at(assessment, n)) for n in _budget_ladder(assessment)]
    return Table(
        id="budgets-table",
        caption="What another number of draws would give",
        columns=tuple(
            Column(title=title, number=number)
            for title, number in (("Draws n", True), ("", False), ("Mean radius", True), ("Radius lost", True), ("Cap", True))
        ),
        rows=tuple(
            (
                Cell(text=formats.count(n), value=n),
                Cell(text=how),
                Cell(text=formats.radius(mean), value=mean),
                Cell(text=formats.percent(max(0.0, 1 - mean / reference)), value=1 - mean / reference),
                Cell(text=formats.radius(radius_cap(n, alpha=alpha, sigma=sigma)), value=None),
            )
            for how, n, mean in rows
        ),
        note="Expected from the counts of this run; mean over all certified classes, right or wrong.",
    )


def _scatter(assessment: Assessment) -> ScatterChart:
    results, reference, found = assessment.results, assessment.reference, assessment.reduction
    achieved_of = dict(zip(results.index.tolist(), results.radius.tolist(), strict=True))
    measured = np.array([]) if reference is None else reference.radius
    achieved = np.array([]) if reference is None else np.array([achieved_of.get(int(index), 0.0) for index in reference.index])
    n, n_ref = draws_in_words(results), formats.count(found.n_ref)
    return ScatterChart(
        alt=f"Each point's certified radius at {n} draws against its radius at {n_ref} draws; points below the diagonal lost radius to the budget.",
        expected=found.expected_reference,
        achieved=results.radius,
        measured=measured,
        achieved_measured=achieved,
        cap=largest_cap(results),
        cap_label=f"cap of n = {n}",
        n_label=f"radius at n = {n} (input units)",
        reference_label=f"radius at n = {n_ref} (input units)",
    )


def _histogram(assessment: Assessment, lossy: Bools) -> HistogramChart:
    found, results = assessment.reduction, assessment.results
    lost = np.clip(1 - results.radius[lossy] / found.expected_reference[lossy], 0, 1)
    counts, edges = np.histogram(lost, bins=HISTOGRAM_BINS, range=(0, 1))
    mean = float(1 - results.radius[lossy].sum() / found.expected_reference[lossy].sum())
    return HistogramChart(
        alt=f"Histogram of the share of radius that each of {len(lost)} points lost to the budget; points at 100% abstain at n.",
        edges=edges,
        counts=counts.astype(np.int64),
        mean=float(np.clip(mean, 0, 1)),
        mean_label=f"{formats.percent(mean)} of the mean radius",
    )
