"""The bound on a part: coverage summed exactly on small samples, and what it does in special cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from odd_assess.stats import mean_lower_bound, part_mean_lower_bound


def bound(hits: int, inside: int, points: int, *, beta: float, missing: float = 0.0, share: float = 1.0) -> float:
    """The lower bound from ``hits`` of ``inside`` points of a part."""
    if inside == 0:
        return 0.0
    values = (np.arange(inside) < hits).astype(float)
    shares = np.full(inside, share)
    return part_mean_lower_bound(values, shares, points=points, heaviest=share, upper=1.0, beta=beta, missing=missing)


@pytest.mark.parametrize("points", [8, 25])
@pytest.mark.parametrize(("weight", "q"), [(0.5, 0.6), (0.2, 0.9), (0.9, 0.3), (1.0, 0.7)])
def test_independent_points_miss_at_most_beta(points: int, weight: float, q: float) -> None:
    """Exact sum over how many points fall into the part and how many of them are hits."""
    beta = 0.2
    wrong = sum(
        multinomial.pmf([hits, inside - hits, points - inside], points, [weight * q, weight * (1 - q), 1 - weight])
        for inside in range(1, points + 1)
        for hits in range(inside + 1)
        if bound(hits, inside, points, beta=beta) > q
    )
    assert 0 <= wrong <= beta


def test_points_that_are_not_alike_miss_at_most_beta() -> None:
    """One point in each of ten segments, each with its own chances of the part and of a hit: exact sum over all outcomes, for many segments at random."""
    rng = np.random.default_rng(1)
    beta, m, worst = 0.3, 10, 0.0
    for _ in range(40):
        inside, hit = rng.choice([0.05, 0.5, 1.0, 0.0], m, p=[0.2, 0.3, 0.4, 0.1]), rng.choice([0.0, 0.5, 0.9, 1.0], m)
        if inside.sum() == 0:
            continue
        q = float((inside * hit).sum() / inside.sum())
        chance = np.zeros((m + 1, m + 1))  # points inside, hits
        chance[0, 0] = 1.0
        for a, z in zip(inside, hit, strict=True):
            grown = chance * (1 - a)
            grown[1:, :] += chance[:-1, :] * a * (1 - z)
            grown[1:, 1:] += chance[:-1, :-1] * a * z
            chance = grown
        wrong = sum(
            chance[n, k]
            for n, k in itertools.product(range(1, m + 1), range(m + 1))
            if k <= n and bound(k, n, m, beta=beta) > q + 1e-9
        )
        worst = max(worst, wrong)
    assert 0 < worst <= beta


@pytest.mark.parametrize(("missing", "reached_fraction"), [(0.1, 0.8), (0.3, 0.6)])
def test_what_is_out_of_reach_counts_as_missed(missing: float, reached_fraction: float) -> None:
    """A part of which a share of the domain, all of it missed, cannot be sampled: the bound exceeds the true fraction with probability at most beta."""
    beta, points, weight = 0.2, 20, 0.5  # of what is reached half lies in the part
    seen = (1 - missing) * weight
    q = seen * reached_fraction / (seen + missing)
    wrong = 0.0
    for inside in range(1, points + 1):
        hits = np.arange(inside + 1)
        beyond = np.array([bound(int(k), inside, points, beta=beta, missing=missing, share=1 - missing) > q for k in hits])
        wrong += binom.pmf(inside, points, weight) * float(binom.pmf(hits, inside, reached_fraction)[beyond].sum())
    assert wrong <= beta
    assert bound(points, points, points, beta=beta, missing=missing, share=1 - missing) <= 1 - missing


def test_cells_of_unequal_weight_miss_at_most_beta() -> None:
    """Two cells of weights .8 and .2 with 10 points each, half of each in the part: exact sum over points inside and hits of both."""
    beta, m, weights, inside, hit = 0.2, 20, np.array([0.8, 0.2]), np.array([0.5, 1.0]), np.array([0.5, 0.9])
    q = float((weights * inside * hit).sum() / (weights * inside).sum())
    shares = weights * m / 10
    wrong = 0.0
    for n0, k0, k1 in itertools.product(range(11), range(11), range(11)):
        if k0 > n0:
            continue
        chance = binom.pmf(n0, 10, inside[0]) * binom.pmf(k0, n0, hit[0]) * binom.pmf(k1, 10, hit[1])
        values = np.concatenate([np.arange(n0) < k0, np.arange(10) < k1]).astype(float)
        given = np.repeat(shares, [n0, 10])
        if part_mean_lower_bound(values, given, points=m, heaviest=float(shares.max()), upper=1.0, beta=beta) > q:
            wrong += chance
    assert wrong <= beta


def test_it_is_the_reduction() -> None:
    """The bound is the largest q at which the bound on the mean of x inside and q outside still exceeds q."""
    rng = np.random.default_rng(2)
    inside, values = rng.random(120) < 0.3, rng.random(120)
    shares = np.ones(int(inside.sum()))
    found = part_mean_lower_bound(values[inside], shares, points=120, heaviest=1.0, upper=1.0, beta=0.05)
    for q, beyond in ((found - 1e-4, True), (found + 1e-4, False)):
        assert (mean_lower_bound(np.where(inside, values, q), upper=1.0, beta=0.05) > q) == beyond


def test_a_part_that_is_all_is_the_mean() -> None:
    """With every point inside it is the bound on the mean."""
    values = np.random.default_rng(3).random(80)
    found = part_mean_lower_bound(2 * values, np.ones(80), points=80, heaviest=1.0, upper=2.0, beta=0.05)
    assert found == pytest.approx(mean_lower_bound(2 * values, upper=2.0, beta=0.05), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": []}, "at least one value"),
        ({"values": [2.0]}, "upper"),
        ({"share": [2.0]}, "heaviest"),
        ({"points": 0}, "at most"),
        ({"missing": 1.0}, "missing"),
        ({"beta": 0.0}, "beta"),
        ({"upper": 0.0}, "upper"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    """Raises ValueError."""
    given = {"values": [1.0], "share": [1.0], "points": 3, "heaviest": 1.0, "upper": 1.0, "beta": 0.05} | changes
    with pytest.raises(ValueError, match=message):
        part_mean_lower_bound(given.pop("values"), given.pop("share"), **given)  # type: ignore[arg-type]
