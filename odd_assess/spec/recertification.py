"""The spec of a modified model that is certified on what its baseline keeps: a spec, perhaps with another model section, and how that was asked for.

Both are documents of the run, of the kinds ``model`` (a YAML file with a section ``model`` alone) and ``recertification`` (JSON: the settings, and the budget
of the baseline), so that the run's own folder says all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from odd_assess.errors import SpecError
from odd_assess.records import Budget, Recertification, SourceFile, Spec
from odd_assess.spec.document import Document, document_of
from odd_assess.spec.sections import model_declaration

SETTINGS = "recertification.json"
ROUTES = ("auto", "gamma", "incremental", "fresh")
VERSION = 1
"""Of the form of the settings."""


def with_settings(spec: Spec, settings: Recertification, budget: Budget) -> Spec:
    """The spec of a modified model that is certified on a baseline whose points took ``budget``, with the settings as a document."""
    said = {"odd_assess_recertification": VERSION, **asdict(settings), "baseline": asdict(budget)}
    content = (json.dumps(said, indent=2) + "\n").encode()
    made = SourceFile(kind="recertification", name=SETTINGS, sha256=hashlib.sha256(content).hexdigest(), content=content)
    return _settled(replace(spec, documents=(*spec.documents, made)), settings, budget)


def recertified(spec: Spec, folder: Path) -> Spec:
    """A spec whose documents say that it is one of a modified model, as that; any other as it is.

    Raises: SpecError or ValueError where they are damaged.
    """
    of_kind = {document.kind: document for document in spec.documents}
    if (model := of_kind.get("model")) is not None:
        document = document_of(folder / model.name, model.content)
        document.kept = {}
        spec = with_model(spec, document)
    settings = of_kind.get("recertification")
    return spec if settings is None else _settled(spec, *_read(settings.content))


def with_model(spec: Spec, document: Document) -> Spec:
    """The spec with the model section of another file, which holds nothing else.

    Raises: SpecError with every problem of it.
    """
    data: Mapping[Any, Any] = document.data if isinstance(document.data, dict) else {}
    for key in data:
        if key != "model":
            message = (
                "is not a known key beside model alone: give a file with the one section model, or a whole spec (odd_assess: 1)"
            )
            document.add((key,), message, at="key")
    model = model_declaration(document, data.get("model"))
    if model is None or document.problems:
        raise SpecError(document.problems)
    lock = spec.lock
    if lock is not None and "model" not in lock.spec_changes:
        lock = replace(lock, spec_changes=(*lock.spec_changes, "model"))
    return replace(spec, model=model, lock=lock)


def _settled(spec: Spec, settings: Recertification, budget: Budget) -> Spec:
    """The plan is the baseline's, but for what only its own run does; the reference stays what radii are compared with, without a subsample."""
    plan = spec.certification
    reference = None if plan.reference is None else replace(plan.reference, points=0)
    certification = replace(plan, budget=budget, reference=reference, comparison=None, cache=0)
    return replace(spec, certification=certification, recertification=settings)


def _read(content: bytes) -> tuple[Recertification, Budget]:
    """The settings and the baseline's budget.

    Raises: ValueError where the content is something else.
    """
    try:
        said = json.loads(content)
        if said["odd_assess_recertification"] != VERSION:
            raise ValueError(f"version {said['odd_assess_recertification']!r}, this odd-assess reads {VERSION}")
        settings = Recertification(**{one.name: said[one.name] for one in fields(Recertification)})
        budget = Budget(**said["baseline"])
        numbers = (settings.draws, settings.models, budget.n0, budget.n)
        shares = 0 < settings.share < 1 and 0.5 < settings.gamma <= 1
        if not all(type(number) is int and number >= 1 for number in numbers) or not shares:
            raise ValueError(f"draws, models, share or gamma out of range: {said}")
        if settings.route not in ROUTES or type(settings.when_decided) is not bool:
            raise ValueError(f"route or when_decided of another kind: {said}")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"how a modified model was to be certified must be as a run wrote it, found {error!r}") from error
    return settings, budget
