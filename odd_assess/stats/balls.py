"""Balls around inputs, those of different labels disjoint: what a set of certificates is cut to where no two may speak of the same input.

    pairs_of   the pairs of inputs whose balls may meet, from the inputs
    resolved   the labels and radii that remain, from those pairs alone: who keeps the pairs can derive every radius again without the inputs

**Rounding.** Distances are float64 sums over float32 inputs, right to one part in 1e10 for up to a million values. Each is given as an interval a part in 1e9
wide on either side; balls are kept apart by a part in 1e8 of it.

Source: Alfarra, Bibi, Torr, Ghanem, UAI 2022, section 3.3 (the invariant); the form for a whole set, whatever its order, is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from odd_assess.stats.arrays import Bools, Floats, Ints

APART = 1e-8
"""The share of a distance that is left between two balls of different labels."""
RIM = 1e-9
"""The share by which a distance may be misjudged."""
BLOCK = 1024
"""Inputs that are compared at a time: a block of distances takes 8 MiB."""
TOGETHER = 2**22
"""Values of inputs whose differences are held at a time."""

Inputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs (p,) of inputs ``i`` < ``j`` and an interval [``near``, ``far``] that holds their distance.

    Raises: ValueError for columns of different lengths, an input beside itself, or intervals that are none.
    """

    i: Ints
    j: Ints
    near: Floats
    far: Floats

    def __post_init__(self) -> None:
        for name, kind in (("i", np.int64), ("j", np.int64), ("near", np.float64), ("far", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        shapes = {column.shape for column in (self.i, self.j, self.near, self.far)}
        if len(shapes) != 1 or self.i.ndim != 1:
            raise ValueError(f"pairs must be four columns of one length, got {sorted(shapes)}")
        if not np.all((self.i >= 0) & (self.i < self.j)):
            raise ValueError("pairs must name two inputs each, the earlier one first")
        if not np.all((self.near >= 0) & (self.near <= self.far) & (self.far < np.inf)):
            raise ValueError("pairs must hold distances 0 <= near <= far < infinity")

    def __len__(self) -> int:
        return len(self.i)


def resolved(labels: ArrayLike, radii: ArrayLike, pairs: Pairs) -> tuple[Ints, Floats]:
    """The labels and radii (m,) of balls that are left where those of different labels may not overlap. In any order the same comes out.

    Each pair of different labels at a distance d < r_i + r_j is cut in proportion: r_i to at most d r_i / (r_i + r_j), r_j likewise; equal inputs with
    different labels lose both. Then an input inside a ball takes its label, and reaches to its rim at least. ``radii`` 0: nothing was certified there.

    ``pairs`` must hold those that `pairs_of` finds for these labels and radii; more change nothing.

    Raises: ValueError for columns of different lengths, radii that are negative or not finite, or pairs of other inputs.
    """
    given, reach = np.asarray(labels, dtype=np.int64), np.asarray(radii, dtype=np.float64)
    if given.ndim != 1 or given.shape != reach.shape:
        raise ValueError(f"labels and radii must be columns of one length, got {given.shape} and {reach.shape}")
    check_radii(reach)
    if len(pairs) and int(pairs.j.max()) >= len(given):
        raise ValueError(f"pairs must be pairs of the {len(given)} inputs, got input {int(pairs.j.max())}")
    cut = _cut(given, reach, pairs)
    return _widened(given, cut, pairs)


def pairs_of(inputs: Iterable[ArrayLike], labels: ArrayLike, radii: ArrayLike) -> Pairs:
    """The pairs that `resolved` needs: different labels and d < r_i + r_j, or d < max(r_i, r_j).

    ``inputs``: arrays (any number, *shape) float32 that follow one another, ``labels`` and ``radii`` (m,) of all of them. Memory: the inputs once, as float32,
    and some blocks of 1024.

    Raises: ValueError for inputs that are not finite float32 of one shape, or other than m of them.
    """
    given, reach = np.asarray(labels, dtype=np.int64), np.asarray(radii, dtype=np.float64)
    rows = _gathered(inputs, len(given))
    squares = np.concatenate([np.zeros(0), *(np.einsum("ij,ij->i", part, part) for _, part in _parts(rows))])
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start, part in _parts(rows):
        for other_start, other in _parts(rows, start):
            one, two = slice(start, start + len(part)), slice(other_start, other_start + len(other))
            least = _least_distances(part, other, squares[one], squares[two])
            close = _close(least, given[one, None] == given[None, two], reach[one, None], reach[None, two])
            if start == other_start:
                close = np.triu(close, 1)
            i, j = (np.flatnonzero(close) // len(other) + start, np.flatnonzero(close) % len(other) + other_start)
            apart = _distances(rows, i, j)
            kept = _close(apart * (1 - RIM), given[i] == given[j], reach[i], reach[j])
            found.append((i[kept], j[kept], apart[kept]))
    i, j, apart = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((j, i))
    return Pairs(i=i[order], j=j[order], near=apart[order] * (1 - RIM), far=apart[order] * (1 + RIM))


def check_radii(radii: Floats) -> None:
    """Raises: ValueError for radii that are negative or not finite."""
    if not np.all((radii >= 0) & (radii < np.inf)):
        raise ValueError("radii must be finite and at least 0 (0: nothing was certified)")


def _cut(labels: Ints, radii: Floats, pairs: Pairs) -> Floats:
    """Radii (m,) that leave balls of different labels disjoint."""
    mine, theirs, room = radii[pairs.i], radii[pairs.j], pairs.near * (1 - APART)
    conflict = (labels[pairs.i] != labels[pairs.j]) & (mine > 0) & (theirs > 0) & (room < mine + theirs)
    share, part = np.ones(len(radii)), room[conflict] / (mine + theirs)[conflict]
    np.minimum.at(share, pairs.i[conflict], part)
    np.minimum.at(share, pairs.j[conflict], part)
    return np.asarray(radii * share)


def _widened(labels: Ints, radii: Floats, pairs: Pairs) -> tuple[Ints, Floats]:
    """An input inside a ball takes its label and reaches to its rim: balls of different labels are disjoint, so one label at most."""
    inner, outer = np.concatenate([pairs.i, pairs.j]), np.concatenate([pairs.j, pairs.i])
    rim = radii[outer] - np.concatenate([pairs.far, pairs.far])
    wider = rim > radii[inner]
    inner, outer, rim = inner[wider], outer[wider], rim[wider]
    last = np.lexsort((outer, rim))  # the widest is written last
    found, wide = labels.copy(), radii.copy()
    found[inner[last]], wide[inner[last]] = labels[outer[last]], rim[last]
    return found, wide


def _close(distances: Floats, same: Bools, mine: Floats, theirs: Floats) -> Bools:
    """Which distances, or lower bounds of them, are of pairs that matter."""
    reach = np.where(same, np.maximum(mine, theirs), mine + theirs)
    return np.asarray(distances * (1 - APART) < reach)


def _gathered(inputs: Iterable[ArrayLike], m: int) -> Inputs:
    """All inputs as rows (m, values)."""
    rows: Inputs = np.zeros((m, 0), np.float32)
    shape: tuple[int, ...] | None = None
    end = 0
    for part in inputs:
        given = checked_inputs(part, shape)
        if shape is None:
            shape = given.shape[1:]
            rows = np.empty((m, int(np.prod(shape))), np.float32)
        start, end = end, end + len(given)
        if end > m:
            break
        rows[start:end] = given.reshape(len(given), -1)
    if end != m:
        raise ValueError(f"there must be one input for each of {m} labels, got {'more' if end > m else end}")
    return rows


def checked_inputs(inputs: ArrayLike, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """Inputs (m, *shape), of any shape where None is asked for.

    Raises: ValueError unless they are finite float32 of that shape.
    """
    given = np.asarray(inputs)
    if given.dtype != np.float32 or given.ndim < 2 or not np.isfinite(given).all():
        raise ValueError(f"inputs must be finite float32 arrays (m, *shape), got {given.dtype} {given.shape}")
    if shape is not None and given.shape[1:] != shape:
        raise ValueError(f"every input must have the shape {shape}, got {given.shape[1:]}")
    return given


def _parts(rows: Inputs, first: int = 0) -> Iterator[tuple[int, Floats]]:
    """(start, rows as float64) of each block from ``first`` on."""
    for start in range(first, len(rows), BLOCK):
        yield start, rows[start : start + BLOCK].astype(np.float64)


def _least_distances(one: Floats, other: Floats, squares: Floats, other_squares: Floats) -> Floats:
    """Lower bounds of the distances (len(one), len(other)): |a|^2 + |b|^2 - 2 ab is wrong by at most 4 (values + 3) u (|a|^2 + |b|^2), u = 2^-53."""
    together = squares[:, None] + other_squares[None]
    rounding = 4.0 * (one.shape[1] + 3) * 2.0**-53
    return np.asarray(np.sqrt(np.maximum(0.0, together * (1 - rounding) - 2.0 * (one @ other.T))))


def _distances(rows: Inputs, i: Ints, j: Ints) -> Floats:
    """The distance of each pair (p,), from the differences themselves."""
    step = max(1, TOGETHER // max(1, rows.shape[1]))
    found = [np.zeros(0)]
    for start in range(0, len(i), step):
        apart = rows[i[start : start + step]].astype(np.float64) - rows[j[start : start + step]]
        found.append(np.sqrt(np.einsum("ij,ij->i", apart, apart)))
    return np.concatenate(found)
