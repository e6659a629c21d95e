"""Attributes map the unit interval to values and back, and their levels own the right parts of it."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from odd_assess.odd.attributes import (
    Attribute,
    Boolean,
    Categorical,
    Continuous,
    Distribution,
    Empirical,
    Integer,
    LogUniform,
    Ordinal,
    TruncatedNormal,
    Uniform,
)
from odd_assess.odd.constraints import OneOf
from odd_assess.odd.ranges import Interval

UNIT = st.floats(0, 1, exclude_max=True)


@st.composite
def continuous(draw: st.DrawFn) -> Continuous:
    """Any continuous attribute with a positive range."""
    low = draw(st.floats(1e-3, 1e3))
    high = low * draw(st.floats(1.001, 1e4))
    inner = draw(st.lists(st.floats(low, high, exclude_min=True, exclude_max=True), unique=True, max_size=4))
    distribution: Distribution = draw(
        st.one_of(
            st.just(Uniform()),
            st.just(LogUniform()),
            st.builds(
                TruncatedNormal, mean=st.floats(low - (high - low), high + (high - low)), std=st.floats((high - low) / 5, high)
            ),
            st.builds(
                Empirical,
                values=st.lists(st.sampled_from([low, high, *inner, (low + high) / 2]), min_size=1, max_size=9).map(tuple),
            ),
        )
    )
    buckets = (low, *sorted(inner), high) if draw(st.booleans()) else None
    return Continuous(id="x", low=low, high=high, distribution=distribution, buckets=buckets)


@st.composite
def integers(draw: st.DrawFn) -> Integer:
    """Any integer attribute."""
    low = draw(st.integers(-50, 50))
    high = low + draw(st.integers(1, 60))
    inner = draw(st.lists(st.integers(low + 1, high), unique=True, max_size=4))
    buckets = tuple(float(edge) for edge in sorted({low, *(edge for edge in inner if edge < high), high}))
    return Integer(id="n", low=low, high=high, buckets=buckets if draw(st.booleans()) else None)


LABELS = st.lists(st.floats(0.01, 100), min_size=1, max_size=6)
ATTRIBUTES = st.one_of(
    continuous(),
    integers(),
    LABELS.map(lambda w: Categorical(id="c", labels=tuple(f"l{i}" for i in range(len(w))), weights=tuple(w))),
    LABELS.map(lambda w: Ordinal(id="o", labels=tuple(range(len(w))), weights=tuple(w))),
    st.floats(0.01, 0.99).map(lambda p: Boolean(id="b", probability=p)),
)


@settings(max_examples=200)
@given(attribute=ATTRIBUTES, u=UNIT)
def test_from_unit_lands_in_the_level_that_owns_u(attribute: Attribute, u: float) -> None:
    """The value at u lies in the level whose part of the unit interval holds u, exactly, whatever rounding does."""
    value = attribute.from_unit(u)
    level = attribute.levels[attribute.level_of(value)]
    assert level.u_low <= u < level.u_high
    assert attribute.level_of(value) == int(attribute.levels_of_codes(attribute.code_of(value)))
    assert attribute.value_of(attribute.code_of(value)) == value


@settings(max_examples=100)
@given(attribute=ATTRIBUTES)
def test_levels_tile_the_unit_interval(attribute: Attribute) -> None:
    """Levels follow each other without gap from 0 to 1, and their names differ."""
    assert attribute.levels[0].u_low == 0.0
    assert attribute.levels[-1].u_high == 1.0
    for left, right in zip(attribute.levels, attribute.levels[1:], strict=False):
        assert left.u_high == right.u_low
        assert left.u_low <= left.u_high
    assert sum(level.probability for level in attribute.levels) == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=100)
@given(attribute=st.one_of(continuous(), integers()), u=UNIT, v=UNIT)
def test_from_unit_is_monotone(attribute: Continuous | Integer, u: float, v: float) -> None:
    """A larger u never gives a smaller value, and every value lies in the range."""
    low, high = sorted((u, v))
    assert attribute.low <= float(attribute.from_unit(low)) <= float(attribute.from_unit(high)) <= attribute.high


@settings(max_examples=100)
@given(attribute=st.one_of(continuous(), integers()), cuts=st.lists(UNIT, max_size=4), closed=st.booleans())
def test_atoms_split_the_levels_at_every_threshold(attribute: Continuous | Integer, cuts: list[float], closed: bool) -> None:
    """Atoms tile the unit interval inside the levels, and every condition is constant on the values of an atom."""
    conditions = [Interval(low=float(attribute.from_unit(cut)), low_closed=closed) for cut in cuts]
    atoms = attribute.atoms(conditions)
    assert atoms.probability.sum() == pytest.approx(1.0, abs=1e-12)
    assert (atoms.u_low[1:] >= atoms.u_high[:-1]).all()
    for k in range(len(atoms.code)):
        level = attribute.levels[atoms.level[k]]
        assert level.u_low <= atoms.u_low[k] < atoms.u_high[k] <= level.u_high
        if atoms.probability[k] < 1e-9:
            continue  # narrower than the values can be told apart
        inner = atoms.u_low[k] + np.array([0.01, 0.5, 0.99]) * atoms.probability[k]
        codes = attribute.codes_from_unit(inner)
        for condition in conditions:
            expected = bool(attribute.holds(condition, np.array([atoms.code[k]]))[0])
            assert (attribute.holds(condition, codes) == expected).all()


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [
        (Uniform(), stats.uniform(1, 9)),
        (LogUniform(), stats.loguniform(1, 10)),
        (TruncatedNormal(mean=3, std=2), stats.truncnorm(-1, 3.5, loc=3, scale=2)),
        (TruncatedNormal(mean=-15, std=2), stats.truncnorm(8, 12.5, loc=-15, scale=2)),
        (TruncatedNormal(mean=30, std=1), stats.truncnorm(-29, -20, loc=30, scale=1)),
    ],
)
def test_quantiles_agree_with_scipy(distribution: Distribution, reference: stats.rv_continuous) -> None:
    """The value at u is scipy's quantile, in the far tails of the normal too."""
    u = np.linspace(0.001, 0.999, 41)
    found = distribution.at(u, 1.0, 10.0)
    assert found == pytest.approx(reference.ppf(u), rel=1e-9)
    assert distribution.below(found, 1.0, 10.0, included=False) == pytest.approx(u, abs=1e-9)


def test_integer_values_are_equally_likely() -> None:
    """A die: every face owns a sixth of the unit interval."""
    die = Integer(id="die", low=1, high=6)
    values = [die.from_unit((i + 0.5) / 600) for i in range(600)]
    assert [values.count(face) for face in range(1, 7)] == [100] * 6
    assert all(type(value) is int for value in values)


def test_integer_ranks_agree_with_their_fractions() -> None:
    """The k-th of N whole numbers begins exactly at u = k / N as float64 has it (49 * (1 / 49) is less than 1)."""
    for count in range(2, 120):
        numbers = Integer(id="n", low=0, high=count - 1)
        assert [numbers.from_unit(k / count) for k in range(count)] == list(range(count))


def test_empirical_values_keep_their_frequency() -> None:
    """Each observed value owns 1/N, ties add up, and edges put a value in the bucket above."""
    observed = Continuous(id="x", low=0, high=10, distribution=Empirical(values=(1, 5, 5, 9)), buckets=(0, 5, 10))
    assert [observed.from_unit(u) for u in (0.0, 0.2499, 0.25, 0.74, 0.75, 0.99)] == [1, 1, 5, 5, 9, 9]
    assert [level.probability for level in observed.levels] == [0.25, 0.75]


def test_buckets_are_half_open_and_the_last_closed() -> None:
    """An edge belongs to the bucket above it, the top of the range to the last one."""
    lux = Continuous(id="lux", low=20, high=2000, unit="lux", buckets=(20, 100, 2000))
    assert [lux.level_of(value) for value in (20, 99.999, 100, 2000)] == [0, 0, 1, 1]
    assert [level.name for level in lux.levels] == ["[20 .. 100) lux", "[100 .. 2000] lux"]
    assert Continuous(id="lux", low=20, high=2000, unit="lx").levels[0].name == "[20 .. 2000] lux"
    assert Boolean(id="wet", probability=0.25).levels[1].name == "true"


def test_descriptions() -> None:
    """An attribute describes its values in words."""
    lux = Continuous(id="lux", low=20, high=2000, unit="lux", distribution=LogUniform(), buckets=(20, 100, 2000))
    assert lux.describe() == "[20 .. 2000] lux, loguniform, buckets at 20, 100, 2000"
    assert Integer(id="n", low=0, high=9).describe() == "a whole number in [0 .. 9], uniform"
    assert Categorical(id="s", labels=("a", "b"), weights=(3, 1)).describe() == "one of a (0.75), b (0.25)"
    normal = Continuous(id="t", low=-10, high=40, unit="C", distribution=TruncatedNormal(mean=10, std=8))
    assert normal.describe() == "[-10 .. 40] C, normal (mean 10, std 8)"
    assert str(Empirical(values=(1.0, 2.0))) == "empirical (2 values)"


BAD = [
    (lambda: Continuous(id="x", low=2, high=1), r"range of x must have two finite ends, the lower one first, found \[2 .. 1\]"),
    (lambda: Continuous(id="x", low=0, high=inf), "two finite ends"),
    (lambda: Continuous(id="", low=0, high=1), "must have an id"),
    (lambda: Continuous(id="x", low=0, high=1, unit="furlong"), "unit 'furlong' is not known"),
    (
        lambda: Continuous(id="x", low=0, high=1, buckets=(0, 0.5)),
        "buckets of x must be increasing edges from 0 to 1, .* found 0, 0.5",
    ),
    (lambda: Continuous(id="x", low=0, high=1, buckets=(0, 0.6, 0.5, 1)), "increasing edges"),
    (
        lambda: Continuous(id="x", low=0, high=1, distribution=LogUniform()),
        "a loguniform range must be positive, found lower end 0",
    ),
    (
        lambda: Continuous(id="x", low=0, high=1, distribution=TruncatedNormal(mean=-100, std=1)),
        "must hold some probability of normal",
    ),
    (
        lambda: Continuous(id="x", low=0, high=1, distribution=Empirical(values=(0.5, 3.0))),
        r"must lie in \[0 .. 1\], found 3 \(1 of 2 outside\)",
    ),
    (lambda: TruncatedNormal(mean=0, std=0), "a positive std, found mean 0, std 0"),
    (lambda: Empirical(values=()), "at least one value, all finite, found none"),
    (lambda: Empirical(values=(1.0, inf)), "all finite, found inf"),
    (lambda: Integer(id="n", low=0.5, high=3), "range of n must have whole ends"),  # type: ignore[arg-type]
    (lambda: Integer(id="n", low=0, high=2**60), "must lie within"),
    (
        lambda: Integer(id="n", low=0, high=9, buckets=(0, 0.2, 0.7, 9)),
        r"must each hold a whole number, found none in \[0.2 .. 0.7\)",
    ),
    (lambda: Categorical(id="c", labels=()), "values of c must be at least one, all different, found none"),
    (lambda: Categorical(id="c", labels=("a", "a")), "all different, found a, a"),
    (lambda: Categorical(id="c", labels=(1, True)), "all different"),
    (
        lambda: Categorical(id="c", labels=("a", "b"), weights=(1, 0)),
        r"weights of c must be one positive number a value \(2\), found 1, 0",
    ),
    (lambda: Ordinal(id="c", labels=("a", "b"), weights=(1,)), "one positive number a value"),
    (lambda: Boolean(id="b", probability=1.0), r"probability of b must lie in \(0, 1\), found 1.0"),
    (lambda: OneOf(()), "at least one value"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_refused(make: object, message: str) -> None:
    """What makes no sense is refused when it is declared, by name."""
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_values_and_u_outside_are_refused() -> None:
    """The unit interval is [0, 1), and a value must be one that the attribute can have."""
    lux = Continuous(id="lux", low=20, high=2000, unit="lux")
    for u in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"u must lie in \[0, 1\)"):
            lux.from_unit(u)
    for value in (10, 2001.0, "dark", True, float("nan")):
        with pytest.raises(ValueError, match=r"lux must be \[20 .. 2000\] lux, uniform, found"):
            lux.level_of(value)
    with pytest.raises(ValueError, match=r"n must be a whole number in \[0 .. 9\], uniform, found 2.5"):
        Integer(id="n", low=0, high=9).level_of(2.5)
    with pytest.raises(ValueError, match="wet must be one of false"):
        Boolean(id="wet").level_of(1)
