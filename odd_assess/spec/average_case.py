"""The section average_case: what is estimated beside the certificates."""

from __future__ import annotations

from dataclasses import dataclass

from odd_assess.records import COPIES, AverageCasePlan, CertificationPlan, kind_of
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import shortened, shown


def average_case_plan(document: Document, data: object, certification: CertificationPlan | None) -> AverageCasePlan | None:
    """The section ``average_case``; None (and a problem) where it is not one, or the noise level that it takes from the certification is not valid."""
    path: KeyPath = ("average_case",)
    section = validated(document, path, models.AverageCase, data)
    if section is None or not isinstance(data, dict):
        return None
    before = len(document.problems)
    kind = kind_of(section.method)
    used = {"samples": kind in COPIES, "antithetic": kind in ("mmse", "moments"), "top": kind not in ("mc", "softmax")}
    for key in [key for key, is_used in used.items() if key in data and not is_used]:
        document.add((*path, key), f"is not used by the method {section.method}: delete it", at="key")
    check = _check(document, (*path, "check"), section.check)
    sigma = section.sigma if section.sigma is not None else None if certification is None else certification.sigma
    if check is None or sigma is None or len(document.problems) > before:
        return None
    return AverageCasePlan(
        sigma=sigma,
        method=section.method,
        samples=COPIES.get(kind, 1) if section.samples is None else section.samples,
        antithetic=section.antithetic,
        top=section.top,
        points=section.points,
        check_points=min(check.points, section.points),
        check_draws=check.draws,
    )


def _check(document: Document, path: KeyPath, data: object) -> _Checked | None:
    """How many screened points Monte Carlo looks at too, and with how many draws."""
    if data == "none":
        return _Checked(points=0)
    if isinstance(data, str):
        document.add(path, f"must be none or a mapping such as {models.Check.example}, found {shortened(shown(data))}")
        return None
    section = models.Check() if data is None else validated(document, path, models.Check, data)
    return None if section is None else _Checked(points=section.points, draws=section.draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    points: int
    draws: int = models.Check().draws
