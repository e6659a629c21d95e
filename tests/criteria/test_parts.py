"""What `check` says of each level and each class, of sub-domains and of differences between levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.records import State, Subdomain
from odd_assess.stats import domain_fraction_bounds, mean_lower_bound, part_mean_lower_bound

MET, NOT_MET, OPEN = State.MET, State.NOT_MET, State.INCONCLUSIVE
ALPHA = 1e-3

SCOPES: dict[str, dict[str, Any]] = {
    "each_level": {"scope": "each_level", "attribute": "surface"},
    "each_class": {"scope": "each_class"},
}


def two_parts(build: Any, first: tuple[int, int, int], second: tuple[int, int, int]) -> Any:
    """Points (certified, undecided, refuted) of two parts: cells with one level each, and the same two as classes."""
    part = np.repeat([0, 1], [sum(first), sum(second)])
    hits = np.concatenate([np.repeat([950, 850, 700], counts) for counts in (first, second)])
    return build.results(hits, cell=part, label=part)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("first", "second", "required", "state", "parts"),
    [
        ((60, 0, 0), (60, 0, 0), 0.9, MET, (MET, MET)),
        ((60, 0, 0), (0, 0, 60), 0.9, NOT_MET, (MET, NOT_MET)),
        ((60, 0, 0), (30, 30, 0), 0.9, OPEN, (MET, OPEN)),
        ((60, 0, 0), (0, 0, 0), 0.9, OPEN, (MET, OPEN)),
        ((0, 0, 60), (0, 0, 0), 0.9, NOT_MET, (NOT_MET, OPEN)),
    ],
)
@pytest.mark.parametrize("given", [{}, {"points": 500, "until_decided": True}, {"design": "stratified"}])
def test_each_part(
    build: Any, scope: str, first: Any, second: Any, required: float, state: State, parts: tuple[State, ...], given: dict[str, Any]
) -> None:
    """All parts, one that fails, open and empty parts, whatever the design; a part without points has no number."""
    finding = build.check(
        build.criterion("certified_accuracy", required, **SCOPES[scope]), two_parts(build, first, second), **given
    )
    assert (finding.state, tuple(part.state for part in finding.parts)) == (state, parts)
    assert [part.points for part in finding.parts] == [sum(first), sum(second)]
    assert [part.name for part in finding.parts] == (
        ["a", "b"] if scope == "each_class" else ["surface level 0", "surface level 1"]
    )
    noun = "class" if scope == "each_class" else "level"
    assert f"of the worst {noun}" in finding.message
    if sum(second) == 0:
        assert finding.lower is None
        assert finding.parts[1].observed is finding.parts[1].lower is finding.parts[1].upper is None
        assert state is NOT_MET or f"1 {noun} without points" in finding.advice


@pytest.mark.parametrize("scope", SCOPES)
def test_random_points_take_the_exact_bound_in_each_part(build: Any, scope: str) -> None:
    """Given how many points fell there, they are independent: Clopper-Pearson, shared by Bonferroni where the bounds hold together."""
    finding = build.check(build.criterion("certified_accuracy", 0.5, **SCOPES[scope]), two_parts(build, (30, 5, 5), (50, 5, 5)))
    for part, shown, m in zip(finding.parts, (30, 50), (40, 60), strict=True):
        assert (part.lower, part.upper) == pytest.approx(domain_fraction_bounds(shown, m - 5, m, alpha=ALPHA, beta=0.025))
    assert finding.lower == pytest.approx(domain_fraction_bounds(30, 35, 40, alpha=ALPHA, beta=0.05)[0])


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("allocation", ["proportional", "equal"])
def test_stratified_points_take_the_bound_on_a_part(build: Any, scope: str, allocation: str) -> None:
    """The number of points of a part is not fixed beforehand: betting, with weights where cells got equal numbers of points."""
    results = two_parts(build, (30, 5, 5), (50, 5, 5))
    finding = build.check(
        build.criterion("certified_accuracy", 0.5, **SCOPES[scope]), results, design="stratified", allocation=allocation
    )
    shares = np.array([0.9 * 100 / 40, 0.1 * 100 / 60]) if allocation == "equal" else np.ones(2)
    values = np.repeat([1.0, 0.0], [30, 10])
    shown = part_mean_lower_bound(values, np.full(40, shares[0]), points=100, heaviest=float(shares.max()), upper=1.0, beta=0.025)
    assert finding.parts[0].lower == pytest.approx((shown - ALPHA) / (1 - ALPHA))
    assert "Bonferroni" in finding.message or finding.state is MET


def test_what_a_table_cannot_reach_counts_against_each_class(build: Any) -> None:
    """20 % of the ODD has no frame and may be of either class: perfect classes show at most .5 / .7 and are not refuted by it."""
    results = two_parts(build, (500, 0, 0), (500, 0, 0))
    finding = build.check(build.criterion("clean_accuracy", 0.8, scope="each_class"), results, reached=0.8)
    assert finding.state is OPEN
    assert 0.6 < finding.lower < 0.4 / 0.6
    assert finding.upper == 1.0


def test_levels_that_a_table_reaches_are_not_charged(build: Any) -> None:
    """The level whose cell has no frame has no point; the other one is bounded as if there were no table."""
    results = build.results([950] * 200, cell=0)
    criterion = build.criterion("certified_accuracy", 0.9, **SCOPES["each_level"])
    finding = build.check(criterion, results, reached=0.9, unreached=(1,))
    plain = build.check(criterion, results)
    assert finding.state is OPEN
    assert finding.parts[0].upper == plain.parts[0].upper
    assert finding.parts[0].lower == pytest.approx(domain_fraction_bounds(200, 200, 200, alpha=ALPHA, beta=0.05)[0])


def test_classes_must_have_names(build: Any) -> None:
    """A programming error: ValueError. So is a level without its attribute, and one that the domain does not have."""
    results = two_parts(build, (3, 0, 0), (3, 0, 0))
    for changes, message in (
        ({"scope": "each_class"}, "class_names"),
        ({"scope": "each_level"}, "attribute"),
        ({"scope": "each_level", "attribute": "colour"}, "colour"),
        ({"attribute": "surface"}, "attribute"),
    ):
        with pytest.raises(ValueError, match=message):
            build.check(build.criterion("clean_accuracy", 0.8, **changes), results, class_names=())


# ---------------------------------------------------------------- sub-domains


@pytest.mark.parametrize(
    ("first", "required", "state"),
    [((60, 0, 0), 0.9, MET), ((20, 40, 0), 0.9, OPEN), ((0, 0, 60), 0.9, NOT_MET), ((0, 0, 0), 0.0, OPEN)],
)
@pytest.mark.parametrize("given", [{}, {"points": 500, "until_decided": True}, {"design": "stratified"}])
def test_a_sub_domain_is_judged_by_its_own_points(
    build: Any, first: Any, required: float, state: State, given: dict[str, Any]
) -> None:
    """What happens outside says nothing; without a point inside there is no number."""
    for outside in ((0, 0, 60), (60, 0, 0)):
        finding = build.check(
            build.criterion("certified_accuracy", required, where=build.where(0.9, "level 0")),
            two_parts(build, first, outside),
            **given,
        )
        assert (finding.state, finding.kind) == (state, "domain claim")
        assert "where surface: level 0" in finding.message
        if sum(first) == 0:
            assert finding.observed is finding.lower is finding.upper is None
        else:
            assert finding.points == 60


def test_random_points_of_a_sub_domain_are_independent(build: Any) -> None:
    """Clopper-Pearson on the points inside; a mean takes the betting bound on them."""
    results = two_parts(build, (50, 5, 5), (0, 0, 40))
    where = build.where(0.9, "level 0")
    finding = build.check(build.criterion("certified_accuracy", 0.5, where=where), results)
    assert (finding.lower, finding.upper) == pytest.approx(domain_fraction_bounds(50, 55, 60, alpha=ALPHA, beta=0.05))
    mean = build.check(build.criterion("mean_certified_radius", 0.1, where=where), results)
    inside = results.take(results.cell == 0)
    cap = float(inside.radius.max())
    shown = np.where(inside.correct, inside.radius, 0.0)
    assert mean.observed == pytest.approx(shown.mean())
    assert mean.lower == pytest.approx(mean_lower_bound(shown, upper=cap, beta=0.05), abs=0.02)


def test_a_sub_domain_needs_points_and_a_statement(build: Any) -> None:
    """ValueError where the checker cannot tell which points lie inside, and where a scope does not go with it."""
    results = two_parts(build, (3, 0, 0), (3, 0, 0))
    unread = Subdomain(name="night", text="surface: level 0")
    with pytest.raises(ValueError, match="attributes"):
        build.check(build.criterion("clean_accuracy", 0.8, where=unread), results)
    with pytest.raises(ValueError, match="scope odd"):
        build.check(build.criterion("clean_accuracy", 0.8, scope="each_cell", where=build.where(0.9, "level 0")), results)


# ---------------------------------------------------------------- differences between levels


@pytest.mark.parametrize(
    ("first", "second", "required", "state", "parts"),
    [
        ((60, 0, 0), (60, 0, 0), 0.2, MET, (MET, MET)),
        ((0, 0, 60), (0, 0, 60), 0.2, MET, (MET, MET)),  # equally bad is equal
        ((60, 0, 0), (0, 0, 60), 0.2, NOT_MET, (NOT_MET, NOT_MET)),
        ((60, 0, 0), (0, 60, 0), 0.2, OPEN, (OPEN, OPEN)),
        ((60, 0, 0), (0, 0, 0), 0.2, OPEN, (OPEN, OPEN)),
    ],
)
@pytest.mark.parametrize("given", [{}, {"points": 500, "until_decided": True}, {"design": "stratified"}])
def test_level_difference(
    build: Any, first: Any, second: Any, required: float, state: State, parts: Any, given: dict[str, Any]
) -> None:
    """Equal levels, good or bad; levels apart; levels in doubt; a level without points."""
    finding = build.check(build.criterion("level_difference", required), two_parts(build, first, second), **given)
    assert (finding.state, tuple(part.state for part in finding.parts)) == (state, parts)
    assert (finding.observed is None) == (sum(second) == 0)


def test_a_difference_is_bounded_pair_by_pair(build: Any) -> None:
    """Above: the bounds of a pair at half of beta each, the largest over pairs. Below: bounds that hold together, at beta over twice the levels."""
    shown, points = (50, 40, 20), 60
    part = np.repeat([0, 1, 2], points)
    hits = np.concatenate([np.repeat([950, 700], (k, points - k)) for k in shown])
    finding = build.check(build.criterion("level_difference", 0.5), build.results(hits, cell=part), weights=(0.5, 0.3, 0.2))
    half = [domain_fraction_bounds(k, k, points, alpha=ALPHA, beta=0.025) for k in shown]
    sixth = [domain_fraction_bounds(k, k, points, alpha=ALPHA, beta=0.05 / 6) for k in shown]
    assert finding.upper == pytest.approx(half[0][1] - half[2][0])
    assert finding.lower == pytest.approx(sixth[0][0] - sixth[2][1])
    assert finding.observed == pytest.approx(0.5)
    assert [(one.lower, one.upper) for one in finding.parts] == [pytest.approx(bounds) for bounds in sixth]


@pytest.mark.parametrize(("q", "r"), [(0.9, 0.5), (0.7, 0.7), (1.0, 0.2)])
def test_a_difference_is_rarely_bounded_wrongly(build: Any, q: float, r: float) -> None:
    """Two levels with 12 points each: the exact probability that the upper bound lies below the true difference, or the lower above it, is at most beta."""
    k = np.arange(13)
    above = below = 0.0
    criterion = build.criterion("level_difference", 0.5, confidence=0.8)
    cell, n = np.repeat([0, 1], 12), 10**6  # so many draws that a certificate is as good as never false
    for a, chance_a in zip(k.tolist(), binom.pmf(k, 12, q), strict=True):
        for b, chance_b in zip(k.tolist(), binom.pmf(k, 12, r), strict=True):
            if chance_a * chance_b < 1e-6:
                continue
            hits = np.concatenate([np.arange(12) < a, np.arange(12) < b]) * n
            finding = build.check(criterion, build.results(hits, cell=cell, n=n, alpha=1e-9))
            above += chance_a * chance_b * (finding.upper < abs(q - r) - 1e-9)
            below += chance_a * chance_b * (finding.lower > abs(q - r) + 1e-9)
    assert above <= 0.2
    assert below <= 0.2
