"""The section on a modified model that was certified on its baseline, and what else of the page depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from odd_assess.criteria import certified_at
from odd_assess.records import Assessment, Recertified
from odd_assess.report import page_of
from odd_assess.report.html import drawn, html
from odd_assess.report.view import curve, recertified_tables
from odd_assess.report.view.budgets import largest_cap
from odd_assess.report.view.recertified import recertified
from odd_assess.report.view.records import RecertifiedView, Table
from odd_assess.stats import (
    Terms,
    certified_radius,
    combined_lower_bound,
    product_level,
    proportion_lower_bound,
    proportion_upper_bound,
)

Build = Callable[..., Assessment]

page = cache(page_of)
"""The page of an assessment; assessments are equal only to themselves."""


def section(assessment: Assessment) -> RecertifiedView:
    """The page's section, which must be there."""
    found = page(assessment).recertified
    assert found is not None
    return found


def baseline(assessment: Assessment) -> Recertified:
    found = assessment.recertified
    assert found is not None
    return found


def column(table: Table | None, title: str) -> list[float | None]:
    """The values of a column."""
    assert table is not None
    at = [one.title for one in table.columns].index(title)
    return [row[at].value for row in table.rows]


def number(values: list[float | None]) -> float:
    """Their sum."""
    return sum(value or 0.0 for value in values)


def test_a_run_from_nothing_has_no_section(build: Build) -> None:
    """Nothing of the page speaks of a baseline."""
    shown = page_of(build())
    assert shown.recertified is None
    assert recertified(build()) is None
    assert "ecertif" not in html(shown)


def test_head_note_contents_and_claims_name_the_baseline(again: Build) -> None:
    """On the first screen, in the contents, in the kinds of claim and in the limits; every id of the page is there once."""
    shown = page(again())
    facts = {fact.name: fact.text for fact in shown.facts}
    assert facts["Recertified from"] == "run digit-reader of 18 November 2026"
    assert facts["Draws a point"] == "1,000 (recertified)"
    assert facts["Model"].endswith(f"({again().manifest['identity']['model'][:12]})")
    assert facts["Draws in all"] == "300,000; 3,030,000 before, for its baseline"
    assert any(note.startswith("Recertified from run digit-reader of 18") for note in shown.verdict.notes)
    assert "combined at the whole probability" in shown.claims[0].text
    assert any("7c7c7c7c7c7c" in fact.text for fact in shown.limits)
    assert "another seed" in {fact.name: fact.text for fact in section(again()).holds}["Made without these copies"]
    text = html(shown)
    assert text.count('href="#recertified"') == 1
    for name in {line.split('"')[0] for line in text.split(' id="')[1:]}:
        assert text.count(f' id="{name}"') == 1, name


def test_radius_kept_is_that_of_the_two_runs(again: Build) -> None:
    """Sentence and table say the same, counted from the radii alone: mean radius of the true class, certified accuracy, points certified."""
    assessment = again()
    before, after = assessment.baseline, assessment.results
    assert before is not None
    means = [float(np.where(one.correct, one.radius, 0.0).mean()) for one in (before, after)]
    table = section(assessment).kept
    assert [column(table, title)[0] for title in ("Baseline", "Modified model")] == pytest.approx(means)
    assert column(table, "Kept")[0] == pytest.approx(means[1] / means[0])
    assert column(table, "Modified model")[2] == pytest.approx(certified_at(after, 0.25).mean())
    assert column(table, "Baseline")[3] == before.certified.sum()
    shown = int(1000 * means[1] / means[0]) / 10
    assert section(assessment).lead.startswith(
        f"The modified model keeps {shown:.1f}% of the mean certified radius of its baseline"
    )
    assert "for 10.0% of its draws" in section(assessment).lead
    still = int((before.certified & after.certified).sum())
    assert f"{still} still are and {before.certified.sum() - still} abstain now" in section(assessment).lead


def test_costs_follow_from_draws_and_times(again: Build) -> None:
    """Draws of both runs, of certification from scratch with the draws of this one, and for as much radius; times where the manifest has them."""
    assessment = again()
    table, after = section(assessment).cost, assessment.results
    draws = column(table, "Draws in all")
    assert draws[:3] == [300_000, 3_030_000, 330_000]
    assert column(table, "This run takes")[1] == pytest.approx(300 / 3030)
    assert column(table, "Draws a second")[:2] == pytest.approx([300_000 / 13.4, 3_030_000 / 121.9])
    alone = certified_radius(np.asarray(proportion_lower_bound(after.hits, after.n, alpha=0.001)), sigma=0.25)
    means = column(table, "Mean radius")
    assert means[2] == pytest.approx(alone.mean())
    same = ((draws[3] or 0) - 30_000) / 300
    assert curve.mean_radii_at(assessment, [round(same)])[0] == pytest.approx(after.radius.mean(), rel=0.01)
    assert "10 times the draws of this run; measured, the baseline's draws took 9.1 times the time" in section(assessment).saved
    untimed = section(again(timed=False))
    assert [one.title for one in untimed.cost.columns][-1] == "Mean radius"
    assert "measured" not in untimed.saved
    assert "holds no times" in untimed.cost.note


def test_no_saving_is_told_where_there_is_none(again: Build) -> None:
    """A model of which every tenth answer is another shows no more on its baseline than from scratch."""
    assert "saved nothing" in section(again(changed=0.3, points=60)).saved


@pytest.mark.parametrize("stopped", [False, True], ids=["fixed", "until decided"])
def test_routes_and_classes_of_lost_copies_hold_every_point_once(again: Build, stopped: bool) -> None:
    """Both tables sum to all points and all lost copies; the bounds on zeta are those of the lost copies, each above its share."""
    assessment = again(when_decided=stopped, points=30 if stopped else 60)
    found, after, view = baseline(assessment), assessment.results, section(assessment)
    for table in (view.routes, view.spread):
        assert number(column(table, "Points")) == len(after)
        assert number(column(table, "Copies lost in all")) == found.lost.sum()
        points, radii = (np.array(column(table, title), dtype=float) for title in ("Points", "Mean radius now"))
        assert points @ radii == pytest.approx(after.radius.sum())
        assert ("Had nothing changed" in [one.title for one in table.columns]) is not stopped
    pair = recertified_tables.Pair(assessment=assessment, found=found, before=after, after=after)
    zeta = recertified_tables.zeta_upper(found, after)
    fixed = np.asarray(proportion_upper_bound(found.lost, after.n, alpha=0.0005))
    assert (zeta > fixed).all() if stopped else (zeta == fixed).all()
    assert (
        recertified_tables.from_scratch(pair)
        <= certified_radius(np.asarray(proportion_lower_bound(after.hits, after.n, alpha=0.001)), sigma=0.25)
    ).all()
    names = [row[0].text for row in view.routes.rows]
    assert names == ["both at once, stopped when decided"] if stopped else ["bound by what changed", "counted afresh"]


def test_counts_of_changed_copies_are_told(again: Build) -> None:
    """How many copies were asked again, how many are answered otherwise and how many lost, and at how many points none."""
    found, told = baseline(again()), section(again()).answers
    assert f"Of 300,000 copies that were asked again, {found.changed.sum():,} " in told
    assert f"and {found.lost.sum():,} (" in told
    assert f"{(found.lost == 0).sum()} points of 300 lost no copy" in told
    assert "each false with probability at most 0.0005, are" in told


def test_errors_sum_to_those_of_a_certificate_and_of_all_models(again: Build) -> None:
    """Alpha + alpha_z for one model, alpha + M alpha_z for M; fresh counts have alpha / M + alpha_z, or alpha / M by the published rule, which splits alpha."""
    assert column(section(again()).errors, "α at most") == pytest.approx([0.001])
    assert column(section(again(route="gamma")).errors, "α at most") == pytest.approx([0.0005, 0.0005, 0.001])
    assert not any("Several models" in fact.name for fact in section(again()).holds)
    three = again(models=3, share=0.25)
    assert column(section(three).errors, "α at most") == pytest.approx([0.001, 0.0015])
    assert "the counts have the level 0.0005" in section(three).errors.note
    assert any(fact.name == "Several models on one baseline" and "0.0015" in fact.text for fact in section(three).holds)
    assert "the counts have the level 0.00025" in section(again(models=3, share=0.25, route="gamma")).errors.note


def test_what_the_model_lost_is_told_from_the_price_of_fewer_draws(again: Build) -> None:
    """A model without a lost copy loses nothing, whatever the draws; the two parts sum to what is not kept, and no point lost less than nothing by change."""
    same = again(changed=0.0, points=60)
    assert (baseline(same).changed == 0).all()
    assert "the modification cost 0.0%" in section(same).lead
    assert section(same).weakest is None
    assessment = again()
    found, after, before = baseline(assessment), assessment.results, assessment.baseline
    assert before is not None
    alike = recertified_tables.unchanged(recertified_tables.Pair(assessment=assessment, found=found, before=before, after=after))
    assert alike is not None
    by_change = found.route == "incremental"
    assert (alike[by_change] >= after.radius[by_change]).all()
    assert (alike[by_change & (found.lost == 0)] == after.radius[by_change & (found.lost == 0)]).all()
    old, mid, new = (float(np.where(before.correct, radius, 0.0).mean()) for radius in (before.radius, alike, after.radius))
    assert (
        f"the price of fewer draws is {100 * (1 - mid / old):.1f}%, and the modification cost {100 * (mid - new) / old:.1f}%"
        in section(assessment).lead
    )


def test_points_where_the_model_lost_most_come_first(again: Build) -> None:
    """Falling by what the model lost, with their copies and radii; where draws stopped when decided, by what is less than before."""
    assessment = again()
    table = section(assessment).weakest
    rows = [int(index or 0) for index in column(table, "Point")]
    drop = [
        (was or 0.0) - (now or 0.0)
        for was, now in zip(*(column(table, t) for t in ("Had nothing changed", "Radius now")), strict=True)
    ]
    assert drop == sorted(drop, reverse=True)
    assert drop[-1] > 0
    assert column(table, "Copies lost") == baseline(assessment).lost[rows].tolist()
    stopped = again(when_decided=True, points=30)
    assert stopped.baseline is not None
    less = stopped.baseline.radius - stopped.results.radius
    rows = [int(index or 0) for index in column(section(stopped).weakest, "Point")]
    assert less[rows].tolist() == sorted(less, reverse=True)[: len(rows)]


def test_scatter_holds_every_point_once_by_its_route(again: Build) -> None:
    """Groups are the routes; radii are those of both runs; the drawing names each group with its number."""
    assessment = again()
    chart = section(assessment).scatter
    assert chart is not None
    assert sum(len(before) for _, before, _ in chart.groups) == 300
    assert sum(after.sum() for _, _, after in chart.groups) == pytest.approx(assessment.results.radius.sum())
    svg = drawn(page(assessment), medium="print")["kept"]
    assert all(name in svg for name, _, _ in chart.groups)
    assert "bound by what changed: " in chart.groups[0][0]


def test_cap_is_the_largest_radius_of_either_route(again: Build) -> None:
    """No point exceeds it; alone, each route has its own: both tests combined for no lost copy, or all copies counted afresh."""
    level = product_level(Terms(rule="auto", alpha=0.0005, alpha_z=0.0005))
    changed = float(certified_radius(combined_lower_bound(9000, 9000, 0, 1000, level=level), sigma=0.25))
    afresh = float(certified_radius(proportion_lower_bound(1000, 1000, alpha=0.001), sigma=0.25))
    of = {rule: again(route=rule, points=60) for rule in ("incremental", "fresh", "auto")}
    assert largest_cap(of["incremental"]) == changed
    assert largest_cap(of["fresh"]) == afresh
    assert largest_cap(of["auto"]) == max(changed, afresh)
    for assessment in (*of.values(), again(when_decided=True, points=30)):
        assert assessment.results.radius.max() <= largest_cap(assessment)
    assert page(of["auto"]).accuracy.chart.cap == largest_cap(of["auto"])


def test_the_budget_is_told_as_that_of_a_recertified_run(again: Build) -> None:
    """How n came about, what certification from scratch would give, and no parts of the loss that speak of n draws alone."""
    shown = page(again()).reduction
    assert "the class is the one that the baseline's draws chose" in shown.budget
    assert shown.sentence.startswith("Recertifying with n = 1,000 draws instead of 100,000")
    assert shown.change.startswith("From scratch, with n = 2,000 about ")
    assert shown.budgets is not None
    assert [row[1].text for row in shown.budgets.rows[:2]] == ["this run, on its baseline", "from scratch, expected"]
    assert [row[0].text for row in shown.facts.rows] == ["Predicted for all points", "Median over points"]
    assert shown.scatter is not None
    assert shown.scatter.theory is None
    stopped = page(again(when_decided=True, points=30))
    assert "until every radius that the criteria ask for (0.25) was decided" in stopped.reduction.budget
    assert {fact.name: fact.text for fact in stopped.facts}["Draws a point"].endswith(", at most 1,000")
    assert any(fact.name == "Stopping the draws when decided" for fact in stopped.limits)
    assert "more was not pursued" in section(again(when_decided=True, points=30)).lead


def test_weak_points_tell_the_baselines_votes(again: Build) -> None:
    """Each exhibit says how often the baseline answered the class and how many copies lost it; an abstained one names the class that is not shown."""
    assessment = again()
    found, before = baseline(assessment), assessment.baseline
    assert before is not None
    weak = page(assessment).weakest[0]
    row = assessment.exhibits[0].index
    votes = {fact.name: fact.text for fact in weak.condition}["Baseline's votes"]
    assert votes.startswith(f"{found.base_hits[row]:,} of 10,000 answered ")
    assert votes.endswith(f"of the 1,000 that were asked again {found.lost[row]} lost it")
    lost = int(np.flatnonzero(before.certified & ~assessment.results.certified)[0])
    (abstained,) = page_of(replace(assessment, exhibits=(replace(assessment.exhibits[0], index=lost),))).weakest
    assert abstained.outcome.startswith("abstained: the baseline's class “")


def test_a_baseline_of_more_points_is_looked_at_where_the_run_is(again: Build) -> None:
    """A run that stopped earlier than its baseline compares the points that both have."""
    assessment = again(points=60)
    rows = np.arange(40)
    found = baseline(assessment)
    fewer = {name: getattr(found, name)[:40] for name in ("route", "base_hits", "base_n", "head", "lost", "changed")}
    view = recertified(
        replace(
            assessment, results=assessment.results.take(rows), recertified=replace(found, draws=40_000, base_draws=404_000, **fewer)
        )
    )
    assert view is not None
    assert number(column(view.routes, "Points")) == 40


def test_a_baseline_that_certifies_nothing_has_nothing_to_keep(again: Build) -> None:
    """No division by zero, and no scatter."""
    assessment = again(points=60)
    before = assessment.baseline
    assert before is not None
    nothing = {"radius": np.zeros(60), "certified": np.zeros(60, dtype=np.bool_)}
    view = recertified(replace(assessment, baseline=replace(before, **nothing), results=replace(assessment.results, **nothing)))  # type: ignore[arg-type]
    assert view is not None
    assert "nothing to keep" in view.lead
    assert view.scatter is None
