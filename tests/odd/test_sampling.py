"""Designs draw from the distributions that they claim. Every statistical test states its false-alarm rate; seeds are fixed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Boolean, Categorical, Continuous, LogUniform
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.coverage import coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.frames import Frames
from odd_assess.odd.points import OddPoint
from odd_assess.odd.ranges import Interval
from odd_assess.odd.sampling import Design, sample

STAINED_DARK = Statement(conditions={"surface": OneOf(("stained",)), "lux": Interval(high=50, high_closed=False)})


def domain() -> Domain:
    """Cells of very different weights, one of them cut by an exclusion."""
    return Domain(
        attributes=(
            Continuous(id="lux", low=20, high=2000, unit="lux", distribution=LogUniform(), buckets=(20, 100, 500, 2000)),
            Categorical(id="surface", labels=("clean", "stained"), weights=(0.8, 0.2)),
            Boolean(id="wet", probability=0.3),
        ),
        exclude=(STAINED_DARK,),
    )


def box(dimensions: int) -> Domain:
    """A unit cube without exclusions: values are the unit coordinates themselves."""
    return Domain(attributes=tuple(Continuous(id=f"x{i}", low=0, high=1, buckets=(0, 0.5, 1)) for i in range(dimensions)))


def cells_of(points: tuple[OddPoint, ...]) -> NDArray[np.int64]:
    return np.array([point.cell for point in points])


# ---------------------------------------------------------------- random


def test_random_cells_have_their_weights() -> None:
    """Cell counts of 20,000 points fit the exact weights (chi-square, false alarm 1e-6)."""
    d = domain()
    counts = np.bincount(cells_of(sample(d, design="random", points=20_000, seed=1)), minlength=len(d.cells))
    assert stats.chisquare(counts, np.array([cell.weight for cell in d.cells]) * 20_000).pvalue > 1e-6


def test_random_values_have_the_declared_distribution_given_inside() -> None:
    """Within stained conditions log(lux) is uniform on [log 50, log 2000], within clean ones on [log 20, log 2000] (KS, false alarm 1e-6 each)."""
    points = sample(domain(), design="random", points=20_000, seed=2)
    for surface, low in (("stained", 50), ("clean", 20)):
        lux = np.array([point.values["lux"] for point in points if point.values["surface"] == surface], dtype=np.float64)
        assert stats.kstest(lux, stats.loguniform(low, 2000).cdf).pvalue > 1e-6


def test_random_points_are_independent() -> None:
    """Neighbouring points fall into pairs of cells as often as independence says (chi-square on pairs, false alarm 1e-6)."""
    d = domain()
    cells = cells_of(sample(d, design="random", points=40_000, seed=3)).reshape(-1, 2)
    table = np.zeros((len(d.cells), len(d.cells)))
    np.add.at(table, (cells[:, 0], cells[:, 1]), 1)
    weight = np.array([cell.weight for cell in d.cells])
    assert stats.chisquare(table.ravel(), (np.outer(weight, weight) * len(cells)).ravel()).pvalue > 1e-6


def test_random_points_do_not_depend_on_their_number() -> None:
    """Point i is the same whether ten or a thousand points are drawn; another seed gives others."""
    d = domain()
    assert sample(d, design="random", points=1000, seed=4)[:10] == sample(d, design="random", points=10, seed=4)
    assert sample(d, design="random", points=10, seed=5) != sample(d, design="random", points=10, seed=4)


@pytest.mark.parametrize("design", ["random", "stratified", "sobol", "lhs", "grid", "pairwise"])
def test_designs_are_reproducible(design: Design) -> None:
    """The same seed gives the same points."""
    d = domain()
    assert sample(d, design=design, points=32, seed=9) == sample(d, design=design, points=32, seed=9)


def test_random_sampling_of_a_tiny_volume() -> None:
    """A domain with a hundred-thousandth of its box inside costs nothing extra, and all points are inside."""
    thin = Domain(
        attributes=tuple(Continuous(id=f"x{i}", low=0, high=1) for i in range(5)),
        exclude=tuple(Statement(conditions={f"x{i}": Interval(low=0.1)}) for i in range(5)),
    )
    assert thin.volume == pytest.approx(1e-5)
    points = sample(thin, design="random", points=5000, seed=1)
    assert all(thin.contains(point.values) for point in points)
    x0 = np.array([point.values["x0"] for point in points], dtype=np.float64)
    assert stats.kstest(x0, stats.uniform(0, 0.1).cdf).pvalue > 1e-6


def test_one_hundred_thousand_points_in_a_few_seconds() -> None:
    """Six attributes, one of them cut: 100,000 points take about a third of a second, and must not take ten."""
    d = Domain(
        attributes=(*domain().attributes, *(Continuous(id=f"y{i}", low=0, high=1) for i in range(3))),
        exclude=(STAINED_DARK,),
    )
    started = time.perf_counter()
    assert len(sample(d, design="random", points=100_000, seed=1)) == 100_000
    assert time.perf_counter() - started < 10


# ---------------------------------------------------------------- stratified


def test_proportional_has_one_point_in_every_segment() -> None:
    """With m equal segments along the line of cells, the m-th part of every prefix of cells holds m W points, up to one at its end."""
    d = domain()
    prefix = np.cumsum([cell.weight for cell in d.cells])
    for m in (1, 7, 50, 1001):
        cells = cells_of(sample(d, design="stratified", points=m, seed=m))
        assert (np.diff(cells) >= 0).all()
        below = np.array([(cells <= cell).sum() for cell in range(len(d.cells))])
        assert (np.floor(m * prefix - 1e-9) <= below).all()
        assert (below <= np.ceil(m * prefix + 1e-9)).all()


def test_proportional_expectation_is_exact_and_points_are_independent() -> None:
    """Over 3,000 seeds, 5 points: the mean count of each cell is m w, and points do not correlate (each |z| < 5.5: false alarm < 1e-5 in all).

    A largest-remainder allocation, or one common offset for all segments (systematic sampling), fails.
    """
    d, m, runs = domain(), 5, 3000
    cells = np.array([cells_of(sample(d, design="stratified", points=m, seed=seed)) for seed in range(runs)])
    for cell in d.cells:
        counts = (cells == cell.index).sum(axis=1)
        spread = counts.std() or 1.0
        assert abs(counts.mean() - m * cell.weight) < 5.5 * spread / np.sqrt(runs) + 1e-12
    varied = cells[:, cells.std(axis=0) > 0].astype(np.float64)
    correlation = np.asarray(np.corrcoef(varied, rowvar=False))
    assert (np.abs(correlation[np.triu_indices(len(correlation), 1)]) < 5.5 / np.sqrt(runs)).all()


def test_proportional_points_are_distributed_as_declared_within_their_cell() -> None:
    """The points of the cell that an exclusion cuts are log-uniform over what is left of it (KS, false alarm 1e-6)."""
    d = domain()
    cut = next(cell.index for cell in d.cells if cell.name == "lux [20 .. 100) lux, surface stained, wet false")
    points = sample(d, design="stratified", points=40_000, seed=3)
    lux = np.array([point.values["lux"] for point in points if point.cell == cut], dtype=np.float64)
    assert stats.kstest(lux, stats.loguniform(50, 100).cdf).pvalue > 1e-6


def test_equal_allocation() -> None:
    """Each cell gets the same number of points, the heaviest ones the remainder."""
    d = domain()
    counts = np.bincount(cells_of(sample(d, design="stratified", allocation="equal", points=3 * len(d.cells) + 2, seed=1)))
    assert sorted(counts.tolist()) == [3] * (len(d.cells) - 2) + [4, 4]
    weight = np.array([cell.weight for cell in d.cells])
    assert set(np.flatnonzero(counts == 4)) == set(np.argsort(-weight)[:2])
    with pytest.raises(
        DomainError, match=r"stratified with equal allocation must have at least one point a cell, 12, found 11; use more"
    ):
        sample(d, design="stratified", allocation="equal", points=11, seed=1)


# ---------------------------------------------------------------- spread


@pytest.mark.parametrize("design", ["sobol", "lhs"])
def test_margins_are_evenly_filled(design: Design) -> None:
    """Without exclusions 64 points have exactly one value in each of 64 equal parts of every attribute."""
    points = sample(box(5), design=design, points=64, seed=3)
    values = np.array([[point.values[f"x{i}"] for i in range(5)] for point in points], dtype=np.float64)
    assert (np.sort(np.floor(values * 64), axis=0) == np.arange(64)[:, None]).all()
    other = sample(box(5), design=design, points=64, seed=4)
    assert other != points


@pytest.mark.parametrize("design", ["sobol", "lhs"])
def test_excluded_points_are_replaced(design: Design) -> None:
    """The number of points is the number asked for, though two thirds of the box are excluded."""
    cut = Domain(attributes=box(3).attributes, exclude=(Statement(conditions={"x0": Interval(low=1 / 3)}),))
    for count in (1, 2, 100):
        points = sample(cut, design=design, points=count, seed=3)
        assert len(points) == count
        assert all(cut.contains(point.values) for point in points)


def test_sobol_continues_its_sequence() -> None:
    """More points begin with the same points: replacing goes on in the sequence and does not start over."""
    cut = Domain(attributes=box(3).attributes, exclude=(Statement(conditions={"x0": Interval(low=1 / 3)}),))
    assert sample(cut, design="sobol", points=300, seed=3)[:40] == sample(cut, design="sobol", points=40, seed=3)


def test_spread_designs_refuse_what_they_cannot_do() -> None:
    """A volume too small to hit, and a table of frames, are refused with the way out."""
    thin = Domain(
        attributes=tuple(Continuous(id=f"x{i}", low=0, high=1) for i in range(5)),
        exclude=tuple(Statement(conditions={f"x{i}": Interval(low=0.1)}) for i in range(5)),
    )
    frames = Frames(values={"x0": np.array([0.05])})
    for design in ("sobol", "lhs"):
        with pytest.raises(
            DomainError, match=r"needs about 100,000,000 points .* use random or stratified, which draw inside directly"
        ):
            sample(thin, design=design, points=1000, seed=1)
        with pytest.raises(DomainError, match="must not be used with a table of frames; use random, stratified, grid or pairwise"):
            sample(thin, design=design, points=10, seed=1, frames=frames)


# ---------------------------------------------------------------- grid and pairwise


def test_grid_visits_every_cell_at_its_centre_first() -> None:
    """The first points are the cells in order, in the middle of their levels; further points go to the cells in turn."""
    d = domain()
    points = sample(d, design="grid", points=30, seed=1)
    assert cells_of(points)[:12].tolist() == list(range(12))
    assert set(np.bincount(cells_of(points))) == {2, 3}
    first = points[0]
    assert first.values["lux"] == pytest.approx(np.sqrt(20 * 100))
    assert sample(d, design="grid", points=None, seed=2) == points[:12]  # centres do not depend on the seed


def test_grid_moves_off_an_excluded_centre() -> None:
    """Where the exclusion holds the centre of a cell, the cell's point lies in the middle of what is left."""
    bright = Statement(conditions={"surface": OneOf(("stained",)), "lux": Interval(high=80)})
    d = Domain(attributes=domain().attributes, exclude=(bright,))
    cut = next(cell.index for cell in d.cells if cell.name == "lux [20 .. 100) lux, surface stained, wet false")
    assert sample(d, design="grid", points=None, seed=1)[cut].values["lux"] == pytest.approx(np.sqrt(80 * 100))


def test_pairwise_has_rows_to_spare_or_gaps() -> None:
    """Fewer points than the array needs leave pairs uncovered; more go to further cells; None is just enough."""
    d = domain()
    needed = len(sample(d, design="pairwise", points=None, seed=1))
    assert needed == 6  # three levels times two
    assert coverage(d, sample(d, design="pairwise", points=None, seed=1)).pairwise_coverage == 1.0
    assert coverage(d, sample(d, design="pairwise", points=needed - 1, seed=1)).pairwise_coverage < 1.0
    assert len(sample(d, design="pairwise", points=40, seed=1)) == 40


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"design": "hexagonal", "points": 5},
            "design must be one of random, stratified, sobol, lhs, grid, pairwise, got 'hexagonal'",
        ),
        (
            {"design": "random", "points": 5, "allocation": "fair"},
            "allocation must be one of proportional, equal, declared, got 'fair'",
        ),
        ({"design": "random", "points": 5, "frames_weighting": "x"}, "frames_weighting must be one of declared, frames"),
        ({"design": "random", "points": 0}, "points must be at least 1, got 0"),
        ({"design": "random", "points": None}, "random must be told how many points to draw"),
        ({"design": "sobol", "points": None}, "sobol must be told how many points to draw"),
        ({"design": "grid", "points": 11}, "grid must have at least one point a cell, 12, found 11"),
        ({"design": "random", "points": 5, "seed": -1}, "seed must be a whole number >= 0"),
    ],
)
def test_refused(asked: dict[str, object], message: str) -> None:
    """What cannot be done is refused in one sentence."""
    with pytest.raises(ValueError, match=message):
        sample(domain(), **{"seed": 1, **asked})  # type: ignore[arg-type]
