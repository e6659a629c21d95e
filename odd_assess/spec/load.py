"""A spec or criteria file in, a record out; or every problem of it at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from odd_assess.criteria.metrics import REGRESSION
from odd_assess.errors import InputError, Problem, SpecError
from odd_assess.odd.domain import Domain
from odd_assess.records import CriteriaSet, Criterion, Execution, InputDeclaration, ModelDeclaration, SourceFile, Spec
from odd_assess.spec import budgets, checks, models, noise_levels
from odd_assess.spec.attributes import Declared
from odd_assess.spec.average_case import average_case_plan
from odd_assess.spec.criteria_files import criteria_of, referenced_criteria
from odd_assess.spec.document import Document, document_of, read_document
from odd_assess.spec.domain import declared_domain
from odd_assess.spec.execution import execution_plan
from odd_assess.spec.files import existing_folder
from odd_assess.spec.lock import with_lock
from odd_assess.spec.parts import fit_parts
from odd_assess.spec.ranked import check_ranked
from odd_assess.spec.recertification import recertified, with_model
from odd_assess.spec.sections import (
    certification_plan,
    check_columns,
    input_declaration,
    input_kind,
    model_declaration,
    sampling_plan,
)
from odd_assess.spec.training import TRAINING, training_of
from odd_assess.spec.validation import validated


def load_spec(path: Path | str) -> Spec:
    """The validated spec of a file, with the criteria files that it names.

    Raises: SpecError with every problem of the spec and of its criteria files.
    """
    spec, problems, unattainable = _spec(read_document(Path(path)))
    if spec is None or problems or unattainable:
        raise SpecError([*problems, *unattainable])
    return spec


def unlocked_spec(path: Path | str) -> tuple[Spec, Mapping[Any, Any]]:
    """The validated spec of a file without a look at its lock, and its plain data.

    Raises: SpecError as `load_spec` does.
    """
    document = read_document(Path(path))
    spec, problems, unattainable = _spec(document, lock=False)
    if spec is None or problems or unattainable:
        raise SpecError([*problems, *unattainable])
    return spec, document.data


def spec_against(path: Path | str, baseline: Path) -> Spec:
    """The same, compared with the run in the folder ``baseline``, whatever the spec says of one.

    Raises: SpecError with every problem of the spec and of its criteria files.
    """
    spec, problems, unattainable = _spec(read_document(Path(path)), baseline)
    if spec is None or problems or unattainable:
        raise SpecError([*problems, *unattainable])
    return spec


def spec_alone(path: Path | str) -> Spec:
    """The same for what the spec says of model and inputs: it need not name the baseline that its criteria ask for, nor is that looked for.

    Raises: SpecError with every other problem of the spec and of its criteria files.
    """
    spec, problems, _ = _spec(read_document(Path(path)), lock=False, alone=True)
    if spec is None or problems:
        raise SpecError(problems)
    return spec


def declared_model(path: Path | str) -> ModelDeclaration:
    """The model that a file declares under ``model``, a spec or a file with that section alone, such as ``odd-assess derive`` writes.

    Raises: SpecError with every problem of that section.
    """
    document = read_document(Path(path))
    made = None
    if isinstance(document.data, dict) and "model" in document.data:
        made = model_declaration(document, document.data["model"])
    elif not document.problems:
        document.add(
            (), "must have the section model, such as {model: {architecture: package.module:factory, weights: weights.safetensors}}"
        )
    if made is None or document.problems:
        raise SpecError(document.problems)
    return made


def kept_spec(documents: Sequence[SourceFile], folder: Path) -> Spec:
    """The spec of a run that is over, from the files that its evidence keeps: neither data nor weights need to be on this machine.

    ``folder`` stands for the spec's own folder, in messages and in the paths of what the spec names.

    Raises: SpecError with every problem; ValueError without a spec among the documents.
    """
    if not documents or documents[0].kind != "spec":
        raise ValueError("the documents of a run must start with its spec")
    first, *others = documents
    document = document_of(folder / first.name, first.content)
    document.kept = {(other.kind, other.name): other for other in others}
    spec, problems, _ = _spec(document)
    if spec is None or problems:
        raise SpecError(problems)
    return recertified(replace(spec, documents=tuple(documents)), folder)


def modified_spec(path: Path | str, documents: Sequence[SourceFile]) -> Spec:
    """The spec of a modified model, from a file: a whole spec; or a model section alone, for the spec of a run that is over, whose files are ``documents``.

    What that spec names is then looked for from the folder of the file. No baseline is asked for, whatever the criteria say.

    Raises: SpecError with every problem; InputError where the inputs of the run's spec are not found.
    """
    document = read_document(Path(path))
    if isinstance(document.data, dict) and "model" in document.data and not _is_spec(document) and not _is_criteria(document):
        folder = document.path.absolute().parent
        of_run = [one for one in documents if one.kind not in ("model", "recertification")]
        spec = kept_spec(of_run, folder)
        inputs = _inputs_from(of_run[0], folder, document.path)
        made = SourceFile(kind="model", name=document.path.name, sha256=document.sha256, content=document.raw)
        return replace(with_model(spec, document), inputs=inputs, documents=(*of_run, made))
    whole, problems, _ = _spec(document, alone=True)
    if whole is None or problems:
        raise SpecError(problems)
    return whole


def _inputs_from(spec: SourceFile, folder: Path, model: Path) -> InputDeclaration:
    """The inputs that a run's spec declares, where they are found from another folder.

    Raises: InputError where they are not.
    """
    document = document_of(folder / spec.name, spec.content)
    found = input_declaration(document, document.data["inputs"])
    if found is None or document.problems:
        listed = "; ".join(f"{problem.key} {problem.message}" for problem in document.problems)
        raise InputError(
            f"{model}: beside a model section alone, the data of the baseline's spec are looked for from this file's folder, but {listed}. "
            "Put the file into the folder of that spec, or give a copy of that spec with the new model in it"
        )
    return found


def draft_spec(path: Path | str) -> tuple[Spec, tuple[Problem, ...]]:
    """The spec of a file, and a problem for each criterion that no model could meet; none where the spec accepts such criteria. For planning only.

    Raises: SpecError with every problem of the spec and of its criteria files, if there is any other.
    """
    spec, problems, unattainable = _spec(read_document(Path(path)))
    if spec is None or problems:
        raise SpecError([*problems, *unattainable])
    return spec, unattainable


def load_criteria(path: Path | str, domain: Domain | None = None) -> CriteriaSet:
    """The validated criteria of a file; with a ``domain``, also what they say of its attributes.

    Raises: SpecError with every problem of the file.
    """
    document = read_document(Path(path))
    criteria, problems = _criteria(document)
    if criteria is not None and domain is not None:
        known = {attribute.id: attribute for attribute in domain.attributes}
        ((criteria,), _) = fit_parts((criteria,), [document], Declared(attributes=known, names=tuple(known)), domain)
    if criteria is None or problems:
        raise SpecError(problems)
    return criteria


def given_criterion(entry: Mapping[str, Any]) -> Criterion:
    """One criterion that is given otherwise than by a file, checked as if it stood in one.

    Raises: SpecError with every problem.
    """
    text = json.dumps({"odd_assess_criteria": 1, "id": "given", "criteria": [dict(entry)]})  # which is YAML
    made, problems = _criteria(document_of(Path("options"), text.encode()))
    if made is None or problems:
        raise SpecError(problems)
    return made.criteria[0]


def lint(path: Path | str) -> tuple[Problem, ...]:
    """Every problem of a spec (and of the criteria files that it names), of a criteria file or of a training file, in file order; empty if there is none."""
    document = read_document(Path(path))
    if _is_training(document) and not _is_spec(document):
        problems = training_of(document)[1]
    elif _is_criteria(document) and not _is_spec(document):
        problems = _criteria(document)[1]
    else:
        _, found, unattainable = _spec(document)
        problems = [*found, *unattainable]
    return tuple(sorted(problems, key=lambda problem: problem.location))


def _is_spec(document: Document) -> bool:
    return isinstance(document.data, dict) and "odd_assess" in document.data


def _is_criteria(document: Document) -> bool:
    return isinstance(document.data, dict) and "odd_assess_criteria" in document.data


def _is_training(document: Document) -> bool:
    return isinstance(document.data, dict) and TRAINING in document.data


def _criteria(document: Document) -> tuple[CriteriaSet | None, list[Problem]]:
    criteria, documents = criteria_of(document)
    return criteria, [problem for read in documents for problem in read.problems]


def _spec(
    document: Document, baseline: Path | None = None, *, lock: bool = True, alone: bool = False
) -> tuple[Spec | None, list[Problem], tuple[Problem, ...]]:
    """(the spec where nothing else is wrong, what is wrong, the criteria that no model could meet, unless the spec accepts them)."""
    if document.data is None and document.problems:
        return None, document.problems, ()
    if _is_criteria(document) and not _is_spec(document):
        document.add((), "this is a criteria file; a spec starts with odd_assess: 1")
        return None, document.problems, ()
    if _is_training(document) and not _is_spec(document):
        document.add((), "this is a training file, for odd-assess train; a spec starts with odd_assess: 1")
        return None, document.problems, ()
    if isinstance(document.data, dict) and (set(document.data) == {"model"} or "odd_assess_derived" in document.data):
        document.add((), _NO_SPEC["model" in document.data])
        return None, document.problems, ()
    file = validated(document, (), models.SpecFile, document.data)
    if not isinstance(document.data, dict):
        return None, document.problems, ()
    sections = _Sections(document, baseline, alone=alone)
    problems = [*document.problems, *(problem for read in sections.criteria_documents for problem in read.problems)]
    spec = sections.spec(file) if file is not None and not problems else None
    if spec is not None and lock:
        spec, problems = with_lock(spec, document)
    return spec, problems, sections.unattainable


_NO_SPEC = {
    True: "this file declares a model alone: a spec is asked for here, which says what is assessed too; give a spec with this model section in it",
    False: "this is the record of a derived model: give the file model.yaml that lies beside it",
}


class _Sections:
    """Every section by itself, then what must fit between those that are valid."""

    def __init__(self, document: Document, baseline: Path | None, *, alone: bool) -> None:
        self.document = document
        data: dict[Any, Any] = document.data
        self.baseline, self.alone = baseline, alone or document.kept is not None  # a run that is over holds its baseline
        if baseline is None and not alone and isinstance(data.get("baseline"), str):
            self.baseline = existing_folder(document, ("baseline",), data["baseline"])
        source = input_kind(data.get("inputs"))
        given = {name for name in data if data[name] is not None}
        self.inputs = input_declaration(document, data["inputs"]) if "inputs" in given else None
        self.domain: Domain | None = None
        self.attributes = Declared()
        self.taxonomy = "none"
        if "odd" in given:
            self.domain, self.attributes, self.taxonomy = declared_domain(document, data["odd"], source=source)
        self.sampling = sampling_plan(document, data["sampling"], self.domain) if "sampling" in given else None
        self.model = model_declaration(document, data["model"]) if "model" in given else None
        self.certification = certification_plan(document, data["certification"]) if "certification" in given else None
        self.average_case = (
            average_case_plan(document, data["average_case"], self.certification) if "average_case" in given else None
        )
        self.execution = execution_plan(document, data["execution"]) if "execution" in given else Execution()
        self.unattainable: tuple[Problem, ...] = ()
        self.criteria, self.criteria_documents, complete = referenced_criteria(document, data.get("criteria"))
        self.criteria, fits = fit_parts(self.criteria, self.criteria_documents, self.attributes, self.domain)
        self._check(source, criteria_complete=complete and fits)

    def _check(self, source: str | None, *, criteria_complete: bool) -> None:
        if self.inputs is not None:
            check_columns(self.document, self.attributes, self.inputs)
        if self.sampling is not None:
            checks.check_design(self.document, self.sampling, source)
        fits = True
        if self.sampling is not None and self.domain is not None:
            fits = checks.check_points(self.document, self.sampling, self.domain)
        if self.certification is not None and self.sampling is not None:
            checks.check_reference(self.document, self.certification, self.sampling)
        accepted = self.document.data.get("unattainable") == "accept"
        if self.certification is not None and checks.check_budget(self.document, self.certification) and not accepted:
            self.unattainable = checks.unattainable(
                self.document,
                self.certification,
                self.criteria,
                sampling=self.sampling if fits else None,
                domain=self.domain,
                source=source,
            )
        if self.certification is not None:
            checks.check_reduction(self.certification, self.criteria, self.criteria_documents)
        checks.check_average_case(self.criteria, self.criteria_documents, given="average_case" in self.document.data)
        if self.certification is not None:
            budgets.check_pilot(self.document, self.certification)
            budgets.check_cache(self.document, self.certification, self.sampling)
            given = self.baseline is not None or "baseline" in self.document.data
            asked = any(criterion.metric == REGRESSION for file in self.criteria for criterion in file.criteria)
            noise_levels.check_policy(
                self.document, self.certification, sampling=self.sampling, model=self.model, baseline=given or asked
            )
        if self.certification is not None and criteria_complete:
            budgets.check_asked(self.document, self.certification, self.criteria)
        check_ranked(
            self.document,
            self.sampling,
            self.certification,
            source=source,
            estimated="average_case" in self.document.data,
            baseline=not self.alone
            and (
                self.baseline is not None
                or "baseline" in self.document.data
                or any(criterion.metric == REGRESSION for file in self.criteria for criterion in file.criteria)
            ),
        )
        if not self.alone:
            checks.check_baseline(
                self.document,
                self.criteria,
                self.criteria_documents,
                sampling=self.sampling,
                plan=self.certification,
                given=self.baseline is not None or "baseline" in self.document.data,
            )
        if criteria_complete:
            checks.check_blocking(self.document, self.criteria)

    def spec(self, file: models.SpecFile) -> Spec:
        """The record, where no section has a problem."""
        assert self.domain is not None
        assert self.sampling is not None
        assert self.inputs is not None
        assert self.model is not None
        assert self.certification is not None
        assert self.execution is not None
        return Spec(
            path=Path(os.path.abspath(self.document.path)),  # noqa: PTH100 - never raises
            text=self.document.text,
            sha256=self.document.sha256,
            id=file.id,
            title=file.title,
            taxonomy=self.taxonomy,
            domain=self.domain,
            realisations=tuple(self.attributes.realisations.values()),
            unrealisable=tuple(self.attributes.unrealisable.values()),
            sampling=self.sampling,
            inputs=self.inputs,
            model=self.model,
            certification=self.certification,
            criteria=self.criteria,
            average_case=self.average_case,
            execution=self.execution,
            responsible=tuple(file.responsible.items()),
            unattainable=file.unattainable,
            baseline=self.baseline,
            documents=(
                SourceFile(kind="spec", name=self.document.path.name, sha256=self.document.sha256, content=self.document.raw),
                *self.document.others,
            ),
        )
