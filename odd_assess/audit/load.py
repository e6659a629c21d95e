"""From a run folder back to the assessment that it holds."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from odd_assess.audit.ledger import Disagreement, digests_shown
from odd_assess.criteria import radius_loss, reference_draws, verdict
from odd_assess.errors import OddAssessError, RunError, RunFolderError, SpecError
from odd_assess.evidence import (
    EVIDENCE,
    MAIN,
    MANIFEST,
    REFERENCE,
    EvidenceStore,
    Surroundings,
    baseline_results,
    content_digest,
    found_points,
    point_estimates,
    read_manifest,
    recertified,
    results,
    sha256,
    spelled,
)
from odd_assess.odd import coverage_of
from odd_assess.records import Assessment, Criterion, SourceFile, Spec
from odd_assess.spec import kept_spec


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """The folder of a run that is complete: its manifest and evidence; the spec and what the data told are read from these when they are asked for.

    ``broken``: digests in the manifest that are not those of the evidence file and of the manifest itself.

    Raises: RunFolderError where what is asked for is damaged.
    """

    path: Path
    manifest: Mapping[str, Any]
    broken: tuple[Disagreement, ...]
    store: EvidenceStore

    @cached_property
    def documents(self) -> tuple[SourceFile, ...]:
        """The files that the run was declared by."""
        return self.store.documents()

    @cached_property
    def spec(self) -> Spec:
        """The spec, whose data and weights need not be on this machine."""
        try:
            return kept_spec(self.documents, self.path)
        except (SpecError, ValueError) as error:
            raise RunFolderError(f"{self.store.path}: the spec that it keeps cannot be read: {error}") from error

    @cached_property
    def around(self) -> Surroundings:
        """What the data told."""
        try:
            return Surroundings.from_meta(self.store.meta(), self.spec.domain)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RunFolderError(f"{self.store.path}: what it keeps of the data cannot be read: {error!r}") from error

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion of the spec, in order."""
        return tuple(criterion for group in self.spec.criteria for criterion in group.criteria)


@contextmanager
def finished_run(folder: Path) -> Iterator[FinishedRun]:
    """The run in a folder, open for reading; no byte of it changes.

    Raises: RunFolderError unless it is a run folder with evidence that can be read; RunError where the run is not finished.
    """
    manifest = read_manifest(folder)
    altered = _altered_manifest(folder, manifest)
    if manifest["status"] != "complete":
        if altered:
            raise RunFolderError(
                f"{folder / MANIFEST}: must be as the run wrote it, found status {manifest['status']!r} and {altered[0]}"
            )
        command = "recertify BASELINE --model FILE" if "recertification_file" in manifest["identity"] else "run SPEC"
        raise RunError(
            f"{folder}: the run must be complete, found status {manifest['status']!r}: its evidence is incomplete. "
            f"Go on with: odd-assess {command} --out {folder} --resume"
        )
    broken = (*altered, *_altered_evidence(folder, manifest))
    with EvidenceStore.open(folder / EVIDENCE, finished=True) as store:
        yield FinishedRun(path=folder, manifest=manifest, broken=broken, store=store)


def _altered_manifest(folder: Path, manifest: Mapping[str, Any]) -> list[Disagreement]:
    """Where the manifest is not as it was written: its digest, and each byte of the file."""
    found = []
    if manifest.get("digest") != (digest := content_digest(manifest)):
        found.append(Disagreement(where=MANIFEST, what="digest", stored=str(manifest.get("digest")), derived=digest))
    written = hashlib.sha256(spelled(manifest)).hexdigest()
    if (file := sha256(folder / MANIFEST)) != written:
        found.append(Disagreement(where=MANIFEST, what="SHA-256 of the file", stored=file, derived=f"{written} from its content"))
    return found


def _altered_evidence(folder: Path, manifest: Mapping[str, Any]) -> list[Disagreement]:
    path, named = folder / EVIDENCE, manifest.get("evidence_sha256")
    if not path.is_file():
        raise RunFolderError(f"{folder}: a finished run must have its evidence, found no {EVIDENCE} in it")
    try:
        digest = sha256(path)
    except OSError as error:
        raise RunFolderError(f"{path}: must be readable, got: {error.strerror or error}") from error
    return (
        [] if named == digest else [Disagreement(where=MANIFEST, what=f"digest of {EVIDENCE}", stored=str(named), derived=digest)]
    )


@contextmanager
def sound_run(folder: Path) -> Iterator[FinishedRun]:
    """The run in a folder, open for reading, where folder and documents have the digests of its manifest.

    Raises: RunFolderError unless they have, naming each that differs; RunError where the run is not finished.
    """
    with finished_run(folder) as run:
        if changed := [*run.broken, *changed_documents(run.documents, run.manifest)]:
            listed = "\n".join(f"  {line}" for line in changed)
            raise RunFolderError(
                f"{run.path}: the evidence must be that of its manifest, but they disagree:\n{listed}\n"
                f"See what else differs by: odd-assess verify {run.path}"
            )
        yield run


@contextmanager
def making_sense(run: FinishedRun) -> Iterator[None]:
    """Whatever stops the reading of a folder that was changed is one error that says so; numbers that cannot stand together are one, too.

    Raises: RunFolderError.
    """
    try:
        yield
    except (OddAssessError, sqlite3.Error, ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        if isinstance(error, OddAssessError) and not run.broken:
            raise
        listed = "".join(f"\n  {line}" for line in run.broken)
        changed = f", but it was changed:{listed}\nThe rest cannot be derived again" if listed else ", but it is damaged"
        raise RunFolderError(f"{run.path}: must be as a run wrote it{changed}: {error}") from error


def load_run(folder: Path | str) -> Assessment:
    """The assessment that a finished run ended with, from its folder alone: what was found is quoted, what follows from the counts is computed again.

    Raises: RunFolderError where the folder holds no run, or evidence or documents that are not those of its manifest; RunError where the run
    is not finished.
    """
    with sound_run(Path(folder)) as run, making_sense(run):
        domain = run.spec.domain
        found, noise = found_points(run.store, run.spec)
        if not len(found):
            raise RunFolderError(f"{run.path}: a finished run must hold certificates, found none")
        reference = results(run.store.columns(REFERENCE), domain, run.spec.certification.policy)
        findings = run.store.findings(run.criteria)
        seed, n_ref = run.spec.sampling.seed, reference_draws(run.spec.certification)
        return Assessment(
            spec=run.spec,
            points=run.store.points(MAIN, domain),
            class_names=run.around.class_names,
            results=found,
            reference=reference if len(reference) else None,
            coverage=coverage_of(domain, found.cell, run.around.reach),
            reduction=radius_loss(found, reference if len(reference) else None, n_ref=n_ref, seed=seed),
            findings=findings,
            verdict=verdict(findings),
            exhibits=run.store.exhibits(),
            manifest=run.manifest,
            baseline=baseline_results(run.store, domain),
            noise=noise,
            recertified=recertified(run.store, run.spec, run.manifest),
            average_case=point_estimates(run.store, run.spec),
        )


def changed_documents(documents: Sequence[SourceFile], manifest: Mapping[str, Any]) -> list[Disagreement]:
    """Documents whose bytes are not those of their digest, and digests of the manifest that are not those of the documents."""
    found = [
        Disagreement(where=f"document {document.name}", what="digest", stored=document.sha256, derived=digest)
        for document in documents
        if (digest := hashlib.sha256(document.content).hexdigest()) != document.sha256
    ]
    identity: Mapping[str, Any] = manifest["identity"]
    of_kind = {
        kind: list(dict.fromkeys(document.sha256 for document in documents if document.kind == kind))
        for kind in ("spec", "criteria", "lock", "model", "recertification")
    }
    single = {
        kind: [identity[key]] if key in identity else []
        for kind, key in (("lock", "lock"), ("model", "model_file"), ("recertification", "recertification_file"))
    }
    for kind, named in (("spec", [identity.get("spec")]), ("criteria", identity.get("criteria")), *single.items()):
        if of_kind[kind] != named:
            stored, derived = digests_shown(named), digests_shown(of_kind[kind])
            found.append(Disagreement(where=MANIFEST, what=f"digest of {kind}", stored=stored, derived=derived))
    return found
