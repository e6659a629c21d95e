"""Points of a finished run, realised and drawn again: are the counts in its evidence what this model answers to these inputs?

What `odd_assess.audit` cannot see without the model and the data is seen here, at points that are chosen at random after the run is over. Nobody can prepare
for them: if a share s of a run's points had been forged, K points would all miss them with probability (1 - s)^K at most.

Estimates of average-case robustness are made again at these points, and must be the run's but for rounding (`SAME_ESTIMATE`).

The run's own plan, points and setting are used (the kernels of another batch size may round otherwise); the caller's spec declares model and inputs alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from odd_assess.assessment.certifying import (
    calibration_work,
    comparison_work,
    draws_of,
    pilot_work,
    plan_of,
    point_work,
    recertifying_plan,
    reference_plan,
)
from odd_assess.audit import Disagreement, FinishedRun, Ledger, finished_run
from odd_assess.certify import Setting
from odd_assess.errors import RunFolderError
from odd_assess.evidence import (
    BASELINE,
    MAIN,
    PILOT,
    REFERENCE,
    Answers,
    KeptPoints,
    Row,
    calibration_stages,
    candidate_estimates,
    chosen_places,
    noted_levels,
    point_estimates,
)
from odd_assess.execution import Bench, Here, Work, estimate_points, of_true_class, set_up
from odd_assess.odd.points import CANDIDATES
from odd_assess.policies import PerCell
from odd_assess.progress import Progress, Quiet
from odd_assess.records import Certificate, Counts, OddPoints, PointEstimates, Spec

SAME_LEVEL = 1e-3
"""The share by which a level that gradients found may differ on another processor; the draws at such levels differ by rounding."""


SAME_ESTIMATE = 1e-3
"""What an estimate may differ by, beyond the errors of its normal probabilities: inputs in another company in a batch round otherwise. Of mc: one copy.

How large those errors may be is what is found now; a run that says of itself that its estimates err by much is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What was drawn again, at the ``points`` that ``seed`` chose. ``rounding`` tells of counts that differ by no more than the run's own ties."""

    seed: int
    points: tuple[int, ...]
    certificates: int
    draws: int
    rounding: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    count: int
    estimates: int = 0

    @property
    def agrees(self) -> bool:
        """Whether inputs, labels, counts and estimates are those of the evidence."""
        return self.count == 0

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {"agrees": self.agrees, **asdict(self)}


def replay(
    folder: Path,
    spec: Spec,
    *,
    points: int,
    seed: int,
    device: str | None = None,
    trust_pickle: bool = False,
    progress: Progress | None = None,
) -> Replay:
    """Draw ``points`` random points of the finished run in ``folder`` again, with the model and the inputs that ``spec`` declares, in all stages.

    Raises: RunFolderError where the folder holds no run, or where model, data, points or kind of device are not the run's; RunError where it is not
    finished, or the model gives way.
    """
    with finished_run(folder) as run:
        declared = replace(run.spec, inputs=spec.inputs, model=spec.model, path=spec.path)
        bench = set_up(declared, device=device, trust_pickle=trust_pickle)
        _check_same(run, bench)
        bench = _as_recorded(run, bench)
        if (place := chosen_places(run.store, run.spec)) is not None:
            bench = bench.choosing(run.spec, place)
        first = calibration_stages(run.spec.certification)[:1]
        indices = sorted(
            run.store.done(MAIN) | run.store.done(PILOT) | frozenset(i for stage in first for i in run.store.done(stage))
        )
        generator = np.random.Generator(np.random.Philox(key=seed))
        chosen = frozenset(np.array(indices)[generator.permutation(len(indices))[:points]].tolist())
        ledger, tell, rounding, certificates, draws = Ledger(), progress or Quiet(), list[str](), 0, 0
        for work in _works(run, declared, bench, chosen):
            stored = {row.point.index: (row, certificate) for row, certificate in run.store.rows(work.stage, only=chosen)}
            tell.say(f"{work.stage}: {len(stored)} points are drawn again")
            tell.begin(points=len(stored), draws=len(stored) * work.plan.draws, at_most=True)
            for row, certificate in Here(bench).certify(work, on_draws=lambda count: tell.advance(draws=count)):
                tell.advance(points=1, spent=draws_of(certificate))
                index = row.point.index
                kept = run.store.answers((index,)).get(index) if work.keep else None
                rounding += _compared(work.stage, *stored[index], row, certificate, kept, ledger)
                certificates, draws = certificates + 1, draws + draws_of(certificate)
        estimated = _estimated_again(run, declared, bench, chosen, ledger, tell)
        estimated += _candidates_again(run, declared, bench, chosen, ledger, tell)
        return Replay(
            seed=seed,
            points=tuple(sorted(chosen)),
            certificates=certificates,
            draws=draws,
            rounding=tuple(rounding),
            disagreements=tuple(ledger.told),
            count=ledger.count,
            estimates=estimated,
        )


def _estimated_again(run: FinishedRun, spec: Spec, bench: Bench, chosen: frozenset[int], ledger: Ledger, tell: Progress) -> int:
    """How many of the chosen points have estimates; these are made again, and what differs is noted."""
    stored = point_estimates(run.store, spec)
    if stored is None:
        return 0
    stored = stored.take(np.isin(stored.index, list(chosen)))
    if not len(stored):
        return 0
    tell.say(f"{len(stored)} points are estimated again")
    points = bench.points.take(np.isin(bench.points.indices, stored.index))
    now = PointEstimates.joined([found for _, found in estimate_points(bench, stored.plan, points, seed=spec.sampling.seed)])
    bracketed = stored.plan.method not in ("mc", "softmax")
    width = SAME_ESTIMATE + now.cdf_error
    slack = {
        "value": np.full(len(stored), 1.0 / stored.plan.samples) if stored.plan.method == "mc" else width + now.cdf_error,
        "cdf_error": width,
        **({"low": np.full(len(stored), SAME_ESTIMATE), "high": np.full(len(stored), SAME_ESTIMATE)} if bracketed else {}),
    }
    for row, index in enumerate(stored.index.tolist()):
        where = f"point {index}, estimate"
        ledger.same(where, "answer without noise", int(stored.clean[row]), int(now.clean[row]))
        ledger.same(where, "dead gradient", bool(stored.dead_gradient[row]), bool(now.dead_gradient[row]))
        for name, most in slack.items():
            old, new = float(getattr(stored, name)[row]), float(getattr(now, name)[row])
            if not abs(old - new) <= most[row] * (1 + 1e-9):
                ledger.note(where, name, old, new)
    return len(stored)


def _candidates_again(run: FinishedRun, spec: Spec, bench: Bench, chosen: frozenset[int], ledger: Ledger, tell: Progress) -> int:
    """How many candidates the chosen points were chosen among; these are estimated again, and what differs is noted."""
    ranked, plan, candidates = spec.sampling.ranked, spec.average_case, bench.candidates
    if ranked is None or plan is None or candidates is None:
        return 0
    among = candidates.take(np.isin(candidates.indices // ranked.candidates, list(chosen)))
    if not len(among):
        return 0
    tell.say(f"{len(among)} candidates are estimated again")
    parts = [
        (of_true_class(batch, found), found.cdf_error)
        for batch, found in estimate_points(bench, plan, among, seed=spec.sampling.seed + CANDIDATES)
    ]
    now, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    stored = candidate_estimates(run.store, ranked).ravel()[among.indices]
    slack = 1.0 / plan.samples if plan.method == "mc" else SAME_ESTIMATE + 2 * error
    same = (np.abs(stored - now) <= slack * (1 + 1e-9)) | (np.isnan(stored) & np.isnan(now))
    for row in np.flatnonzero(~same).tolist():
        point, place = divmod(int(among.indices[row]), ranked.candidates)
        ledger.note(f"point {point}, candidate {place}", "estimate", float(stored[row]), float(now[row]))
    return len(among)


def _check_same(run: FinishedRun, bench: Bench) -> None:
    identity: Mapping[str, Any] = run.manifest["identity"]
    now = {
        "model": bench.model.digest,
        "data": bench.source.digest,
        "points": bench.points_digest,
        "device": bench.device.type,
    }
    if different := [
        f"  {name}: the run's is {identity.get(name)}, found {here}" for name, here in now.items() if identity.get(name) != here
    ]:
        listed = "\n".join(different)
        raise RunFolderError(
            f"{run.path}: a run must be drawn again with its own model, data, points and kind of device, but these differ:\n{listed}"
        )


def _as_recorded(run: FinishedRun, bench: Bench) -> Bench:
    try:
        return bench.called(Setting(**run.manifest["engine"]["setting"]))
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{run.path}: the manifest must say how the run called the model (engine.setting), found {error!r}"
        ) from error


def _works(run: FinishedRun, spec: Spec, bench: Bench, chosen: frozenset[int]) -> Iterator[Work]:
    """What is to be drawn again: the chosen points in each stage that they are in, by the plan of that stage."""

    def in_stage(stage: str, points: OddPoints) -> OddPoints:
        return points.take(np.isin(points.indices, list(chosen & run.store.done(stage))))

    n = spec.certification.budget.n
    if spec.certification.budget.kind == "tolerance" and spec.recertification is None:
        pilot = pilot_work(spec, bench)
        assert isinstance(pilot.points, OddPoints)  # made by the domain
        yield replace(pilot, points=in_stage(PILOT, pilot.points))
        try:
            n = int(run.manifest["pilot"]["n"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{run.path}: the manifest must say which n the pilot chose, found {error!r}") from error
    for work in calibration_work(spec, bench):
        assert isinstance(work.points, OddPoints)  # made by the domain
        yield replace(work, points=in_stage(work.stage, work.points))
    per_cell = isinstance(spec.certification.policy, PerCell)
    levels = noted_levels(run.store, len(spec.domain.cells)) if per_cell else None
    modified = recertifying_plan(spec)
    base = None if modified is None else KeptPoints(run.store, BASELINE)
    yield point_work(spec, MAIN, modified or plan_of(spec, n), in_stage(MAIN, bench.points), cell_levels=levels, base=base)
    if (plan := reference_plan(spec.certification)) is not None:
        points = in_stage(REFERENCE, bench.points)
        yield point_work(spec, REFERENCE, plan, points, address="reference/", cell_levels=levels)
    for work in comparison_work(spec, bench.points, n):
        yield replace(work, points=in_stage(work.stage, bench.points))


def _compared(
    stage: str, row: Row, stored: Certificate, now: Row, drawn: Certificate, kept: Answers | None, ledger: Ledger
) -> list[str]:
    """Note what differs; told as rounding: counts that differ by no more draws than were too close to call. ``kept``: answers that the run keeps."""
    where = f"point {row.point.index}, stage {stage}"
    before = ledger.count
    ledger.same(where, "input digest", row.input_sha256, now.input_sha256)
    ledger.same(where, "true class", row.label, now.label)
    ledger.same(where, "answer without noise", row.clean, now.clean)
    ledger.same(where, "n0 and n", (stored.n0, stored.n), (drawn.n0, drawn.n))
    if abs(stored.sigma - drawn.sigma) > SAME_LEVEL * stored.sigma:
        ledger.note(where, "sigma", stored.sigma, drawn.sigma)
    moved = _moved(stored.counts, drawn.counts) + _moved(stored.selection, drawn.selection)
    if stored.levels or drawn.levels:
        pairs = list(zip(stored.levels, drawn.levels, strict=False))
        ledger.same(where, "levels", [one.sigma for one in stored.levels], [one.sigma for one in drawn.levels])
        moved = sum(_moved(old.counts, new.counts) + _moved(old.selection, new.selection) for old, new in pairs)
    if kept is not None and drawn.answers is not None and len(kept) == len(drawn.answers):
        moved = max(moved, int(np.count_nonzero(kept != drawn.answers)))
    if stored.reused is not None and drawn.reused is not None:
        moved = max(moved, abs(stored.reused.lost - drawn.reused.lost), abs(stored.reused.changed - drawn.reused.changed))
    if moved == 0 or ledger.count > before:
        return []
    if moved <= stored.ties:
        return [
            f"{where}: {moved} of {stored.n0 + stored.n} draws fell otherwise, {stored.ties} were recorded as too close to call"
        ]
    ledger.note(where, f"counts ({moved} draws fell otherwise, {stored.ties} ties)", stored.counts.by_class, drawn.counts.by_class)
    return []


def _moved(stored: Counts | None, drawn: Counts | None) -> int:
    """The fewest draws that make the difference between two tallies."""
    old, new = (dict(one.by_class) if one is not None else {} for one in (stored, drawn))
    return sum(max(0, old.get(label, 0) - new.get(label, 0)) for label in old)
