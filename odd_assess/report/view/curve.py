"""What another number of draws would give: the mean radius against n, as a chart and as a table."""

from __future__ import annotations

from math import log10

import numpy as np

from odd_assess.criteria import bound_levels
from odd_assess.records import Assessment, Floats, Ints, Results
from odd_assess.report.view import formats, levels, weighing
from odd_assess.report.view.budgets import draws_in_words, is_sequential, largest_cap
from odd_assess.report.view.records import Cell, Column, CurveChart, Table
from odd_assess.stats import expected_mean_radii, radius_cap, smallest_useful_n, theory_mean_ratio

A_DECADE = 6
"""Points of the curve for each factor of ten in n."""

TOLERATED = 0.2
"""The guide line where the budget names no tolerance: the fifth of the radius that small budgets are said to cost."""

LADDER = (2, 5, 10, 30, 100)
"""Other budgets in the table, as multiples of this run's."""

FIXED_LADDER = (100, 1_000, 10_000)
"""Other budgets in the table where points of this run have no common n."""


def mean_radii_at(assessment: Assessment, draws: list[int] | Ints) -> Floats:
    """The mean radius of all points expected at each number of draws, fixed beforehand, given the counts of this run."""
    results = assessment.results
    return expected_mean_radii(
        results.hits, results.n, draws, assessment.reduction.n_ref, alpha=bound_levels(results), sigma=results.sigma
    )


def draws_for(assessment: Assessment, mean: float) -> int | None:
    """The draws a point, fixed beforehand, at which this mean radius is expected from scratch, up to the reference's; None where it is at none, or is 0.

    Between those of the curve by the logarithm of n.
    """
    results, n_ref = assessment.results, assessment.reduction.n_ref
    draws = _axis(smallest_useful_n(float(bound_levels(results).max())), n_ref, results)
    draws = draws[draws <= n_ref]
    means = mean_radii_at(assessment, draws)
    if not 0 < mean <= means[-1]:
        return None
    return round(float(np.exp(np.interp(mean, means, np.log(draws)))))


def ladder(assessment: Assessment) -> list[int]:
    """The other budgets that are worth telling, the reference last."""
    n, n_ref, again = int(assessment.results.n.max()), assessment.reduction.n_ref, assessment.recertified
    if again is not None:
        return sorted({step for step in (n, *(n * factor for factor in LADDER), int(again.base_n.max())) if step < n_ref} | {n_ref})
    steps = FIXED_LADDER if is_sequential(assessment) else tuple(n * factor for factor in LADDER)
    return [step for step in steps if step < n_ref] + [n_ref]


def table(assessment: Assessment) -> Table:
    """Mean radius, loss and cap at this budget and at others."""
    results, n_ref = assessment.results, assessment.reduction.n_ref
    alpha, sigma = float(bound_levels(results).max()), float(results.sigma.max())
    steps, stopped, again = ladder(assessment), is_sequential(assessment), assessment.recertified is not None
    means = mean_radii_at(assessment, steps)
    now = float(results.radius.mean())
    rows = [
        _row(
            draws_in_words(results),
            float(results.n.mean()),
            "this run, on its baseline" if again else "this run",
            now,
            now / means[-1],
            formats.NOTHING if stopped else formats.radius(largest_cap(assessment), of="all/cap") if again else None,
        )
    ]
    rows += [
        _row(
            formats.count(n, of=f"budgets/{n}/n"),
            n,
            "from scratch, expected" if again else "expected",
            mean,
            mean / means[-1],
            None,
        )
        for n, mean in zip(steps, means.tolist(), strict=True)
    ]
    caps = [int(results.n.max()), *steps]
    return Table(
        id="budgets-table",
        caption="What certification from scratch would give"
        if again
        else "What a fixed number of draws at every point would give"
        if stopped
        else "What another number of draws would give",
        columns=tuple(
            Column(title=title, number=number)
            for title, number in (
                ("Draws n", True),
                ("Known from", False),
                ("Mean radius", True),
                ("Radius lost", True),
                (_cap_title(results), True),
            )
        ),
        rows=tuple(
            (
                *row[:-1],
                row[-1]
                if row[-1].text
                else Cell(text=formats.radius(radius_cap(n, alpha=alpha, sigma=sigma), of=f"budgets/{n}/cap")),
            )
            for row, n in zip(rows, caps, strict=True)
        ),
        note=f"Expected from the counts of this run, against the mean radius expected at {formats.count(n_ref, of='reduction/n_ref')} draws; mean over all "
        "certified classes, right or wrong. "
        + weighing.plain(assessment)
        + ("This run has a cap of its own at each point." if stopped else ""),
    )


def _cap_title(results: Results) -> str:
    return "Cap" if levels.one_level(results) else f"Cap at σ = {levels.level(float(results.sigma.max()), of='all/sigma/max')}"


def _row(draws: str, n: float, how: str, mean: float, ratio: float, cap: str | None) -> tuple[Cell, ...]:
    its = f"budgets/{'run' if how.startswith('this run') else n}"
    return (
        Cell(text=draws, value=n),
        Cell(text=how),
        Cell(text=formats.radius(mean, of=f"{its}/mean"), value=mean),
        Cell(text=formats.percent(max(0.0, 1 - ratio), of=f"{its}/lost"), value=1 - ratio),
        Cell(text=cap or ""),
    )


def chart(assessment: Assessment) -> CurveChart:
    """The mean radius expected at every n, from the smallest that certifies anything to ten times the reference."""
    results, found = assessment.results, assessment.reduction
    n_ref, alpha = found.n_ref, float(results.alpha.max())
    draws = _axis(smallest_useful_n(float(bound_levels(results).max())), n_ref, results)
    expected = mean_radii_at(assessment, draws)
    at_reference = float(expected[draws == n_ref][0])
    ratios = np.array([theory_mean_ratio(int(n), alpha=alpha) for n in draws]) / (theory_mean_ratio(n_ref, alpha=alpha) or np.inf)
    tolerated = assessment.spec.certification.budget.tolerance or TOLERATED
    mean_draws = float(results.n.mean())
    one = int(results.n.min()) == int(results.n.max())
    return CurveChart(
        alt=f"Mean certified radius expected at n draws a point, for n from {formats.count(int(draws[0]))} to {formats.count(int(draws[-1]))}. It rises to "
        f"{formats.radius(at_reference)} at {formats.count(n_ref)} draws; this run reached {formats.radius(float(results.radius.mean()))}. "
        "The table below gives numbers.",
        draws=draws,
        expected=expected,
        expected_label="expected from the counts",
        run=(mean_draws, float(results.radius.mean())),
        run_label=f"this run: {'n' if one else 'mean n'} = {formats.count(mean_draws, of='all/n/mean')}",
        reference=(float(n_ref), at_reference),
        reference_label=f"reference, {'expected' if found.measured is None else 'measured'}: n = {formats.count(n_ref, of='reduction/n_ref')}",
        measured=_measured(assessment),
        theory=np.where(ratios > 0, ratios * at_reference, np.nan),
        theory_label="theory: 1 − 1.64 z / √n",
        guide=(1 - tolerated) * at_reference,
        guide_label=f"{formats.percent(tolerated, digits=0, of='budgets/tolerated')} lost",
        caption=_caption(assessment),
    )


def _caption(assessment: Assessment) -> str:
    found = assessment.reduction
    text = (
        "Line: what n draws, fixed beforehand, would be expected to certify at the points of this run, given their counts; from the smallest n that certifies "
        f"anything to ten times the reference. Dashed: the mean ratio of the theory (Seferis et al. 2024), drawn through the expected radius at "
        f"{formats.count(found.n_ref, of='reduction/n_ref')} draws. "
    )
    text += weighing.plain(assessment)
    if found.measured is not None:
        text += "Diamond: the reference as the subsample measured it (this run's mean, divided by one minus the measured reduction), with its interval. "
    if assessment.recertified is not None:
        text += "The line is for certification from scratch; this run rests on the draws of its baseline besides. "
    if is_sequential(assessment):
        text += "This run lies below the line because draws stopped at each point when the radii asked for were decided."
    return text.strip()


def _axis(first: int, n_ref: int, results: Results) -> Ints:
    """Numbers of draws on an even grid of log n, with those of this run and the reference among them."""
    last = 10 * n_ref
    even = np.geomspace(first, last, 1 + int(np.ceil(A_DECADE * log10(last / first))))
    return np.unique(np.concatenate([np.round(even), [n_ref, np.clip(results.n.max(), first, last)]]).astype(np.int64))


def _measured(assessment: Assessment) -> tuple[float, float, float] | None:
    """The mean radius that the measured reduction stands for, with its interval (both ends the value itself where there is none)."""
    found, now = assessment.reduction, float(assessment.results.radius.mean())
    if found.measured is None or found.measured >= 1:
        return None
    low, high = found.measured_lower, found.measured_upper
    value = now / (1 - found.measured)
    if low is None or high is None or high >= 1:
        return value, value, value
    return value, now / (1 - low), now / (1 - high)
