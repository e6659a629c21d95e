"""The whole assessment as one readable function: spec -> points -> inputs -> certificates (and estimates) -> findings -> verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from odd_assess.assessment.baseline import compared_with
from odd_assess.assessment.certifying import Certifier, recertifying_plan
from odd_assess.assessment.choosing import choice_of, choose_points
from odd_assess.assessment.estimating import estimate_certified, why_not_estimated
from odd_assess.assessment.exhibits import exhibit
from odd_assess.assessment.gate import certify_points, gather
from odd_assess.assessment.preflight import fly_before
from odd_assess.assessment.spending import estimating_of, recertified_of, seconds_of
from odd_assess.certify import Setting
from odd_assess.criteria import check, radius_loss, reference_draws, verdict
from odd_assess.errors import RunFolderError
from odd_assess.evidence import (
    MANIFEST,
    EvidenceStore,
    RunFolder,
    Surroundings,
    baseline_results,
    point_estimates,
    read_manifest,
    recertified,
    sha256,
    write_manifest,
)
from odd_assess.execution import Bench, Workers, describe, identity_of, set_up, tuned, workers_for
from odd_assess.odd import coverage_of, reach_of
from odd_assess.progress import Progress, Quiet
from odd_assess.records import Assessment, Evidence, Execution, Spec


def assess(
    spec: Spec,
    out: Path | str,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    device: str | None = None,
    trust_pickle: bool = False,
    execution: Execution | None = None,
) -> Assessment:
    """Assess the model that ``spec`` declares over its domain; write evidence and manifest into the folder ``out``.

    Every certificate is committed as it is found: after a kill, ``resume=True`` goes on and ends in the same evidence. Reports are written from the
    assessment that is returned (odd_assess.report). ``execution`` says who does the work in place of the spec's own section; no result depends on it.

    Raises: SpecError, DomainError, DataError, ModelError, RunFolderError, MissingLibraryError before draws are spent; RunError when the run breaks after that.
    """
    with RunFolder.claim(Path(out), resume=resume) as folder:
        return _assess(
            spec,
            folder,
            resume=resume,
            tell=progress or Quiet(),
            device=device,
            trust_pickle=trust_pickle,
            execution=execution or spec.execution,
        )


def _assess(
    spec: Spec, folder: RunFolder, *, resume: bool, tell: Progress, device: str | None, trust_pickle: bool, execution: Execution
) -> Assessment:
    recertifying_plan(spec)  # settings that no plan can have are found before anything is opened
    bench = set_up(spec, device=device, trust_pickle=trust_pickle)
    identity = identity_of(spec, bench)
    compared = compared_with(spec, bench, identity)
    if compared is not None:
        identity["baseline"] = compared.baseline.identity
    before: Mapping[str, Any] = folder.check_same_run(identity) if resume else {"status": "none"}
    preflight = fly_before(spec, bench, tell)
    without = why_not_estimated(spec, bench, tell)
    bench, looks = _setting(spec, bench, folder, before, tell)
    manifest: dict[str, Any] = {
        "identity": identity,
        **describe(spec, bench),
        **({"lock": {"date": spec.lock.date, "state": spec.lock.state}} if spec.lock is not None else {}),
        "tuning": looks,
        "preflight": preflight,
        "started": _now(),
        "status": "running",
    }
    if resume:
        manifest["started"] = before["started"]
        if before["status"] != "complete":
            manifest["resumed"] = _now()
    reach = reach_of(spec.domain, frames=bench.source.frames, frames_weighting=spec.inputs.weights)
    around = Surroundings(class_names=bench.source.class_names, reach=reach)
    with workers_for(spec, bench, execution=execution, trust_pickle=trust_pickle, tell=tell) as workers:
        manifest |= _executed(workers, before)
        write_manifest(folder.path, manifest)
        meta = {"spec": spec.sha256, "id": spec.id, **around.as_meta(), **({} if compared is None else compared.as_meta())}
        with (
            folder.open_evidence(meta=meta, documents=spec.documents) as store,
            nullcontext() if compared is None else compared.points() as base,
        ):
            if compared is not None:
                compared.copy_into(store)
            bench, choice = choose_points(spec, bench, store, tell)
            certifier = Certifier(spec, bench, workers, store, tell, base=base)
            pilot = certifier.pilot()
            certifier.calibrate()
            draws = spec.certification.budget.n if pilot is None else pilot.n
            certifier.keep_for_modified_models(draws)
            points = certify_points(certifier, draws, reach)
            elsewhere = execution.engine != "local"
            estimating = estimate_certified(spec, bench, store, points, tell, without=without, elsewhere=elsewhere)
        manifest |= _executed(workers, before) | seconds_of(certifier, before)
        manifest |= choice_of(choice, before)
        manifest |= estimating_of(spec, len(points), estimating, without, before)
    with EvidenceStore.open(folder.evidence, writable=True) as store:
        if compared is not None:
            compared.check_inputs(store)
        found, reference, noise = gather(spec, store, points)
        before_it = baseline_results(store, spec.domain)
        estimated = point_estimates(store, spec, below=len(points))
        covered = coverage_of(spec.domain, found.cell, reach)
        lost = radius_loss(found, reference, n_ref=reference_draws(spec.certification), seed=spec.sampling.seed)
        evidence = Evidence(
            domain=spec.domain,
            sampling=spec.sampling,
            results=found,
            coverage=covered,
            reduction=lost,
            class_names=around.class_names,
            baseline=before_it,
            points=points,
            average_case=estimated,
        )
        findings = check([criterion for group in spec.criteria for criterion in group.criteria], evidence)
        exhibits = exhibit(spec, bench, found)
        if compared is not None and spec.recertification is not None:
            manifest["recertified"] = recertified_of(spec, compared, found, manifest)
        again = recertified(store, spec, manifest)
        store.finish(findings, exhibits)

    finished = before["finished"] if before["status"] == "complete" else _now()
    decided = verdict(findings)
    manifest |= {
        "pilot": None if pilot is None else asdict(pilot),
        "finished": finished,
        "status": "complete",
        "verdict": decided.value,
        "evidence_sha256": sha256(folder.evidence),
    }
    write_manifest(folder.path, manifest)
    return Assessment(
        spec=spec,
        points=points,
        class_names=bench.source.class_names,
        results=found,
        reference=reference,
        coverage=covered,
        reduction=lost,
        findings=findings,
        verdict=decided,
        exhibits=exhibits,
        manifest=read_manifest(folder.path),  # as whoever writes the report again will find it
        baseline=before_it,
        noise=noise,
        recertified=again,
        average_case=estimated,
    )


def _setting(
    spec: Spec, bench: Bench, folder: RunFolder, before: Mapping[str, Any], tell: Progress
) -> tuple[Bench, Mapping[str, Any]]:
    """The bench with the setting that an interrupted run used, or that a short measurement finds; and what was measured."""
    if before["status"] != "none":
        try:
            return bench.called(Setting(**before["engine"]["setting"])), before["tuning"]
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(
                f"{folder.path / MANIFEST}: must say how the interrupted run called the model (engine.setting, tuning), found {error!r}; "
                "give another --out to begin a new run"
            ) from error
    found = tuned(bench, spec)
    if found.looks:
        tell.say(f"tuned: {found.setting}, {max(look.rate for look in found.looks):,.0f} draws/s")
    return bench.called(found.setting), {f"{look.setting}": f"{look.rate:,.0f} draws/s" for look in found.looks}


def _executed(workers: Workers, before: Mapping[str, Any]) -> dict[str, Any]:
    """Who did the work, and who did it until the run was interrupted."""
    earlier = before.get("execution")
    if before["status"] == "complete":
        return {"execution": earlier} if earlier else {}
    return {"execution": workers.account()} | ({"execution_before": earlier} if earlier else {})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
