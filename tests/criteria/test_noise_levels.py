"""Claims where noise levels vary: what counts, what is refuted, and how often a model that misses a criterion by a hair passes.

Simulations with fixed seeds; a correct program exceeds a limit with probability 1e-4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from odd_assess.criteria.advice import Advice
from odd_assess.criteria.claims import CLAIMS, FractionClaim, MeanClaim
from odd_assess.criteria.loss import bound_levels, radius_loss
from odd_assess.criteria.point_states import certified_at, largest_label_radius, radius_alone, refuted_at
from odd_assess.criteria.regression import change
from odd_assess.policies import Cascade, DataDependent, MultiStart, PerCell
from odd_assess.records import Reduction, Results, SigmaPolicy, State
from odd_assess.stats import cascade_choice, radius_cap

ALPHA, BETA, RUNS = 1e-3, 0.05, 400
LIMIT = int(binom.isf(1e-4, RUNS, BETA))
GRID = (0.12, 0.25, 0.5)
PER_CELL, CASCADE, BY_INPUT = PerCell(grid=GRID), Cascade(sigmas=GRID[::-1]), MultiStart(starts=(0.25,), bounds=(0.1, 1.2))
REFERENCE = Reduction(n_ref=100_000, expected_reference=np.zeros(0), predicted=None)


@pytest.fixture(autouse=True)
def no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advice costs time and decides nothing."""
    monkeypatch.setattr("odd_assess.criteria.advice.advise", lambda *_, **__: Advice())
    monkeypatch.setattr("odd_assess.criteria.checker._needed", lambda *_: Advice())


def forgotten(results: Results, rows: Any) -> Results:
    """What counts where the memory lets the certificates of some points not count."""
    certified, radius = results.certified.copy(), results.radius.copy()
    certified[rows], radius[rows] = False, 0.0
    return replace(results, certified=certified, radius=radius, policy=BY_INPUT)


@pytest.mark.parametrize("policy", [PER_CELL, CASCADE, BY_INPUT, DataDependent()])
def test_the_range_of_a_mean_is_that_of_the_largest_level(build: Any, policy: SigmaPolicy) -> None:
    """Whatever levels were observed: a range that depends on the points would make the bound of the mean wrong."""
    results = replace(build.results([1000, 900, 800], sigma=[0.12, 0.12, 0.25]), policy=policy)
    claim = CLAIMS["mean_certified_radius"](results, build.criterion("mean_certified_radius", 0.1), REFERENCE)
    level = ALPHA / 5 if policy is CASCADE else ALPHA
    assert isinstance(claim, MeanClaim)
    assert claim.cap == pytest.approx(radius_cap(100_000, alpha=level, sigma=policy.largest))
    assert claim.cap_low == pytest.approx(radius_cap(1000, alpha=level, sigma=policy.largest))
    assert bound_levels(results).tolist() == pytest.approx([level] * 3)


def test_a_point_is_refuted_at_its_own_level(build: Any) -> None:
    """The same counts refute a radius at a narrow level and not at a wide one."""
    results = replace(build.results([900, 900], sigma=[0.12, 0.5]), policy=PER_CELL)
    assert refuted_at(results, 0.25).tolist() == [True, False]


def test_a_cascade_is_refuted_where_it_is_certified_as_another_class_alone(build: Any) -> None:
    """Few hits at the level that gave the radius say nothing of the other levels."""
    results = replace(build.results([10, 10, 990], other=[-1, 990, -1]), policy=CASCADE)
    results = replace(results, certified=np.array([False, True, True]))
    assert largest_label_radius(results).tolist() == [np.inf, -np.inf, np.inf]
    assert refuted_at(results, 0.1).tolist() == [False, True, False]


def test_what_the_memory_takes_away_is_neither_shown_nor_refuted(build: Any) -> None:
    """A point that counts for nothing after the memory stays undecided, whatever it showed alone; one that was refuted by its counts stays refuted."""
    alone = build.results([1000, 1000, 20], other=[-1, -1, 980])
    results = forgotten(alone, [0, 2])
    assert certified_at(results, 0.1).tolist() == [False, True, False]
    assert refuted_at(results, 0.1).tolist() == [False, False, True]
    assert radius_alone(results).tolist() == alone.radius.tolist()
    for metric, low, high in (
        ("smoothed_accuracy", [False, True, False], [True, True, False]),
        ("abstention_rate", [False, False, False], [True, False, True]),
    ):
        claim = CLAIMS[metric](results, build.criterion(metric, 0.5), REFERENCE)
        assert isinstance(claim, FractionClaim)
        assert (claim.low.tolist(), claim.high.tolist()) == (low, high)


@pytest.mark.parametrize(
    ("metric", "required"),
    [("certified_accuracy", 0.8), ("abstention_rate", 0.2), ("smoothed_accuracy", 0.8), ("mean_certified_radius", 0.3)],
)
def test_no_model_fails_by_what_the_memory_takes_away(build: Any, metric: str, required: float) -> None:
    """Sure points that do not count turn MET into INCONCLUSIVE, never into NOT MET."""
    alone = replace(build.results([1000] * 100), policy=BY_INPUT)
    assert build.check(build.criterion(metric, required), alone).state is State.MET
    assert build.check(build.criterion(metric, required), forgotten(alone, np.arange(60))).state is State.INCONCLUSIVE


def test_the_budget_is_not_charged_with_what_the_memory_takes_away(build: Any) -> None:
    """The loss of radius to the draws is that of the certificates alone, predicted and measured."""
    alone, reference = build.results([950] * 40), build.results([95_000] * 40, n=100_000)
    whole = radius_loss(replace(alone, policy=BY_INPUT), replace(reference, policy=BY_INPUT), n_ref=100_000, seed=1)
    less = radius_loss(forgotten(alone, np.arange(30)), replace(reference, policy=BY_INPUT), n_ref=100_000, seed=1)
    assert (less.predicted, less.measured) == (whole.predicted, whole.measured)
    plain = radius_loss(alone, reference, n_ref=100_000, seed=1)
    assert (plain.predicted, plain.measured) == (whole.predicted, whole.measured)


@pytest.mark.parametrize("of", ["certified_accuracy", "mean_certified_radius", "smoothed_accuracy", "abstention_rate"])
def test_what_a_memory_took_from_the_old_model_is_no_gain_of_the_new_one(build: Any, of: str) -> None:
    """Two models that show the same at every point are alike, whatever the memory of one run took."""
    same = replace(build.results([1000] * 10), policy=BY_INPUT)
    assert change(of, forgotten(same, np.arange(6)), same, radius=0.1).difference.tolist() == [0.0] * 10


P = {0: np.array([0.55, 0.9, 0.98]), 1: np.array([0.7, 0.3, 0.99])}
"""The true shares of the true class at the kinds of points of two cells, which weigh .7 and .3 and have the levels .12 and .5."""


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["certified_accuracy", "mean_certified_radius"])
def test_a_hair_with_levels_by_cell(build: Any, metric: str) -> None:
    """A model that is a hair worse than required is MET in at most 5 % of runs, one a hair better NOT MET in at most 5 %."""
    rng = np.random.default_rng(3)
    weights, sigma = np.array([0.7, 0.3]), np.array([0.12, 0.5])
    true = np.array([sigma[cell] * norm.ppf(P[cell]) for cell in (0, 1)])
    of_kind = np.maximum(true, 0) if metric == "mean_certified_radius" else true >= 0.1
    truth = float(weights @ of_kind.mean(axis=1))
    met = fail = 0
    for _ in range(RUNS):
        cell = (rng.uniform(size=60) < weights[1]).astype(int)
        p = np.where(cell == 0, rng.choice(P[0], 60), rng.choice(P[1], 60))
        results = replace(build.results(rng.binomial(400, p), n=400, cell=cell, sigma=sigma[cell]), policy=PER_CELL)
        met += build.check(build.criterion(metric, truth * 1.001, radius=0.1), results, weights=weights).state is State.MET
        fail += build.check(build.criterion(metric, truth * 0.999, radius=0.1), results, weights=weights).state is State.NOT_MET
    assert met <= LIMIT
    assert fail <= LIMIT


SHARES = np.array(
    [
        [[0.40, 0.35, 0.25], [0.70, 0.20, 0.10], [0.97, 0.02, 0.01]],
        [[0.90, 0.05, 0.05], [0.95, 0.03, 0.02], [0.99, 0.01, 0.00]],
        [[0.30, 0.60, 0.10], [0.80, 0.15, 0.05], [0.99, 0.01, 0.00]],
        [[0.45, 0.40, 0.15], [0.46, 0.30, 0.24], [0.60, 0.30, 0.10]],
    ]
)
"""(kinds of points, levels, classes): the true shares with the noise of each level, the widest first; class 0 is the true one."""


def true_radius(shares: np.ndarray) -> float:
    """The radius of class 0 within which the cascade's answer stays, by the exact shares."""
    scores = [sigma * norm.ppf(level[0]) for sigma, level in zip(CASCADE.sigmas, shares, strict=True)]
    clear = [-sigma * norm.ppf(level[1:].max()) for sigma, level in zip(CASCADE.sigmas, shares, strict=True)]
    return max(0.0, *(min(scores[k], *clear[:k], np.inf) for k in range(len(scores))))


def cascades(build: Any, rng: np.random.Generator, kinds: np.ndarray, n: int) -> Results:
    """Certificates of the points of these kinds."""
    rows = []
    for kind in kinds:
        labels = [int(rng.multinomial(20, level).argmax()) for level in SHARES[kind]]
        counts = [rng.multinomial(n, level) for level in SHARES[kind]]
        at, radius, lower = cascade_choice(counts, labels, CASCADE.sigmas, alpha=ALPHA)
        rows.append((labels[at], counts[at][labels[at]], counts[at][0], CASCADE.sigmas[at], lower, radius))
    chosen, hits, label_hits, sigma, lower, radius = (np.array(column) for column in zip(*rows, strict=True))
    blank = build.results(label_hits, n=n, sigma=sigma)
    return replace(blank, chosen=chosen, hits=hits, p_a_lower=lower, radius=radius, certified=radius > 0, policy=CASCADE)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["certified_accuracy", "mean_certified_radius", "smoothed_accuracy"])
def test_a_hair_with_a_cascade(build: Any, metric: str) -> None:
    """Likewise: by exact shares of what a cascade answers; NOT MET needs points that are certified as another class."""
    rng = np.random.default_rng(4)
    true = np.array([true_radius(kind) for kind in SHARES])
    assert ((true > 0).sum(), (true >= 0.1).sum()) == (3, 2)
    right = np.array([True, True, False, True])  # what it answers at the point itself
    of_kind = {"certified_accuracy": true >= 0.1, "mean_certified_radius": true, "smoothed_accuracy": right}[metric]
    truth = float(of_kind.mean())
    met = fail = 0
    for _ in range(RUNS):
        results = cascades(build, rng, rng.integers(0, len(SHARES), 40), 200)
        met += build.check(build.criterion(metric, truth * 1.001, radius=0.1), results).state is State.MET
        fail += build.check(build.criterion(metric, truth * 0.999, radius=0.1), results).state is State.NOT_MET
    assert met <= LIMIT
    assert fail <= LIMIT
