"""A training file in, a plan out; or every problem of it at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from odd_assess.errors import Problem, SpecError
from odd_assess.records import InputDeclaration, ModelDeclaration
from odd_assess.spec import models, training_models
from odd_assess.spec.document import Document, KeyPath, read_document
from odd_assess.spec.domain import declared_domain
from odd_assess.spec.sections import input_declaration, input_kind, model_declaration
from odd_assess.spec.training_models import plain
from odd_assess.spec.validation import validated
from odd_assess.spec.words import listed, one_of, shortened, shown
from odd_assess.training_plan import (
    AdamW,
    Augmentation,
    Conditions,
    Consistency,
    DataDependentTraining,
    Fixed,
    Gaussian,
    InstanceWiseTraining,
    Macer,
    Schedule,
    Sgd,
    SmoothAdv,
    TrainingLoss,
    TrainingNoise,
    TrainingPlan,
    Validation,
    unreached,
)

TRAINING = "odd_assess_training"
"""The key that a training file begins with."""

_LOSSES: dict[str, Callable[..., TrainingLoss]] = {"gaussian": Gaussian, "smoothadv": SmoothAdv, "macer": Macer}
_OPTIMISERS: dict[str, Callable[..., Sgd | AdamW]] = {"sgd": Sgd, "adamw": AdamW}
_NOISES: dict[str, Callable[..., TrainingNoise]] = {"data_dependent": DataDependentTraining, "instance_wise": InstanceWiseTraining}
_LOSS: TrainingLoss = Gaussian()
_OPTIMISER: Sgd | AdamW = Sgd()
"""What a file that says nothing of them means."""

Made = TypeVar("Made")


def load_training(path: Path | str) -> TrainingPlan:
    """The validated plan of a training file.

    Raises: SpecError with every problem of the file.
    """
    plan, problems = training_of(read_document(Path(path)))
    if plan is None or problems:
        raise SpecError(problems)
    return plan


def training_of(document: Document) -> tuple[TrainingPlan | None, list[Problem]]:
    """(the plan where nothing is wrong, what is wrong)."""
    if document.data is None and document.problems:
        return None, document.problems
    if isinstance(document.data, dict) and TRAINING not in document.data:
        kind = next((kind for key, kind in _OTHERS.items() if key in document.data), None)
        if kind is not None:
            document.add((), f"this is a {kind}; a training file starts with {TRAINING}: 1")
            return None, document.problems
    file = validated(document, (), training_models.TrainingFile, document.data)
    if not isinstance(document.data, dict):
        return None, document.problems
    sections = _Sections(document)
    plan = sections.plan(file) if file is not None and not document.problems else None
    return plan, document.problems


_OTHERS = {"odd_assess": "spec", "odd_assess_criteria": "criteria file"}


class _Sections:
    """Every section by itself, then what must fit between those that are valid."""

    def __init__(self, document: Document) -> None:
        self.document = document
        data: dict[Any, Any] = document.data
        self.data: dict[Any, Any] = {key: value for key, value in data.items() if value is not None}
        self.inputs = _examples(document, ("inputs",), self.data["inputs"]) if "inputs" in self.data else None
        self.conditions = self._conditions() if "odd" in self.data else None
        self.model = _untrained(document, self.data["model"]) if "model" in self.data else None
        self.noise = _noise(document, self.data["noise"]) if "noise" in self.data else None
        self.loss = self._kind("loss", training_models.LOSS_KINDS, _LOSSES.__getitem__, _LOSS)
        self.consistency = self._section("consistency", training_models.ConsistencyKeys, Consistency, None)
        self.optimiser = self._kind("optimiser", training_models.OPTIMISER_KINDS, _OPTIMISERS.__getitem__, _OPTIMISER)
        self.schedule = self._kind("schedule", training_models.SCHEDULE_KINDS, _schedule, Schedule())
        self.augmentation = self._section("augment", training_models.Augment, Augmentation, Augmentation())
        self.validation = self._validation()
        self._check()

    def plan(self, file: training_models.TrainingFile) -> TrainingPlan:
        """The record, where no section has a problem."""
        assert self.inputs is not None
        assert self.model is not None
        assert self.noise is not None
        assert self.loss is not None
        assert self.optimiser is not None
        assert self.schedule is not None
        assert self.augmentation is not None
        return TrainingPlan(
            id=file.id,
            title=file.title,
            path=Path(os.path.abspath(self.document.path)),  # noqa: PTH100 - never raises
            sha256=self.document.sha256,
            inputs=self.inputs,
            conditions=self.conditions
            and replace(self.conditions, share=1.0 if file.odd_share is None else file.odd_share, epochs=file.odd_epochs or 1),
            model=self.model,
            noise=self.noise,
            loss=self.loss,
            consistency=self.consistency,
            optimiser=self.optimiser,
            schedule=self.schedule,
            epochs=file.epochs,
            batch_size=file.batch_size,
            repeat=file.repeat,
            seed=file.seed,
            precision=file.precision,
            channels_last=file.channels_last,
            ema=file.ema,
            clip=file.clip,
            augmentation=self.augmentation,
            validation=self.validation,
        )

    def _conditions(self) -> Conditions | None:
        domain, declared, _ = declared_domain(self.document, self.data["odd"], source=input_kind(self.data.get("inputs")))
        for name, realisation in declared.realisations.items():
            if realisation.column is not None:
                message = "has one value for each frame, which training does not draw: leave the attribute out, or let a transform realise it"
                self.document.add(("odd", "attributes", name, "column"), message, at="key")
        if domain is None:
            return None
        said = {"odd": self.data["odd"], "files": [file.sha256 for file in self.document.others]}
        digest = hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()
        return Conditions(domain=domain, realisations=tuple(declared.realisations.values()), digest=digest)

    def _section(self, key: str, keys: type[models.Keys], make: Callable[..., Made], default: Made | None) -> Made | None:
        """The record of a section that may be left out."""
        if key not in self.data:
            return default
        section = validated(self.document, (key,), keys, self.data[key])
        return None if section is None else _attempt(self.document, (key,), make, plain(section))

    def _kind(
        self,
        key: str,
        kinds: Mapping[str, type[models.Keys]],
        maker: Callable[[str], Callable[..., Made]],
        default: Made,
    ) -> Made | None:
        """The record of a section whose key ``kind`` says which it is."""
        if key not in self.data:
            return default
        kind = _named(self.document, (key,), "kind", kinds, self.data[key])
        section = None if kind is None else validated(self.document, (key,), kinds[kind], self.data[key])
        return None if kind is None or section is None else _attempt(self.document, (key,), maker(kind), plain(section))

    def _validation(self) -> Validation | None:
        path: KeyPath = ("validation",)
        data = self.data.get("validation", {})
        if data == "none":
            return None
        if isinstance(data, str):
            message = f"must be none or a mapping such as {training_models.ValidationKeys.example}, found {shortened(shown(data))}"
            self.document.add(path, message)
            return None
        section = validated(self.document, path, training_models.ValidationKeys, data)
        inputs = None
        if isinstance(data, dict) and data.get("inputs") is not None:
            inputs = _examples(self.document, (*path, "inputs"), data["inputs"])
            if data.get("share") is not None:
                message = "must not stand beside inputs, which are examples of their own: delete one of them"
                self.document.add((*path, "share"), message, at="key")
        if section is None:
            return None
        keys = {
            name: value for name, value in plain(section).items() if name != "inputs" and (name != "share" or value is not None)
        }
        sigma = section.sigma or self._sigma
        keys["radii"] = keys["radii"] or (0.25 if sigma is None else sigma,)
        return _attempt(self.document, path, Validation, {**keys, "inputs": inputs})

    @property
    def _sigma(self) -> float | None:
        """The noise level of the training, or its start."""
        return None if self.noise is None else self.noise.sigma if isinstance(self.noise, Fixed) else self.noise.start

    def _check(self) -> None:
        epochs = self.data.get("epochs")
        if isinstance(epochs, int) and epochs > 0:
            for section, key, epoch in unreached(epochs, self.schedule, self.noise, self.loss):
                said = f"found {epoch:g}" if key in self.data.get(section, {}) else f"but is {epoch:g} where nothing is said"
                self.document.add((section, key), f"must be less than the {epochs} epochs, {said}")
        for key in ("odd_share", "odd_epochs"):
            if key in self.data and "odd" not in self.data:
                self.document.add((key,), "needs the section odd, which says what conditions there are", at="key")
        if self.validation is not None:
            self._check_draws(self.validation)

    def _check_draws(self, validation: Validation) -> None:
        """Whether a quick certificate can show what is asked."""
        from odd_assess.stats import anytime_draws_for_radius, anytime_radius_cap

        fewest = anytime_draws_for_radius(0.0, alpha=validation.alpha, sigma=1.0)
        sigma = validation.sigma or self._sigma
        if validation.n < fewest:
            message = f"must be at least {fewest} to certify anything at alpha = {validation.alpha:g}, found {validation.n}"
            self.document.add(("validation", "n"), message)
        elif sigma is not None:
            cap = anytime_radius_cap(validation.n, alpha=validation.alpha, sigma=sigma)
            if validation.radii[-1] > cap:
                message = (
                    f"must be at most {cap:.3g}, the largest radius that {validation.n} draws can show at sigma {sigma:g}, "
                    f"found {validation.radii[-1]:g}: take more draws (n)"
                )
                self.document.add(("validation", "radii"), message)


def _schedule(kind: str) -> Callable[..., Schedule]:
    def make(**keys: Any) -> Schedule:
        return Schedule(kind=kind, **keys)  # type: ignore[arg-type] # one of the kinds

    return make


def _examples(document: Document, path: KeyPath, data: object) -> InputDeclaration | None:
    """A source of labelled images."""
    if isinstance(data, dict) and "callable" in data:
        message = (
            "makes an image for each condition, but training needs examples that come again: write its images to a folder or npz"
        )
        document.add((*path, "callable"), message, at="key")
        return None
    return input_declaration(document, data, path)


def _untrained(document: Document, data: object) -> ModelDeclaration | None:
    """The section ``model`` of what is to be trained."""
    before = len(document.problems)
    for key in ("onnx", "exported"):
        if isinstance(data, dict) and key in data:
            message = "cannot be trained: name the architecture that it was made of"
            document.add(("model", key), message, at="key")
            return None
    for key, instead in _OF_A_TRAINED_MODEL.items():
        if isinstance(data, dict) and key in data:
            document.add(("model", key), instead, at="key")
    made = model_declaration(document, data, trained=False)
    return made if len(document.problems) == before else None


_OF_A_TRAINED_MODEL = {
    "expected_clean_accuracy": "is for a model that is trained: delete it",
    "clean_accuracy_tolerance": "is for a model that is trained: delete it",
    "compile": "is for a model that is deployed: delete it",
    "precision": "is for a model that is deployed: write precision outside of model, which says what training computes in",
}


def _noise(document: Document, data: object) -> TrainingNoise | None:
    """One noise level, or how each example finds its own."""
    path: KeyPath = ("noise",)
    if not isinstance(data, dict) or "policy" not in data:
        fixed = validated(document, path, training_models.FixedNoise, data)
        return None if fixed is None else Fixed(sigma=fixed.sigma)
    policy = _named(document, path, "policy", training_models.NOISE_POLICIES, data)
    section = None if policy is None else validated(document, path, training_models.NOISE_POLICIES[policy], data)
    return None if policy is None or section is None else _attempt(document, path, _NOISES[policy], plain(section))


def _named(document: Document, path: KeyPath, key: str, kinds: Mapping[str, type[models.Keys]], data: object) -> str | None:
    """The word that says which kind of section this is, or None (and a problem) where it is none of them."""
    if not isinstance(data, dict):
        document.add(path, f"must be a mapping such as {next(iter(kinds.values())).example}, found {shown(data)}")
        return None
    if data.get(key) is None:
        document.add((*path, key), f"is required: one of {listed(kinds)}")
        return None
    if not isinstance(data[key], str) or data[key] not in kinds:
        document.add((*path, key), one_of(data[key], kinds))
        return None
    return str(data[key])


def _attempt(document: Document, path: KeyPath, make: Callable[..., Made], keys: Mapping[str, Any]) -> Made | None:
    """The record of these keys, or None and the problem that it has with them, at the key that it names."""
    try:
        return make(**keys)
    except ValueError as error:
        key, _, rest = str(error).partition(" ")
        at = (*path, key) if key in keys else path
        document.add(at, (rest if key in keys else str(error)).replace(", got ", ", found "))
        return None
