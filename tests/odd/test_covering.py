"""Covering arrays show every feasible pair, with few rows."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odd_assess.odd.covering import covering_array


def pairs_of(rows: np.ndarray) -> set[tuple[int, int, int, int]]:
    """Every (attribute, level, attribute, level) that some row shows."""
    return {(i, a[i], j, a[j]) for a in rows.tolist() for i, j in combinations(range(rows.shape[1]), 2)}


@settings(max_examples=100)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    holes=st.lists(st.integers(0, 255), max_size=60),
    seed=st.integers(0, 99),
)
def test_every_feasible_pair_is_covered_by_feasible_rows(sizes: list[int], holes: list[int], seed: int) -> None:
    """Whatever cells are feasible, their pairs are all covered, no row adds nothing, and every row is one of the cells."""
    box = np.array(list(product(*(range(size) for size in sizes))))
    cells = box[[i for i in range(len(box)) if i not in holes or i == 0]]
    rows = covering_array(cells, np.random.default_rng(seed).random(len(cells)))
    assert pairs_of(cells[rows]) == pairs_of(cells)
    for count in range(1, len(rows)):
        assert len(pairs_of(cells[rows[:count]])) < len(pairs_of(cells[rows[: count + 1]]))


@pytest.mark.parametrize(
    ("sizes", "least", "most"), [((3, 4), 12, 12), ((3, 3, 3, 3), 9, 14), ((2,) * 10, 6, 11), ((5, 4, 3, 2), 20, 24)]
)
def test_few_rows(sizes: tuple[int, ...], least: int, most: int) -> None:
    """Without exclusions the array needs at least the product of the two largest levels (6 for ten switches), and greedy stays near it."""
    box = np.array(list(product(*(range(size) for size in sizes))))
    assert least <= len(covering_array(box, np.ones(len(box)))) <= most


def test_ties_go_to_the_usual_conditions() -> None:
    """The first row is the heaviest cell: all cells show equally many pairs then."""
    box = np.array(list(product(range(3), range(3))))
    weight = np.ones(9)
    weight[5] = 2.0
    assert covering_array(box, weight)[0] == 5


def test_one_attribute_and_no_cells() -> None:
    """A single attribute has its levels covered; without cells there is nothing to do and that is said."""
    assert sorted(covering_array(np.array([[0], [2], [3]]), np.ones(3)).tolist()) == [0, 1, 2]
    with pytest.raises(ValueError, match="must have cells to choose from"):
        covering_array(np.empty((0, 2), dtype=np.int64), np.empty(0))
