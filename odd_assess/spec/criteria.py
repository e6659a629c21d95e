"""Criteria files: from the document to ``CriteriaSet``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odd_assess.criteria.changes import changed, content, dropped
from odd_assess.criteria.clauses import STANDARDS, is_known, references
from odd_assess.criteria.metrics import COMPARED, METRICS, REGRESSION, MetricInfo, asked_info
from odd_assess.records import Change, Comparator, CriteriaSet, Criterion, Subdomain
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.domain import statement_text
from odd_assess.spec.extending import extended, overlaid
from odd_assess.spec.validation import validated
from odd_assess.spec.words import did_you_mean, listed, one_of, shown

_REQUIRE = re.compile(r"(?P<sign><=|>=)\s*(?P<number>[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?)\s*(?P<percent>%?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A criteria file that is valid, with what a file that extends it needs: each criterion's keys as they are written, here and in its own bases."""

    criteria: CriteriaSet
    entries: Mapping[str, Mapping[Any, Any]]


def criteria_set(document: Document, base: Written | None = None) -> Written | None:
    """The criteria of a document that was read, on top of those of the file that it extends; None (and problems) where something in it is wrong."""
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
    if base is None and extended(document) is not None:
        return None  # the file that it extends has problems of its own
    _refuse_repeated_ids(document)
    standards = _standards(document, file, base)
    built, written, changes = _laid(document, entries or (), base, standards)
    if file is not None and not built and not document.problems:
        document.add(("criteria",), "must leave at least one criterion, but every one is disabled")
    if file is None or document.problems:
        return None
    criteria = CriteriaSet(
        id=file.id,
        title=file.title or file.id,
        path=Path(os.path.abspath(document.path)),  # noqa: PTH100
        sha256=document.sha256,
        criteria=tuple(built.values()),
        description=(file.description or "").strip(),
        base=None if base is None else base.criteria,
        overrides=tuple(changes),
        standards=tuple(standards.items()),
    )
    return Written(criteria=criteria, entries=written)


def _laid(
    document: Document, entries: Sequence[object], base: Written | None, standards: Mapping[str, str]
) -> tuple[dict[str, Criterion], dict[str, Mapping[Any, Any]], list[Change]]:
    """(criteria by id, their keys as written, what was changed) of a file's entries, one by one on top of its base."""
    built = {} if base is None else {criterion.id: criterion for criterion in base.criteria.criteria}
    written = {} if base is None else dict(base.entries)
    changes = [] if base is None else list(base.criteria.overrides)
    source = "" if base is None else base.criteria.path.name
    for i, entry in enumerate(entries):
        overlay = overlaid(document, ("criteria", i), entry, None if base is None else base.entries)
        if overlay is None:
            continue
        _refuse_unknown_clauses(document, ("criteria", i), entry, standards)
        old = None if overlay.changes is None else built.get(overlay.changes)
        if old is not None and overlay.entry is None:
            del built[old.id], written[old.id]
            changes.append(dropped(old.id, before=content(old), reason=overlay.reason, source=source))
            continue
        criterion = _criterion(document, ("criteria", i), overlay.entry)
        if criterion is None or not isinstance(overlay.entry, dict):
            continue
        if old is not None:
            found = changed(old.id, content(old), content(criterion), reason=overlay.reason, source=source)
            changes += [
                change for change in found if change.key != "title" or "title" in overlay.entry
            ]  # else it follows from others
        built[criterion.id], written[criterion.id] = criterion, overlay.entry
    return built, written, changes


def _standards(document: Document, file: models.CriteriaFile | None, base: Written | None) -> dict[str, str]:
    """The standards that clauses may refer to besides those that are known: the base's and the file's own."""
    inherited = {} if base is None else dict(base.criteria.standards)
    own = {} if file is None else file.standards
    for key in own:
        if key in STANDARDS or inherited.get(key, own[key]) != own[key]:
            title = STANDARDS[key].title if key in STANDARDS else inherited[key]
            document.add(("standards", key), f"{key} stands for {title} already: use another key", at="key")
    return {**inherited, **own}


def _refuse_unknown_clauses(document: Document, path: KeyPath, entry: object, standards: Mapping[str, str]) -> None:
    clauses = entry.get("clauses") if isinstance(entry, dict) else None
    for i, reference in enumerate(clauses if isinstance(clauses, list) else ()):
        if isinstance(reference, str) and reference and not is_known(reference, standards.items()):
            document.add((*path, "clauses", i), _clause_message(reference, standards))


def _clause_message(reference: str, standards: Mapping[str, str]) -> str:
    key, colon, _ = reference.partition(":")
    must = "must be STANDARD:CLAUSE, such as EU-AI-Act:15(1)"
    if key in standards:
        return f"{must}, found {shown(reference)}: name a clause of {standards[key]}"
    if key in STANDARDS:
        near = did_you_mean(reference, references())
        return f"must name a known clause of {STANDARDS[key].title}, found {shown(reference)}{near}; known: {listed(STANDARDS[key].clauses)}"
    near = did_you_mean(key, (*STANDARDS, *standards)) if colon else did_you_mean(reference, references())
    known = f"known standards: {listed((*STANDARDS, *standards))}; others are declared under the key standards"
    return f"{must}, found {shown(reference)}{near}; {known}"


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
    info = asked_info(entry.metric, entry.of)
    if info is None:
        document.add((*path, "metric"), one_of(entry.metric, METRICS))
        return None
    if entry.metric == REGRESSION and entry.of not in COMPARED:
        asked = "is required for regression: the metric that is compared, " if entry.of is None else ""
        document.add((*path, "of"), f"{asked}{one_of(entry.of, COMPARED)}")
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
        of=entry.of,
        scope=entry.scope or info.scopes[0],
        attribute=entry.attribute,
        where=_subdomain(entry),
        confidence=entry.confidence,
        severity=entry.severity,
        multiplicity=entry.multiplicity,
        estimate=entry.estimate,
        requirement=entry.requirement,
        clauses=tuple(entry.clauses),
        location=document.location((*path, "id")),
    )


_IN_EACH = {"odd": "", "each_cell": " in each cell", "each_level": " in each level", "each_class": " in each class"}


def _title(entry: models.CriterionEntry, info: MetricInfo) -> str:
    where = _subdomain(entry)
    inside = "" if where is None else where.words
    if entry.quantile is not None:
        return f"Certified radius of all but the worst {100 * entry.quantile:g} % of the ODD{inside}"
    at = f" at radius {entry.radius:g}" if entry.radius is not None else ""
    if entry.of is not None:
        return f"Change of {METRICS[entry.of].title.lower()}{at} against the baseline"
    of = "" if entry.attribute is None else f" of {entry.attribute}"
    return f"{info.title}{at}{_IN_EACH[entry.scope or info.scopes[0]]}{of}{inside}"


def _subdomain(entry: models.CriterionEntry) -> Subdomain | None:
    if entry.where is None:
        return None
    return Subdomain(name=entry.subdomain or "", text=statement_text(entry.where), written=entry.where)


_SMALL_CHANGE = {">=": -0.02, "<=": 0.02}


def _required(document: Document, path: KeyPath, text: str, info: MetricInfo) -> tuple[Comparator, float] | None:
    match = _REQUIRE.fullmatch(text.strip())
    usual = {"1": 0.8, "points": 5, "input": 0.3}[info.unit]
    example = f'"{info.comparator} {_SMALL_CHANGE[info.comparator] if info.name == REGRESSION else usual:g}"'
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
    if entry.metric != REGRESSION and entry.of is not None:
        document.add((*path, "of"), f"is not used by {info.name}: delete it", at="key")
    if info.needs_quantile and entry.quantile is None:
        meaning = "the share of the ODD that may fall short of the required radius"
        document.add((*path, "quantile"), f"is required for {info.name}: {meaning}, for example 0.1")
    if not info.needs_quantile and entry.quantile is not None:
        document.add((*path, "quantile"), f"is not used by {info.name}: delete it", at="key")
    if info.needs_confidence and entry.confidence is None:
        document.add((*path, "confidence"), f"is required for {info.name}, a claim on the domain: for example 0.95")
    if not info.needs_confidence and entry.confidence is not None:
        document.add((*path, "confidence"), f"is not used by {info.name}, {_kind(info)}: delete it", at="key")
    if entry.scope is not None and entry.scope not in info.scopes:
        document.add((*path, "scope"), f"must be {listed(info.scopes)} for {info.name}, found {shown(entry.scope)}")
    takes_attribute = entry.scope == "each_level" or info.needs_attribute
    if takes_attribute and entry.attribute is None:
        what = info.name if info.needs_attribute else "scope each_level"
        document.add((*path, "attribute"), f"is required for {what}: the attribute whose levels are meant, for example surface")
    if not takes_attribute and entry.attribute is not None:
        document.add((*path, "attribute"), "is used with scope each_level only: add it, or delete the attribute", at="key")
    if entry.where is not None and not info.takes_where:
        document.add((*path, "where"), f"is not used by {info.name}: delete it", at="key")
    elif entry.where is not None and entry.scope not in (None, "odd"):
        document.add((*path, "where"), f"is used with scope odd only, found scope {entry.scope}: delete one of them", at="key")
    elif entry.where is not None and not entry.where:
        document.add((*path, "where"), "must have at least one condition, such as {surface: stained}, found none")
    if entry.subdomain is not None and entry.where is None:
        document.add((*path, "subdomain"), "names what the key where describes: add where, or delete the name", at="key")
    if info.kind == "estimate" and entry.severity == "blocking" and entry.estimate is None:
        message = (
            f"must be warning or info for {info.name}, {_kind(info)}, unless the criterion says estimate: accepted; found blocking"
        )
        document.add((*path, "severity"), message)
    if info.kind != "estimate" and entry.estimate is not None:
        document.add((*path, "estimate"), f"is not used by {info.name}, {_kind(info)}: delete it", at="key")


def _kind(info: MetricInfo) -> str:
    return {
        "estimate": "an estimate that carries no guarantee",
        "domain claim": "a claim on the domain",
        "descriptive": "which counts what was sampled",
    }[info.kind]
