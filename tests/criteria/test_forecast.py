"""What a run is predicted to spend and show: against the exact binomial chances, and why nothing is predicted where nothing can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.criteria.forecast import Forecast, forecast, ranked_forecast
from odd_assess.odd.attributes import Ordinal
from odd_assess.odd.domain import Domain
from odd_assess.policies import PerCell
from odd_assess.records import Budget, CertificationPlan, Criterion, SamplingPlan
from odd_assess.stats import anytime_lower_bound, certified_radius, proportion_lower_bound

DOMAIN = Domain(attributes=(Ordinal(id="light", labels=("night", "day"), weights=(0.3, 0.7)),))
BUDGET = Budget(kind="reduced", n0=100, n=1000)
PLAN = CertificationPlan(sigma=0.25, alpha=0.001, budget=BUDGET)


def criterion(name: str, required: float, **more: Any) -> Criterion:
    """A claim on certified accuracy at radius 0.2, unless said otherwise."""
    given: dict[str, Any] = {"metric": "certified_accuracy", "comparator": ">=", "radius": 0.2, "confidence": 0.95, "title": ""}
    return Criterion(id=name, required=required, **(given | more))


def predicted(values: Any, *, correct: Any = True, cell: Any = 0, **changes: Any) -> Forecast:
    """The forecast of 300 random points, unless said otherwise."""
    p = np.asarray(values, dtype=np.float64)
    given: dict[str, Any] = {
        "sigma": 0.25,
        "domain": DOMAIN,
        "sampling": SamplingPlan(design="random", points=300, seed=1),
        "certification": PLAN,
        "criteria": [criterion("C", 0.6)],
    } | changes
    return forecast(
        p, np.broadcast_to(np.asarray(correct), p.shape), np.broadcast_to(np.asarray(cell, dtype=np.int64), p.shape), **given
    )


def test_the_share_certified_is_the_mean_of_exact_chances() -> None:
    """P(bound certifies the radius), summed over all counts; a point whose clean answer is wrong counts as none."""
    values = np.array([0.7, 0.8, 0.85, 0.9, 1.0])
    correct = np.array([True, True, True, False, True])
    k = np.arange(1001)
    enough = np.asarray(certified_radius(proportion_lower_bound(k, 1000, alpha=0.001), sigma=0.25)) >= 0.2
    chances = [float(binom.pmf(k, 1000, p)[enough].sum()) * right for p, right in zip(values, correct, strict=True)]
    (claim,) = predicted(values, correct=correct).claims
    assert claim.predicted == pytest.approx(np.mean(chances), abs=1e-9)
    assert (claim.radius, claim.required) == (0.2, 0.6)


def test_a_sequential_budget_is_judged_by_its_own_bound_and_draws() -> None:
    """At pA = 1 the bound at any time certifies within the budget; half-way points take more draws than clear ones, and never more than there are."""
    plan = replace(PLAN, budget=Budget(kind="sequential", n0=100, n=2000))
    found = predicted([1.0, 0.8, 0.2], certification=plan)
    assert found.draws is not None
    assert found.draws[0] < found.draws[1] == found.at_most == 2100
    assert found.draws[2] < found.draws[1]
    few = replace(PLAN, budget=Budget(kind="sequential", n0=100, n=40))
    reached = certified_radius(anytime_lower_bound(40, 40, alpha=0.001), sigma=0.25) >= 0.2
    assert predicted([1.0], certification=few).claims[0].predicted == float(reached)


def test_the_nearest_blocking_claim_over_the_whole_odd_steers() -> None:
    """Of the blocking ones the nearest; one on each cell, on a difference or not blocking is not asked, unless there is no other."""
    values = np.full(10, 0.9)
    share = predicted(values).claims[0].predicted
    near, far = criterion("near", share - 0.05), criterion("far", share - 0.4)
    nearer = criterion("warning", share, severity="warning")
    cells = criterion("cells", share, scope="each_cell")
    quantile = criterion("quantile", 0.1, metric="radius_quantile", radius=None, quantile=0.4)
    found = predicted(values, criteria=[far, nearer, near, cells])
    assert found.steering is not None
    assert found.steering.criterion == "near"
    assert [one.criterion for one in found.claims] == ["far", "warning", "near"]
    only = predicted(values, criteria=[nearer, cells]).steering
    assert only is not None
    assert only.criterion == "warning"
    (asked,) = predicted(values, criteria=[quantile]).claims
    assert (asked.radius, asked.required) == (0.1, 0.6)
    nothing = predicted(values, criteria=[cells])
    assert nothing.steering is None
    assert "no criterion asks" in nothing.allocation_reason


def test_points_are_divided_where_cells_differ() -> None:
    """Where one cell is weak and the other clear, two groups save points; where all are alike they do not, and the reason is given."""
    cell = np.array([0] * 60 + [1] * 140)
    values = np.where(cell == 1, 0.999, np.where(np.arange(200) % 2, 0.999, 0.6))
    found = predicted(values, cell=cell)
    assert found.allocation is not None
    assert found.allocation.worthwhile
    assert found.allocation.group.tolist() == [1, 2]
    assert sum(found.allocation.points) == 300
    alike = predicted(np.where(np.arange(200) % 2, 0.999, 0.6), cell=cell)
    assert alike.allocation is not None
    assert not alike.allocation.worthwhile
    assert "as good" in alike.allocation_reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sigma": 0.1}, "sigma = 0.1"),
        ({"certification": replace(PLAN, policy=PerCell(grid=(0.1, 0.25), points=10, draws=10))}, "chooses the noise level"),
    ],
)
def test_nothing_is_predicted_at_another_noise_level(changes: dict[str, Any], why: str) -> None:
    """Estimates at another noise level, or a policy that chooses it, say nothing of the certificates; the reason is given."""
    found = predicted([0.9, 0.8], **changes)
    assert found.draws is None
    assert found.mean_draws is None
    assert found.allocation is None
    assert found.claims == ()
    assert why in found.reason
    assert why in found.allocation_reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sampling": SamplingPlan(design="random", points=300, seed=1, until_decided=True)}, "stops when it is decided"),
        ({"sampling": SamplingPlan(design="grid", points=None, seed=1)}, "how many points"),
        ({"domain": Domain(attributes=(Ordinal(id="light", labels=("day",), weights=(1.0,)),))}, "one cell"),
        ({"reached": 0.9}, "no frame"),
    ],
)
def test_why_points_are_not_divided(changes: dict[str, Any], why: str) -> None:
    """Claims are predicted all the same."""
    found = predicted([0.9, 0.8], **changes)
    assert found.allocation is None
    assert why in found.allocation_reason
    assert len(found.claims) == 1


def ranked(build: Any, ranking: np.ndarray, seen: np.ndarray, *, cost: float = 5.0, sampling: Any = None) -> Any:
    """What ranks are predicted to save for a claim on the ODD, where the clean answer is right everywhere."""
    domain, right = build.domain(0.5, 0.5), np.ones(len(seen), dtype=bool)
    given: dict[str, Any] = {
        "sampling": sampling or SamplingPlan(design="random", points=300, seed=1),
        "certification": CertificationPlan(sigma=0.25, alpha=1e-3, budget=Budget(kind="reduced", n0=100, n=1000)),
        "criteria": [build.criterion("certified_accuracy", 0.8, radius=0.125)],
    }
    found = forecast(seen, right, np.arange(len(seen)) % 2, sigma=0.25, domain=domain, **given)
    return ranked_forecast(found, ranking, seen, right, cost=cost, **given)


def test_ranks_are_proposed_where_they_tell_something(build: Any) -> None:
    """Of points that are far apart ranks save much, less with dear estimates; ranks by chance, alike points and too few of them save nothing."""
    rng = np.random.default_rng(1)
    seen = np.where(rng.random(60) < 0.8, 0.999, 0.3)
    good = ranked(build, seen + 0.05 * rng.random(60), seen)
    assert good.sets is not None
    assert good.sets.total == 300
    assert 0.3 < good.net < good.saving < 0.9
    dear = ranked(build, seen + 0.05 * rng.random(60), seen, cost=40.0)
    assert dear.net < good.net
    assert ranked(build, seen, seen, cost=1e4).reason != ""
    assert ranked(build, seen, np.full(60, 0.999)).sets is None
    assert "at least 20 points" in ranked(build, seen[:10], seen[:10]).reason
    stopping = SamplingPlan(design="random", points=300, seed=1, until_decided=True)
    assert "fixed number of points" in ranked(build, seen, seen, sampling=stopping).reason


@pytest.mark.slow
def test_useless_ranks_are_rarely_proposed(build: Any) -> None:
    """Ranked by chance at 60 points: chance alone makes few proposals, and small ones."""
    rng = np.random.default_rng(2)
    found = [ranked(build, rng.random(60), np.where(rng.random(60) < 0.9, 0.999, 0.3)) for _ in range(5)]
    assert sum(one.sets is not None for one in found) <= 2
    assert max(one.net for one in found) < 0.25
