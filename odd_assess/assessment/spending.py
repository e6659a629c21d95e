"""What a run took, for its manifest: seconds and draws of its points, and those of the baseline beside them where it was certified on one.

A time belongs to the machine and to the hour, so none is in the evidence, and none is a part of the run's identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odd_assess.assessment.baseline import Compared
from odd_assess.assessment.certifying import Certifier, Spent
from odd_assess.audit import reuse_account
from odd_assess.evidence import MAIN
from odd_assess.records import Results, Spec


def seconds_of(certifier: Certifier, before: Mapping[str, Any]) -> dict[str, Any]:
    """How long the points took, and the draws that were classified in that time: since the run was begun, or gone on with; else what was said before."""
    spent = certifier.spent.get(MAIN)
    if spent is None or not spent.draws:
        return {"seconds": before["seconds"]} if "seconds" in before else {}
    return {"seconds": {MAIN: round(spent.seconds, 3), "draws": spent.draws}}


def estimating_of(spec: Spec, points: int, spent: Spent | None, without: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of the estimates: how many points, and the seconds that those took that were estimated since the run was gone on with."""
    if spec.average_case is None:
        return {}
    if without:
        return {"average_case": {"points": 0, "left_out": without}}
    if spent is None or not spent.draws:
        return {"average_case": before["average_case"]} if "average_case" in before else {"average_case": {"points": points}}
    estimated = spent.draws // spec.average_case.copies
    return {"average_case": {"points": points, "seconds": round(spent.seconds, 3), "estimated": estimated}}


def recertified_of(spec: Spec, compared: Compared, found: Results, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of a modified model that was certified on its baseline."""
    return {
        "baseline": {**compared.baseline.identity, "folder": compared.folder.name},
        **reuse_account(spec, found),
        "seconds": manifest.get("seconds"),
        "baseline_seconds": compared.seconds,
    }
