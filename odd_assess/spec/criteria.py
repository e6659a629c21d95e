"""Criteria files: from the file to ``CriteriaSet``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from odd_assess.criteria.metrics import METRICS, MetricInfo
from odd_assess.records import Comparator, CriteriaSet, Criterion
from odd_assess.shipped import shipped
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath, document_of, read_document
from odd_assess.spec.files import content_of, resolved
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, listed, one_of, shown

_REQUIRE = re.compile(r"(?P<sign><=|>=)\s*(?P<number>[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?)\s*(?P<percent>%?)")


def criteria_set(document: Document) -> CriteriaSet | None:
    """The criteria of a document that was read; None (and problems) where something in it is wrong."""
    if document.data is None and document.problems:
        return None
    if isinstance(document.data, dict) and "odd_assess" in document.data and "odd_assess_criteria" not in document.data:
        document.add((), "this is a spec; a criteria file starts with odd_assess_criteria: 1")
        return None
    file = validated(document, (), models.CriteriaFile, document.data)
    entries = document.data.get("criteria") if isinstance(document.data, dict) else None
    if entries is not None and not (isinstance(entries, list) and entries):
        document.add(("criteria",), f"must be a list with at least one criterion, found {shown(entries or None)}")
        return None
    built = [_criterion(document, ("criteria", i), entry) for i, entry in enumerate(entries or ())]
    criteria = tuple(criterion for criterion in built if criterion is not None)
    _refuse_repeated_ids(document)
    if file is None or document.problems:
        return None
    return CriteriaSet(
        id=file.id,
        title=file.title or file.id,
        path=Path(os.path.abspath(document.path)),  # noqa: PTH100
        sha256=document.sha256,
        criteria=criteria,
        description=(file.description or "").strip(),
    )


def _refuse_repeated_ids(document: Document) -> None:
    """Within one file an id names one criterion."""
    first: dict[str, int] = {}
    for i, raw in enumerate(document.data.get("criteria") or () if isinstance(document.data, dict) else ()):
        name = raw.get("id") if isinstance(raw, dict) else None
        if isinstance(name, str) and first.setdefault(name, i) != i:
            line = document.location(("criteria", first[name], "id")).line
            document.add(("criteria", i, "id"), f"{name!r} names another criterion in line {line}: ids must be unique")


def _criterion(document: Document, path: KeyPath, data: object) -> Criterion | None:
    before = len(document.problems)
    entry = validated(document, path, models.CriterionEntry, data)
    if entry is None:
        return None
    info = METRICS.get(entry.metric)
    if info is None:
        document.add((*path, "metric"), one_of(entry.metric, METRICS))
        return None
    required = _required(document, (*path, "require"), entry.require, info)
    _check_fit(document, path, entry, info)
    if required is None or len(document.problems) > before:
        return None
    comparator, number = required
    if info.needs_quantile and number == 0:
        document.add((*path, "require"), f"must ask for more than 0 for {info.name}: every model reaches a radius of 0")
        return None
    return Criterion(
        id=entry.id,
        title=entry.title or _title(entry, info),
        metric=entry.metric,
        comparator=comparator,
        required=number,
        radius=entry.radius,
        quantile=entry.quantile,
        scope=entry.scope,
        confidence=entry.confidence,
        severity=entry.severity,
        multiplicity=entry.multiplicity,
        requirement=entry.requirement,
        clauses=tuple(entry.clauses),
        location=document.location((*path, "id")),
    )


def _title(entry: models.CriterionEntry, info: MetricInfo) -> str:
    if entry.quantile is not None:
        return f"Certified radius of all but the worst {100 * entry.quantile:g} % of the ODD"
    at = f" at radius {entry.radius:g}" if entry.radius is not None else ""
    return f"{info.title}{at}{' in each cell' if entry.scope == 'each_cell' else ''}"


def _required(document: Document, path: KeyPath, text: str, info: MetricInfo) -> tuple[Comparator, float] | None:
    match = _REQUIRE.fullmatch(text.strip())
    example = f'"{info.comparator} {0.8 if info.unit == "1" else 5 if info.unit == "points" else 0.3:g}"'
    if match is None:
        document.add(path, f"must be a comparator (>= or <=) and a number such as {example}, found {shown(text)}")
        return None
    if match["sign"] != info.comparator:
        document.add(path, f"must use {info.comparator} for {info.name}, such as {example}, found {shown(text)}")
        return None
    if match["percent"] and info.unit != "1":
        document.add(path, f"must be a number without % for {info.name}, found {shown(text)}")
        return None
    number = float(match["number"]) / (100 if match["percent"] else 1)
    if not info.low <= number <= info.high or number == float("inf"):
        document.add(path, f"must lie in [{info.low:g}, {info.high:g}] for {info.name}, found {shown(text)}")
        return None
    return info.comparator, number


def _check_fit(document: Document, path: KeyPath, entry: models.CriterionEntry, info: MetricInfo) -> None:
    """What goes with the metric: a radius, a quantile, a confidence, a scope."""
    if info.needs_radius and entry.radius is None:
        document.add((*path, "radius"), f"is required for {info.name}: L2 radius in input units, for example 0.25")
    if not info.needs_radius and entry.radius is not None:
        document.add((*path, "radius"), f"is not used by {info.name}: delete it", at="key")
    if info.needs_quantile and entry.quantile is None:
        meaning = "the share of the ODD that may fall short of the required radius"
        document.add((*path, "quantile"), f"is required for {info.name}: {meaning}, for example 0.1")
    if not info.needs_quantile and entry.quantile is not None:
        document.add((*path, "quantile"), f"is not used by {info.name}: delete it", at="key")
    if info.needs_confidence and entry.confidence is None:
        document.add((*path, "confidence"), f"is required for {info.name}, a claim on the domain: for example 0.95")
    if not info.needs_confidence and entry.confidence is not None:
        document.add((*path, "confidence"), f"is not used by {info.name}, {_kind(info)}: delete it", at="key")
    if entry.scope not in info.scopes:
        document.add((*path, "scope"), f"must be {listed(info.scopes)} for {info.name}, found {shown(entry.scope)}")


def _kind(info: MetricInfo) -> str:
    return "an estimate that carries no guarantee" if info.kind == "estimate" else "which counts what was sampled"


def find_criteria(document: Document, path: KeyPath, text: str) -> Path | None:
    """The criteria file that a spec names: beside the spec, else among those that come with odd-assess."""
    near = resolved(document, text)
    if document.kept is not None and ("criteria", text) in document.kept:
        return near
    if os.path.isfile(near):  # noqa: PTH113
        relative = document.path.parent / text
        return relative if os.path.isfile(relative) else near  # noqa: PTH113
    folder = shipped("acceptance_criteria")
    known = sorted(file.name for file in folder.glob("*.yaml"))
    parts = Path(text).parts
    if parts and parts[-1] in known and parts[:-1] in ((), ("acceptance_criteria",)):
        return folder / parts[-1]
    offered = [f"acceptance_criteria/{name}" for name in known]
    hint = did_you_mean(text, offered)
    come = f"; with odd-assess come {listed(offered)}" if offered else ""
    document.add(path, f"must name an existing criteria file, found nothing at {near}{hint}{come}")
    return None


def referenced_criteria(document: Document, data: object) -> tuple[tuple[CriteriaSet, ...], list[Document], bool]:
    """(the sets that are valid, every document that was read, whether all are valid) of a spec's key ``criteria``."""
    names: list[Any] = data if isinstance(data, list) else []
    sets: list[CriteriaSet] = []
    documents: list[Document] = []
    seen: dict[Path, int] = {}
    for i, name in enumerate(names):
        file = find_criteria(document, ("criteria", i), name) if isinstance(name, str) and name else None
        if file is None:
            continue
        if seen.setdefault(Path(os.path.abspath(file)), i) != i:  # noqa: PTH100
            document.add(("criteria", i), "names the same file twice: delete one of them")
            continue
        read = _read(document, name, file)
        documents.append(read)
        made = criteria_set(read)
        if made is not None:
            sets.append(made)
    _refuse_ids_of_two_files(sets, documents)
    return tuple(sets), documents, bool(names) and len(sets) == len(names)


def _read(document: Document, name: str, file: Path) -> Document:
    try:
        return document_of(file, content_of(document, "criteria", name, file))
    except OSError:
        return read_document(file)  # which says what is wrong


def _refuse_ids_of_two_files(sets: list[CriteriaSet], documents: list[Document]) -> None:
    """Over all files of a spec an id names one criterion."""
    owners: dict[str, Criterion] = {}
    by_path = {read.path: read for read in documents}
    for criteria in sets:
        for criterion in criteria.criteria:
            other = owners.setdefault(criterion.id, criterion)
            if other is criterion or criterion.location is None:
                continue
            read = by_path[criterion.location.path]
            index = criteria.criteria.index(criterion)
            message = f"{criterion.id!r} names another criterion at {other.location}: ids must be unique over all criteria files"
            read.add(("criteria", index, "id"), message)
