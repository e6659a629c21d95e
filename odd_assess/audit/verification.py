"""Every number of a finished run that follows from something else in its folder, derived again and compared with what is stored.

- Manifest and evidence file have the digests that the manifest names (`odd_assess.evidence.manifest`): any change of a byte shows, whatever it says.
- The documents have the digests that the manifest names, and the points those of its ``points``.
- Of a ranked design: each point is the candidate that its rank and the kept estimates choose, with the conditions that the domain gives it.
- Each point lies in its cell, and groups of cells have the points that were allocated to them; each stage has as many certificates as the spec lays down, by
  its procedure, draws, sigma and alpha.
- Class counts sum to n0 and n, the chosen class leads its selection, the bound follows from the counts, radius and outcome from the bound.
- Where a policy chooses noise levels: the level of each cell follows from the counts of its calibration; a cascade's level and radius from the counts of all
  its levels; what counts after a memory from the radii and the distances of the inputs that may contradict each other. That these are all such distances,
  and that a level fitted to its input is what the search finds, needs the inputs and the model (`odd_assess.replay`).
- What the lock says of the criteria follows from it and from the documents.
- The certificates of a baseline have the digest that the manifest names, and follow from their counts in the same way.
- The answers that are kept for modified models are among those that were counted. Of a modified model that is certified on its baseline: class, what was
  reused, the route and the bound follow from its counts, the baseline's and the kept answers.
- Every point has an estimate of average-case robustness where the spec asks for one, of a size that its method can give (`odd_assess.audit.average_case`).
- The findings follow from certificates, estimates, coverage and criteria, the verdict from the findings.
- attestation.json, where it is there, is the statement that follows from the findings, and the files that it names have its digests: a report edited by
  hand is found.

What needs the model or the data is not in here: that the counts are what the model answered, that the estimates are what their method makes of it, that labels
and inputs are those of the data. Nor is who wrote the folder: whoever makes up counts, and everything after them, and computes the digests anew, has made
another run. Keep or sign the digest of the manifest, or attestation.json, and that shows too.

**Rounding.** Where numpy, scipy and the kind of machine are those of the manifest, numbers must be equal to the last bit: the same code ran. Elsewhere special
functions may round otherwise, and numbers must agree to one part in 1e11: the radius of a bound 1e-5 below 1 magnifies the last digits of the bound some
thousand times. It is no doorway: bounds step 7e-15 to the safe side, and what is within 1e-11 of the truth changes no digit that a report prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from odd_assess.audit.attestation import check_attestation
from odd_assess.audit.average_case import check_estimates
from odd_assess.audit.certificates import (
    Agreed,
    agreed_calibration,
    agreed_main,
    agreed_pilot,
    agreed_recertified,
    agreed_reference,
    agreed_single,
    check_certificates,
)
from odd_assess.audit.ledger import Disagreement, Ledger
from odd_assess.audit.load import FinishedRun, changed_documents, finished_run, making_sense
from odd_assess.audit.ranked import check_candidates
from odd_assess.audit.recertification import reuse_account
from odd_assess.audit.rests_on import rests_on
from odd_assess.criteria import check, radius_loss, reference_draws, verdict
from odd_assess.criteria.terms import terms_of
from odd_assess.criteria.words import part_noun
from odd_assess.errors import RunFolderError
from odd_assess.evidence import (
    BASELINE,
    MAIN,
    MANIFEST,
    PILOT,
    REFERENCE,
    Columns,
    baseline_results,
    calibration_stage,
    calibration_stages,
    chosen_levels,
    environment,
    kept_baseline,
    noted_cache,
    noted_levels,
    remembered,
    results,
    single_stage,
    unfit_answers,
)
from odd_assess.odd import coverage_of
from odd_assess.policies import PerCell
from odd_assess.records import Criterion, Evidence, Finding, PointEstimates, Results

ELSEWHERE = 1e-11
"""The share by which numbers may differ where other libraries or another kind of machine computed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """What was derived again, and where it disagrees with what is stored: the first disagreements, and how many there are."""

    documents: int
    certificates: int
    findings: int
    exact: bool
    disagreements: tuple[Disagreement, ...]
    count: int
    estimates: int = 0
    lock: tuple[str, ...] = ()  # what the lock says: its headline, then what does not fit; empty without one

    @property
    def agrees(self) -> bool:
        """Whether all that is stored follows from the counts, the documents and the points."""
        return self.count == 0

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {"agrees": self.agrees, **asdict(self)}


def verify(folder: Path | str) -> VerificationReport:
    """Derive again what a finished run stores, without model, data and torch, and compare (see the module).

    Where the documents are not those of the manifest, nothing else is looked at: all rests on them.

    Raises: RunFolderError where the folder holds no run, or evidence that cannot be read; RunError where the run is not finished.
    """
    with finished_run(Path(folder)) as run:
        exact = _same_numerics(run.manifest)
        ledger = Ledger(slack=0.0 if exact else ELSEWHERE)
        for disagreement in run.broken:
            ledger.add(disagreement)
        with making_sense(run):
            changed = changed_documents(run.documents, run.manifest)
            for disagreement in changed:
                ledger.add(disagreement)
            certificates, estimates, findings = (0, 0, 0) if changed else _verify(run, ledger)
            lock = run.spec.lock if certificates else None
        return VerificationReport(
            documents=len(run.documents),
            certificates=certificates,
            findings=findings,
            estimates=estimates,
            exact=exact,
            disagreements=tuple(ledger.told),
            count=ledger.count,
            lock=() if lock is None else (lock.headline, *lock.details),
        )


def _same_numerics(manifest: Mapping[str, Any]) -> bool:
    """Whether the libraries that numbers pass through, and the kind of machine, are those of the manifest."""
    then, now = manifest.get("environment"), environment()
    if not isinstance(then, Mapping) or not isinstance(then.get("libraries"), Mapping):
        return False
    libraries = all(then["libraries"].get(name) == now["libraries"].get(name) for name in ("numpy", "scipy"))
    return libraries and all(then.get(name) == now[name] for name in ("machine", "system", "implementation"))


def _verify(run: FinishedRun, ledger: Ledger) -> tuple[int, int, int]:
    """(certificates, estimates, findings) that were looked at."""
    plan, classes = run.spec.certification, len(run.around.class_names)
    settings = run.spec.recertification
    pilot = run.manifest.get("pilot")
    tolerant = plan.budget.kind == "tolerance" and settings is None
    chosen = pilot.get("n") if isinstance(pilot, Mapping) else None
    if tolerant and (not isinstance(chosen, int) or chosen < 1):
        raise RunFolderError(f"{run.path / MANIFEST}: must say how many draws the pilot chose (pilot.n), found {chosen!r}")
    levels, beside = _check_levels(run, classes, ledger)
    own = agreed_main(plan, chosen if tolerant else None, levels) if settings is None else agreed_recertified(plan, settings)
    main = _certified(run, MAIN, own, classes, ledger)
    agreed = agreed_reference(plan, levels)
    reference = None if agreed is None else _certified(run, REFERENCE, agreed, classes, ledger)
    beside += _check_single(run, main, classes, ledger)
    main = remembered(main, run.store)[0]
    first = len(_certified(run, PILOT, agreed_pilot(plan), classes, ledger)) if tolerant else 0
    compared = _check_baseline(run, chosen if settings is None else None, classes, ledger)
    _check_kept(run, plan.budget.n if chosen is None else chosen, main, ledger)
    _check_numbers(run, main, reference, first, ledger)
    _check_points(run, ledger)
    lock = run.spec.lock
    derived = None if lock is None else {"date": lock.date, "state": lock.state}
    ledger.same("manifest", "lock", run.manifest.get("lock"), derived)
    estimated = check_estimates(run, main, ledger)
    count = _check_findings(run, main, reference if reference is not None and len(reference) else None, estimated, ledger)
    certificates = len(main) + beside + compared + (0 if reference is None else len(reference)) + first
    return certificates, 0 if estimated is None else len(estimated), count


def _certified(run: FinishedRun, stage: str, agreed: Agreed, classes: int, ledger: Ledger) -> Results:
    """The certificates of one stage, looked at part by part."""
    settings, plan = run.spec.recertification if stage == MAIN else None, run.spec.certification
    terms = None if settings is None else terms_of(settings, plan.alpha)

    def looked_at() -> Iterable[Columns]:
        for columns in run.store.columns(stage):
            try:
                base = None if settings is None else rests_on(run.store, columns, settings, plan.alpha)
                check_certificates(columns, stage, agreed, classes=classes, ledger=ledger, rests_on=base)
            except RunFolderError:
                raise
            except (ValueError, TypeError, LookupError) as error:
                raise RunFolderError(f"{run.store.path}: must be the evidence of a run, but it is damaged: {error}") from error
            yield columns

    return results(looked_at(), run.spec.domain, plan.policy, terms)


def _check_levels(run: FinishedRun, classes: int, ledger: Ledger) -> tuple[tuple[float, ...] | None, int]:
    """The level of each cell, where the policy chooses one: it follows from the counts of the calibration. And how many certificates these are."""
    plan, policy = run.spec.certification, run.spec.certification.policy
    if not isinstance(policy, PerCell):
        return None, 0
    count, found = 0, []
    for sigma in policy.grid:
        stage = calibration_stage(sigma)
        found.append(_certified(run, stage, agreed_calibration(plan, policy, sigma), classes, ledger))
        ledger.same(f"stage {stage}", "number of certificates", len(found[-1]), policy.points)
        count += len(found[-1])
    derived = chosen_levels(run.store, run.spec)
    for cell, stored, now in zip(run.spec.domain.cells, noted_levels(run.store, len(derived)), derived, strict=True):
        ledger.same(f"cell {cell.name}", "noise level", stored, now)
    own = set(found[0].index.tolist()) & run.store.done(MAIN)
    ledger.same("stages of the calibration", "points of the run among them", len(own), 0)
    return derived, count


def _check_single(run: FinishedRun, main: Results, classes: int, ledger: Ledger) -> int:
    """The certificates at single levels are of a subsample of the run's points; their number."""
    plan = run.spec.certification
    if plan.comparison is None:
        return 0
    count = 0
    for sigma in plan.comparison.sigmas:
        stage = single_stage(sigma)
        found = _certified(run, stage, agreed_single(plan, sigma), classes, ledger)
        ledger.same(f"stage {stage}", "number of certificates", len(found), min(plan.comparison.points, len(main)))
        ledger.same(f"stage {stage}", "points among those of the run", bool(np.isin(found.index, main.index).all()), True)
        count += len(found)
    return count


def _check_numbers(run: FinishedRun, main: Results, reference: Results | None, pilot: int, ledger: Ledger) -> None:
    """As many certificates as the spec lays down."""
    sampling, plan = run.spec.sampling, run.spec.certification
    if not len(main):
        raise RunFolderError(f"{run.path}: a finished run must hold certificates, found none")
    if sampling.points is not None and not sampling.until_decided:
        ledger.same("stage main", "number of certificates", len(main), sampling.points)
    if sampling.until_decided and sampling.points is not None and len(main) > sampling.points:
        ledger.note("stage main", "number of certificates", len(main), f"at most {sampling.points}")
    ledger.same("stage main", "indices of the points", bool(np.array_equal(main.index, np.arange(len(main)))), True)
    if plan.reference is not None and reference is not None:
        ledger.same("stage reference", "number of certificates", len(reference), min(plan.reference.points, len(main)))
        ledger.same("stage reference", "points among those of the run", bool(np.isin(reference.index, main.index).all()), True)
    if plan.budget.kind == "tolerance" and run.spec.recertification is None:
        ledger.same("stage pilot", "number of certificates", pilot, plan.budget.pilot_points)


def _check_baseline(run: FinishedRun, chosen: int | None, classes: int, ledger: Ledger) -> int:
    """The number of the baseline's certificates: they are what their counts say, and those that the manifest names."""
    named, kept = run.manifest["identity"].get("baseline"), kept_baseline(run.store)
    found = _certified(run, BASELINE, agreed_main(run.spec.certification, chosen), classes, ledger)
    if kept is None:
        ledger.same("manifest", "baseline", named, None)
        return len(found)
    ledger.same("manifest", "baseline", named, kept.identity)
    ledger.same("stage baseline", "digest of the certificates", kept.certificates, run.store.digest(BASELINE, kept.clean))
    return len(found)


def _check_kept(run: FinishedRun, n: int, main: Results, ledger: Ledger) -> None:
    """The answers that are kept are among those that the certificates count; where a baseline is rested on, what the manifest says of that follows."""
    cache, settings = noted_cache(run.store), run.spec.recertification
    if settings is None:
        ledger.same("cache", "kept answers a point", 0 if cache is None else cache.draws, min(run.spec.certification.cache, n))
    elif cache is None or cache.draws < settings.draws:
        ledger.note("cache", "kept answers a point", None if cache is None else cache.draws, f"at least {settings.draws}")
    said = run.manifest.get("recertified")
    account: dict[str, Any] = {}
    if settings is not None and isinstance(said, Mapping):
        named = run.manifest["identity"].get("baseline")
        account = {**reuse_account(run.spec, main), "baseline": {**named, "folder": _folder(said)}}
        for key in ("seconds", "baseline_seconds"):
            account[key] = said.get(key)
    ledger.same(MANIFEST, "recertified", said, account if settings is not None else None)
    if cache is None:
        ledger.same("kept answers", "points", run.store.number_of_answers(), 0)
        return
    for index, what, kept, must in unfit_answers(run.store, cache.draws, stage=MAIN if settings is None else BASELINE):
        ledger.note(f"point {index}" if index >= 0 else "kept answers", what, kept, must)


def _folder(said: Mapping[str, Any]) -> object:
    baseline = said.get("baseline")
    return baseline.get("folder") if isinstance(baseline, Mapping) else None


def _check_points(run: FinishedRun, ledger: Ledger) -> None:
    """Each point lies in its cell, and all together have the digest of the manifest.

    The digest is over all points that were allowed: where points stopped coming when decided, it says nothing about the first of them.
    """
    domain = run.spec.domain
    for stage in (MAIN, PILOT, *calibration_stages(run.spec.certification)[:1]):
        points = run.store.points(stage, domain)
        inside = domain.contains_codes(points.codes) if len(points) else np.zeros(0, dtype=np.bool_)
        cells = np.full(len(points), -1, dtype=np.int64)
        cells[inside] = domain.cells_of_codes(points.codes[inside])
        names = [f"point {points.indices[row]}" for row in np.flatnonzero(cells != points.cell)]
        wrong = cells != points.cell
        ledger.compare(names, "cell", points.cell[wrong], cells[wrong])
        if stage == MAIN and (groups := run.spec.sampling.groups) is not None:
            found = np.bincount(groups.place(cells[inside]), minlength=2).tolist()
            ledger.same("stage main", "points of the groups", found, list(groups.points))
        if stage == MAIN:
            check_candidates(run, points, ledger)
        if stage == MAIN and not run.spec.sampling.until_decided and run.spec.sampling.ranked is None:
            ledger.same(MANIFEST, "digest of the points", run.manifest["identity"].get("points"), points.digest)


def _check_findings(
    run: FinishedRun, main: Results, reference: Results | None, estimated: PointEstimates | None, ledger: Ledger
) -> int:
    """The findings and the verdict are those of these certificates and estimates."""
    spec = run.spec
    evidence = Evidence(
        domain=spec.domain,
        sampling=spec.sampling,
        results=main,
        coverage=coverage_of(spec.domain, main.cell, run.around.reach),
        reduction=radius_loss(main, reference, n_ref=reference_draws(spec.certification), seed=spec.sampling.seed),
        class_names=run.around.class_names,
        baseline=baseline_results(run.store, spec.domain),
        points=run.store.points(MAIN, spec.domain) if any(criterion.where for criterion in run.criteria) else None,
        average_case=estimated,
    )
    derived = check(run.criteria, evidence)
    stored = run.store.findings(run.criteria)
    for criterion, old, new in zip(run.criteria, stored, derived, strict=True):
        _compare_findings(criterion, old, new, ledger)
    ledger.same(MANIFEST, "verdict", run.manifest.get("verdict"), verdict(derived).value)
    check_attestation(run.path, spec, run.manifest, stored, ledger)
    return len(stored)


def _compare_findings(criterion: Criterion, stored: Finding, derived: Finding, ledger: Ledger) -> None:
    """Every field; sentences quote rounded numbers, so they are compared only where numbers must be equal."""
    where = f"finding {criterion.id}"
    names = ["state", "kind", "points", "observed", "lower", "upper"]
    names += [] if ledger.slack else ["message", "advice", "points_needed", "draws_needed"]
    for name in names:
        old, new = getattr(stored, name), getattr(derived, name)
        ledger.same(where, name, *(getattr(value, "value", value) for value in (old, new)))
    if len(stored.parts) != len(derived.parts):
        ledger.note(where, f"number of {part_noun(criterion)[1]}", len(stored.parts), len(derived.parts))
        return
    for old_part, new_part in zip(stored.parts, derived.parts, strict=True):
        for name in ("name", "state", "points", "observed", "lower", "upper"):
            ledger.same(
                f"{where}, {part_noun(criterion)[0]} {new_part.name}", name, getattr(old_part, name), getattr(new_part, name)
            )
