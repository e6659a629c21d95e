"""Constructed assessments, each with the state of its criterion and the exit status of its verdict.

What is expected is found here from binomial tail sums (scipy) or by hand, not by the bounds of the package. Where a count decides, the rows stand on both sides
of it: with one point more or less the state is another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.cli.run import EXIT_STATUS
from odd_assess.criteria import METRICS, verdict
from odd_assess.records import Finding, Reduction, Severity, State

MET, NOT_MET, OPEN = State.MET, State.NOT_MET, State.INCONCLUSIVE
ALPHA, BETA = 1e-3, 0.05
SHOWN, UNDECIDED, REFUTED = 950, 850, 700  # of 1000 draws, at radius .25 (877 certify it)
EXITS = {MET: 0, NOT_MET: 1, OPEN: 3}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One assessment: (shown, undecided, refuted) points of each of two parts, one criterion, what is expected of it."""

    name: str
    metric: str
    required: float
    parts: tuple[tuple[int, int, int], ...]
    expected: State
    criterion: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    severity: Severity = "blocking"
    where: bool = False
    anytime: bool = False


def fewest_to_meet(points: int, required: float, *, alpha: float = ALPHA, beta: float = BETA) -> int:
    """The fewest shown points of so many that are too many for chance, if the true fraction lies just below what is required."""
    at_most = required + alpha * (1 - required)
    return next(k for k in range(points + 1) if binom.sf(k - 1, points, at_most) <= beta)


def most_to_miss(points: int, required: float, *, alpha: float = ALPHA, beta: float = BETA) -> int:
    """The most points not refuted that are too few for chance, if the true fraction is what is required."""
    return max(k for k in range(points + 1) if binom.cdf(k, points, required * (1 - alpha)) < beta)


def of_the_odd() -> Iterator[Row]:
    """Fractions over the ODD and over a sub-domain: 100 points, one more or less at either threshold."""
    for metric, alpha in (("certified_accuracy", ALPHA), ("smoothed_accuracy", ALPHA), ("clean_accuracy", 0.0)):
        for where in (False, True):
            for required in (0.8, 0.5):
                k, j = fewest_to_meet(100, required, alpha=alpha), most_to_miss(100, required, alpha=alpha)
                for shown, state in ((k, MET), (k - 1, OPEN), (j, NOT_MET), (j + 1, OPEN)):
                    name = f"{metric}, {shown} of 100 for {required:g}{', sub-domain' * where}"
                    outside = ((0, 0, 30),) if where else ()
                    parts = ((shown, 0, 100 - shown), *outside)
                    yield Row(name=name, metric=metric, required=required, parts=parts, expected=state, where=where)


def of_each_part() -> Iterator[Row]:
    """One part is perfect, the other stands at a threshold: at beta for MET, at half of it for NOT MET."""
    scopes = {
        "each_cell": {"scope": "each_cell"},
        "each_level": {"scope": "each_level", "attribute": "surface"},
        "each_class": {"scope": "each_class"},
        "worst_cell": {},
    }
    for scope, criterion in scopes.items():
        metric = "worst_cell" if scope == "worst_cell" else "certified_accuracy"
        k, j = fewest_to_meet(40, 0.6), most_to_miss(40, 0.6, beta=BETA / 2)
        for shown, state in ((k, MET), (k - 1, OPEN), (j, NOT_MET), (j + 1, OPEN)):
            parts = ((60, 0, 0), (shown, 0, 40 - shown))
            yield Row(name=f"{scope}, {shown} of 40", metric=metric, required=0.6, parts=parts, expected=state, criterion=criterion)
        empty = ((60, 0, 0), (0, 0, 0))
        yield Row(name=f"{scope}, an empty part", metric=metric, required=0.1, parts=empty, expected=OPEN, criterion=criterion)


def of_differences() -> Iterator[Row]:
    """Two perfect levels differ by at most 1 - (beta/2)^(1/n), corrected; a perfect and a hopeless one by at least what bounds at beta/4 leave."""

    def most(points: int) -> float:
        return float((1 - (BETA / 2) ** (1 / points)) / (1 - ALPHA))

    n = next(points for points in range(1, 200) if most(points) <= 0.1)
    for points, state in ((n, MET), (n - 1, OPEN)):
        parts = ((points, 0, 0), (points, 0, 0))
        yield Row(name=f"equal levels, {points} points", metric="level_difference", required=0.1, parts=parts, expected=state)
    low = (BETA / 4) ** (1 / 40)
    least = (low - ALPHA) / (1 - ALPHA) - (1 - low) / (1 - ALPHA)
    for required, state in ((least - 1e-6, NOT_MET), (least + 1e-6, OPEN)):
        parts = ((40, 0, 0), (0, 0, 40))
        yield Row(name=f"levels apart, {required:.7f}", metric="level_difference", required=required, parts=parts, expected=state)


def of_changes() -> Iterator[Row]:
    """Against a baseline that shows every point: none of n lost leaves 1 - beta^(1/n), all of them lost at most 1 - beta^(1/n) others."""
    n = next(points for points in range(1, 500) if 1 - BETA ** (1 / points) <= 0.02)
    for points, state in ((n, MET), (n - 1, OPEN)):
        yield Row(name=f"none of {points} lost", metric="regression", required=-0.02, parts=((points, 0, 0),), expected=state)
    least = 2 * BETA ** (1 / 30) - 1  # as many as are not lost may be gained
    for required, state in ((-least + 1e-3, NOT_MET), (-least - 1e-3, OPEN)):
        yield Row(
            name=f"all of 30 lost, {required:.4f}", metric="regression", required=required, parts=((0, 0, 30),), expected=state
        )


def of_other_claims() -> Iterator[Row]:
    """Abstention (undecided points of 500 draws abstain), quantile and mean of the radius, the share of draws."""
    k = max(count for count in range(100) if binom.cdf(count, 100, 0.1) <= BETA)
    j = min(count for count in range(100) if binom.sf(count - 1, 100, 0.1) < BETA)
    for count, state in ((k, MET), (k + 1, OPEN), (j, NOT_MET), (j - 1, OPEN)):
        parts = ((100 - count, count, 0),)
        yield Row(name=f"abstention, {count} of 100", metric="abstention_rate", required=0.1, parts=parts, expected=state)
    k, j = fewest_to_meet(100, 0.9), most_to_miss(100, 0.9)
    for shown, state in ((k, MET), (k - 1, OPEN), (j, NOT_MET), (j + 1, OPEN)):
        parts = ((shown, 0, 100 - shown),)
        yield Row(name=f"quantile, {shown} of 100", metric="radius_quantile", required=0.25, parts=parts, expected=state)
    # 950 of 1000 certify .36 and leave .44 open; 700 of 1000 leave .15 open
    for required, parts, state in ((0.3, (300, 0, 0), MET), (0.4, (300, 0, 0), OPEN), (0.3, (0, 0, 300), NOT_MET)):
        yield Row(
            name=f"mean {required}, {parts}", metric="mean_certified_radius", required=required, parts=(parts,), expected=state
        )
    # every share is .95: betting on 300 points knows it to .02
    for required, state in ((0.9, MET), (0.95, OPEN), (0.99, NOT_MET)):
        yield Row(name=f"robust {required}", metric="robust_fraction", required=required, parts=((300, 0, 0),), expected=state)
    yield Row(name="robust, stopped", metric="robust_fraction", required=0.1, parts=((300, 0, 0),), expected=OPEN, anytime=True)


def of_estimates() -> Iterator[Row]:
    """Every estimate is .95, or .55 in the other part: betting on 300 points, or 150 in each of two parts, knows the means to .05."""
    both, parts = {"estimates": [0.95] * 150 + [0.55] * 150}, ((150, 0, 0), (150, 0, 0))
    robust, difference = "average_case_robustness", "average_case_difference"
    for required, state in ((0.9, MET), (0.95, OPEN), (0.99, NOT_MET)):
        given = {"estimates": [0.95] * 300}
        yield Row(name=f"{robust} {required}", metric=robust, required=required, parts=((300, 0, 0),), expected=state, given=given)
    for scope in ({"scope": "each_cell"}, {"scope": "each_level", "attribute": "surface"}, {"scope": "each_class"}):
        for required, state in ((0.5, MET), (0.55, OPEN), (0.61, NOT_MET)):
            name = f"{robust} {required}, {scope['scope']}"
            yield Row(name=name, metric=robust, required=required, parts=parts, expected=state, criterion=scope, given=both)
    for required, state in ((0.5, MET), (0.4, OPEN), (0.3, NOT_MET)):
        yield Row(name=f"{difference} {required}", metric=difference, required=required, parts=parts, expected=state, given=both)
    yield Row(name="nothing estimated", metric=robust, required=0.1, parts=((300, 0, 0),), expected=OPEN)


def of_counts() -> Iterator[Row]:
    """What was visited, at the threshold and a hair above; the reduction, by its interval."""
    for metric in ("pairwise_coverage", "level_coverage"):
        for required, state in ((0.9, MET), (0.91, NOT_MET)):
            yield Row(
                name=f"{metric} {required}",
                metric=metric,
                required=required,
                parts=((9, 0, 0),),
                expected=state,
                given={metric: 0.9},
            )
    for metric, required, state in (
        ("cell_coverage", 0.5, MET),
        ("cell_coverage", 0.51, NOT_MET),
        ("points_per_cell", 0.0, MET),
        ("points_per_cell", 1.0, NOT_MET),
    ):
        yield Row(name=f"{metric} {required}", metric=metric, required=required, parts=((9, 0, 0),), expected=state)
    for required, state in ((0.25, MET), (0.249, OPEN), (0.15, OPEN), (0.149, NOT_MET)):
        lost = Reduction(
            n_ref=100_000,
            expected_reference=np.full(9, 0.4),
            predicted=0.2,
            measured=0.2,
            measured_lower=0.15,
            measured_upper=0.25,
            measured_points=9,
        )
        yield Row(
            name=f"reduction {required}",
            metric="radius_reduction",
            required=required,
            parts=((9, 0, 0),),
            expected=state,
            given={"reduction": lost},
        )


def of_severities_and_designs() -> Iterator[Row]:
    """Only what blocks decides; a design without a probability model, missing points and no points decide nothing."""
    k, j = fewest_to_meet(100, 0.8), most_to_miss(100, 0.8)
    for severity in ("blocking", "warning", "info"):
        for shown, state in ((k, MET), (j, NOT_MET), (k - 1, OPEN)):
            yield Row(
                name=f"{severity}, {state.value}",
                metric="certified_accuracy",
                required=0.8,
                parts=((shown, 0, 100 - shown),),
                expected=state,
                severity=severity,  # type: ignore[arg-type]
            )
    for design in ("sobol", "lhs", "grid", "pairwise"):
        yield Row(
            name=design, metric="certified_accuracy", required=0.1, parts=((100, 0, 0),), expected=OPEN, given={"design": design}
        )
    for shown, state in ((k, MET), (k - 1, OPEN)):  # Hoeffding: the same count as independent points
        parts = ((shown, 0, 100 - shown),)
        given = {"design": "stratified"}
        yield Row(name=f"strata, {shown}", metric="certified_accuracy", required=0.8, parts=parts, expected=state, given=given)
    yield Row(
        name="unfinished", metric="certified_accuracy", required=0.1, parts=((50, 0, 0),), expected=OPEN, given={"points": 51}
    )
    yield Row(name="no point", metric="certified_accuracy", required=0.0, parts=((0, 0, 0),), expected=OPEN)


MAKERS: tuple[Callable[[], Iterator[Row]], ...] = (
    of_the_odd,
    of_each_part,
    of_differences,
    of_changes,
    of_other_claims,
    of_estimates,
    of_counts,
    of_severities_and_designs,
)
ROWS = [row for maker in MAKERS for row in maker()]


def assessed(build: Any, row: Row) -> Finding:
    """The finding about the row's criterion."""
    draws = {
        "smoothed_accuracy": (950, 500, 20),
        "abstention_rate": (950, 500, 20),
        "clean_accuracy": (950, 950, 950),
        "radius_quantile": (SHOWN, UNDECIDED, REFUTED),
    }.get(row.metric, (SHOWN, UNDECIDED, REFUTED))
    hits = np.concatenate([np.repeat(draws, counts) for counts in row.parts])
    part = np.repeat(np.arange(len(row.parts)), [sum(counts) for counts in row.parts])
    wrong = np.concatenate([np.repeat([0, 0, 1], counts) for counts in row.parts])
    other = np.where(wrong == 1, 980, -1) if draws[2] == 20 else None
    clean = wrong if row.metric == "clean_accuracy" else 0
    by_class = part if row.criterion.get("scope") == "each_class" else 0
    results = build.results(hits, cell=part, other=other, clean=clean, label=by_class, anytime=row.anytime)
    where = build.where(0.9, "level 0") if row.where else None
    criterion = build.criterion(row.metric, row.required, severity=row.severity, where=where, **row.criterion)
    given = {"baseline": build.results([950] * len(hits))} if row.metric == "regression" else {}
    found = build.check(criterion, results, **given, **row.given)
    assert isinstance(found, Finding)
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_state_and_the_exit_status(build: Any, row: Row) -> None:
    """As the table says; beside a blocking criterion that is met, one that does not block changes nothing."""
    found = assessed(build, row)
    assert found.state is row.expected
    met = Finding(
        criterion=build.criterion("clean_accuracy", 0.1, id="M"),
        state=MET,
        kind="domain claim",
        points=1,
        observed=1.0,
        lower=1.0,
        upper=1.0,
        message="",
    )
    decided = verdict([found, met])
    assert EXIT_STATUS[decided.value] == (EXITS[row.expected] if row.severity == "blocking" else 0)


def test_the_table_is_whole() -> None:
    """Every metric, scope, severity and state is in it."""
    assert len(ROWS) >= 60
    assert {row.metric for row in ROWS} == set(METRICS)
    assert {row.criterion.get("scope", "odd") for row in ROWS} == {"odd", "each_cell", "each_level", "each_class"}
    assert {row.severity for row in ROWS} == {"blocking", "warning", "info"}
    assert {row.expected for row in ROWS} == set(State)
    assert any(row.where for row in ROWS)
