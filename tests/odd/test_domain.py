"""Domains: exact weights against enumeration, feasibility, modes, and every refusal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from odd_assess.errors import DomainError, Location
from odd_assess.odd.attributes import (
    Attribute,
    Boolean,
    Categorical,
    Continuous,
    Empirical,
    Integer,
    LogUniform,
    Ordinal,
    TruncatedNormal,
)
from odd_assess.odd.constraints import Condition, Conditional, OneOf, Statement
from odd_assess.odd.coverage import coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.layout import MAX_CELLS
from odd_assess.odd.points import Value
from odd_assess.odd.ranges import Interval
from odd_assess.odd.sampling import Design, sample

# ---------------------------------------------------------------- an independent oracle: enumerate, in fractions
#
# Every attribute of these domains is constant between whole numbers, so its values can be listed with their exact weights.

X = Continuous(id="x", low=0, high=4, buckets=(0, 1, 4))
E = Continuous(id="e", low=0, high=4, distribution=Empirical(values=(0, 1, 1, 3, 4)), buckets=(0, 2, 4))
N = Integer(id="n", low=0, high=5, buckets=(0, 2, 5))
C = Categorical(id="c", labels=("a", "b", "z"), weights=(1, 2, 5))
O = Ordinal(id="o", labels=(1, 2))  # noqa: E741
B = Boolean(id="b", probability=0.25)

LISTED: dict[str, list[tuple[Value, Fraction, int]]] = {  # value, weight, level
    "x": [(0.5, Fraction(1, 4), 0), (1.5, Fraction(1, 4), 1), (2.5, Fraction(1, 4), 1), (3.5, Fraction(1, 4), 1)],
    "e": [(0.0, Fraction(1, 5), 0), (1.0, Fraction(2, 5), 0), (3.0, Fraction(1, 5), 1), (4.0, Fraction(1, 5), 1)],
    "n": [(i, Fraction(1, 6), int(i >= 2)) for i in range(6)],
    "c": [("a", Fraction(1, 8), 0), ("b", Fraction(2, 8), 1), ("z", Fraction(5, 8), 2)],
    "o": [(1, Fraction(1, 2), 0), (2, Fraction(1, 2), 1)],
    "b": [(False, Fraction(3, 4), 0), (True, Fraction(1, 4), 1)],
}

WHOLE = st.integers(0, 4).map(float)


@st.composite
def conditions(draw: st.DrawFn, attribute: Attribute) -> Condition:
    """A condition that makes sense for an attribute; thresholds are whole."""
    if hasattr(attribute, "labels"):
        return OneOf(tuple(draw(st.lists(st.sampled_from(attribute.labels), min_size=1, max_size=2, unique=True))))
    if attribute.id in ("n", "e") and draw(st.booleans()):
        return OneOf(tuple(draw(st.lists(WHOLE, min_size=1, max_size=2, unique=True))))
    low, high = sorted(draw(st.tuples(WHOLE, WHOLE)))
    shape = draw(st.sampled_from(["<", "<=", ">", ">=", "[]", "()"]))
    assume(not (shape == "<" and high == 0) and not (shape == ">" and low == 4) and not (shape == "()" and low == high))
    return {
        "<": Interval(high=high, high_closed=False),
        "<=": Interval(high=high),
        ">": Interval(low=low, low_closed=False),
        ">=": Interval(low=low),
        "[]": Interval(low=low, high=high),
        "()": Interval(low=low, high=max(high, low), low_closed=low == high, high_closed=low == high),
    }[shape]


@st.composite
def statements(draw: st.DrawFn, attributes: tuple[Attribute, ...]) -> Statement:
    """A statement about one to three of the attributes."""
    chosen = draw(st.lists(st.sampled_from(attributes), min_size=1, max_size=3, unique=True))
    return Statement(conditions={attribute.id: draw(conditions(attribute)) for attribute in chosen})


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of a domain, which may turn out to be empty."""
    attributes: tuple[Attribute, ...] = tuple(
        draw(st.lists(st.sampled_from([X, E, N, C, O, B]), min_size=1, max_size=4, unique_by=lambda a: a.id))
    )
    some = st.lists(statements(attributes), max_size=2).map(tuple)
    mode = draw(st.sampled_from(["permissive", "restrictive"]))
    return {
        "attributes": attributes,
        "exclude": draw(some),
        "include": draw(st.lists(statements(attributes), min_size=1, max_size=2).map(tuple)) if mode == "restrictive" else (),
        "conditionals": draw(
            st.lists(st.builds(Conditional, when=statements(attributes), then=statements(attributes)), max_size=1).map(tuple)
        ),
        "mode": mode,
    }


def holds(statement: Statement, values: Mapping[str, Value]) -> bool:
    """The oracle's reading of a statement, one plain comparison at a time."""
    for name, condition in statement.conditions.items():
        value = values[name]
        if isinstance(condition, OneOf):
            if value not in condition.values:
                return False
        else:
            assert isinstance(value, (int, float))
            if value < condition.low or value > condition.high:
                return False
            if (value == condition.low and not condition.low_closed) or (value == condition.high and not condition.high_closed):
                return False
    return True


def oracle_inside(declared: Mapping[str, Any], values: Mapping[str, Value]) -> bool:
    """The oracle's reading of a whole declaration."""
    if any(holds(statement, values) for statement in declared["exclude"]):
        return False
    if any(holds(rule.when, values) and not holds(rule.then, values) for rule in declared["conditionals"]):
        return False
    return declared["mode"] == "permissive" or any(holds(statement, values) for statement in declared["include"])


def oracle_weights(declared: Mapping[str, Any]) -> dict[tuple[int, ...], Fraction]:
    """The probability of each combination of levels that is inside, by enumeration."""
    names = [attribute.id for attribute in declared["attributes"]]
    weights: dict[tuple[int, ...], Fraction] = defaultdict(Fraction)
    for row in product(*(LISTED[name] for name in names)):
        if oracle_inside(declared, {name: value for name, (value, _, _) in zip(names, row, strict=True)}):
            weights[tuple(level for _, _, level in row)] += prod((weight for _, weight, _ in row), start=Fraction(1))
    return weights


@settings(max_examples=300, deadline=None)
@given(declared=declarations())
def test_weights_and_feasibility_are_exact(declared: dict[str, Any]) -> None:
    """Cells, weights and volume equal the enumeration in fractions; an empty domain is refused."""
    expected = oracle_weights(declared)
    volume = sum(expected.values())
    if not volume:
        with pytest.raises(DomainError, match="found nothing"):
            Domain(**declared)
        return
    domain = Domain(**declared)
    assert domain.volume == pytest.approx(float(volume), rel=1e-12)
    assert {cell.levels: pytest.approx(cell.weight, rel=1e-12) for cell in domain.cells} == {
        levels: float(weight / volume) for levels, weight in expected.items()
    }
    assert [cell.index for cell in domain.cells] == list(range(len(domain.cells)))
    assert sum(cell.weight for cell in domain.cells) == pytest.approx(1.0, abs=1e-12)


DESIGNS: list[tuple[Design, int | None]] = [
    ("random", 40), ("stratified", 40), ("sobol", 17), ("lhs", 17), ("grid", None), ("pairwise", None),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(declared=declarations(), seed=st.integers(0, 2**40))
def test_every_point_of_every_design_is_inside(declared: dict[str, Any], seed: int) -> None:
    """Exclusions, includes and conditionals hold at every point, by the oracle; its cell is the one of its levels; its values are real ones."""
    assume(sum(oracle_weights(declared).values()) > 0)
    domain = Domain(**declared)
    observed = {0.0, 1.0, 3.0, 4.0}
    for design, points in DESIGNS:
        found = sample(domain, design=design, points=points, seed=seed)
        assert [point.index for point in found] == list(range(points or len(found)))
        for point in found:
            assert oracle_inside(declared, point.values)
            assert domain.contains(point.values)
            assert domain.cells[point.cell].levels == domain.levels_of(point.values)
            assert domain.cell_of(point.values) == point.cell
            assert point.values.get("e", 0.0) in observed
            assert type(point.values.get("n", 0)) is int
            assert point.frame is None
    grid = coverage(domain, sample(domain, design="grid", points=None, seed=seed))
    pairwise = coverage(domain, sample(domain, design="pairwise", points=None, seed=seed))
    assert (grid.cell_coverage, grid.pairwise_coverage, grid.level_coverage, grid.gaps) == (1.0, 1.0, 1.0, ())
    assert (pairwise.pairwise_coverage, pairwise.level_coverage) == (1.0, 1.0)


# ---------------------------------------------------------------- a domain of the usual kind, against simulation


def usual() -> Domain:
    """Six attributes of all kinds with an exclusion and a conditional."""
    return Domain(
        attributes=(
            Continuous(id="lux", low=20, high=2000, unit="lux", distribution=LogUniform(), buckets=(20, 100, 500, 2000)),
            Continuous(id="defocus", low=0, high=1.5, unit="px", buckets=(0, 0.5, 1.5)),
            Categorical(id="surface", labels=("clean", "stained"), weights=(0.8, 0.2)),
            Integer(id="n", low=0, high=9, buckets=(0, 5, 9)),
            Continuous(id="t", low=-10, high=40, unit="C", distribution=TruncatedNormal(mean=10, std=8)),
            Boolean(id="wet", probability=0.3),
        ),
        exclude=(Statement(conditions={"surface": OneOf(("stained",)), "lux": Interval(high=50, high_closed=False)}),),
        conditionals=(
            Conditional(when=Statement(conditions={"wet": OneOf((True,))}), then=Statement(conditions={"t": Interval(low=0)})),
        ),
    )


def test_weights_agree_with_simulation() -> None:
    """Cell counts of 200,000 points drawn by scipy alone fit the exact weights (chi-square, fixed seed, false alarm 1e-6)."""
    rng = np.random.default_rng(7)
    m = 200_000
    lux = stats.loguniform(20, 2000).rvs(m, random_state=rng)
    defocus, n = rng.uniform(0, 1.5, m), rng.integers(0, 10, m)
    stained, wet = rng.random(m) < 0.2, rng.random(m) < 0.3
    t = stats.truncnorm(-20 / 8, 30 / 8, loc=10, scale=8).rvs(m, random_state=rng)
    inside = ~(stained & (lux < 50)) & ~(wet & (t < 0))
    domain = usual()
    assert abs(inside.mean() - domain.volume) < 5 * np.sqrt(domain.volume * (1 - domain.volume) / m)
    levels = np.column_stack([np.digitize(lux, [100, 500]), defocus >= 0.5, stained, n >= 5, np.zeros(m), wet]).astype(int)[inside]
    counts = np.array([(levels == cell.levels).all(axis=1).sum() for cell in domain.cells])
    assert counts.sum() == inside.sum()
    assert stats.chisquare(counts, np.array([cell.weight for cell in domain.cells]) * counts.sum()).pvalue > 1e-6


def test_cells_have_names_and_answer_for_values() -> None:
    """A cell's name lists the levels of the attributes that have several; values lead to their cell."""
    domain = usual()
    assert len(domain.cells) == 48
    values: dict[str, Value] = {"lux": 60.0, "defocus": 0.5, "surface": "stained", "n": 4, "t": 3.0, "wet": True}
    cell = domain.cells[domain.cell_of(values)]
    assert cell.name == "lux [20 .. 100) lux, defocus [0.5 .. 1.5] px, surface stained, n [0 .. 5), wet true"
    assert cell.levels == domain.levels_of(values) == (0, 1, 1, 0, 0, 1)
    assert domain.level_of("lux", 2000) == 2
    assert Domain(attributes=(Continuous(id="x", low=0, high=1),)).cells[0].name == "whole domain"


def test_contains_is_false_for_what_cannot_be() -> None:
    """Excluded, impossible and unknown values are outside; a missing value is an error, not an answer."""
    domain = usual()
    values: dict[str, Value] = {"lux": 60.0, "defocus": 0.5, "surface": "stained", "n": 4, "t": 3.0, "wet": True}
    assert domain.contains(values)
    for change in ({"lux": 49.9}, {"t": -1.0}, {"lux": 2001.0}, {"surface": "muddy"}, {"n": 2.5}, {"n": float("nan")}):
        assert not domain.contains({**values, **change})
        with pytest.raises(ValueError, match="must lie inside the ODD to have a cell"):
            domain.cell_of({**values, **change})
    del values["t"]
    for question in (domain.contains, domain.cell_of, domain.levels_of):
        with pytest.raises(ValueError, match="must have a value for every attribute, none found for t"):
            question(values)
    with pytest.raises(ValueError, match=r"attribute 'luxx' is not declared; did you mean lux\?"):
        domain.level_of("luxx", 3)


def test_zero_probability_levels_make_no_cells() -> None:
    """A bucket without any observed value is not feasible, with and without statements about the attribute."""
    bare = Continuous(id="e", low=0, high=6, distribution=Empirical(values=(1, 5)), buckets=(0, 2, 4, 6))
    free = Domain(attributes=(bare, B))
    bound = Domain(attributes=(bare, B), exclude=(Statement(conditions={"e": Interval(low=5.5), "b": OneOf((True,))}),))
    for domain in (free, bound):
        assert sorted({cell.levels[0] for cell in domain.cells}) == [0, 2]
        assert not domain.contains({"e": 3.0, "b": True})


def test_twenty_thousand_cells_are_usable() -> None:
    """A large domain is built, and sampled by every design by cells, in a moment."""
    edges = tuple(np.linspace(0, 1, 11).tolist())
    attributes = tuple(Continuous(id=f"a{i}", low=0, high=1, buckets=edges if i < 4 else (0.0, 0.5, 1.0)) for i in range(5))
    domain = Domain(attributes=attributes, exclude=(Statement(conditions={"a0": Interval(high=0.35), "a1": Interval(low=0.95)}),))
    assert len(domain.cells) == 20_000
    assert len(sample(domain, design="grid", points=None, seed=1)) == 20_000
    assert coverage(domain, sample(domain, design="pairwise", points=None, seed=1)).pairwise_coverage == 1.0


# ---------------------------------------------------------------- refusals

DARK = Statement(conditions={"x": Interval(high=2)}, text="{x: '<= 2'}")
BRIGHT = Statement(conditions={"x": Interval(low=1)}, location=Location(path=Path("odd.yaml"), line=9, column=7))
FAR = Statement(conditions={"x": Interval(low=4)})


def test_an_empty_domain_names_what_emptied_it() -> None:
    """The statements that take the most are listed, heaviest first, with their place and share."""
    with pytest.raises(DomainError) as caught:
        Domain(attributes=(X, B), exclude=(DARK, BRIGHT))
    assert str(caught.value) == (
        "the ODD must have at least 1e-06 of its declared box inside, found nothing: "
        "{x: >= 1} (odd.yaml:9:7) removes 75 %; {x: '<= 2'} removes 50 % of the box"
    )


def test_a_nearly_empty_domain_is_refused() -> None:
    """Less than a millionth inside is taken for a mistake and said so."""
    with pytest.raises(DomainError, match=r"found only 2.5e-08: \{x: >= 1e-07\} removes 100 % of the box"):
        Domain(attributes=(X,), exclude=(Statement(conditions={"x": Interval(low=1e-7)}),))


def test_contradictory_includes_are_named() -> None:
    """Includes that hold nowhere, and includes that exclusions take away, are both named."""
    with pytest.raises(DomainError, match=r"included is \{x: >= 4\}, which has next to no probability"):
        Domain(attributes=(X,), include=(FAR,), mode="restrictive")
    with pytest.raises(DomainError, match=r"included is \{x: '<= 2'\}, of which \{x: <= 3\} removes 100 %"):
        Domain(attributes=(X,), include=(DARK,), exclude=(Statement(conditions={"x": Interval(high=3)}),), mode="restrictive")
    tie = Conditional(when=Statement(conditions={"b": OneOf((True,))}), then=FAR)
    with pytest.raises(DomainError, match=r"if \{b: true\} then \{x: >= 4\} removes 25 %"):
        Domain(attributes=(X, B), exclude=(Statement(conditions={"b": OneOf((False,))}),), conditionals=(tie,))


def test_too_many_cells_or_pieces_are_refused_before_any_work() -> None:
    """Limits are checked by arithmetic, with the sizes in the message."""
    edges = tuple(np.linspace(0, 1, 12).tolist())
    many = tuple(Continuous(id=f"a{i}", low=0, high=1, buckets=edges) for i in range(6))
    with pytest.raises(DomainError, match=rf"at most {MAX_CELLS:,} cells, found 1,771,561 \(levels: a0 11, a1 11"):
        Domain(attributes=many)
    with pytest.raises(DomainError, match=r"at most 1,000,000 pieces, found 2,985,984 \(a0 12, a1 12"):
        Domain(attributes=many, exclude=(Statement(conditions={a.id: Interval(low=0.95) for a in many}),))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"attributes": ()}, "at least one attribute"),
    ({"attributes": (X, B, X)}, "different ids, found x more than once"),
    ({"attributes": (X,), "mode": "strict"}, "mode must be permissive or restrictive, found 'strict'"),
    ({"attributes": (X,), "mode": "restrictive"}, "must come with at least one include statement"),
    ({"attributes": (X,), "include": (DARK,)}, "include statements must come with mode: restrictive"),
    ({"attributes": (B,), "exclude": (DARK,)}, r"\{x: '<= 2'\}: attribute 'x' is not declared; declared are b"),
    (
        {"attributes": (X,), "exclude": (Statement(conditions={"x": Interval(low=5)}),)},
        r"condition on x must hold somewhere in \[0 .. 4\].*, found >= 5",
    ),
    ({"attributes": (X,), "exclude": (Statement(conditions={"x": Interval(low=4, low_closed=False)}),)}, "must hold somewhere"),
    (
        {"attributes": (N,), "exclude": (Statement(conditions={"n": OneOf((7,))}),)},
        "condition on n must name values of a whole number .* found 7",
    ),
    (
        {"attributes": (C,), "exclude": (Statement(conditions={"c": OneOf(("d",))}),)},
        r"condition on c must name some of its values \(a, b, z\), found 'd'",
    ),
    ({"attributes": (C,), "exclude": (Statement(conditions={"c": Interval(low=1)}),)}, "found the range >= 1"),
    ({"attributes": (B,), "exclude": (Statement(conditions={"b": OneOf((1,))}),)}, r"\(false, true\), found 1"),
]


@pytest.mark.parametrize(("declared", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_refused(declared: dict[str, Any], message: str) -> None:
    """What makes no sense is refused when it is declared, by name."""
    with pytest.raises(ValueError, match=message):
        Domain(**declared)


def test_a_statement_must_say_something() -> None:
    """A statement without conditions would hold everywhere; it is refused."""
    with pytest.raises(ValueError, match="at least one condition"):
        Statement(conditions={})
