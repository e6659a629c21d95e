"""What `check` says of each level and each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from odd_assess.records import State
from odd_assess.stats import domain_fraction_bounds, part_mean_lower_bound

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
