"""Sampling designs: which points of the ODD are assessed. Every point of every design lies inside.

    random       independent points from the declared distribution given that they are inside; point i is the same for any number of points
    stratified   proportional: the cells laid along a line by weight, the line cut in m equal segments, one point in each: independent points whose
                 expected number of successes is exactly m q; equal: the same number of independent points in each cell; declared: in each of two
                 groups of cells its number of independent points, from the declared distribution given the group, shuffled
    sobol, lhs   evenly spread over the declared box, excluded points replaced; they serve coverage
    grid         every cell once, at its centre; then random points of the cells
    pairwise     a covering array: few cells that show every feasible pair of levels

Points of random, stratified, grid and pairwise are drawn inside their cell directly (piece by weight, then uniformly within the piece), never by
rejection, so a small volume costs nothing.
"""

from __future__ import annotations

from math import ceil
from typing import Literal, Protocol, get_args

import numpy as np

from odd_assess.errors import DomainError
from odd_assess.odd.covering import covering_array
from odd_assess.odd.domain import Domain
from odd_assess.odd.draws import entropy, uniforms
from odd_assess.odd.frames import Frames, Weighting
from odd_assess.odd.groups import Groups
from odd_assess.odd.levels import Bools, Floats, Ints
from odd_assess.odd.points import OddPoints

Design = Literal["random", "stratified", "sobol", "lhs", "grid", "pairwise"]
Allocation = Literal["proportional", "equal", "declared"]

MAX_SPREAD = 2**21
"""Points of the declared box that sobol and lhs may look at to find enough inside."""


def sample(
    domain: Domain,
    *,
    design: Design,
    points: int | None,
    seed: int,
    allocation: Allocation = "proportional",
    groups: Groups | None = None,
    frames: Frames | None = None,
    frames_weighting: Weighting = "declared",
) -> OddPoints:
    """The points of a design, all inside the domain, in design order.

    ``points`` may be None for grid (one a cell) and pairwise (as many as cover every pair). ``groups``: of the allocation declared, whose
    points they are. ``frames``: points are drawn among these
    observed frames (random, stratified, grid, pairwise); ``frames_weighting`` declared: cells as declared, as far as frames reach them;
    frames: every frame inside equally likely.

    Raises: ValueError for an unknown design, allocation or weighting, points < 1 or seed < 0; DomainError if the domain cannot be sampled
    as asked (too few points for the design, frames with sobol or lhs, too small a volume for sobol or lhs, no frame inside).
    Source: random, stratified: inverse transform sampling on exact cell weights; sobol, lhs: scipy.stats.qmc; pairwise: ``covering_array``.
    """
    _check_word("design", design, get_args(Design))
    _check_word("allocation", allocation, get_args(Allocation))
    _check_word("frames_weighting", frames_weighting, get_args(Weighting))
    if points is not None and points < 1:
        raise ValueError(f"points must be at least 1, got {points!r}")
    if frames is not None and allocation == "equal" and frames_weighting == "frames":
        raise DomainError(
            "allocation equal weighs cells as declared, so it needs frames that are weighted as declared too (weights: declared)"
        )
    if design in ("sobol", "lhs"):
        return _spread_points(domain, design, points, seed, frames)
    population = _Whole(domain) if frames is None else frames.inside(domain, weighting=frames_weighting)
    if design == "stratified" and allocation == "declared":
        _check_groups(population, groups, points, frames_weighting)
    cells, at_centre = _choose_cells(population, design, points, seed, allocation, groups)
    codes, frame = population.draw(
        cells, uniforms(seed, "choose", len(cells), 3), uniforms(seed, "place", len(cells), len(domain.attributes))
    )
    if frames is None and at_centre.any():
        codes[at_centre] = domain.codes_at_centres(cells[at_centre])
    return _as_points(domain, codes, cells, frame if frames is not None else None)


class Population(Protocol):
    """What points are drawn from: cells with weights, and points in cells."""

    @property
    def domain(self) -> Domain:
        """The domain that the cells belong to."""
        ...

    @property
    def weight(self) -> Floats:
        """The probability (cells,) of each cell; 0 where no point can be drawn."""
        ...

    def draw(self, cells: Ints, choose: Floats, place: Floats) -> tuple[Floats, Ints]:
        """(codes, frame) of a point of each given cell, from uniforms (m, 3) and (m, attributes)."""
        ...


class _Whole:
    """The domain itself as population."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.weight = domain.layout.weight

    def draw(self, cells: Ints, choose: Floats, place: Floats) -> tuple[Floats, Ints]:
        """A point of each cell; there are no frames."""
        return self.domain.codes_in_cells(cells, choose[:, 0], place), np.zeros(len(cells), dtype=np.int64)


# ---------------------------------------------------------------- designs by cells


def _choose_cells(
    population: Population, design: Design, points: int | None, seed: int, allocation: Allocation, groups: Groups | None
) -> tuple[Ints, Bools]:
    """(cell of each point, whether it stands at the cell's centre)."""
    if design == "grid":
        cells, first = _grid_cells(population.weight, points)
        return cells, first
    if design == "pairwise":
        cells = _pairwise_cells(population, points, seed)
    else:
        count = _required(points, design)
        if design == "random":
            cells = _cells_at(population.weight, uniforms(seed, "cell", count, 1)[:, 0])
        elif allocation == "proportional":
            cells = _cells_at(population.weight, (np.arange(count) + uniforms(seed, "cell", count, 1)[:, 0]) / count)
        elif allocation == "declared":
            assert groups is not None  # they have been checked
            cells = _cells_of_groups(population.weight, groups, seed)
        else:
            cells = np.repeat(*_equal_shares(population.weight, count, "stratified with equal allocation"))
    return cells, np.zeros(len(cells), dtype=np.bool_)


def _cells_at(weight: Floats, position: Floats) -> Ints:
    """The cells at positions (m,) in [0, 1) along the line of cells laid end to end by weight."""
    cumulated = np.cumsum(weight)
    found = np.searchsorted(cumulated, position * cumulated[-1], side="right")
    return np.asarray(np.minimum(found, np.flatnonzero(weight)[-1]), dtype=np.int64)


def _cells_of_groups(weight: Floats, groups: Groups, seed: int) -> Ints:
    """The cell of each point: of its group by weight. The groups come in an order of their own, so that the first so many points are not those of one."""
    turn = np.argsort(uniforms(seed, "group", groups.total, 1)[:, 0], kind="stable")
    group = np.repeat([1, 2], groups.points)[turn]
    position, of_cell = uniforms(seed, "cell", groups.total, 1)[:, 0], np.array(groups.of_cell)
    cells = np.empty(groups.total, dtype=np.int64)
    for one in (1, 2):
        cells[group == one] = _cells_at(np.where(of_cell == one, weight, 0.0), position[group == one])
    return cells


def _check_groups(population: Population, groups: Groups | None, points: int | None, weighting: Weighting) -> None:
    """Whether there are groups of these cells and points, and the population has the declared weights, by which the groups are weighed."""
    cells = len(population.domain.cells)
    if groups is None or len(groups.of_cell) != cells or groups.total != points:
        raise ValueError(f"allocation declared must come with groups of {cells} cells and {points} points in all, got {groups!r}")
    unreached = int((population.weight == 0).sum())
    if weighting == "frames" or unreached:
        found = (
            "frames that weigh by themselves (weights: frames)"
            if weighting == "frames"
            else f"none in {unreached} of {cells} cells"
        )
        raise DomainError(
            f"points can be allocated to groups of cells only where frames reach every cell and weigh as declared, found {found}; use allocation "
            "proportional, or another design"
        )


def _equal_shares(weight: Floats, points: int, design: str) -> tuple[Ints, Ints]:
    """(cells, points of each): the same number each, the remainder one each to the heaviest cells."""
    cells = np.flatnonzero(weight).astype(np.int64)
    if points < len(cells):
        raise DomainError(
            f"{design} must have at least one point a cell, {len(cells):,}, found {points:,}; use more points or fewer buckets"
        )
    shares = np.full(len(cells), points // len(cells), dtype=np.int64)
    shares[np.argsort(-weight[cells], kind="stable")[: points % len(cells)]] += 1
    return cells, shares


def _grid_cells(weight: Floats, points: int | None) -> tuple[Ints, Bools]:
    """Every cell once, in order, then the further points of every cell."""
    count = int((weight > 0).sum()) if points is None else points
    cells, shares = _equal_shares(weight, count, "grid")
    return np.concatenate([cells, np.repeat(cells, shares - 1)]), np.arange(count) < len(cells)


def _pairwise_cells(population: Population, points: int | None, seed: int) -> Ints:
    """The covering array, cut short or continued by random cells."""
    weight = population.weight
    reached = np.flatnonzero(weight)
    rows = reached[covering_array(population.domain.layout.levels[reached], weight[reached])]
    if points is None or points <= len(rows):
        return rows[:points]
    return np.concatenate([rows, _cells_at(weight, uniforms(seed, "cell", points - len(rows), 1)[:, 0])])


# ---------------------------------------------------------------- designs over the box


def _spread_points(domain: Domain, design: Design, points: int | None, seed: int, frames: Frames | None) -> OddPoints:
    if frames is not None:
        raise DomainError(
            f"{design} places its own points and must not be used with a table of frames; use random, stratified, grid or pairwise"
        )
    count = _required(points, design)
    if count / domain.volume > MAX_SPREAD / 2:
        raise DomainError(
            f"{design} needs about {count / domain.volume:,.0f} points of the declared box to find {count:,} inside (volume {domain.volume:.2g}), "
            f"at most {MAX_SPREAD // 2:,} are allowed; use random or stratified, which draw inside directly"
        )
    codes = _sobol_codes(domain, count, seed) if design == "sobol" else _lhs_codes(domain, count, seed)
    return _as_points(domain, codes, domain.cells_of_codes(codes), None)


def _sobol_codes(domain: Domain, points: int, seed: int) -> Floats:
    """The first points of one scrambled Sobol sequence that lie inside."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(domain.attributes), scramble=True, rng=entropy(seed, "sobol"))
    power = max(points - 1, 0).bit_length()
    codes = domain.codes_from_unit(_half_open(sequence.random_base2(power)))
    codes = codes[domain.contains_codes(codes)]
    while len(codes) < points and 2 ** (power + 1) <= 2 * MAX_SPREAD:
        more = domain.codes_from_unit(_half_open(sequence.random_base2(power)))  # doubles the sequence, which keeps it balanced
        codes = np.concatenate([codes, more[domain.contains_codes(more)]])
        power += 1
    return _enough(codes, points, "sobol")


def _lhs_codes(domain: Domain, points: int, seed: int) -> Floats:
    """Points of a Latin hypercube that lie inside.

    With exclusions the hypercube is larger and thinned by them, so a margin no longer has exactly one point in each of its strata.
    """
    from scipy.stats import qmc

    size = points if domain.volume == 1.0 else ceil(points / domain.volume)
    codes = np.empty((0, len(domain.attributes)))
    while len(codes) < points and size <= 2 * MAX_SPREAD:
        cube = qmc.LatinHypercube(len(domain.attributes), rng=entropy(seed, f"lhs/{size}")).random(size)
        codes = domain.codes_from_unit(_half_open(cube))
        codes = codes[domain.contains_codes(codes)]
        size = ceil(1.1 * size) + 1
    return _enough(codes, points, "lhs")


def _half_open(u: Floats) -> Floats:
    return np.minimum(u, np.nextafter(1.0, 0.0))


def _enough(codes: Floats, points: int, design: str) -> Floats:
    if len(codes) < points:
        raise DomainError(f"{design} must find {points:,} points inside the ODD, found {len(codes):,}; use random or stratified")
    return codes[:points]


# ---------------------------------------------------------------- common


def _required(points: int | None, design: str) -> int:
    if points is None:
        raise DomainError(f"{design} must be told how many points to draw; only grid and pairwise know it by themselves")
    return points


def _check_word(name: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {word!r}")


def _as_points(domain: Domain, codes: Floats, cells: Ints, frames: Ints | None) -> OddPoints:
    indices = np.arange(len(cells), dtype=np.int64)
    return OddPoints(attributes=domain.attributes, indices=indices, cell=cells, codes=codes, frame=frames)
