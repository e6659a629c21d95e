"""Several finished runs on the same points and noise, side by side: what each shows, and what each later one lost and gained against the first.

Asked are the criteria of the metric ``regression``; radii that other criteria ask about are shown beside them, with bounds and without a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from odd_assess.audit.load import finished_run, load_run
from odd_assess.audit.sameness import unlike
from odd_assess.criteria import verdict
from odd_assess.criteria.checker import check
from odd_assess.criteria.inference import inference_for, point_weights
from odd_assess.criteria.metrics import COMPARED, METRICS, REGRESSION
from odd_assess.criteria.regression import Change, change
from odd_assess.errors import RunFolderError
from odd_assess.evidence import MAIN
from odd_assess.records import Assessment, Criterion, Finding, Ints, State

CONFIDENCE = 0.95
"""Used for bounds that no criterion asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What is compared: a metric, at a radius where it takes one."""

    of: str
    radius: float | None = None

    @property
    def title(self) -> str:
        """In words: "Certified accuracy at radius 0.25"."""
        return METRICS[self.of].title + ("" if self.radius is None else f" at radius {self.radius:g}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Release:
    """One run: the folder that it lies in and what it found."""

    folder: Path
    assessment: Assessment

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.resolve().name

    @property
    def model(self) -> str:
        """The digest of its model."""
        return str(self.assessment.manifest["identity"].get("model"))

    def shows(self, quantity: Quantity) -> float:
        """What certification at this budget shows over the ODD: a plain estimate."""
        spec, results = self.assessment.spec, self.assessment.results
        shown = change(quantity.of, results, results, radius=quantity.radius)
        return float(point_weights(spec.sampling, spec.domain, results) @ shown.new)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """What one run gained against the first: bounds with ``confidence`` each (None without a probability model), and findings of what was asked."""

    quantity: Quantity
    change: Change
    observed: float
    lower: float | None
    upper: float | None
    confidence: float
    findings: tuple[Finding, ...]

    @property
    def both(self) -> int:
        """Points at which both runs show it."""
        return int(((self.change.old > 0) & (self.change.new > 0)).sum())

    @property
    def lost(self) -> Ints:
        """The rows of the points where less is shown."""
        better = self.quantity.of == "abstention_rate"
        worse = self.change.new > self.change.old if better else self.change.new < self.change.old
        return np.flatnonzero(worse)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """The first run, and for each later one its differences, by quantity."""

    releases: tuple[Release, ...]
    quantities: tuple[Quantity, ...]
    differences: tuple[tuple[Difference, ...], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found about every criterion that was asked, of every later run."""
        return tuple(finding for row in self.differences for one in row for finding in one.findings)

    @property
    def recertified(self) -> tuple[Release, ...]:
        """Later runs whose model was certified on what the first keeps: the same points and noise, but fewer draws."""
        first = self.releases[0].assessment
        return tuple(one for one in self.releases[1:] if one.assessment.recertified is not None and first.recertified is None)

    @property
    def budgets(self) -> str:
        """What is to be said where budgets differ; empty where they do not."""
        if not self.recertified:
            return ""
        names = ", ".join(one.name for one in self.recertified)
        verb = "was" if len(self.recertified) == 1 else "were"
        return (
            f"Budgets differ: {names} {verb} recertified on what {self.releases[0].name} keeps, with fewer draws. What is less is what the model lost and what "
            "fewer draws leave unshown, together; see “Recertified from” in its report."
        )

    @property
    def verdict(self) -> State | None:
        """By the blocking criteria; None where none was asked."""
        return verdict(self.findings) if any(f.criterion.severity == "blocking" for f in self.findings) else None


def compare_runs(folders: Sequence[Path], criteria: Sequence[Criterion] | None = None) -> Comparison:
    """Compare the later runs with the first. ``criteria``: what is asked of each; None: what its own spec asks.

    Raises: RunFolderError where a folder holds no sound run, or runs differ in more than the model (all is named); RunError where one is not finished.
    """
    releases = tuple(Release(folder=folder, assessment=load_run(folder)) for folder in folders)
    first, *later = releases
    inputs = _inputs(first.folder)
    for other in later:
        _check_alike(first, other, inputs)
    asked = [_of_spec(one.assessment) if criteria is None else list(criteria) for one in later]
    quantities = _quantities([*asked, *(_of_spec(one.assessment) for one in releases)])
    differences = [
        tuple(_difference(first.assessment, one.assessment, quantity, wanted) for quantity in quantities)
        for one, wanted in zip(later, asked, strict=True)
    ]
    return Comparison(releases=releases, quantities=quantities, differences=tuple(differences))


def _of_spec(assessment: Assessment) -> list[Criterion]:
    return [criterion for group in assessment.spec.criteria for criterion in group.criteria]


def _inputs(folder: Path) -> dict[int, str]:
    with finished_run(folder) as run:
        return run.store.inputs(MAIN)


def _check_alike(first: Release, other: Release, inputs: dict[int, str]) -> None:
    sides = [(one.assessment.spec, one.assessment.manifest["identity"]) for one in (first, other)]
    on_the_first = _is_baseline(first, other)
    different = unlike(sides[0], sides[1], certified_on=on_the_first)
    if not on_the_first:
        different += _certified_otherwise(first, other)
    old, new = first.assessment.results, other.assessment.results
    if not different and not (np.array_equal(old.index, new.index) and np.array_equal(old.label, new.label)):
        different = ["points: the two runs hold others, or other true classes"]
    if not different and inputs != _inputs(other.folder):
        different = ["inputs: at some point the image is another one"]
    if different:
        listed = "\n".join(f"  {line}" for line in different)
        raise RunFolderError(
            f"{other.folder}: must be a run on the same points, data, noise and budget as {first.folder}, but these differ:\n{listed}"
        )


def _is_baseline(first: Release, other: Release) -> bool:
    """Whether the model of the one was recertified on what the other keeps."""
    found = other.assessment.recertified
    if found is None or first.assessment.recertified is not None:
        return False
    with finished_run(first.folder) as run:
        return found.certificates == run.store.digest(MAIN, first.assessment.results.clean)


def _certified_otherwise(first: Release, other: Release) -> list[str]:
    """Whether one was certified from scratch and the other on a baseline, or both on other baselines or in other ways."""
    ways = [
        "from scratch"
        if found is None
        else f"on what {found.run} ({found.certificates[:12]}) keeps, {found.plan.draws} draws, {found.plan.route}{', until decided' * found.plan.when_decided}"
        for found in (first.assessment.recertified, other.assessment.recertified)
    ]
    return [] if ways[0] == ways[1] else [f"certified: was {ways[0]}, is {ways[1]}"]


def _quantities(criteria: Sequence[Sequence[Criterion]]) -> tuple[Quantity, ...]:
    """What the criteria ask about, each once, what a regression asks about first."""
    every = [criterion for some in criteria for criterion in some]
    asked = [Quantity(of=one.of, radius=one.radius) for one in every if one.of is not None]
    shown = [Quantity(of=one.metric, radius=one.radius) for one in every if one.metric in COMPARED]
    return tuple(dict.fromkeys([*asked, *shown]))


def _difference(old: Assessment, new: Assessment, quantity: Quantity, asked: Sequence[Criterion]) -> Difference:
    spec, results = new.spec, new.results
    changed = change(quantity.of, old.results, results, radius=quantity.radius)
    wanted = [one for one in asked if one.metric == REGRESSION and (one.of, one.radius) == (quantity.of, quantity.radius)]
    findings = check(wanted, replace(new.evidence, baseline=old.results))
    inference = inference_for(spec.sampling, spec.domain, results, reached=new.coverage.reached)
    confidence = next((one.confidence for one in wanted if one.confidence is not None), CONFIDENCE)
    lower, upper = (None, None) if inference is None else changed.bounds(inference, beta=1.0 - confidence)
    return Difference(
        quantity=quantity,
        change=changed,
        observed=float(point_weights(spec.sampling, spec.domain, results) @ changed.difference),
        lower=lower,
        upper=upper,
        confidence=confidence,
        findings=findings,
    )
