"""Certificates of a modified model derived again from those of its baseline are those that the procedure found, to the last bit."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from odd_assess.audit.certificates import Agreed, check_certificates
from odd_assess.audit.ledger import Ledger
from odd_assess.audit.rests_on import RestsOn
from odd_assess.certify import IncrementalPlan, ReducedPlan, incremental, procedure
from odd_assess.evidence import Answers, Columns
from odd_assess.records import Certificate, Recertification

from .test_certificates import columns_of

SIGMA, ALPHA, KEPT = 0.3, 0.001, 200
BASE = ReducedPlan(n0=20, n=1000, sigma=SIGMA, alpha=ALPHA)


def finished(running: Any, counts: Any) -> Certificate:
    """Run a procedure on counts that are made for each request."""
    request = next(running)
    while True:
        try:
            request = running.send(counts(request))
        except StopIteration as done:
            found: Certificate = done.value
            return found


def a_pair(plan: IncrementalPlan, rng: np.random.Generator) -> tuple[Certificate, Certificate, Answers]:
    """(baseline, modified, kept answers) of a point where four classes answer with random shares, and a random share of the answers changes."""
    shares, moved = rng.dirichlet(np.full(4, 10.0 ** rng.uniform(-3, 1))), 10.0 ** rng.uniform(-4, -0.5)
    drawn = rng.choice(4, size=BASE.n, p=shares)
    base = finished(
        procedure(BASE),
        lambda request: np.bincount(drawn if request.n == BASE.n else rng.choice(4, size=request.n, p=shares), minlength=4),
    )
    kept = drawn[:KEPT].astype(np.uint8)
    after = np.where(rng.random(KEPT) < moved, rng.integers(0, 4, KEPT), kept)

    def counts(request: Any) -> Any:
        part = slice(request.start, request.start + request.n)
        same = after[part][after[part] == request.against]
        return np.stack([np.bincount(after[part], minlength=4), np.bincount(same, minlength=4)])

    return base, finished(incremental(plan, replace(base, answers=kept)), counts), kept


@pytest.mark.parametrize(
    ("route", "models", "radii"),
    [("auto", 1, ()), ("auto", 3, ()), ("gamma", 2, ()), ("incremental", 1, ()), ("fresh", 1, ()), ("auto", 1, (0.1, 0.3))],
)
def test_what_was_found_is_derived_again(
    route: Literal["auto", "gamma", "incremental", "fresh"], models: int, radii: tuple[float, ...]
) -> None:
    """Two hundred random points for each route: no difference in any bit; with another share of alpha, many."""
    rng = np.random.default_rng(11)
    settings = Recertification(draws=KEPT, share=0.3, route=route, gamma=0.9, models=models, when_decided=bool(radii))
    alpha, alpha_z = settings.split(ALPHA)
    plan = IncrementalPlan(n=KEPT, alpha=alpha, alpha_z=alpha_z, route=route, gamma=0.9, models=models, radii=radii)
    pairs = [a_pair(plan, rng) for _ in range(200)]
    baseline, columns = columns_of([base for base, _, _ in pairs]), columns_of([found for _, found, _ in pairs])
    answers = {index: kept for index, (_, _, kept) in enumerate(pairs)}
    agreed = Agreed(procedure=plan.name, n0=0, n=KEPT, most=bool(radii), levels=SIGMA, alpha=alpha + alpha_z)

    def disagreements(settings: Recertification, columns: Columns) -> Ledger:
        ledger = Ledger()
        on = RestsOn(settings=settings, alpha=ALPHA, baseline=baseline, answers=answers)
        check_certificates(columns, "main", agreed, classes=4, ledger=ledger, rests_on=on)
        return ledger

    assert disagreements(settings, columns).told == []
    assert len(set(columns.radius.tolist())) > 20
    routes = {found.reused.route for _, found, _ in pairs if found.reused is not None}
    assert routes == ({"both"} if radii else {"incremental", "fresh"} if route in ("auto", "gamma") else {route})
    if route != "fresh":
        assert disagreements(replace(settings, share=0.31), columns).count > 50
