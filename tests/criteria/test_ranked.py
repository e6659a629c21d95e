"""Points chosen by rank: no scope passes wrongly more often than it may, parts are not judged as if their points were alike, points weigh by their group."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.criteria import check
from odd_assess.criteria.advice import Advice
from odd_assess.criteria.attainability import Setting, short_of_points
from odd_assess.criteria.fragility import Sampled
from odd_assess.criteria.inference import TwoGroups, WithinPart, inference_for, part_inference, point_weights
from odd_assess.criteria.outlook import prospect
from odd_assess.odd.attributes import Ordinal
from odd_assess.odd.domain import Domain
from odd_assess.records import Budget, CertificationPlan, Evidence, RankedSets, Reduction, SamplingPlan, State
from odd_assess.stats import two_group_lower_bound

BETA, HAIR, REQUIRED, N = 0.05, 1e-3, 0.75, 10**6
RUNS = 400
DOMAIN = Domain(
    attributes=(
        Ordinal(id="surface", labels=("dry", "wet"), weights=(0.7, 0.3)),
        Ordinal(id="light", labels=("day", "night"), weights=(0.6, 0.4)),
    )
)
"""Cells of weights .42, .28, .18, .12, in the order of (surface, light)."""
SETS = RankedSets(candidates=5, low_ranks=2, points=(50, 30))
PLAN = SamplingPlan(design="ranked", points=80, seed=1, ranked=SETS)

SCOPES: dict[str, dict[str, Any]] = {
    "odd": {},
    "each_cell": {"scope": "each_cell"},
    "each_level": {"scope": "each_level", "attribute": "surface"},
    "each_class": {"scope": "each_class"},
}
TRUTHS: dict[str, Any] = {
    "odd": (0.55, 0.95, 0.9, 0.2),
    "each_cell": (1.0, 1.0, 1.0, REQUIRED),
    "each_level": (1.0, 1.0, 0.9, 0.525),
    "each_class": (1.0, 1.0, 1.0, 1.0),
}
"""Fractions of the cells: the ODD, the last cell, wet (.6 of it by day) or the second class are at the requirement, nearly."""


@pytest.fixture(autouse=True)
def no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advice costs time and decides nothing."""
    monkeypatch.setattr("odd_assess.criteria.advice.advise", lambda *_, **__: Advice())
    monkeypatch.setattr("odd_assess.criteria.checker._needed", lambda *_: Advice())


def evidence_of(build: Any, right: np.ndarray, cell: np.ndarray, label: np.ndarray, index: np.ndarray) -> Evidence:
    """A run whose points are all right or all wrong."""
    order = np.argsort(index)
    results = build.results(right[order] * N, n=N, alpha=1e-9, cell=cell[order], label=label[order])
    return Evidence(
        domain=DOMAIN,
        sampling=PLAN,
        results=results,
        coverage=build.coverage(results, 4),
        reduction=Reduction(n_ref=100_000, expected_reference=np.zeros(len(results)), predicted=None),
        class_names=("a", "b"),
    )


def wrong_verdicts(build: Any, scope: str, side: State, order: str) -> int:
    """Runs in which the state is ``side``, which is wrong; candidates are ranked as well as can be, by chance, or the wrong way round."""
    rng = np.random.default_rng([list(SCOPES).index(scope), side is State.MET, len(order)])
    criterion = build.criterion("certified_accuracy", REQUIRED, **SCOPES[scope])
    numbers = np.argsort(SETS.group(PLAN.seed), kind="stable")  # of the low group, then of the high one
    hair = HAIR if side is State.MET else -HAIR
    q = np.array(TRUTHS[scope])
    if scope == "odd":
        q = q + (REQUIRED - hair - DOMAIN.layout.weight @ q)

    @cache
    def state(key: bytes) -> State:
        right, cell, label = np.frombuffer(key, dtype=np.int64).reshape(3, -1)
        return check([criterion], evidence_of(build, right, cell, label, numbers))[0].state

    wrong = 0
    for seed in range(RUNS):
        cell = rng.choice(4, (80, 5), p=DOMAIN.layout.weight)
        label = (rng.random((80, 5)) < np.array([0.2, 0.5, 0.3, 0.9])[cell]).astype(int)
        chance = q[cell] - (hair if scope in ("each_cell", "each_level") else 0) * (q[cell] < 1)
        if scope == "each_class":
            chance = np.where(label == 1, REQUIRED - hair, 1.0)
        right = (rng.random((80, 5)) < chance).astype(int)
        known = {"good": right + 0.3 * rng.random((80, 5)), "chance": rng.random((80, 5)), "reversed": -right}[order]
        rows, place = np.arange(80), SETS.chosen(np.asarray(known, dtype=np.float64), seed)
        group = SETS.group(seed)
        columns = [one[rows, place] for one in (right, cell, label)]
        alike = np.lexsort((*columns, group))  # low first, as the numbers are
        wrong += state(np.array([column[alike] for column in columns]).tobytes()) is side
    return wrong


LIMIT = int(binom.isf(1e-4, RUNS, BETA))


@pytest.mark.slow
@pytest.mark.parametrize("order", ["good", "chance", "reversed"])
@pytest.mark.parametrize("side", [State.MET, State.NOT_MET])
def test_a_hair_rarely_decides_the_whole_wrongly(build: Any, side: State, order: str) -> None:
    """MET where the true value just misses the requirement, NOT MET where it just meets it: in at most 5 % of runs, whatever the estimates are worth."""
    assert wrong_verdicts(build, "odd", side, order) <= LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["each_cell", "each_level", "each_class"])
@pytest.mark.parametrize("order", ["good", "reversed"])
def test_a_hair_rarely_passes_in_a_part(build: Any, scope: str, order: str) -> None:
    """MET where one part just misses: in at most 5 % of runs."""
    assert wrong_verdicts(build, scope, State.MET, order) <= LIMIT


@pytest.mark.slow
def test_the_simulation_is_not_idle(build: Any) -> None:
    """The bound is sharp enough that wrong verdicts come up."""
    assert wrong_verdicts(build, "odd", State.MET, "chance") > 0


def test_points_of_the_low_ranks_taken_for_alike_would_mislead(build: Any) -> None:
    """Of a weak group that is asked for often, the plain share of the points is below the fraction: weights put it right, and so does the bound."""
    group = SETS.group(PLAN.seed)
    right = np.where(group == 0, 0, 1)
    results = build.results(right * N, n=N, alpha=1e-9)
    assert right.mean() == 0.375
    assert point_weights(PLAN, DOMAIN, results) @ right == pytest.approx(0.6)
    whole = inference_for(PLAN, DOMAIN, results)
    assert isinstance(whole, TwoGroups)
    assert whole.fraction_lower(right == 1, beta=0.05) == two_group_lower_bound((0, 30), (50, 30), (0.4, 0.6), beta=0.05)
    assert "two groups of ranks" in whole.fraction_words
    taken = results.take(np.flatnonzero(group == 0))  # rows keep their numbers, by which their group is known
    low = inference_for(PLAN, DOMAIN, taken)
    assert isinstance(low, TwoGroups)
    assert set(low.group.tolist()) == {0}


def test_a_cell_is_a_part_whose_points_are_not_alike(build: Any) -> None:
    """Cells, levels and classes are bounded as parts, each point with the share of its group; so are estimates, and their words say Bonferroni."""
    group = SETS.group(PLAN.seed)
    cell = np.arange(80) % 4
    results = build.results(np.full(80, N), n=N, alpha=1e-9, cell=cell)
    given: dict[str, Any] = {"weight": 0.3, "missing": 0.0, "reached": 1.0}
    for cells in (None, np.array([False, False, True, True])):
        inside = part_inference(PLAN, DOMAIN, results, cell >= 2, cells=cells, **given)
        assert isinstance(inside, WithinPart)
        assert inside.share == pytest.approx(np.where(group == 0, 0.4 * 80 / 50, 0.6 * 80 / 30)[cell >= 2])
        assert inside.heaviest == pytest.approx(1.6)
    sampled = Sampled(domain=DOMAIN, sampling=PLAN, points=results)
    assert all(isinstance(one, WithinPart) for one in sampled.within(sampled.cells()))
    evidence = evidence_of(build, np.ones(80, dtype=int), cell, np.zeros(80, dtype=int), np.arange(80))
    finding = check([build.criterion("certified_accuracy", 0.99, scope="each_cell")], evidence)[0]
    assert finding.state is State.INCONCLUSIVE
    assert "Bonferroni over cells" in finding.message


@pytest.mark.parametrize("scope", ["odd", "each_cell", "each_level"])
def test_points_that_are_likely_to_do(build: Any, scope: str) -> None:
    """An outlook is an estimate, and asks for no fewer points than a model at its best needs; more are asked for where the truth is closer."""
    plan = CertificationPlan(sigma=0.25, alpha=1e-3, budget=Budget(kind="reduced", n0=100, n=1000))
    setting = Setting(domain=DOMAIN, sampling=PLAN, certification=plan)
    criterion = build.criterion("certified_accuracy", 0.7, **SCOPES[scope])
    near, far = (prospect(criterion, setting, assume=assume, power=0.9) for assume in (0.85, 0.97))
    assert near.fewest_points is not None
    assert near.likely_points is not None
    assert far.likely_points is not None
    assert near.fewest_points <= far.likely_points < near.likely_points
    assert not near.exact


def test_what_no_model_can_show_with_so_few_points_of_a_group(build: Any) -> None:
    """A group that weighs .6 and has two points leaves the ODD open; the same shared over more points would do."""
    plan = CertificationPlan(sigma=0.25, alpha=1e-3, budget=Budget(kind="reduced", n0=100, n=1000))
    sampling = replace(PLAN, ranked=replace(SETS, points=(78, 2)))
    short = short_of_points(
        build.criterion("certified_accuracy", 0.9), Setting(domain=DOMAIN, sampling=sampling, certification=plan)
    )
    assert short is not None
    assert short.best < 0.7
    assert short.needed is not None
    assert short.needed > 500
