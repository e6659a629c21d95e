"""Acceptance criteria: results in, findings and a verdict out. Torch-free and YAML-free.

    metrics       what a criterion may name, as a table (used by lint); clauses: the clauses of standards, likewise
    changes       what changed in a criterion, and whether less is asked
    asked         the radii that criteria ask about
    point_states  each point, for a radius: certified, refuted, undecided
    parts         the cells, levels or classes that a criterion speaks of
    claims        a metric over the ODD, enclosed by what was shown and what was not excluded at the points
    inference     which bound speaks for the ODD, by the sampling design
    fragility     means of estimates over the ODD and by part, differences, fragile regions
    average_case  criteria on these estimates, where a run made them; calibration: how far they agree with the certificates
    readings      bounds -> MET, NOT MET or INCONCLUSIVE, over the ODD and in each part, and the difference between parts
    regression    the change against the baseline, a run of another model at the same points
    inconclusive  findings that decide nothing, and say why
    loss          what the small budget cost this run
    advice        what would decide
    checker       criteria -> findings -> verdict, and which criteria further points could decide
    screening     what can be met by any model, told without scipy; attainability asks the deciding bounds themselves
    forecast      what a run is expected to spend and show, from estimates at screened points
    outlook       what a run can show and will cost, before it is run

All but the table of metrics is imported when it is first used: `odd-assess schema` needs no scipy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from odd_assess.criteria.metrics import METRICS as METRICS
from odd_assess.criteria.metrics import MetricInfo as MetricInfo

if TYPE_CHECKING:
    from odd_assess.criteria.asked import asked_radii as asked_radii
    from odd_assess.criteria.attainability import reference_draws as reference_draws
    from odd_assess.criteria.checker import Judged as Judged
    from odd_assess.criteria.checker import check as check
    from odd_assess.criteria.checker import undecided as undecided
    from odd_assess.criteria.checker import verdict as verdict
    from odd_assess.criteria.loss import bound_levels as bound_levels
    from odd_assess.criteria.loss import radius_loss as radius_loss
    from odd_assess.criteria.point_states import certified_at as certified_at
    from odd_assess.criteria.point_states import refuted_at as refuted_at
    from odd_assess.records import Evidence as Evidence

__all__ = [
    "METRICS",
    "Evidence",
    "Judged",
    "MetricInfo",
    "asked_radii",
    "bound_levels",
    "certified_at",
    "check",
    "radius_loss",
    "reference_draws",
    "refuted_at",
    "undecided",
    "verdict",
]

_HOMES = {
    "Evidence": "checker",
    "Judged": "checker",
    "asked_radii": "asked",
    "bound_levels": "loss",
    "certified_at": "point_states",
    "check": "checker",
    "radius_loss": "loss",
    "reference_draws": "attainability",
    "refuted_at": "point_states",
    "undecided": "checker",
    "verdict": "checker",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'odd_assess.criteria' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"odd_assess.criteria.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
