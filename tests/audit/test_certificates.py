"""Certificates derived again, many at once, are those that the procedures found one by one, to the last bit."""

import json

import numpy as np
import pytest

from odd_assess.audit.certificates import BOUNDS, Agreed, check_certificates
from odd_assess.audit.ledger import MOST_TOLD, Ledger
from odd_assess.certify import Plan, ReducedPlan, SequentialPlan, SingleBatchPlan, procedure
from odd_assess.evidence import Columns
from odd_assess.records import Certificate, Certified

SIGMA, ALPHA = 0.3, 0.001
PLANS: list[Plan] = [
    *(ReducedPlan(n0=20, n=300, sigma=SIGMA, alpha=ALPHA, name=name) for name in ("reduced", "fixed", "tolerance")),
    SingleBatchPlan(n=250, sigma=SIGMA, alpha=ALPHA),
    SequentialPlan(n0=20, max_draws=2000, sigma=SIGMA, alpha=ALPHA, radii=(0.1, 0.3)),
]


def certified(plan: Plan, rng: np.random.Generator) -> Certificate:
    """A certificate of a point whose classes answer with random probabilities, often next to one of them."""
    shares = rng.dirichlet(np.full(4, 10.0 ** rng.uniform(-3, 1)))
    running = procedure(plan)
    draw = next(running)
    while True:
        try:
            draw = running.send(rng.multinomial(draw.n, shares).astype(np.int64))
        except StopIteration as done:
            found: Certificate = done.value
            return found


def dense(by_class: tuple[tuple[int, int], ...]) -> str:
    return json.dumps(by_class, separators=(",", ":"))


def columns_of(certificates: list[Certificate]) -> Columns:
    return Columns.of(
        [
            (
                i, 0, 1, 1, c.procedure, "certified" if isinstance(c, Certified) else "abstained", c.label, c.n0, c.n,
                None if c.selection is None else dense(c.selection.by_class), dense(c.counts.by_class), 0, c.sigma, c.alpha,
                c.p_a_lower, getattr(c, "radius", 0.0),
            )
            for i, c in enumerate(certificates)
        ]
    )  # fmt: skip


def test_every_procedure_has_its_bound() -> None:
    """A procedure that a plan can name can be verified."""
    assert {plan.name for plan in PLANS} == set(BOUNDS)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_what_a_procedure_finds_is_derived_again(plan: Plan) -> None:
    """Four hundred random points of each procedure: no difference in any bit; and with alpha taken for another, differences everywhere."""
    rng = np.random.default_rng(7)
    columns = columns_of([certified(plan, rng) for _ in range(400)])
    agreed = Agreed(
        procedure=plan.name,
        n0=getattr(plan, "n0", 0),
        n=plan.draws - getattr(plan, "n0", 0),
        most=plan.name == "sequential",
        sigma=SIGMA,
        alpha=ALPHA,
    )
    ledger = Ledger()
    check_certificates(columns, "main", agreed, classes=4, ledger=ledger)
    assert ledger.told == []
    assert len({float(x) for x in columns.radius}) > 20
    spoilt = Ledger()
    other = {name: getattr(columns, name) for name in Columns.__slots__} | {"alpha": columns.alpha * 2}
    check_certificates(Columns(**other), "main", agreed, classes=4, ledger=spoilt)
    assert spoilt.count >= 400 + int((columns.counts.of(columns.chosen) > 0).sum())
    assert len(spoilt.told) == MOST_TOLD
