"""How often `check` is wrong, on simulated runs of models that miss or meet a criterion by a hair, from the draws to the state.

Each test says its false-alarm rate: the limit stands 3.72 binomial standard deviations above 5 %, which a correct program exceeds with probability 1e-4.
Seeds are fixed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from odd_assess.criteria.advice import Advice
from odd_assess.records import State

BETA, RUNS = 0.05, 600
LIMIT = BETA + 3.72 * np.sqrt(BETA * (1 - BETA) / RUNS)

N, ALPHA, SIGMA, RADIUS = 25, 0.05, 0.25, 0.05  # a crude certificate, so that its own errors matter
EDGE = norm.cdf(RADIUS / SIGMA)


@pytest.fixture(autouse=True)
def no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advice costs time and decides nothing."""
    monkeypatch.setattr("odd_assess.criteria.advice.advise", lambda *_, **__: Advice())


def simulate(
    build: Any, draw: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]], state: State, seed: int, **kwargs: object
) -> float:
    """The share of runs in which the criterion on certified accuracy comes out in ``state``. ``draw`` gives pA and cell of each point."""
    rng = np.random.default_rng(seed)
    required, scope, rest = kwargs.pop("required"), kwargs.pop("scope", "odd"), kwargs
    criterion = build.criterion("certified_accuracy", required, radius=RADIUS, scope=scope)  # type: ignore[arg-type]
    count = 0
    for _ in range(RUNS):
        p, cell = draw(rng)
        results = build.results(rng.binomial(N, p), n=N, alpha=ALPHA, sigma=SIGMA, cell=cell)
        count += build.check(criterion, results, **rest).state is state
    return count / RUNS


def iid(q: float, good: float, bad: float, m: int = 60) -> Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]:
    """Independent points: a fraction q with pA = good, the others with pA = bad."""
    return lambda rng: (np.where(rng.random(m) < q, good, bad), np.zeros(m, dtype=int))


@pytest.mark.parametrize("design", ["random", "stratified"])
def test_a_model_that_misses_by_a_hair_rarely_passes(build: Any, design: str) -> None:
    """True certified accuracy just below the requirement, false certificates as often as alpha allows: MET in at most 5 % of runs."""
    wrong = simulate(build, iid(0.6999, 1.0, EDGE - 1e-9), State.MET, 1, required=0.7, design=design)
    assert wrong <= LIMIT


@pytest.mark.parametrize("design", ["random", "stratified"])
def test_a_model_that_meets_it_by_a_hair_rarely_fails(build: Any, design: str) -> None:
    """True certified accuracy just above the requirement, at the edge of the radius: NOT MET in at most 5 % of runs."""
    wrong = simulate(build, iid(0.7001, EDGE + 1e-9, 0.0), State.NOT_MET, 2, required=0.7, design=design)
    assert wrong <= LIMIT


def segments(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Proportional strata: 41 segments where the model is right, 18 where it is wrong, and one in doubt. q = 41.99 / 60."""
    return np.concatenate((np.ones(41), np.zeros(18), [1.0 if rng.random() < 0.99 else 0.0])), np.zeros(60, dtype=int)


def test_stratified_segments_that_are_not_alike(build: Any) -> None:
    """The design that stratification is for: segments all right or all wrong. MET in at most 5 % of runs, and NOT MET just the same."""
    assert simulate(build, segments, State.MET, 3, required=42 / 60, design="stratified") <= LIMIT
    assert simulate(build, segments, State.NOT_MET, 4, required=41.9 / 60, design="stratified") <= LIMIT


def test_equal_strata_with_unequal_weights(build: Any) -> None:
    """A heavy cell at .6 and a light one at 1 (weights .9, .1): true accuracy .64. Required .641: MET in at most 5 %; required .639: NOT MET likewise."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        cell = np.repeat([0, 1], 40)
        return np.where((cell == 1) | (rng.random(80) < 0.6), 1.0, EDGE - 1e-9), cell

    given = {"design": "stratified", "allocation": "equal"}
    assert simulate(build, draw, State.MET, 5, required=0.641, **given) <= LIMIT
    assert simulate(build, draw, State.NOT_MET, 6, required=0.639, **given) <= LIMIT


def test_one_bad_cell_rarely_passes(build: Any) -> None:
    """All cells perfect but one that misses by a hair: MET in at most 5 % of runs, without any correction (intersection-union)."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        cell = np.repeat(np.arange(5), 30)
        return np.where((cell > 0) | (rng.random(150) < 0.6999), 1.0, EDGE - 1e-9), cell

    wrong = simulate(build, draw, State.MET, 7, required=0.7, scope="each_cell", weights=(0.2,) * 5)
    assert wrong <= LIMIT
    assert wrong > 0  # not idle: the test is near its level


@pytest.mark.parametrize("multiplicity", ["holm", "bonferroni"])
def test_cells_are_rarely_misnamed(build: Any, multiplicity: str) -> None:
    """Five cells, k of them missing by a hair: some cell is wrongly named MET in at most 5 % of runs; likewise NOT MET for cells that just meet it."""
    rng = np.random.default_rng(8)
    criterion = build.criterion("clean_accuracy", 0.7, scope="each_cell", multiplicity=multiplicity)
    for bad in (1, 2, 5):
        met = fail = 0
        for _ in range(RUNS):
            cell = np.repeat(np.arange(5), 30)
            right = rng.random(150) < np.where(cell < bad, 0.6999, 0.9)
            finding = build.check(
                criterion, build.results(np.full(150, 25), n=25, clean=(~right).astype(int), cell=cell), weights=(0.2,) * 5
            )
            met += any(part.state is State.MET for part in finding.parts[:bad])
            right = rng.random(150) < np.where(cell < bad, 0.7001, 0.4)
            finding = build.check(
                criterion, build.results(np.full(150, 25), n=25, clean=(~right).astype(int), cell=cell), weights=(0.2,) * 5
            )
            fail += any(part.state is State.NOT_MET for part in finding.parts[:bad])
        assert met / RUNS <= LIMIT
        assert fail / RUNS <= LIMIT


def test_mean_radius_just_missed(build: Any) -> None:
    """A model whose mean radius is a hair below the requirement: MET in at most 5 % of runs; a hair above: NOT MET in at most 5 %."""
    rng = np.random.default_rng(9)
    p = np.array([0.55, 0.8, 0.95, 0.3])
    truth = SIGMA * np.maximum(0, norm.ppf(p)).mean()
    met = fail = 0
    for _ in range(RUNS):
        results = build.results(rng.binomial(400, rng.choice(p, 80)), n=400, alpha=ALPHA, sigma=SIGMA)
        met += build.check(build.criterion("mean_certified_radius", truth * 1.001), results).state is State.MET
        fail += build.check(build.criterion("mean_certified_radius", truth * 0.999), results).state is State.NOT_MET
    assert met / RUNS <= LIMIT
    assert fail / RUNS <= LIMIT
