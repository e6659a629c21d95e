"""What the report says of each kind of budget, and what the small budget cost: every number is walked back to the evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from odd_assess.criteria import certified_at
from odd_assess.criteria.loss import certified_share_at_reference
from odd_assess.records import Assessment, State
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.report.view import formats
from odd_assess.report.view.budgets import draws_a_point, draws_in_all, how_chosen, largest_cap
from odd_assess.report.view.records import Page
from odd_assess.report.view.traced import plain
from odd_assess.stats import anytime_radius_cap, expected_radius, radius_cap, theory_accuracy_drop, theory_mean_ratio

Build = Callable[..., Assessment]
POINTS = 80
"""Enough for a page; the sequential procedure is simulated draw by draw."""


def sequential(build: Build) -> Assessment:
    return build(budget="sequential", points=POINTS)


def fact(page: Page, name: str) -> str:
    return next(fact.text for fact in page.facts if fact.name == name)


def limits(page: Page) -> str:
    return " ".join(f"{fact.name}: {fact.text}" for fact in page.limits)


# ---------------------------------------------------------------- the budget in words


def test_draws_a_point_names_the_kind_and_the_real_draws(build: Build) -> None:
    """A fixed n, one batch, a range with its median and maximum, an n that a pilot chose."""
    run = sequential(build)
    n = run.results.n
    assert plain(draws_a_point(build())) == "100 + 1,000 (reduced)"
    assert plain(draws_a_point(build(budget="single_batch"))) == "1,000 (single batch)"
    assert plain(draws_a_point(build(budget="tolerance"))) == "100 + 1,340 (tolerance 20%: n by pilot)"
    assert len(set(n.tolist())) > 3
    assert plain(draws_a_point(run)) == (
        f"100 + {n.min()} to {formats.count(int(n.max()))} (sequential): median {round(float(np.median(n)))}, at most 2,000"
    )
    for assessment in (run, build(budget="tolerance")):
        assert fact(page_of(assessment), "Draws a point") == plain(draws_a_point(assessment))


def test_draws_in_all_counts_every_draw(build: Build) -> None:
    """Points, reference subsample and pilot, each with the draws that chose the class."""
    assert plain(draws_in_all(build())) == "330,000; 2,002,000 more for the reference"
    assert plain(draws_in_all(build(budget="tolerance", reference=False))) == "432,000; 5,000 for the pilot"
    run = build(budget="sequential", points=POINTS, reference=False)
    assert plain(draws_in_all(run)) == formats.count(int(run.results.n.sum()) + 100 * POINTS)


def test_how_n_came_about(build: Build) -> None:
    """The pilot with its points, draws, tolerance and expectation; what stopping waited for; one batch; a pilot that found no n says so."""
    tolerance = build(budget="tolerance")
    told = page_of(tolerance).reduction.budget
    for said in ("n = 1,340", "50 points × 100 draws", "at most 20.0%", "19.8%", "not used again"):
        assert said in told
    missed = replace(
        tolerance, manifest={**tolerance.manifest, "pilot": {**tolerance.manifest["pilot"], "expected_reduction": 0.31}}
    )
    assert "31.0% of the mean radius, which is more than the 20.0% tolerated" in plain(how_chosen(missed))
    run = sequential(build)
    spent = int((run.results.n == 2000).sum())
    assert spent > 1
    assert "every radius that the criteria ask for (0.1 and 0.25) was decided" in plain(how_chosen(run))
    assert f"{spent} points took all of the 2,000 allowed" in plain(how_chosen(run))
    assert "one batch of 1,000 draws chose the class and bounded it" in plain(how_chosen(build(budget="single_batch")))


def test_cap_of_a_run_that_stops_is_that_of_all_draws_allowed(build: Build) -> None:
    """Whatever the points took, the charts' cap is the anytime cap of the maximum; no certified radius lies beyond it."""
    run = sequential(build)
    assert largest_cap(run) == anytime_radius_cap(2000, alpha=0.001, sigma=0.25)
    assert run.results.radius.max() <= largest_cap(run)
    assert page_of(run).accuracy.chart.cap_label == "cap of n = 2,000"
    assert largest_cap(build(budget="single_batch")) == pytest.approx(radius_cap(1000, alpha=0.0005, sigma=0.25))


def test_stopping_is_explained_where_something_stopped_and_only_there(build: Build) -> None:
    """Draws that stopped, points that stopped, an n by pilot: each has its assumption among the limits, and no other report has it."""
    plain, stopped = page_of(build()), page_of(sequential(build))
    assert "stop" not in limits(plain).lower()
    assert "Stopping the draws when decided" in limits(stopped)
    assert "Ville" in limits(stopped)
    assert "not pursued" in stopped.reduction.sentence
    assert "not pursued" not in plain.reduction.sentence
    assert "by choice" in stopped.accuracy.caption
    assert "by choice" in stopped.states.caption
    assert "by choice" not in plain.accuracy.caption
    assert "no certificate uses" in limits(page_of(build(budget="tolerance")))
    gate = page_of(build(State.MET, points=87, most_points=2000))
    assert "Stopping the points when decided" in limits(gate)
    assert fact(gate, "Points") == "87, random, stopped when decided (at most 2,000)"
    assert "stopped when every blocking criterion was decided; at most 2,000" in gate.domain.design


def test_points_that_ran_out_do_not_claim_a_decision(build: Build) -> None:
    """Where all points allowed were drawn and a blocking criterion is open, the page names it and does not say that it was decided."""
    page = page_of(build(State.INCONCLUSIVE, points=60, most_points=60))
    assert "All 60 points that were allowed were drawn; not decided by them: CA-025" in page.domain.design
    assert "was decided" not in page.domain.design
    assert fact(page, "Points") == "60, random, all that were allowed"


# ---------------------------------------------------------------- what it cost


@pytest.mark.parametrize("budget", ["reduced", "single_batch", "sequential", "tolerance"])
def test_parts_of_the_reduction_are_printed_and_sum_up(build: Build, budget: str) -> None:
    """The parts in the table sum to the prediction; draws that serve twice have a line only where they do."""
    assessment = sequential(build) if budget == "sequential" else build(budget=budget)
    values = {row[0].text: row[1].value for row in page_of(assessment).reduction.facts.rows}
    parts = [value for name, value in values.items() if name.startswith("– due to") and value is not None]
    assert sum(parts) == pytest.approx(values["Predicted for all points"])
    assert ("– due to draws that serve twice" in values) == (budget in ("single_batch", "sequential"))
    assert ("Theory line" in values) == (budget != "sequential")


def test_curve_passes_through_the_reference_and_near_this_run(build: Build) -> None:
    """At the reference it has the mean expected radius; at this run's n what the run reached, to 2 %; theory and guide hang on the reference."""
    assessment = build()
    chart = page_of(assessment).reduction.curve
    assert chart is not None
    at_reference = float(assessment.reduction.expected_reference.mean())
    where = int(np.flatnonzero(chart.draws == 100_000)[0])
    assert (chart.draws[0], chart.draws[-1]) == (10, 1_000_000)
    assert chart.expected[where] == pytest.approx(at_reference)
    assert chart.reference == (100_000.0, pytest.approx(at_reference))
    assert chart.expected[chart.draws == 1000][0] == pytest.approx(assessment.results.radius.mean(), rel=0.02)
    assert chart.run == (1000.0, pytest.approx(assessment.results.radius.mean()))
    assert np.all(np.diff(chart.expected) > 0)
    ratio = theory_mean_ratio(1000, alpha=0.001) / theory_mean_ratio(100_000, alpha=0.001)
    assert chart.theory[chart.draws == 1000][0] == pytest.approx(ratio * at_reference)
    assert np.isnan(chart.theory[0])  # ten draws are no matter for that line
    assert chart.guide == pytest.approx(0.8 * at_reference)


def test_curve_marks_what_was_measured(build: Build) -> None:
    """The diamond is this run's mean over one minus the measured reduction; without a reference it marks what is expected, and says so."""
    assessment = build()
    chart, found = page_of(assessment).reduction.curve, assessment.reduction
    assert chart is not None
    assert chart.measured is not None
    assert found.measured is not None
    assert chart.measured[0] == pytest.approx(assessment.results.radius.mean() / (1 - found.measured))
    assert chart.measured[1] < chart.measured[0] < chart.measured[2]
    assert "measured" in chart.reference_label
    alone = page_of(build(reference=False)).reduction.curve
    assert alone is not None
    assert alone.measured is None
    assert "expected" in alone.reference_label


def test_a_run_that_stopped_lies_below_the_curve(build: Build) -> None:
    """It is marked at its mean n, with the mean radius that was really certified."""
    run = sequential(build)
    chart = page_of(run).reduction.curve
    assert chart is not None
    assert chart.run == (pytest.approx(run.results.n.mean()), pytest.approx(run.results.radius.mean()))
    assert chart.run[1] < np.interp(chart.run[0], chart.draws, chart.expected)


def test_accuracy_lost_is_expected_less_certified(build: Build) -> None:
    """At 0 and each radius asked for: the share certified here, the mean chance to be certified at the reference, and their difference; theory z / sqrt(n)."""
    assessment = build()
    table = page_of(assessment).reduction.accuracy
    assert table is not None
    assert [row[0].value for row in table.rows] == [0.0, 0.25]
    for row in table.rows:
        radius, now, then, lost, limit = (cell.value for cell in row)
        assert radius is not None
        assert now == pytest.approx(certified_at(assessment.results, radius).mean())
        even = np.full(len(assessment.results), 1 / len(assessment.results))
        assert then == pytest.approx(certified_share_at_reference(assessment.results, np.array([radius]), even, n_ref=100_000)[0])
        assert now is not None
        assert then is not None
        assert lost == pytest.approx(then - now)
        assert lost is not None
        assert lost > 0.01
        assert limit == theory_accuracy_drop(1000, alpha=0.001)
    stopped = page_of(sequential(build)).reduction.accuracy
    assert stopped is not None
    assert len(stopped.columns) == 4  # the theory speaks of one fixed n


def test_expected_curve_of_certified_accuracy_is_above_the_run(build: Build) -> None:
    """In the chart: never rising, nowhere clearly below what was certified, and equal to the table's numbers."""
    assessment = build()
    page = page_of(assessment)
    chart, table = page.accuracy.chart, page.reduction.accuracy
    assert chart.expected is not None
    assert table is not None
    assert np.all(np.diff(chart.expected) <= 1e-12)
    assert np.all(chart.expected >= chart.certified - 0.01)
    assert chart.expected[0] == pytest.approx(table.rows[0][2].value)


def test_theory_line_of_the_points_is_drawn_for_one_n_only(build: Build) -> None:
    """It rises, stays below "no loss", and passes within .02 of what is expected of a middling point; where points have their own n there is none."""
    scatter = page_of(build()).reduction.scatter
    assert scatter is not None
    assert scatter.theory is not None
    at_reference, at_n = scatter.theory
    assert np.all(np.diff(at_reference) >= 0)
    assert np.all(np.diff(at_n) >= 0)
    assert np.all(at_n <= at_reference)
    exact = [float(expected_radius(0.9, n, alpha=0.001, sigma=0.25)) for n in (100_000, 1000)]
    assert np.interp(exact[0], at_reference, at_n) == pytest.approx(exact[1], abs=0.02)
    stopped = page_of(sequential(build)).reduction.scatter
    assert stopped is not None
    assert stopped.theory is None


# ---------------------------------------------------------------- findings


def test_what_is_needed_stands_beside_every_open_criterion(build: Build) -> None:
    """Points or draws as the advice gives them; nothing beside a criterion that is met, whatever its record says."""
    assessment = build()
    first, *rest = assessment.findings
    shown = {
        (State.INCONCLUSIVE, 1234, 5000, "about 1,300 points, or 5,000 draws a point"): "1,300 points or 5,000 draws a point",
        (State.NOT_MET, 299, None, "at least 299 are needed"): "299 points",
        (State.NOT_MET, None, 20_000, ""): "20,000 draws a point",
        (State.INCONCLUSIVE, None, None, "Increase both."): "",
        (State.MET, 1234, 5000, ""): "",
    }
    for (state, points, draws, advice), expected in shown.items():
        finding = replace(first, state=state, points_needed=points, draws_needed=draws, advice=advice)
        page = page_of(replace(assessment, findings=(finding, *rest)))
        assert page.findings[0].needed == expected
        assert expected in html(page, medium="print")


def test_quantiles_are_asked_in_words_and_marked_in_the_chart(build: Build) -> None:
    """A quantile (all but q of the ODD reach r) stands at radius r and share 1 - q, and r is one of the radii asked for."""
    page = page_of(sequential(build))
    (quantile,) = [finding for finding in page.findings if finding.criterion == "Q-40"]
    assert quantile.asks == "Certified radius that all but 40% of the ODD reach"
    assert (0.1, 0.6, "Q-40 ≥ 60%") in page.accuracy.chart.marks
    assert [row[0].text for row in page.accuracy.table.rows] == ["0", "0.1", "0.25"]
