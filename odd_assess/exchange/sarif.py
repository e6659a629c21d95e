"""SARIF 2.1.0: a rule and a result for each criterion, on its line in the criteria file (that of no file: on the first line of the spec).

    MET                kind pass
    NOT MET            kind fail, level error, warning or note by severity
    INCONCLUSIVE       kind open; blocking: kind fail, level error, because code scanning shows nothing else

Source: OASIS SARIF 2.1.0, sections 3.27 (result), 3.49 (reportingDescriptor); the subset that GitHub reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from odd_assess.criteria.clauses import clauses_of
from odd_assess.errors import Location
from odd_assess.exchange.words import (
    estimate_words,
    headline,
    in_full,
    lock_words,
    noise_words,
    overrides,
    plain,
    recertified_words,
    requirement,
)
from odd_assess.records import Assessment, Criterion, Finding, State

LEVELS = {"blocking": "error", "warning": "warning", "info": "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LONGEST = 1000
"""Characters of a text: GitHub refuses more than 1,024."""


def sarif(assessment: Assessment, *, root: Path | None = None) -> str:
    """The assessment as SARIF; paths are relative to ``root`` (a repository) where they lie in it, else file names alone."""
    driver = {
        "name": "odd-assess",
        "semanticVersion": str(assessment.manifest.get("identity", {}).get("odd_assess", "0.0.0")),
        "rules": [_rule(finding.criterion, clauses_of(finding.criterion, assessment.spec)) for finding in assessment.findings],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"odd-assess/{assessment.spec.id}/"},
        "columnKind": "unicodeCodePoints",
        "properties": {
            "lock": lock_words(assessment),
            **({"noise": noise} if (noise := noise_words(assessment)) else {}),
            **({"recertified": recertified} if (recertified := recertified_words(assessment)) else {}),
            **({"estimates": by} if (by := estimate_words(assessment)) else {}),
            "overrides": overrides(assessment),
        },
        "results": [_result(number, finding, assessment.spec.path, root) for number, finding in enumerate(assessment.findings)],
    }
    if (lock := assessment.spec.lock) is not None and lock.state != "locked":
        told = {"level": "warning", "message": {"text": _short(lock_words(assessment))}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [told]}]
    return plain(json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)) + "\n"


def _rule(criterion: Criterion, clauses: Sequence[str]) -> dict[str, Any]:
    serves = f" Serves, without a claim of compliance: {'; '.join(clauses)}." if clauses else ""
    return {
        "id": criterion.id,
        "shortDescription": {"text": _short(criterion.title)},
        "fullDescription": {"text": _short(f"{criterion.title}: {requirement(criterion)}.{serves}")},
        "help": {"text": "The finding says what would decide or meet it; report.html in the run folder has the evidence."},
        "defaultConfiguration": {"level": LEVELS[criterion.severity]},
    }


def _result(number: int, finding: Finding, spec: Path, root: Path | None) -> dict[str, Any]:
    criterion = finding.criterion
    blocking = criterion.severity == "blocking"
    kind = {State.MET: "pass", State.NOT_MET: "fail", State.INCONCLUSIVE: "fail" if blocking else "open"}[finding.state]
    fingerprint = hashlib.sha256(f"{criterion.id}|{requirement(criterion)}".encode()).hexdigest()[:16]
    place = criterion.location or Location(
        path=spec, line=1, column=1
    )  # a result without a place makes GitHub refuse the whole file
    return {
        "ruleId": criterion.id,
        "ruleIndex": number,
        "kind": kind,
        "level": LEVELS[criterion.severity] if kind == "fail" else "none",
        "message": {"text": _short(in_full(finding)) or headline(finding)},
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(place.path, root)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }


def _uri(path: Path, root: Path | None) -> str:
    """The path relative to the root where the file lies in it, else its name: absolute paths of one machine mean nothing on another.

    Criteria that a run keeps need not be a file where it was read.
    """
    if root is not None:
        absolute = path.resolve()
        if absolute.is_relative_to(root.resolve()) and absolute.is_file():
            return absolute.relative_to(root.resolve()).as_posix().replace(" ", "%20")
    return path.name.replace(" ", "%20")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
