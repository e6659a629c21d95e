"""evidence.json: what was found at every point, as one JSON text that travels inside the PDF report.

The evidence file stays the record; this is what it says that a bound or a radius follows from, in a form that any program reads: the spec, the manifest, the
counts of every point by column, the findings. Pictures are left out. The same assessment gives the same bytes: no path, time or machine but the manifest's.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from odd_assess.odd.points import OddPoints
from odd_assess.records import Assessment, CriteriaSet, Criterion, Finding, PointEstimates, Results

EVIDENCE_JSON = "evidence.json"
FORMAT = "odd-assess evidence 1"
MOST_POINTS = 100_000
"""Points up to which their columns are written; beyond, an attachment would be tens of megabytes, and the evidence file is the better one to hand over."""


def evidence_json(assessment: Assessment) -> str:
    """The assessment as JSON, one line for each column of numbers. Columns have one entry a point, in design order; null where there is no number.

    Above ``MOST_POINTS`` points the columns are left out; ``points`` counts them in any case.
    """
    spec, domain, few = assessment.spec, assessment.spec.domain, len(assessment.results) <= MOST_POINTS
    sections: dict[str, Any] = {
        "format": FORMAT,
        "verdict": assessment.verdict.value,
        "spec": {"id": spec.id, "title": spec.title, "sha256": spec.sha256, "text": spec.text},
        "criteria": [_criteria_file(criteria) for criteria in spec.criteria],
        "findings": [_finding(finding) for finding in assessment.findings],
        "class_names": assessment.class_names,
        "attributes": [
            {"id": attribute.id, "unit": getattr(attribute, "unit", "1"), "levels": [level.name for level in attribute.levels]}
            for attribute in domain.attributes
        ],
        "cells": {
            "name": [cell.name for cell in domain.cells],
            "weight": [cell.weight for cell in domain.cells],
            "levels": [cell.levels for cell in domain.cells],
        },
        "coverage": {
            name: getattr(assessment.coverage, name)
            for name in ("visits", "level_coverage", "pairwise_coverage", "cell_coverage", "reached")
        },
        "reduction": assessment.reduction if few else dataclasses.replace(assessment.reduction, expected_reference=np.zeros(0)),
        "points": len(assessment.results),
        "conditions": _conditions(assessment.points) if few else None,
        "results": _columns(assessment.results) if few else None,
        "reference": None if assessment.reference is None else _columns(assessment.reference),
        "baseline": None if assessment.baseline is None or not few else _columns(assessment.baseline),
        "estimates": None if assessment.average_case is None or not few else _estimates(assessment.average_case),
        "manifest": assessment.manifest,
    }
    return "{\n" + ",\n".join(f'"{name}": {_written(section)}' for name, section in sections.items()) + "\n}\n"


def _written(section: Any) -> str:
    """A section on one line, or one line for each entry of an object or a list of objects."""
    found = plainly(section)
    match found:
        case dict() if found:
            return "{\n" + ",\n".join(f"  {_line(str(key))}: {_line(value)}" for key, value in found.items()) + "\n}"
        case [dict(), *_]:
            return "[\n" + ",\n".join(f"  {_line(entry)}" for entry in found) + "\n]"
        case _:
            return _line(found)


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def plainly(value: Any) -> Any:
    """A value in JSON's own types: records by their fields, arrays as lists, files by their names, and null for what is no number.

    >>> plainly({"radius": np.array([0.25, np.nan]), "path": Path("/home/me/spec.yaml")})
    {'radius': [0.25, None], 'path': 'spec.yaml'}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if np.isfinite(value) else None
        case Enum():
            return plainly(value.value)
        case Path():
            return value.name
        case np.ndarray() | np.generic():
            return plainly(value.tolist())
        case Mapping():
            return {str(key): plainly(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plainly(entry) for entry in value]
        case _ if dataclasses.is_dataclass(value):
            return {entry.name: plainly(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
        case _:
            return str(value)


def _criteria_file(criteria: CriteriaSet) -> dict[str, Any]:
    return {"id": criteria.id, "title": criteria.title, "sha256": criteria.digests}


def _finding(finding: Finding) -> dict[str, Any]:
    """The finding with its criterion; what is not set is left out."""
    criterion = {name: entry for name, entry in _entries(finding.criterion) if name not in {"location", "where"}}
    where = finding.criterion.where
    told = {} if where is None else {"where": where.text}
    return {"criterion": criterion | told, **{name: entry for name, entry in _entries(finding) if name != "criterion"}}


def _entries(record: Criterion | Finding) -> Iterator[tuple[str, Any]]:
    for entry in dataclasses.fields(record):
        value = getattr(record, entry.name)
        if value is not None:
            yield entry.name, value


def _conditions(points: OddPoints) -> dict[str, Any]:
    """The sampled values, one column an attribute."""
    rows = [point.values for point in points]
    return {attribute.id: [values[attribute.id] for values in rows] for attribute in points.attributes}


def _columns(results: Results) -> dict[str, Any]:
    return {name: getattr(results, name) for name in results.columns()}


def _estimates(found: PointEstimates) -> dict[str, Any]:
    return {"method": found.plan.method, "sigma": found.plan.sigma, **{name: getattr(found, name) for name in found.columns()}}
