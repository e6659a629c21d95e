"""Estimates of average-case robustness in a finished run: what can be known of them without the model.

They do not follow from counts, so that none can be derived again: that they are the model's is for `odd_assess.replay` to show. Here: every point has one and
nothing else has; the values are such as the method gives; the findings that rest on them follow from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from odd_assess.audit.ledger import Ledger
from odd_assess.audit.load import FinishedRun
from odd_assess.evidence import MANIFEST, left_out
from odd_assess.records import Bools, PointEstimates, Results

ROUNDING = 1e-9
"""How far a value may lie outside of what it must lie within."""


def check_estimates(run: FinishedRun, main: Results, ledger: Ledger) -> PointEstimates | None:
    """The estimates of the run, each looked at, within [0, 1] whatever is stored; None where there are none to be.

    Raises: RunFolderError where the evidence holds something else.
    """
    plan, without = run.spec.average_case, left_out(run.store)
    said = run.manifest.get("average_case")
    told = said if isinstance(said, dict) else {}
    if without and run.spec.recertification is None:
        ledger.note("estimates", "left out", without, "only of a modified model may they be")
    ledger.same(MANIFEST, "average_case.left_out", told.get("left_out", ""), without)
    ledger.same(MANIFEST, "average_case.points", told.get("points"), _points(run, main))
    if plan is None or without:
        ledger.same("estimates", "points", len(run.store.estimated()), 0)
        return None
    found = run.store.estimates(plan)
    if not np.array_equal(found.index, main.index):
        missing, beside = np.setdiff1d(main.index, found.index), np.setdiff1d(found.index, main.index)
        ledger.note("estimates", "points", f"{len(found)} ({len(beside)} of other points)", f"{len(main)} ({len(missing)} missing)")
        return None
    for what, holds in _holds(found):
        for row in np.flatnonzero(~holds).tolist():
            ledger.note(f"point {found.index[row]}, estimate", what, _values(found, row), f"such as {plan.method} gives")
    return replace(found, value=np.clip(found.value, 0.0, 1.0))


def _points(run: FinishedRun, main: Results) -> int | None:
    """The number of estimates that the manifest must name."""
    if run.spec.average_case is None:
        return None
    return 0 if left_out(run.store) else len(main)


def _holds(found: PointEstimates) -> Iterator[tuple[str, Bools]]:
    """What must hold at each point (m,), by what the method can give."""
    method, value, low, high = found.plan.method, found.value, found.low, found.high
    sampled = method == "mc"
    integrated = not sampled and method != "softmax" and "mvs" not in method
    yield "class", np.asarray(found.clean >= 0)
    yield "range", np.asarray((value >= 0) & (value <= 1) & (low >= 0) & (low <= high) & (high <= 1))
    if integrated or sampled:
        yield "range of its bracket", np.asarray((value >= low - ROUNDING) & (value <= high + ROUNDING))
    if sampled:
        copies = value * found.plan.samples
        yield "share of the copies", np.asarray(np.abs(copies - np.round(copies)) <= ROUNDING * found.plan.samples)
    if method == "softmax":
        yield "bracket", np.asarray((low == 0) & (high == 1))
    yield "error of the normal probability", np.asarray(np.isfinite(found.cdf_error) & (found.cdf_error >= 0))
    if not integrated:
        yield "error of a normal probability that was not asked for", np.asarray(found.cdf_error == 0)
    if sampled or method == "softmax":
        yield "dead gradient", ~found.dead_gradient


def _values(found: PointEstimates, row: int) -> str:
    return f"{found.value[row]!r} in [{found.low[row]!r}, {found.high[row]!r}], cdf error {found.cdf_error[row]!r}, class {found.clean[row]}"
