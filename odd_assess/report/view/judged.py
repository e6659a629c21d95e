"""Certified accuracy in parts of the ODD with bounds, as the checker finds them for a criterion that asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping

from odd_assess.criteria import check
from odd_assess.criteria.fragility import CONFIDENCE
from odd_assess.criteria.metrics import Scope
from odd_assess.records import Assessment, Criterion, Finding, Part


def bounds_by_part(assessment: Assessment, scope: Scope, attribute: str | None, radius: float) -> Mapping[str, Part]:
    """Certified accuracy in each part with bounds that hold together, by the part's name; empty where the design has no probability model."""
    criterion = Criterion(
        id=f"{scope} of {attribute}",
        title="",
        metric="certified_accuracy",
        comparator=">=",
        required=0.0,  # every part meets it: bounds are asked for, and no advice
        radius=radius,
        scope=scope,
        attribute=attribute,
        confidence=(1.0 + CONFIDENCE) / 2.0,
    )
    (finding,) = check([criterion], assessment)
    return {part.name: part for part in finding.parts}


def level_difference(assessment: Assessment, attribute: str, radius: float) -> Finding:
    """The largest difference of certified accuracy between two levels of an attribute, with its bounds."""
    criterion = Criterion(
        id=f"levels of {attribute}",
        title="",
        metric="level_difference",
        comparator="<=",
        required=1.0,
        radius=radius,
        attribute=attribute,
        confidence=(1.0 + CONFIDENCE) / 2.0,
    )
    (finding,) = check([criterion], assessment)
    return finding
