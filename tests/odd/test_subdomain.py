"""How much of a domain a statement speaks of: exact, and the same as the share of many random points."""

from __future__ import annotations

import numpy as np
import pytest

from odd_assess.odd import sample
from odd_assess.odd.attributes import Categorical, Continuous, LogUniform
from odd_assess.odd.constraints import Condition, OneOf, Statement
from odd_assess.odd.domain import Domain
from odd_assess.odd.ranges import Interval
from odd_assess.odd.subdomain import share_of

LIGHT = Continuous(id="light", low=20.0, high=2000.0, unit="lux", distribution=LogUniform(), buckets=(20.0, 200.0, 2000.0))
SURFACE = Categorical(id="surface", labels=("clean", "stained"), weights=(0.8, 0.2))
DIM = Interval(high=50.0, high_closed=False)
DOMAIN = Domain(
    attributes=(LIGHT, SURFACE),
    exclude=(Statement(conditions={"surface": OneOf(("stained",)), "light": Interval(high=100.0, high_closed=False)}),),
)


@pytest.mark.parametrize(
    "conditions",
    [{"light": DIM}, {"surface": OneOf(("stained",))}, {"light": Interval(low=150.0), "surface": OneOf(("clean",))}],
)
def test_the_share_is_that_of_random_points(conditions: dict[str, Condition]) -> None:
    """Of 200,000 points within four standard deviations (seeded), also for thresholds inside a bucket."""
    statement = Statement(conditions=conditions)
    points = sample(DOMAIN, design="random", points=200_000, seed=1)
    inside = DOMAIN.where(statement, points.codes)
    share = share_of(DOMAIN, statement)
    assert abs(float(inside.mean()) - share) <= 4 * np.sqrt(share * (1 - share) / len(points))


def test_what_is_excluded_has_no_share() -> None:
    """Exactly 0, so that it can be refused; and what always holds has all."""
    assert share_of(DOMAIN, Statement(conditions={"surface": OneOf(("stained",)), "light": DIM})) == 0
    assert share_of(DOMAIN, Statement(conditions={"surface": OneOf(("clean", "stained"))})) == 1
