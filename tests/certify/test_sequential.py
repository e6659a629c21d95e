"""The sequential procedure, exactly: the tree of all states (hits, draws) that it can visit is walked, with the probability of each.

Its next block depends on the hits of the chosen class and on the draws so far only, so paths that meet in a state go on together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy.special import ndtr, xlogy
from scipy.stats import binom, multinomial

from odd_assess.certify import Draw, Procedure, ReducedPlan, SequentialPlan, SingleBatchPlan, procedure
from odd_assess.certify.procedures import BLOCK_GROWTH, _next_block
from odd_assess.records import Certificate, Certified
from odd_assess.stats import (
    anytime_draws_for_radius,
    anytime_lower_bound,
    anytime_upper_bound,
    certified_radius,
    log_evidence_above,
    log_evidence_below,
    proportion_lower_bound,
    proportion_upper_bound,
)
from odd_assess.stats.sequential import _fewest_to_decide

Bound = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
Blocks = Callable[[SequentialPlan, np.ndarray, int], np.ndarray]


def blocks(plan: SequentialPlan, hits: np.ndarray, drawn: int) -> np.ndarray:
    """What the procedure asks for next in many states with the same number of draws; 0 at the end. Compared with the procedure itself below."""
    left = plan.max_draws - drawn
    fewest = np.zeros(len(hits))
    for p0 in ndtr(np.array(plan.radii) / plan.sigma):
        evidence = np.maximum(log_evidence_above(hits, drawn, p0), log_evidence_below(hits, drawn, p0))
        open_ = evidence < -math.log(plan.alpha)
        if left and open_.any():
            k = hits[open_].astype(float)
            more = _fewest_to_decide(k, np.full_like(k, drawn), np.full_like(k, p0), alpha=plan.alpha, most=left)
            fewest[open_] = np.maximum(fewest[open_], more)
    return np.where(fewest > 0, np.minimum(left, np.maximum(fewest, drawn // BLOCK_GROWTH)), 0).astype(int)


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Where the procedure can end: hits and draws (ends,), their probabilities (ends, p); ``lost`` (p,) sums what was too improbable to follow."""

    hits: np.ndarray
    draws: np.ndarray
    mass: np.ndarray
    lost: np.ndarray

    def probability(self, event: np.ndarray) -> np.ndarray:
        """An upper bound (p,) on the probability of an event (ends, p) or (ends, 1)."""
        return np.asarray((self.mass * event).sum(axis=0) + self.lost)


def walk(plan: SequentialPlan, p: np.ndarray, *, ask: Blocks = blocks, negligible: float = 1e-12) -> Ends:
    """Every end of the bounding stage for a class with probability ``p`` (p,)."""

    @cache
    def pmf(block: int) -> np.ndarray:
        return np.asarray(binom.pmf(np.arange(block + 1)[:, None], block, p))

    levels = {0: np.ones((1, len(p)))}
    ends: list[tuple[int, int, np.ndarray]] = []
    lost = np.zeros(len(p))
    while levels:
        n = min(levels)
        mass = levels.pop(n)
        followed = mass.max(axis=1) >= negligible
        lost += mass[~followed].sum(axis=0)
        states = np.flatnonzero(followed)
        for k, block in zip(states.tolist(), ask(plan, states, n).tolist() if len(states) else [], strict=True):
            if block == 0:
                ends.append((k, n, mass[k]))
                continue
            after = levels.setdefault(n + block, np.zeros((n + block + 1, len(p))))
            after[k : k + block + 1] += mass[k] * pmf(block)
    return Ends(
        hits=np.array([e[0] for e in ends]), draws=np.array([e[1] for e in ends]), mass=np.array([e[2] for e in ends]), lost=lost
    )


def lower(k: np.ndarray, n: np.ndarray, alpha: float) -> np.ndarray:
    return anytime_lower_bound(k, n, alpha=alpha)


def upper(k: np.ndarray, n: np.ndarray, alpha: float) -> np.ndarray:
    return anytime_upper_bound(k, n, alpha=alpha)


def worst_errors(plan: SequentialPlan, *, lower: Bound = lower, upper: Bound = upper, ask: Blocks = blocks) -> tuple[float, float]:
    """(P(certified radius > true radius), P(refuted though true)) as shares of alpha, at the worst p for each.

    An error jumps up where p falls below a value of the lower bound (rises above one of the upper bound), so p stands there, and at each Phi(r / sigma).
    """
    limits = ndtr(np.array(plan.radii) / plan.sigma)
    first = walk(plan, np.linspace(0.02, 0.999, 20), ask=ask)
    low = np.unique(lower(first.hits, first.draws, plan.alpha)) * (1 - 1e-12)
    high = np.minimum(np.unique(upper(first.hits, first.draws, plan.alpha)) * (1 + 1e-12), 1.0)
    near = np.concatenate(
        [low[np.abs(low - p).argsort()[:10]] for p in limits] + [high[np.abs(high - p).argsort()[:10]] for p in limits]
    )
    p = np.unique(
        np.concatenate(
            [
                limits,
                np.nextafter(limits, 0),
                np.nextafter(limits, 1),
                near,
                low[:: max(1, len(low) // 25)],
                high[:: max(1, len(high) // 25)],
            ]
        )
    )
    ends = walk(plan, p, ask=ask, negligible=1e-9 * plan.alpha)
    too_far = ends.probability(lower(ends.hits, ends.draws, plan.alpha)[:, None] > p)
    refuted = ends.probability(upper(ends.hits, ends.draws, plan.alpha)[:, None] < p)
    return float(too_far.max() / plan.alpha), float(refuted.max() / plan.alpha)


def plan_for(*radii: float, alpha: float, most: int) -> SequentialPlan:
    return SequentialPlan(n0=1, max_draws=most, sigma=1.0, alpha=alpha, radii=radii)


@pytest.mark.parametrize("alpha", [0.2, 1e-4])
@pytest.mark.parametrize("radii", [(0.0,), (0.5,), (1.5,), (0.0, 0.5, 1.5)])
@pytest.mark.parametrize("most", [40, 120])
def test_certificates_and_refutations_err_with_probability_at_most_alpha(radii: tuple[float, ...], alpha: float, most: int) -> None:
    """P(radius > true radius) <= alpha and P(refuted though true) <= alpha at the worst p, whether the budget ends before the decision or not. Exact."""
    too_far, refuted = worst_errors(plan_for(*radii, alpha=alpha, most=most))
    assert 0 < too_far <= 1
    assert 0 < refuted <= 1


def test_the_adversary_comes_close() -> None:
    """The worst of these plans errs with more than .7 alpha, so a procedure that errs twice as often would be found."""
    assert worst_errors(plan_for(0.0, 0.25, 0.5, alpha=0.2, most=120))[0] > 0.7


def only_certifying(plan: SequentialPlan, hits: np.ndarray, drawn: int) -> np.ndarray:
    """Draw one by one and stop as soon as the largest radius is certified by a bound that is valid for a fixed n only."""
    done = (
        proportion_lower_bound(hits, max(drawn, 1), alpha=plan.alpha) > ndtr(plan.radii[-1])
        if drawn
        else np.zeros(len(hits), dtype=bool)
    )
    return np.where(done | (drawn >= plan.max_draws), 0, 1)


MUTANTS: dict[str, Callable[[SequentialPlan], tuple[float, float]]] = {
    "twice alpha": lambda plan: worst_errors(
        plan, lower=lambda k, n, a: lower(k, n, 2 * a), upper=lambda k, n, a: upper(k, n, 2 * a), ask=at_twice_alpha
    ),
    "Clopper-Pearson at the stopping time": lambda plan: worst_errors(
        plan,
        lower=lambda k, n, a: proportion_lower_bound(k, n, alpha=a),
        upper=lambda k, n, a: proportion_upper_bound(k, n, alpha=a),
        ask=only_certifying,
    ),
    "point estimate": lambda plan: worst_errors(plan, lower=lambda k, n, _: k / n),
    "wrong tail": lambda plan: worst_errors(plan, lower=upper, upper=lower),
    "radius asked for, met or not": lambda plan: worst_errors(plan, lower=lambda k, n, _: np.full(len(k), ndtr(plan.radii[-1]))),
    "undecided is refuted": lambda plan: worst_errors(plan, upper=lambda k, n, a: np.minimum(upper(k, n, a), 0.5)),
}


def at_twice_alpha(plan: SequentialPlan, hits: np.ndarray, drawn: int) -> np.ndarray:
    return blocks(plan_for(*plan.radii, alpha=2 * plan.alpha, most=plan.max_draws), hits, drawn)


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_procedures_are_rejected(name: str) -> None:
    """The check that the procedure passes finds each of these."""
    plan = plan_for(0.5, alpha=0.1, most=100)
    assert max(worst_errors(plan)) <= 1
    assert max(MUTANTS[name](plan)) > 1


def wald(p: float, p0: float, alpha: float) -> float:
    return math.log(1 / alpha) / float(xlogy(p, p / p0) + xlogy(1 - p, (1 - p) / (1 - p0)))


def mean_draws(radius: float, p: list[float], *, ask: Blocks = blocks, negligible: float = 1e-8) -> np.ndarray:
    """The expected draws to decide a radius at sigma = 1 and alpha = .001, at most 4,000; what is lost counts as 4,000."""
    ends = walk(plan_for(radius, alpha=0.001, most=4000), np.array(p), ask=ask, negligible=negligible)
    return np.asarray((ends.mass * ends.draws[:, None]).sum(axis=0) + 4000 * ends.lost)


def within_wald(radius: float, p: list[float], draws: np.ndarray) -> bool:
    """At most 1.30 times Wald's limit ln(1/alpha) / KL(p || p0) everywhere."""
    return bool(np.all(draws <= 1.30 * np.array([wald(one, float(ndtr(radius)), 0.001) for one in p])))


TRUTHS = [0.90, 0.95, 0.99, 1.0]


def test_half_sigma_takes_at_most_1_3_times_walds_limit() -> None:
    """Expected draws at r = sigma/2, exactly: 62.2, 36.2, 24.3 and 22 for p = .90, .95, .99 and 1."""
    draws = mean_draws(0.5, TRUTHS)
    assert within_wald(0.5, TRUTHS, draws)
    assert draws == pytest.approx([62.16, 36.21, 24.29, 22], abs=0.02)


@pytest.mark.slow
def test_one_sigma_takes_at_most_1_3_times_walds_limit() -> None:
    """Expected draws at r = sigma, exactly: 593, 133.6, 57.4 and 47 for p = .90, .95, .99 and 1."""
    draws = mean_draws(1.0, TRUTHS)
    assert within_wald(1.0, TRUTHS, draws)
    assert draws == pytest.approx([593.1, 133.6, 57.35, 47], rel=1e-3)


def test_a_wasteful_procedure_is_found() -> None:
    """Blocks of 50 draws, or half of alpha for each side, exceed the 1.30."""

    def in_fifties(plan: SequentialPlan, hits: np.ndarray, drawn: int) -> np.ndarray:
        return np.where(blocks(plan, hits, drawn) > 0, 50, 0)

    assert not within_wald(0.5, TRUTHS, mean_draws(0.5, TRUTHS, ask=in_fifties))
    assert not within_wald(0.5, [1.0], np.array([anytime_draws_for_radius(0.5, alpha=0.0001, sigma=1.0)]))


@pytest.mark.parametrize(
    "plan",
    [
        plan_for(0.0, alpha=0.05, most=70),
        plan_for(0.5, alpha=0.001, most=300),
        plan_for(0.0, 0.25, 1.0, alpha=0.001, most=1000),
        SequentialPlan(n0=3, max_draws=700, sigma=0.25, alpha=1e-6, radii=(0.1, 0.3)),
    ],
)
def test_the_walk_is_the_procedure(plan: SequentialPlan) -> None:
    """A coin is led through the real generator: it asks for the blocks of the walk, at fresh addresses, and reports the bound at its last state.

    16 coins for each plan, seeded.
    """
    rng = np.random.default_rng(3)
    for p in np.linspace(0.3, 1.0, 8).repeat(2):
        asked = procedure(plan, stage="x/")
        assert next(asked) == Draw(n=plan.n0, sigma=plan.sigma, stage="x/select")
        hits, drawn, reply = 0, 0, np.array([plan.n0, 0])
        while True:
            try:
                request = asked.send(reply)
            except StopIteration as stop:
                certificate = stop.value
                break
            assert blocks(plan, np.array([hits]), drawn).item() in (0, request.n)
            assert _next_block(plan, hits, drawn) == request.n
            assert (request.start, request.stage, request.sigma) == (drawn, "x/bound", plan.sigma)
            won = int(rng.binomial(request.n, p))
            hits, drawn, reply = hits + won, drawn + request.n, np.array([won, request.n - won])
        assert blocks(plan, np.array([hits]), drawn).item() == 0
        assert (certificate.n, certificate.counts.of(0), certificate.label) == (drawn, hits, 0)
        bound = anytime_lower_bound(hits, drawn, alpha=plan.alpha)
        assert certificate.p_a_lower == bound
        assert (certificate.radius if isinstance(certificate, Certified) else 0.0) == certified_radius(bound, sigma=plan.sigma)
        if drawn < plan.max_draws:  # then each radius is decided, as those who judge the counts will see
            bound_above = anytime_upper_bound(hits, drawn, alpha=plan.alpha)
            limits = ndtr(np.array(plan.radii) / plan.sigma)
            assert all(bound > one * (1 - 1e-12) or bound_above < one * (1 + 1e-12) for one in limits)


# Selection and bound: the chosen class must not profit from the draws that chose it.

Certify = Callable[[list[int], list[int]], tuple[int, float]]
"""(counts of the selecting stage, counts of the bounding stage) -> (label, lower bound on its probability)."""


def false_rate(certify: Certify, *, n0: int, n: int, p: tuple[float, ...]) -> float:
    """P(the lower bound exceeds the true probability of the chosen class), summed over all counts of both stages."""
    total = 0.0
    for selection in _outcomes(n0, len(p)):
        chance = multinomial.pmf(selection, n0, p)
        for counts in _outcomes(n, len(p)):
            label, bound = certify(selection, counts)
            if bound > p[label] and bound > 0.5:
                total += float(chance * multinomial.pmf(counts, n, p))
    return total


def _outcomes(n: int, classes: int) -> list[list[int]]:
    if classes == 1:
        return [[n]]
    return [[first, *rest] for first in range(n + 1) for rest in _outcomes(n - first, classes - 1)]


def finished(asked: Procedure, *replies: list[int]) -> Certificate:
    next(asked)
    try:
        for reply in replies:
            asked.send(np.array(reply))
    except StopIteration as stop:
        certificate: Certificate = stop.value
        return certificate
    raise AssertionError("the procedure asks for more")


def as_built(plan: ReducedPlan | SingleBatchPlan) -> Certify:
    def certify(selection: list[int], counts: list[int]) -> tuple[int, float]:
        replies = [selection, counts] if isinstance(plan, ReducedPlan) else [counts]
        certificate = finished(procedure(plan), *replies)
        return certificate.label, certificate.p_a_lower

    return certify


def bounded_by_all_draws(selection: list[int], counts: list[int]) -> tuple[int, float]:
    label = int(np.argmax(selection))
    return label, proportion_lower_bound(selection[label] + counts[label], sum(selection) + sum(counts), alpha=0.05)


def one_batch_at_full_alpha(_: list[int], counts: list[int]) -> tuple[int, float]:
    label = int(np.argmax(counts))
    return label, proportion_lower_bound(counts[label], sum(counts), alpha=0.05)


def class_of_the_bounding_draws(selection: list[int], counts: list[int]) -> tuple[int, float]:
    label = int(np.argmax(np.add(selection, counts)))
    return label, proportion_lower_bound(counts[label], sum(counts), alpha=0.05)


CORNERS = [(0.5, 0.5), (0.501, 0.499), (0.55, 0.45), (0.7, 0.3)]


def worst_false_rate(certify: Certify, *, n0: int = 5, n: int = 18) -> float:
    return max(false_rate(certify, n0=n0, n=n, p=p) for p in CORNERS)


@pytest.mark.parametrize("plan", [ReducedPlan(n0=5, n=18, sigma=1.0, alpha=0.05), SingleBatchPlan(n=18, sigma=1.0, alpha=0.05)])
def test_choosing_the_class_costs_nothing(plan: ReducedPlan | SingleBatchPlan) -> None:
    """P(the bound exceeds the chosen class's probability) <= alpha near one half, where the choice is a toss-up. Summed exactly."""
    assert worst_false_rate(as_built(plan)) <= 0.05


@pytest.mark.parametrize("mutant", [bounded_by_all_draws, one_batch_at_full_alpha, class_of_the_bounding_draws])
def test_reused_draws_are_found(mutant: Certify) -> None:
    """The same sum rejects procedures whose selecting draws return in the bound, and one batch without its halving: they err with 1.6 to 1.9 alpha."""
    assert worst_false_rate(mutant) > 0.05


def sequential_false_rate(plan: SequentialPlan, *, leader: bool) -> float:
    """P(the bound exceeds the certified one of two classes' probability), at worst near one half.

    The class is the winner of n0 draws of its own, or, with ``leader``, the one that leads when the bounding draws stop.
    """
    worst = 0.0
    for p in (0.5, 0.501, 0.55):
        ends = walk(plan, np.array([p, 1 - p]))  # one column for each class as the one that is counted
        wrong = ends.mass * (lower(ends.hits, ends.draws, plan.alpha)[:, None] > np.array([p, 1 - p]))
        ahead = 2 * ends.hits > ends.draws
        chosen = binom.sf((plan.n0 - 1) / 2, plan.n0, p)  # ties go to the first class
        rate = wrong[ahead].sum() if leader else chosen * wrong[:, 0].sum() + (1 - chosen) * wrong[:, 1].sum()
        worst = max(worst, float(rate + ends.lost.max()))
    return worst


def test_the_sequential_procedure_does_not_choose_by_its_bounding_draws() -> None:
    """A class chosen by draws of its own is wrongly certified with probability <= alpha; the leader of the bounding draws would be with 1.25 alpha."""
    plan = SequentialPlan(n0=6, max_draws=160, sigma=1.0, alpha=0.1, radii=(0.0,))
    assert sequential_false_rate(plan, leader=False) <= 0.1
    assert sequential_false_rate(plan, leader=True) > 0.12
    asked = procedure(plan)
    next(asked)
    assert asked.send(np.array([6, 0])) == Draw(n=_next_block(plan, 0, 0), sigma=1.0, stage="bound", start=0)


# The tolerance budget: a pilot chooses n, fresh draws bound.


def chosen_n(pilot_hits: int, p: float, *, fresh: bool, pilot: int = 15, more: int = 30, alpha: float = 0.05) -> float:
    """P(bound > p | pilot hits), if no further draws are asked for when the pilot already bounds p beyond 1/2, and ``more`` otherwise."""
    extra = 0 if proportion_lower_bound(pilot_hits, pilot, alpha=alpha) > 0.5 else more
    k = np.arange((pilot if fresh else 0) + extra + 1)
    kept = 0 if fresh else pilot_hits
    n = pilot + extra
    return float(binom.pmf(k, len(k) - 1, p)[proportion_lower_bound(kept + k, n, alpha=alpha) > p].sum())


def pilot_error(p: float, *, fresh: bool) -> float:
    return float(sum(binom.pmf(k, 15, p) * chosen_n(k, p, fresh=fresh) for k in range(16)))


def test_a_pilot_may_choose_n_if_its_draws_are_not_counted_again() -> None:
    """N chosen by a pilot: fresh draws keep the error <= alpha at every p, the pilot's own draws in the bound do not. Summed exactly."""
    grid = np.linspace(0.3, 0.99, 140)
    assert max(pilot_error(float(p), fresh=True) for p in grid) <= 0.05
    assert max(pilot_error(float(p), fresh=False) for p in grid) > 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SequentialPlan(n0=0, max_draws=90, sigma=0.25, alpha=0.1, radii=(0.1,)), "n0 must be at least 1, got 0"),
        (lambda: SequentialPlan(n0=1, max_draws=90, sigma=0.25, alpha=0.1, radii=()), "radii must hold at least one finite radius"),
        (
            lambda: SequentialPlan(n0=1, max_draws=90, sigma=0.25, alpha=0.1, radii=(-0.1,)),
            "radii must hold at least one finite radius",
        ),
        (
            lambda: SequentialPlan(n0=1, max_draws=9, sigma=0.25, alpha=0.001, radii=(0.1,)),
            "max_draws must be at least 12 to certify anything",
        ),
        (
            lambda: SequentialPlan(n0=1, max_draws=90, sigma=0.0, alpha=0.001, radii=(0.1,)),
            "sigma must be a number of at least 0.0001",
        ),
    ],
)
def test_an_impossible_plan_is_refused(make: Callable[[], SequentialPlan], message: str) -> None:
    """A plan that exists can certify."""
    with pytest.raises(ValueError, match=message):
        make()
