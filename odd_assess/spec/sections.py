"""The sections sampling, inputs, model and certification: from the file to the records."""

from __future__ import annotations

import csv
import re
from typing import Any, Literal, cast

from odd_assess.odd.domain import Domain
from odd_assess.records import CertificationPlan, InputDeclaration, ModelDeclaration, ReferencePlan, SamplingPlan
from odd_assess.spec import models
from odd_assess.spec.allocation import declared_groups
from odd_assess.spec.attributes import Declared
from odd_assess.spec.budgets import check_exceeds, declared_budget
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.files import existing_file, existing_folder, resolved
from odd_assess.spec.noise_levels import declared_comparison, declared_sigma, for_budget
from odd_assess.spec.ranked import ranked_keys, ranked_plan
from odd_assess.spec.validation import chosen, validated
from odd_assess.spec.words import did_you_mean, one_of, shortened, shown

FREE_SIZE = ("grid", "pairwise")
"""The designs that know how many points they need."""

_PYTHON_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


# ---------------------------------------------------------------- sampling


def sampling_plan(document: Document, data: object, domain: Domain | None) -> SamplingPlan | None:
    """The section ``sampling``. A file that allocates points names cells of the ``domain``; None where that is not valid."""
    path: KeyPath = ("sampling",)
    plan = validated(document, path, models.Sampling, data)
    if plan is None:
        return None
    if plan.design != "ranked" and (keys := ranked_keys(plan)):
        for key in keys:
            document.add((*path, key), f"is for the design ranked, found {plan.design}", at="key")
        return None
    if plan.until_decided or plan.max_points is not None:
        return _until_decided(document, path, plan)
    if plan.points is None and plan.design not in FREE_SIZE:
        document.add((*path, "points"), f"is required for the design {plan.design}: number of points, for example 300")
        return None
    if plan.allocation is not None and plan.design != "stratified":
        document.add((*path, "allocation"), f"is for the design stratified, found {plan.design}", at="key")
        return None
    if plan.design == "ranked":
        return ranked_plan(document, path, plan)
    if plan.allocation in (None, "proportional", "equal"):
        how: Literal["proportional", "equal"] = "equal" if plan.allocation == "equal" else "proportional"
        return SamplingPlan(design=plan.design, points=plan.points, seed=plan.seed, allocation=how)
    return _allocated(document, path, plan, domain)


def _allocated(document: Document, path: KeyPath, plan: models.Sampling, domain: Domain | None) -> SamplingPlan | None:
    """Points as a file allocates them to two groups of cells."""
    text = plan.allocation
    assert text is not None  # the caller has looked
    if not text.lower().endswith(".csv"):
        words = ("proportional", "equal")
        message = f"must be proportional, equal, or name a file that ends in .csv, found {shown(text)}{did_you_mean(text, words)}"
        document.add((*path, "allocation"), message)
        return None
    if domain is None:
        return None
    groups = declared_groups(document, (*path, "allocation"), text, domain)
    if groups is None:
        return None
    if groups.total != plan.points:
        first, second = groups.points
        message = f"must be {groups.total}, the {first} and {second} points of the groups of {shortened(text)}, found {plan.points}"
        document.add((*path, "points"), message)
        return None
    return SamplingPlan(design=plan.design, points=plan.points, seed=plan.seed, allocation="declared", groups=groups)


def _until_decided(document: Document, path: KeyPath, plan: models.Sampling) -> SamplingPlan | None:
    """Points that are drawn until the verdict is decided: of the design random, and limited by max_points."""
    before = len(document.problems)
    if not plan.until_decided:
        document.add((*path, "max_points"), "is for until_decided: true: set that too, or write points", at="key")
        return None
    if plan.design != "random":
        reason = "only points that are drawn independently can stop at any time"
        document.add((*path, "design"), f"must be random beside until_decided: true, because {reason}, found {shown(plan.design)}")
    elif plan.allocation is not None:
        document.add((*path, "allocation"), f"is for the design stratified, found {plan.design}", at="key")
    if plan.points is not None:
        document.add(
            (*path, "points"), "must not stand beside until_decided: true, which finds the number: write max_points", at="key"
        )
    elif plan.max_points is None:
        message = "is required beside until_decided: true: the most points that are drawn, for example 2000"
        document.add((*path, "max_points"), message)
    if len(document.problems) > before:
        return None
    return SamplingPlan(design=plan.design, points=plan.max_points, seed=plan.seed, until_decided=True)


# ---------------------------------------------------------------- inputs


def input_kind(data: object) -> str | None:
    """The key that decides the kind of inputs, None where there is not exactly one."""
    present = [kind for kind in models.INPUT_KINDS if isinstance(data, dict) and kind in data]
    return present[0] if len(present) == 1 else None


def input_declaration(document: Document, data: object, path: KeyPath = ("inputs",)) -> InputDeclaration | None:
    """The section ``inputs``; where a file or column of it is missing, the document has the problem."""
    section = chosen(document, path, models.INPUT_KINDS, data)
    if section is None:
        return None
    sides = cast("list[int] | None", getattr(section, "size", None))
    size = (sides[0], sides[1]) if sides is not None else None
    match section:
        case models.Digits():
            made = InputDeclaration(kind="digits", split=section.split, size=size)
        case models.Npz():
            made = InputDeclaration(
                kind="npz", path=existing_file(document, (*path, "npz"), section.npz, suffixes=(".npz",)), size=size
            )
        case models.Folder():
            made = InputDeclaration(kind="folder", path=existing_folder(document, (*path, "folder"), section.folder), size=size)
        case models.Torchvision():
            made = _torchvision(document, path, section, size)
        case models.Table():
            made = _table(document, path, section, size)
        case models.Callable():
            _check_python_name(document, (*path, "callable"), section.callable, "package.module:function")
            made = InputDeclaration(kind="callable", reference=section.callable, size=size)
        case _:
            raise AssertionError(section)
    return made


def _torchvision(document: Document, path: KeyPath, section: models.Torchvision, size: tuple[int, int] | None) -> InputDeclaration:
    if not section.torchvision.isidentifier():
        document.add(
            (*path, "torchvision"), f"must be the name of a class in torchvision.datasets, found {shown(section.torchvision)}"
        )
    root = resolved(document, section.root) if section.download else existing_folder(document, (*path, "root"), section.root)
    return InputDeclaration(
        kind="torchvision", reference=section.torchvision, path=root, split=section.split, download=section.download, size=size
    )


def _table(document: Document, path: KeyPath, section: models.Table, size: tuple[int, int] | None) -> InputDeclaration:
    if (section.images is None) == (section.rows is None):
        found = "neither" if section.images is None else "both"
        document.add(path, f"a table must have exactly one of the keys images and rows; found {found}", at="key")
    if section.images is not None and section.label is None:
        document.add((*path, "label"), "is required beside images: the column of the true class")
    if section.rows is not None and section.arrays is None:
        document.add((*path, "arrays"), "is required beside rows: NumPy file with the array images that the row numbers point into")
    if section.arrays is not None and section.rows is None:
        document.add((*path, "arrays"), "needs the key rows: the column of row numbers", at="key")
    arrays = existing_file(document, (*path, "arrays"), section.arrays, suffixes=(".npz",)) if section.arrays is not None else None
    table = existing_file(document, (*path, "table"), section.table, suffixes=(".csv", ".parquet", ".pq"))
    made = InputDeclaration(
        kind="table",
        path=table,
        image_column=section.images,
        row_column=section.rows,
        label_column=section.label,
        arrays=arrays,
        weights=section.weights,
        size=size,
    )
    columns = table_columns(document, made)
    for key in ("images", "rows", "label"):
        name = getattr(section, key)
        if columns and name is not None and name not in columns:
            document.add((*path, key), _no_column(name, columns))
    return made


def table_columns(document: Document, inputs: InputDeclaration) -> tuple[str, ...]:
    """The columns of a CSV table, empty where they cannot be seen (Parquet, an unreadable file, a run that is over)."""
    if document.kept is not None or inputs.path is None or inputs.path.suffix.lower() != ".csv":
        return ()
    try:
        with inputs.path.open(encoding="utf-8-sig", newline="") as lines:
            return tuple(next(csv.reader(lines), ()))
    except (OSError, ValueError, csv.Error):
        return ()


def check_columns(document: Document, declared: Declared, inputs: InputDeclaration) -> None:
    """Every attribute that is read from a column finds its column in the table."""
    columns = table_columns(document, inputs)
    for name, realisation in declared.realisations.items():
        if columns and realisation.column is not None and realisation.column not in columns:
            document.add(("odd", "attributes", name, "column"), _no_column(realisation.column, columns))


def _no_column(name: str, columns: tuple[str, ...]) -> str:
    message = one_of(name, columns).removeprefix("must be ")
    return f"must be a column of the table: {message}"


def _check_python_name(document: Document, path: KeyPath, text: str, form: str) -> None:
    if not _PYTHON_NAME.fullmatch(text):
        document.add(path, f"must look like {form}, found {shown(text)}")


# ---------------------------------------------------------------- model


def model_declaration(document: Document, data: object, *, trained: bool = True) -> ModelDeclaration | None:
    """The section ``model``; ``trained``: one that must have weights."""
    path: KeyPath = ("model",)
    before = len(document.problems)
    section = chosen(document, path, models.MODEL_KINDS, data)
    if section is None:
        return None
    assert isinstance(section, models.Architecture | models.Onnx | models.Exported)
    mean, std = _normalisation(document, (*path, "normalise"), section.normalise)
    common: dict[str, Any] = {
        "mean": mean,
        "std": std,
        "expected_clean_accuracy": section.expected_clean_accuracy,
        "clean_accuracy_tolerance": section.clean_accuracy_tolerance,
    }
    if isinstance(section, models.Onnx):
        file = existing_file(document, (*path, "onnx"), section.onnx)
        made = ModelDeclaration(kind="onnx", reference=str(file), **common)
    elif isinstance(section, models.Exported):
        file = existing_file(document, (*path, "exported"), section.exported)
        made = ModelDeclaration(kind="exported", reference=str(file), **common)
    else:
        made = _architecture(document, path, section, common, trained=trained)
    return made if len(document.problems) == before else None


def _architecture(
    document: Document, path: KeyPath, section: models.Architecture, common: dict[str, Any], *, trained: bool
) -> ModelDeclaration:
    kind: Literal["factory", "torchvision"] = "factory"
    reference = section.architecture
    if reference.startswith("torchvision:"):
        kind, reference = "torchvision", reference.removeprefix("torchvision:")
        if not reference.isidentifier():
            document.add((*path, "architecture"), f"must look like torchvision:resnet18, found {shown(section.architecture)}")
        if trained and section.weights is None and "weights" not in section.arguments:
            document.add((*path, "weights"), f"is required: {section.architecture} without weights is an untrained network")
    elif (file := reference.rpartition(":")[0]).endswith(".py"):
        reference = f"{existing_file(document, (*path, 'architecture'), file)}:{reference.rpartition(':')[2]}"
    else:
        form = "package.module:factory, file.py:factory or torchvision:NAME"
        _check_python_name(document, (*path, "architecture"), reference, form)
    weights = existing_file(document, (*path, "weights"), section.weights) if section.weights is not None else None
    return ModelDeclaration(
        kind=kind,
        reference=reference,
        weights=weights,
        arguments=dict(section.arguments),
        precision=section.precision,
        compile=section.compile,
        **common,
    )


def _normalisation(
    document: Document, path: KeyPath, section: models.Normalise | None
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    if section is None:
        return None, None
    if len(section.mean) != len(section.std):
        document.add(path, f"mean and std must have the same number of values, found {len(section.mean)} and {len(section.std)}")
    return tuple(section.mean), tuple(section.std)


# ---------------------------------------------------------------- certification


def certification_plan(document: Document, data: object) -> CertificationPlan | None:
    """The section ``certification``."""
    path: KeyPath = ("certification",)
    before = len(document.problems)
    section = validated(document, path, models.Certification, data)
    raw = data if isinstance(data, dict) else {}
    reference = _reference(document, (*path, "reference"), raw.get("reference"))
    budget = declared_budget(document, (*path, "budget"), raw["budget"], reference) if raw.get("budget") is not None else None
    sigma = declared_sigma(document, raw["sigma"]) if raw.get("sigma") is not None else None
    comparison = declared_comparison(document, raw.get("comparison"), sigma)
    cache = validated(document, (*path, "cache"), models.Cache, raw["cache"]) if raw.get("cache") is not None else None
    if section is None or budget is None or sigma is None or len(document.problems) > before:
        return None
    if reference is not None and not check_exceeds(document, (*path, "reference", "n"), reference, budget):
        return None
    policy = None if isinstance(sigma, float) else for_budget(sigma, budget, section.alpha)
    return CertificationPlan(
        sigma=sigma if isinstance(sigma, float) else sigma.largest,
        alpha=section.alpha,
        budget=budget,
        reference=reference,
        batch_size=section.batch_size,
        policy=policy,
        comparison=comparison,
        cache=0 if cache is None else cache.draws,
    )


def _reference(document: Document, path: KeyPath, data: object) -> ReferencePlan | None:
    if data is None or data == "none":
        return None
    if isinstance(data, str):
        document.add(path, f"must be none or a mapping such as {models.Reference.example}, found {shortened(shown(data))}")
        return None
    section = validated(document, path, models.Reference, data)
    return None if section is None else ReferencePlan(n=section.n, points=section.points)
