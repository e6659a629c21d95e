"""The search for a level without gradients, answered by exact shares: it knows the budget, finds the best, and asks for no more than it needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.special import ndtr

from odd_assess.certify import Draw, MultiStart
from odd_assess.certify.search import SEARCH, TRIAL, Search, bisection, budget_value, shortlisted
from odd_assess.stats import expected_radius

Share = Callable[[float], float]

FINE = np.geomspace(0.05, 1.5, 400)


def carried_out(search: Search, share: Share) -> tuple[float, list[Draw]]:
    """What a search ends at and what it asked for, where each draw answers the first of two classes with the given share."""
    asked = [next(search)]
    while True:
        request = asked[-1]
        hits = round(request.n * share(request.sigma))
        try:
            asked.append(search.send(np.array([hits, request.n - hits])))
        except StopIteration as done:
            return done.value, asked


def value(share: Share, sigma: float, *, n: int, alpha: float = 0.001) -> float:
    """The radius that n draws certify in the mean."""
    p = share(sigma)
    return float(expected_radius(max(p, 1 - p), n, alpha=alpha, sigma=sigma))


def linear(margin: float, sigma: float) -> float:
    """The share of a linear classifier's class at this margin: its true radius is the margin at every sigma."""
    return float(ndtr(margin / sigma))


@pytest.mark.parametrize("n", [100, 1000, 10_000, 100_000])
def test_at_a_linear_boundary_it_finds_what_the_budget_certifies_most_with(n: int) -> None:
    """Within 2 % of the best on a fine grid; a level chosen without the budget may certify half of that."""
    share = partial(linear, 1.0)
    policy = MultiStart(draws=100_000, trial=100_000, steps=6, n=n)
    best = max(value(share, float(sigma), n=n) for sigma in FINE)
    assert value(share, carried_out(bisection(policy), share)[0], n=n) >= 0.98 * best
    assert min(value(share, sigma, n=n) for sigma in policy.starts) < 0.5 * best  # the true radius is 1 at every one of them


@pytest.mark.parametrize("margin", [0.1, 0.3, 0.7, 2.0])
@pytest.mark.parametrize("fall", [0.0, 1.0, 4.0])
def test_one_start_is_enough_where_the_objective_has_one_peak(margin: float, fall: float) -> None:
    """The golden section closes in on it: a network's shares fall faster than a plane's once noise is larger than it was trained with."""

    def share(sigma: float) -> float:
        return max(0.5, float(ndtr(margin / sigma - fall * max(0.0, sigma - 0.25))))

    policy = MultiStart(starts=(0.3,), draws=100_000, trial=100_000, steps=12, n=1000)
    best = max(value(share, float(sigma), n=1000) for sigma in FINE)
    assert value(share, carried_out(bisection(policy), share)[0], n=1000) >= 0.98 * best


def test_several_starts_find_the_higher_of_two_peaks() -> None:
    """One start between them does not; both searches end at a peak."""

    def share(sigma: float) -> float:
        low, high = 0.49 * np.exp(-((np.log(sigma / 0.1) / 0.5) ** 2)), 0.45 * np.exp(-((np.log(sigma / 0.8) / 0.35) ** 2))
        return float(0.5 + low + high)

    many = MultiStart(draws=10_000, trial=10_000, steps=8, n=1000)
    best = max(value(share, float(sigma), n=1000) for sigma in FINE)
    few = MultiStart(starts=(0.12,), bounds=(0.05, 0.4), draws=10_000, trial=10_000, steps=8, n=1000)
    assert value(share, carried_out(bisection(many), share)[0], n=1000) >= 0.98 * best
    assert 0 < value(share, carried_out(bisection(few), share)[0], n=1000) < 0.6 * best


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_it_asks_for_each_level_once_with_the_same_noise(steps: int) -> None:
    """Starts, then one level a step (two at the first), all from the beginning of one address; the last comparison has another address."""
    policy = MultiStart(steps=steps, draws=40, trial=50)
    _, asked = carried_out(bisection(policy), partial(linear, 0.3))
    searched, tried = [draw for draw in asked if draw.stage == SEARCH], [draw for draw in asked if draw.stage == TRIAL]
    assert searched[0].sigma == 0.25  # the class
    assert len(searched) == len(policy.starts) + (steps + 1 if steps else 0)
    assert len({draw.sigma for draw in searched}) == len(searched)
    assert {(draw.n, draw.start) for draw in searched} == {(40, 0)}
    assert {(draw.n, draw.start) for draw in tried} == {(50, 0)}
    assert len(tried) == policy.shortlist
    assert asked == searched + tried


@pytest.mark.parametrize("margin", [0.0, 0.05, 50.0])
def test_levels_stay_within_the_bounds(margin: float) -> None:
    """Also where the best lies at an end, or nothing is certified anywhere."""
    policy = MultiStart(starts=(0.1, 0.2), bounds=(0.07, 0.3), steps=10)
    found, asked = carried_out(bisection(policy), partial(linear, margin))
    assert 0.07 <= found <= 0.3
    assert all(0.07 <= draw.sigma <= 0.3 for draw in asked)


def test_the_last_comparison_overrules_the_search() -> None:
    """Of a shortlist the better on fresh draws; a single candidate needs none."""
    policy = MultiStart(shortlist=2)
    assert carried_out(shortlisted(policy, 0, [0.5, 0.25, 0.1]), lambda sigma: 0.55 if sigma > 0.3 else 0.99)[0] == 0.25
    alone = shortlisted(policy, 0, [0.5])
    with pytest.raises(StopIteration) as done:
        next(alone)
    assert done.value.value == 0.5


def test_a_class_that_is_answered_to_everything_at_too_much_noise_is_not_taken_for_robust() -> None:
    """A network that breaks down beyond sigma .6: the search stays with the class of its anchor, wherever that is answered."""

    def answers(search: Search) -> float:
        request = next(search)
        while True:
            hits = round(request.n * (0.001 if request.sigma > 0.6 else float(ndtr(0.3 / request.sigma))))
            try:
                request = search.send(np.array([hits, request.n - hits]))
            except StopIteration as done:
                return float(done.value)

    assert answers(bisection(MultiStart(draws=1000, trial=1000))) < 0.6
    assert answers(bisection(MultiStart(draws=1000, trial=1000, anchor=0.1))) < 0.6
    assert answers(bisection(MultiStart(draws=1000, trial=1000, anchor=1.0))) > 0.6


def test_the_value_of_a_level_grows_with_agreement_and_with_the_level() -> None:
    """It is 0 where nothing is likely to certify, and agreement of all is not taken for certainty."""
    values = [budget_value(hits, 64, 0.5, n=1000, alpha=0.001) for hits in range(65)]
    assert values == sorted(values)
    assert values[32] < 0.01
    assert values[64] < float(expected_radius(1.0, 1000, alpha=0.001, sigma=0.5))
    assert budget_value(60, 64, 1.0, n=1000, alpha=0.001) == pytest.approx(2 * values[60])
