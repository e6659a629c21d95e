"""Certificates derived again, many at once, are those that the procedures found one by one, to the last bit."""

import json
from typing import Any

import numpy as np
import pytest

from odd_assess.audit.certificates import BOUNDS, Agreed, Levels, Several, Within, check_certificates
from odd_assess.audit.ledger import MOST_TOLD, Ledger
from odd_assess.certify import CascadePlan, Plan, ReducedPlan, SequentialPlan, SingleBatchPlan, procedure
from odd_assess.certify.procedures import cascade_certificate
from odd_assess.evidence import Columns
from odd_assess.evidence.reused import reused_text
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
    return Columns.of(records_of(certificates))


def records_of(certificates: list[Certificate]) -> list[tuple[Any, ...]]:
    return [
            (
                i, 0, 1, 1, c.procedure, "certified" if isinstance(c, Certified) else "abstained", c.label, c.n0, c.n,
                None if c.selection is None else dense(c.selection.by_class), dense(c.counts.by_class), 0, c.sigma, c.alpha,
                c.p_a_lower, getattr(c, "radius", 0.0),
                json.dumps([[one.sigma, one.selection.by_class, one.counts.by_class] for one in c.levels]) if c.levels else None,
                None if c.reused is None else reused_text(c.reused),
            )
            for i, c in enumerate(certificates)
    ]  # fmt: skip


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
        levels=SIGMA,
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


CASCADE = CascadePlan(sigmas=(0.5, 0.3, 0.1), n0=20, n=300, alpha=ALPHA)
AGREED = Agreed(procedure="cascade", n0=20, n=300, most=False, levels=Several(CASCADE.sigmas), alpha=ALPHA)


def test_a_cascade_is_derived_again() -> None:
    """Three hundred random cascades: level, class, bound and radius follow from the counts of all levels, to the last bit."""
    rng = np.random.default_rng(8)
    columns = columns_of([certified(CASCADE, rng) for _ in range(300)])
    ledger = Ledger()
    check_certificates(columns, "main", AGREED, classes=4, ledger=ledger)
    assert ledger.told == []
    assert len({float(x) for x in columns.radius}) > 20


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("radius", 0.5, "radius"),
        ("sigma", 0.1, "sigma"),
        ("chosen", 1, "label"),
        ("p_a_lower", 0.5, "p_a_lower"),
        ("procedure", "reduced", "procedure"),
        ("outcome", "abstained", "outcome"),
        ("counts", "[[0,299],[1,1]]", "counts"),
        ("n", 299, "n (spec)"),
        ("levels", None, "levels"),
        ("levels", "[[0.5,[[0,20]],[[0,300]]],[0.3,[[0,20]],[[0,300]]]]", "levels"),
        ("levels", "[[0.5,[[0,20]],[[0,290],[7,10]]],[0.3,[[0,20]],[[0,300]]],[0.1,[[0,20]],[[0,300]]]]", "classes of levels"),
        ("levels", "[[0.5,[[0,20]],[[0,250],[1,50]]],[0.3,[[0,20]],[[0,250],[1,50]]],[0.1,[[0,20]],[[0,250],[1,50]]]]", "radius"),
    ],
)
def test_a_cascade_that_was_changed_is_found(column: str, value: object, what: str) -> None:
    """Whatever is changed of it, the disagreement has a name."""
    sure = np.array([300, 0, 0, 0])
    found = cascade_certificate(CASCADE, [sure // 15] * 3, [sure, sure, sure])
    (record,) = records_of([found])
    names = list(Columns.__slots__)
    record = (*record[: names.index(column)], value, *record[names.index(column) + 1 :])
    ledger = Ledger()
    check_certificates(Columns.of([record]), "main", AGREED, classes=4, ledger=ledger)
    assert what in {one.what for one in ledger.told}


@pytest.mark.parametrize(
    ("levels", "found"),
    [((0.3, 0.2), 1), ((0.2, 0.3), 1), ((0.3, 0.3), 0), (Within(0.1, 0.3), 0), (Within(0.31, 0.4), 2), (0.25, 2)],
)
def test_the_level_of_each_point_is_the_one_laid_down(levels: Levels, found: int) -> None:
    """One for all points, that of the cell, or one between the bounds; points in cells 0 and 1."""
    plan = PLANS[0]
    rng = np.random.default_rng(9)
    records = records_of([certified(plan, rng), certified(plan, rng)])
    columns = Columns.of([records[0], (records[1][0], 1, *records[1][2:])])
    agreed = Agreed(procedure=plan.name, n0=20, n=300, most=False, levels=levels, alpha=ALPHA)
    ledger = Ledger()
    check_certificates(columns, "main", agreed, classes=4, ledger=ledger)
    assert [one.what for one in ledger.told] == ["sigma"] * found
