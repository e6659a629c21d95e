"""From a run folder back to the assessment that it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from odd_assess.audit.ledger import Disagreement, digests_shown
from odd_assess.criteria import radius_loss, reference_draws, verdict
from odd_assess.errors import RunError, RunFolderError, SpecError
from odd_assess.evidence import EVIDENCE, MAIN, REFERENCE, EvidenceStore, Surroundings, read_manifest, results
from odd_assess.odd import coverage_of
from odd_assess.records import Assessment, Criterion, SourceFile, Spec
from odd_assess.spec import kept_spec


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """The folder of a run that is complete: its manifest and evidence; the spec and what the data told are read from these when they are asked for.

    Raises: RunFolderError where what is asked for is damaged.
    """

    path: Path
    manifest: Mapping[str, Any]
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

    Raises: RunFolderError unless it is a run folder with sound evidence; RunError where the run is not finished.
    """
    manifest = read_manifest(folder)
    if manifest["status"] != "complete":
        raise RunError(
            f"{folder}: the run must be complete, found status {manifest['status']!r}: its evidence is incomplete. "
            f"Go on with: odd-assess run SPEC --out {folder} --resume"
        )
    with EvidenceStore.open(folder / EVIDENCE) as store:
        yield FinishedRun(path=folder, manifest=manifest, store=store)


def load_run(folder: Path | str) -> Assessment:
    """The assessment that a finished run ended with, from its folder alone: what was found is quoted, what follows from the counts is computed again.

    Raises: RunFolderError where the folder holds no run, or evidence whose documents or points are not those of its manifest; RunError where the run
    is not finished.
    """
    with finished_run(Path(folder)) as run:
        if changed := changed_documents(run.documents, run.manifest):
            raise RunFolderError(f"{run.path}: the evidence must be that of its manifest, but they disagree: {changed[0]}")
        domain, found = run.spec.domain, results(run.store.columns(MAIN), run.spec.domain)
        if not len(found):
            raise RunFolderError(f"{run.path}: a finished run must hold certificates, found none")
        reference = results(run.store.columns(REFERENCE), domain)
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
        )


def changed_documents(documents: Sequence[SourceFile], manifest: Mapping[str, Any]) -> list[Disagreement]:
    """Documents whose bytes are not those of their digest, and digests of the manifest that are not those of the documents."""
    found = [
        Disagreement(where=f"document {document.name}", what="digest", stored=document.sha256, derived=digest)
        for document in documents
        if (digest := hashlib.sha256(document.content).hexdigest()) != document.sha256
    ]
    identity: Mapping[str, Any] = manifest["identity"]
    of_kind = {kind: [document.sha256 for document in documents if document.kind == kind] for kind in ("spec", "criteria")}
    for kind, named in (("spec", [identity.get("spec")]), ("criteria", identity.get("criteria"))):
        if of_kind[kind] != named:
            stored, derived = digests_shown(named), digests_shown(of_kind[kind])
            found.append(Disagreement(where="manifest", what=f"digest of {kind}", stored=stored, derived=derived))
    return found
