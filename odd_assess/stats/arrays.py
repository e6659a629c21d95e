"""The array types of the statistics, and the rule "scalars in, float out; arrays in, array out"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Many = NDArray[Any] | Sequence[float]
FloatsLike = float | Many
IntsLike = int | Many


def scalar_if_single(values: Floats) -> float | Floats:
    """A Python float for a zero-dimensional array, else the array."""
    return float(values) if values.ndim == 0 else values


_DENSE = 4
"""A table of all possible keys may be this many times as long as the rows; beyond that keys are sorted."""


def distinct(*columns: NDArray[Any]) -> tuple[Ints, Ints]:
    """(first, group): the combinations of values that occur in columns (m,), by a row each (g,), and the combination (m,) that each row has.

    So that what costs much is computed once for equal rows: ``f(*(column[first] for column in columns))[group]``. No NaN may occur.

    Raises: ValueError unless there is a column and all are equally long.

    >>> first, group = distinct(np.array([5, 7, 5]), np.array([0.5, 0.5, 0.5]))
    >>> group.tolist()
    [0, 1, 0]
    """
    m = {len(column) for column in columns}
    if len(m) != 1:
        raise ValueError(f"there must be columns of one length, got lengths {sorted(m)}")
    group = np.zeros(m.pop(), dtype=np.int64)
    for column in columns:
        part = _numbered(column)
        group = _numbered(group * (int(part.max(initial=0)) + 1) + part)
    first = np.zeros(int(group.max(initial=-1)) + 1, dtype=np.int64)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    return first, group


MANY = 1_000
"""Rows from which on `once_each` looks for equal ones."""


def once_each(function: Callable[..., Floats], *columns: Floats) -> Floats:
    """``function(*columns)`` for a function that works element by element: where there are many rows (columns broadcast), equal ones are computed once."""
    rows = np.broadcast_arrays(*columns)
    if rows[0].ndim != 1 or len(rows[0]) < MANY:
        return function(*columns)
    first, group = distinct(*rows)
    return function(*(column[first] for column in rows))[group]


def _numbered(column: NDArray[Any]) -> Ints:
    """Each value's rank among the different ones (m,); whole numbers of a small range by a table, others by sorting."""
    if not len(column) or (column[0] == column[-1] and bool(np.all(column == column[0]))):
        return np.zeros(len(column), dtype=np.int64)
    low, high = column.min(), column.max()
    if high - low < _DENSE * len(column) and (column.dtype.kind == "i" or bool(np.all(column == np.floor(column)))):
        key = np.asarray(column - low, dtype=np.int64)
        seen = np.zeros(int(key.max()) + 1, dtype=np.bool_)
        seen[key] = True
        return np.asarray((np.cumsum(seen) - 1)[key], dtype=np.int64)
    return np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int64).reshape(-1)
