"""What the small budget cost: sentences, what it is due to, and each point at both budgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odd_assess.records import Assessment, Bools, Floats, Ints, Reduction
from odd_assess.report.view import accuracy_loss, curve, formats, levels, weighing
from odd_assess.report.view.budgets import (
    asked_in_words,
    cap_label,
    draws_in_words,
    how_chosen,
    is_sequential,
    largest_cap,
    median_draws,
)
from odd_assess.report.view.records import Cell, Column, HistogramChart, ReductionView, ScatterChart, Table
from odd_assess.stats import theory_radius
from odd_assess.stats.arrays import distinct

MOST_MARKERS = 1_000
"""Points that the scatter draws: more would make the page large, and hide each other."""

HISTOGRAM_BINS = 20
"""Classes of reduction from 0 to 100%."""

WORTH_TELLING = 0.005
"""A part of the reduction below this is not told in a sentence."""


def reduction(assessment: Assessment) -> ReductionView:
    """What the small budget cost: sentences, what other budgets would give, the numbers and the charts.

    Of each point alone: what a memory takes is no matter of the budget.
    """
    assessment = replace(assessment, results=levels.alone(assessment))
    found = assessment.reduction
    lossy = found.expected_reference > 0
    known = bool(lossy.any()) and found.predicted is not None
    return ReductionView(
        sentence=_cost(assessment),
        change=_change(assessment),
        budget=how_chosen(assessment),
        facts=_facts(assessment),
        accuracy=accuracy_loss.table(assessment) if known else None,
        budgets=curve.table(assessment) if known else None,
        curve=curve.chart(assessment) if known else None,
        scatter=_scatter(assessment) if lossy.any() else None,
        histogram=_histogram(assessment, lossy) if lossy.any() else None,
    )


# ---------------------------------------------------------------- sentences


def _cost(assessment: Assessment) -> str:
    found, results = assessment.reduction, assessment.results
    n_ref = formats.count(found.n_ref, of="reduction/n_ref")
    if found.measured is None and found.predicted is None:
        return f"No radius reduction can be stated: no point certifies at n = {draws_in_words(results)}, nor would any be expected to at {n_ref}."
    if is_sequential(assessment):
        subject = f"Stopping at each point when decided, at n = {draws_in_words(results)} draws (median {median_draws(results)}),"
    else:
        how = "Certifying" if assessment.recertified is None else "Recertifying"
        subject = f"{how} with n = {draws_in_words(results)} draws"
    told = (
        _measured(found, subject, len(results))
        if found.measured is not None
        else _predicted(found, subject, recertified=assessment.recertified is not None)
    )
    return " ".join(part for part in (told, _by_choice(assessment), _whose(assessment), weighing.plain(assessment).strip()) if part)


def measured(found: Reduction) -> str:
    """The measured share of the mean radius with its interval, in words."""
    assert found.measured is not None  # the caller has looked
    interval = ""
    if found.measured_lower is not None and found.measured_upper is not None:
        low, high = (
            formats.percent(found.measured_lower, side="down", of="reduction/measured_lower"),
            formats.percent(found.measured_upper, side="up", of="reduction/measured_upper"),
        )
        interval = f" ({formats.required(found.confidence, '1', of='reduction/confidence')} interval {low} to {high})"
    return f"{formats.percent(found.measured, of='reduction/measured')} of the mean certified radius{interval}"


def _measured(found: Reduction, subject: str, points: int) -> str:
    text = (
        f"{subject} instead of {formats.count(found.n_ref, of='reduction/n_ref')} cost {measured(found)}, "
        f"measured on {formats.plural(found.measured_points, 'point', of='reduction/measured_points')} "
        f"drawn again at {formats.count(found.n_ref, of='reduction/n_ref')}"
    )
    if found.predicted_subsample is not None:
        text += f"; the counts of this run alone predict {formats.percent(found.predicted_subsample, of='reduction/predicted_subsample')} for these points"
        text += (
            ""
            if found.predicted is None
            else f" and {formats.percent(found.predicted, of='reduction/predicted')} for all {formats.count(points, of='points')}"
        )
    return f"{text}."


def _predicted(found: Reduction, subject: str, *, recertified: bool) -> str:
    assert found.predicted is not None  # the caller has looked
    why = "a recertified run has no reference subsample" if recertified else "no point was certified at the reference budget"
    return (
        f"{subject} instead of {formats.count(found.n_ref, of='reduction/n_ref')} is expected to cost "
        f"{formats.percent(found.predicted, of='reduction/predicted')} of the mean certified radius, "
        f"predicted from the counts; {why}, so this is not measured."
    )


def _by_choice(assessment: Assessment) -> str:
    if not is_sequential(assessment):
        return ""
    return (
        f"Most of it is by choice: draws stopped once the radii that the criteria ask for ({asked_in_words(assessment)}) were decided, and larger radii were "
        "not pursued."
    )


def _whose(assessment: Assessment) -> str:
    """What must be said of the radii where noise levels differ."""
    if levels.remembers(assessment):
        return "The radii are those of each point alone, before the memory."
    if levels.is_cascade(assessment):
        return "What is predicted or expected is for the level of the cascade that gave each radius, as if that level stood alone."
    return ""


def _change(assessment: Assessment) -> str:
    """What another n would change, and what the loss is due to."""
    found = assessment.reduction
    again = assessment.recertified is not None
    if found.predicted is None or (not again and (found.cap_share is None or found.width_share is None)):
        return ""
    n, fixed = int(assessment.results.n.max()), is_sequential(assessment)
    steps = [step for step in curve.ladder(assessment) if step < found.n_ref]
    wanted = {1_000, 10_000} if fixed else {2 * n, 10 * n}
    picked = [step for step in steps if step in wanted] or steps[:1]
    means = curve.mean_radii_at(assessment, [*picked, found.n_ref])
    told = [
        f"n = {formats.count(step, of=f'budgets/{step}/n')} about "
        f"{formats.percent(max(0.0, 1 - mean / means[-1]), digits=0, of=f'budgets/{step}/lost')}"
        for step, mean in zip(picked, means[:-1].tolist(), strict=True)
    ]
    start = "With the same fixed n at every point, " if fixed else "From scratch, with " if again else "With "
    would = f"{start}{formats.listed(told)} of the radius would be lost, instead of {formats.percent(found.predicted, digits=0, of='reduction/predicted')}. "
    if fixed or again:  # each point has an n of its own, where it stopped by choice; or bounds rest on a baseline's draws too
        return would if told else ""
    assert found.cap_share is not None  # looked at above
    assert found.width_share is not None
    return (would if told else "") + _due_to(found, found.cap_share, found.width_share)


def _due_to(found: Reduction, cap: float, width: float) -> str:
    parts = [
        f"{formats.percent(cap, digits=0, of='reduction/cap_share')} of the radius is lost to the cap (only a larger n lifts it)",
        f"{formats.percent(width, digits=0, of='reduction/width_share')} to the width of the confidence bound",
    ]
    if found.multiplicity_share is not None and found.multiplicity_share >= WORTH_TELLING:
        parts.append(
            f"{formats.percent(found.multiplicity_share, digits=0, of='reduction/multiplicity_share')} to draws that serve twice"
        )
    return f"{formats.listed(parts)}."


# ---------------------------------------------------------------- numbers


def _facts(assessment: Assessment) -> Table:
    found, spec = assessment.reduction, assessment.spec

    def fraction(value: float | None, name: str, side: formats.Side = "nearest") -> Cell:
        return Cell(
            text=formats.NOTHING if value is None else formats.percent(value, side=side, of=f"reduction/{name}"), value=value
        )

    level = formats.required(found.confidence, "1", of="reduction/confidence")
    stops, again = is_sequential(assessment), assessment.recertified is not None
    twice = {
        "single_batch": "the batch that bounds the class also chooses it, so its bound has the level α / 2",
        "sequential": "the draws that bound the class also tell when to stop, so the bound must hold at any time",
    }.get(spec.certification.budget.kind)
    rows = [
        (
            "Measured on the subsample",
            fraction(found.measured, "measured"),
            (
                f"1 − mean radius at n / mean radius at {formats.count(found.n_ref, of='reduction/n_ref')}, "
                f"{formats.plural(found.measured_points, 'point', of='reduction/measured_points')}"
            ),
        ),
        (f"Its interval, lower end ({level})", fraction(found.measured_lower, "measured_lower", "down"), "bootstrap over points"),
        (f"Its interval, upper end ({level})", fraction(found.measured_upper, "measured_upper", "up"), "bootstrap over points"),
        (
            "Predicted for the subsample",
            fraction(found.predicted_subsample, "predicted_subsample"),
            "from the counts of this run alone",
        ),
        ("Predicted for all points", fraction(found.predicted, "predicted"), "from the counts of this run alone"),
        (
            "– due to stopping" if stops else "– due to the cap",
            fraction(found.cap_share, "cap_share"),
            "even if all copies agree, no more can be shown by the draws at which each point stopped"
            if stops
            else "even if all n copies agree, the radius cannot exceed the cap",
        ),
        (
            "– due to the width of the bound",
            fraction(found.width_share, "width_share"),
            "what would be regained if the probabilities were known exactly",
        ),
        (
            "– due to draws that serve twice",
            fraction(found.multiplicity_share if twice else None, "multiplicity_share"),
            twice or "",
        ),
        (
            "Median over points",
            fraction(found.per_point_median, "per_point_median"),
            "over the points whose votes would certify at the reference budget",
        ),
        (
            "Theory line",
            fraction(found.theory, "theory"),
            "mean ratio 1 − 1.64 z / √n for a typical model (Seferis et al. 2024), z two-sided at α",
        ),
    ]
    return Table(
        id="reduction-table",
        caption="The radius reduction in numbers",
        columns=(Column(title="Quantity"), Column(title="Reduction", number=True), Column(title="How it is known")),
        rows=tuple(
            (Cell(text=name), value, Cell(text=how))
            for name, value, how in rows
            if value.value is not None and not (again and name.startswith(("–", "Theory")))
        ),
        note="All of these are estimates: fractions of the mean radius at the reference budget."
        + ("" if again else " The parts sum to what is predicted for all points.")
        + (" From so few draws at many points the prediction is coarse." if is_sequential(assessment) else ""),
    )


# ---------------------------------------------------------------- charts


def _scatter(assessment: Assessment) -> ScatterChart:
    results, reference, found = assessment.results, assessment.reference, assessment.reduction
    shown, some = _shown(found.expected_reference, results.radius)
    n, n_ref = draws_in_words(results), formats.count(found.n_ref, of="reduction/n_ref")
    measured, achieved = np.array([]), np.array([])
    if reference is not None:
        rows = np.searchsorted(results.index, reference.index)
        there = np.flatnonzero(results.index[np.minimum(rows, len(results) - 1)] == reference.index)
        picked = there[evenly(len(there))]
        measured, achieved = reference.radius[picked], results.radius[rows[picked]]
    return ScatterChart(
        alt=f"Each point's certified radius at {n} draws against its radius at {n_ref} draws; points below the diagonal lost radius to the budget.{some}",
        expected=found.expected_reference[shown],
        achieved=results.radius[shown],
        measured=measured,
        achieved_measured=achieved,
        theory=_theory_line(assessment),
        theory_label="theory of a point",
        cap=largest_cap(assessment),
        cap_label=cap_label(assessment),
        n_label=f"radius at n = {n} (input units)",
        reference_label=f"radius at n = {n_ref} (input units)",
    )


def _shown(expected: Floats, achieved: Floats) -> tuple[Ints, str]:
    """The points that are drawn, and what to say of the others: all of them, or some of those that differ, evenly over the radii."""
    if len(expected) <= MOST_MARKERS:
        return np.arange(len(expected)), ""
    first, _ = distinct(achieved, expected)
    return first[evenly(len(first))], f" Points that coincide are drawn once, {formats.count(MOST_MARKERS)} at most."


def evenly(count: int) -> Ints:
    """All of so many, or MOST_MARKERS of them at even steps."""
    return np.linspace(0, max(0, count - 1), min(count, MOST_MARKERS)).round().astype(np.int64)


def _theory_line(assessment: Assessment) -> tuple[Floats, Floats] | None:
    """The theory's radius at n_ref and at n, for pA from 1/2 to where its formula turns down; None where points have no common n or noise level."""
    results, found = assessment.results, assessment.reduction
    if (
        assessment.recertified is not None
        or is_sequential(assessment)
        or results.n.min() != results.n.max()
        or not levels.one_level(results)
    ):
        return None
    p = 1.0 - np.geomspace(0.5, 1e-7, 400)
    alpha, sigma = float(results.alpha.max()), float(results.sigma.max())
    at_ref, at_n = (np.asarray(theory_radius(p, n, alpha=alpha, sigma=sigma)) for n in (found.n_ref, int(results.n.max())))
    rising = slice(0, 1 + int(np.argmax(at_n)))
    return at_ref[rising], at_n[rising]


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
        mean_label=f"{formats.percent(mean, of='reduction/lost')} of the mean radius",
    )
