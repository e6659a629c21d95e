"""Scalars in, scalar out; arrays in, array out: the same numbers either way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from odd_assess import stats
from odd_assess.stats.arrays import MANY, distinct

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "proportion_lower_bound": (lambda k: stats.proportion_lower_bound(k, 100, alpha=0.01), (0, 50, 100)),
    "proportion_upper_bound": (lambda k: stats.proportion_upper_bound(k, 100, alpha=0.01), (0, 50, 100)),
    "certified_radius": (lambda p: stats.certified_radius(p, sigma=0.5), (0.2, 0.7, 0.999)),
    "radius_cap": (lambda n: stats.radius_cap(n, alpha=0.001, sigma=0.5), (5, 100, 10_000)),
    "draws_for_radius": (lambda r: stats.draws_for_radius(r, alpha=0.001, sigma=0.5), (0.1, 0.5, 1.0)),
    "log_evidence_above": (lambda k: stats.log_evidence_above(k, 100, 0.6), (0, 70, 100)),
    "log_evidence_below": (lambda k: stats.log_evidence_below(k, 100, 0.6), (0, 70, 100)),
    "confidence_sequence": (lambda k: stats.confidence_sequence(k, 100, alpha=0.01), (0, 70, 100)),
    "domain_fraction_bounds": (lambda k: stats.domain_fraction_bounds(k, 100, 100, alpha=0.001, beta=0.05), (0, 70, 100)),
    "expected_radius, p": (lambda p: stats.expected_radius(p, 100, alpha=0.001, sigma=0.5), (0.2, 0.9, 1.0)),
    "expected_radius, n": (lambda n: stats.expected_radius(0.95, n, alpha=0.001, sigma=0.5), (5, 100, 1000)),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_array_holds_what_its_entries_give(name: str) -> None:
    """Called with an array, each function gives the array of what it gives for each entry, as a number."""
    call, arguments = CALLS[name]
    single = [call(argument) for argument in arguments]
    together = call(np.array(arguments))
    if isinstance(single[0], tuple):
        assert all(isinstance(side, float) for pair in single for side in pair)
        for i in (0, 1):
            np.testing.assert_allclose(together[i], [pair[i] for pair in single], rtol=1e-12)
    else:
        assert all(isinstance(one, float | int) for one in single)
        np.testing.assert_allclose(together, single, rtol=1e-12)


def test_one_count_is_one_point() -> None:
    """The reduction of a single point takes plain numbers."""
    one = stats.radius_reduction(950, 1000, 100_000, alpha=0.001, sigma=0.5)
    many = stats.radius_reduction([950], [1000], 100_000, alpha=0.001, sigma=0.5)
    assert one.reduction == many.reduction


def test_equal_rows_are_found() -> None:
    """Whatever the columns hold (whole numbers dense and sparse, fractions, infinity, one value), rows share a group exactly where they are equal."""
    rng = np.random.default_rng(0)
    columns = (
        rng.integers(0, 5, 400),
        rng.integers(0, 3, 400) * 10**12,
        rng.choice([0.25, 0.5, np.inf], 400),
        np.full(400, 0.001),
        rng.integers(0, 4, 400).astype(np.float64),
    )
    first, group = distinct(*columns)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(first) == len(set(rows))
    assert [rows[first[g]] for g in group] == rows
    assert [rows[i] for i in first] == sorted(set(rows))  # in the order of their values
    assert all(rows.index(rows[i]) == i for i in first.tolist())
    empty = distinct(np.zeros(0), np.zeros(0))
    assert [len(part) for part in empty] == [0, 0]
    with pytest.raises(ValueError, match="columns of one length"):
        distinct(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("bound", [stats.proportion_lower_bound, stats.proportion_upper_bound, stats.anytime_lower_bound])
def test_many_rows_get_the_bits_of_one(bound: Callable[..., Any]) -> None:
    """Bounds of many points, equal ones computed once, are to the last bit those of each point alone."""
    rng = np.random.default_rng(1)
    n = rng.choice([50, 1000], 2 * MANY)
    k = rng.integers(0, 51, 2 * MANY)
    alpha = rng.choice([0.001, 0.0005], 2 * MANY)
    together = bound(k, n, alpha=alpha)
    some = rng.integers(0, 2 * MANY, 60).tolist()
    assert [together[i] for i in some] == [bound(int(k[i]), int(n[i]), alpha=float(alpha[i])) for i in some]


def test_shares_at_the_reference_are_the_weighted_chances() -> None:
    """The sum over points is that of each point's chances."""
    rng = np.random.default_rng(2)
    k, weights, radii = rng.integers(400, 1001, 50), rng.random(50), np.array([0.0, 0.2, 0.6])
    chance = stats.reference_certifies(k, 1000, 10_000, radii, alpha=0.001, sigma=0.25)
    share = stats.reference_share(k, 1000, 10_000, radii, alpha=0.001, sigma=0.25, weights=weights)
    np.testing.assert_allclose(share, weights @ chance, rtol=1e-12)
