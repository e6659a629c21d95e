"""The whole assessment as one readable function: spec -> points -> inputs -> certificates -> findings -> verdict.

``assess`` is the flow; the functions below it are its steps, in order. Nothing is decided here: the rooms decide, this page connects them.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from odd_assess.certify import (
    Engine,
    NoiseSource,
    Plan,
    ReducedPlan,
    SingleBatchPlan,
    Subject,
    answers,
    content_key,
    default_batch_size,
    pick_device,
    procedure,
    self_test,
)
from odd_assess.criteria import check, radius_loss, verdict
from odd_assess.errors import InputError, RunError
from odd_assess.evidence import (
    MAIN,
    REFERENCE,
    EvidenceStore,
    Row,
    RunFolder,
    code_digest,
    environment,
    results,
    write_manifest,
)
from odd_assess.inputs import Realiser, Renderer, Source, open_source
from odd_assess.models import Classifier, check_model, load_model
from odd_assess.odd import coverage, sample
from odd_assess.records import Assessment, Budget, Certificate, CertificationPlan, Exhibit, OddPoint, Results, Spec

CHUNK = 64
"""Points that are realised at a time: enough to batch the transforms, few enough that memory stays flat."""

SANITY_IMAGES = 500
"""Base images on which the declared clean accuracy is checked."""

EXHIBITS = 12
"""Weakest points whose pictures are kept."""


class Progress(Protocol):
    """Who is told how far the work is."""

    def say(self, message: str, /) -> None:
        """One line of what is going on."""

    def begin(self, *, points: int, draws: int) -> None:
        """The work ahead."""

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Work done."""


class Quiet:
    """Progress for nobody."""

    def say(self, message: str, /) -> None:
        """Say nothing."""

    def begin(self, *, points: int, draws: int) -> None:
        """Show nothing."""

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Show nothing."""


def assess(
    spec: Spec,
    out: Path | str,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    device: str | None = None,
    trust_pickle: bool = False,
) -> Assessment:
    """Assess the model that ``spec`` declares over its domain; write evidence and manifest into the folder ``out``.

    Every certificate is committed as it is found: after a kill, ``resume=True`` goes on and ends in the same evidence. Reports are written from the
    assessment that is returned (odd_assess.report).

    Raises: SpecError, DomainError, DataError, ModelError, RunFolderError before draws are spent; RunError when the run breaks after that.
    """
    tell = progress or Quiet()
    folder = RunFolder.claim(Path(out), resume=resume)
    bench = set_up(spec, device=device, trust_pickle=trust_pickle)
    preflight = fly_before(spec, bench, tell)
    identity = identity_of(spec, bench)
    manifest: dict[str, Any] = {
        "identity": identity,
        **describe(spec, bench),
        "preflight": preflight,
        "started": _now(),
        "status": "running",
    }

    if resume:
        manifest["started"] = folder.check_same_run(identity)["started"]
        manifest["resumed"] = _now()
    write_manifest(folder.path, manifest)
    with folder.open_evidence(meta={"spec": spec.sha256, "id": spec.id}) as store:
        certify_points(spec, bench, store, tell)
        found, reference = gather(spec, store)
        visited = coverage(spec.domain, bench.points, frames=bench.source.frames, frames_weighting=spec.inputs.weights)
        lost = radius_loss(found, reference, n_ref=reference_draws(spec.certification), seed=spec.sampling.seed)
        findings = check(
            [criterion for group in spec.criteria for criterion in group.criteria],
            domain=spec.domain,
            sampling=spec.sampling,
            results=found,
            coverage=visited,
            reduction=lost,
        )
        exhibits = exhibit(spec, bench, found)
        store.finish(findings, exhibits)

    manifest |= {"finished": _now(), "status": "complete", "verdict": verdict(findings).value}
    write_manifest(folder.path, manifest)
    return Assessment(
        spec=spec,
        points=bench.points,
        class_names=bench.source.class_names,
        results=found,
        reference=reference,
        coverage=visited,
        reduction=lost,
        findings=findings,
        verdict=verdict(findings),
        exhibits=exhibits,
        manifest=manifest,
    )


# ---------------------------------------------------------------- the bench: what a run works with


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Model, data, points and device of one run."""

    model: Classifier
    source: Source | Renderer
    realiser: Realiser
    points: tuple[OddPoint, ...]
    device: torch.device
    batch_size: int
    shape: tuple[int, ...]

    def subjects(self, points: Sequence[OddPoint], plan: Plan, stage: str, rows: dict[int, Row]) -> Iterator[Subject]:
        """The points as inputs to certify, realised a chunk at a time; ``rows`` is filled with what becomes known of each."""
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK]
            batch = self.realiser.realise(chunk)
            clean = self.predict(batch.images)
            for i, point in enumerate(chunk):
                pixels = batch.images[i].numpy()
                rows[point.index] = Row(
                    point=point,
                    base=None if batch.base_rows is None else batch.base_rows[i],
                    label=int(batch.labels[i]),
                    clean=int(clean[i]),
                    input_sha256=content_key(pixels).hex(),
                )
                yield Subject(
                    position=point.index,
                    key=content_key(pixels, point.index),
                    image=batch.images[i].to(self.device),
                    procedure=procedure(plan, stage=stage),
                )

    def predict(self, images: Tensor) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The model's answers without noise, (B,), computed in batches of the run's one size."""
        found = []
        for start in range(0, len(images), self.batch_size):
            part = images[start : start + self.batch_size]
            full = torch.zeros((self.batch_size, *part.shape[1:]))
            full[: len(part)] = part
            found.append(answers(self.model, full.to(self.device))[0][: len(part)])
        return np.concatenate(found)


def set_up(spec: Spec, *, device: str | None, trust_pickle: bool) -> Bench:
    """Open the data, draw the points and load the model."""
    where = pick_device(device)
    columns = {r.attribute: r.column for r in spec.realisations if r.column is not None}
    source = open_source(spec.inputs, columns=columns)
    realiser = Realiser(source, spec.realisations, seed=spec.sampling.seed)
    points = sample_points(spec, source)
    shape = tuple(realiser.realise(points[:1]).images.shape[1:])
    return Bench(
        model=load_model(spec.model, device=where, trust_pickle=trust_pickle),
        source=source,
        realiser=realiser,
        points=points,
        device=where,
        batch_size=spec.certification.batch_size or default_batch_size(shape, where),
        shape=shape,
    )


def sample_points(spec: Spec, source: Source | Renderer) -> tuple[OddPoint, ...]:
    """The conditions to assess, by the declared design."""
    plan = spec.sampling
    return sample(
        spec.domain,
        design=plan.design,
        points=plan.points,
        seed=plan.seed,
        allocation=plan.allocation,
        frames=source.frames,
        frames_weighting=spec.inputs.weights,
    )


def fly_before(spec: Spec, bench: Bench, tell: Progress) -> dict[str, Any]:
    """Find out before draws are spent whether model, data and noise generator are fit for the run."""
    batch = bench.realiser.realise(bench.points[:CHUNK])
    model = check_model(
        bench.model,
        batch.images,
        batch.labels,
        num_classes=len(bench.source.class_names),
        sigma=spec.certification.sigma,
        seed=spec.sampling.seed,
    )
    if model.advice:
        tell.say(model.advice)
    if bench.device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    noise = NoiseSource(bench.shape, seed=spec.sampling.seed, device=bench.device)
    return {
        "model": {
            "clean_accuracy": model.clean_accuracy,
            "noisy_accuracy": model.noisy_accuracy,
            "points": len(batch.labels),
            "advice": model.advice,
        },
        "noise_self_test": _tested(noise),
        "base_images": expected_accuracy(spec, bench),
    }


def _tested(noise: NoiseSource) -> dict[str, float]:
    try:
        return self_test(noise)
    except ValueError as error:
        raise RunError(str(error)) from error


def expected_accuracy(spec: Spec, bench: Bench) -> dict[str, Any] | None:
    """The model's accuracy on untouched base images, where the spec declares what it must be.

    Raises: RunError when it misses the declared value by more than the tolerance and chance: the preprocessing is likely wrong.
    """
    expected, tolerance = spec.model.expected_clean_accuracy, spec.model.clean_accuracy_tolerance
    if expected is None:
        return None
    images, labels = untouched(bench, seed=spec.sampling.seed)
    sight = check_model(
        bench.model, images, labels, num_classes=len(bench.source.class_names), sigma=spec.certification.sigma, seed=0
    )
    if why := sight.misses(expected=expected, tolerance=tolerance):
        raise RunError(why)
    return {"expected": expected, "tolerance": tolerance, "found": sight.clean_accuracy, "images": len(images)}


def untouched(bench: Bench, *, seed: int) -> tuple[Tensor, Tensor]:
    """Images (B, C, H, W) and labels (B,) before any transform: a random sample of the source, or what a renderer makes of the first points."""
    source = bench.source
    if isinstance(source, Renderer):
        batch = bench.realiser.realise(bench.points[:SANITY_IMAGES])
        return batch.bases, batch.labels
    rows = np.random.Generator(np.random.Philox(key=seed)).permutation(len(source))[:SANITY_IMAGES]
    return torch.stack([source.image(int(row)) for row in rows]), torch.tensor([source.label(int(row)) for row in rows])


# ---------------------------------------------------------------- certificates


def plan_of(certification: CertificationPlan) -> Plan:
    """The plan that the spec's budget asks for."""
    budget: Budget = certification.budget
    if budget.kind == "single_batch":
        return SingleBatchPlan(n=budget.n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=budget.n0, n=budget.n, sigma=certification.sigma, alpha=certification.alpha, name=budget.kind)


def reference_plan(certification: CertificationPlan) -> Plan | None:
    """The plan of the reference subsample: the same procedure at the reference budget."""
    if certification.reference is None:
        return None
    n = certification.reference.n
    if certification.budget.kind == "single_batch":
        return SingleBatchPlan(n=n, sigma=certification.sigma, alpha=certification.alpha)
    return ReducedPlan(n0=certification.budget.n0, n=n, sigma=certification.sigma, alpha=certification.alpha)


def reference_draws(certification: CertificationPlan) -> int:
    """The budget that the radius reduction is measured against: 100,000 draws unless the spec says otherwise."""
    return certification.reference.n if certification.reference is not None else 100_000


def reference_points(spec: Spec, points: Sequence[OddPoint]) -> list[OddPoint]:
    """A simple random subsample of the points, in design order, drawn by the run's seed."""
    if spec.certification.reference is None:
        return []
    generator = np.random.Generator(np.random.Philox(key=spec.sampling.seed + 2**64))
    chosen = generator.permutation(len(points))[: spec.certification.reference.points]
    return [points[i] for i in sorted(chosen)]


def certify_points(spec: Spec, bench: Bench, store: EvidenceStore, tell: Progress) -> None:
    """Certify what has no certificate yet: every point at the budget, the subsample at the reference budget.

    Raises: RunError when model, data or disk give way; what is certified stays.
    """
    plan, reference = plan_of(spec.certification), reference_plan(spec.certification)
    work: list[tuple[str, str, Plan, list[OddPoint]]] = [(MAIN, "", plan, _missing(bench.points, store.done(MAIN)))]
    if reference is not None:
        work.append((REFERENCE, "reference/", reference, _missing(reference_points(spec, bench.points), store.done(REFERENCE))))
    tell.begin(points=sum(len(left) for *_, left in work), draws=sum(len(left) * p.draws for _, _, p, left in work))
    for name, stage, what, left in work:
        rows: dict[int, Row] = {}
        engine = Engine(
            bench.model,
            seed=spec.sampling.seed,
            device=bench.device,
            batch_size=bench.batch_size,
            on_draws=lambda draws: tell.advance(draws=draws),
        )
        for index, certificate in _unbroken(engine, bench.subjects(left, what, stage, rows)):
            store.add(name, rows.pop(index), certificate)
            tell.advance(points=1)


def _missing(points: Sequence[OddPoint], done: frozenset[int]) -> list[OddPoint]:
    return [point for point in points if point.index not in done]


def _unbroken(engine: Engine, subjects: Iterator[Subject]) -> Iterator[tuple[int, Certificate]]:
    try:
        yield from engine.run(subjects)
    except (InputError, ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, OSError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(
            f"the run broke after {engine.draws} draws: {error}. What is certified is kept; mend the cause and go on with --resume"
        ) from error


def gather(spec: Spec, store: EvidenceStore) -> tuple[Results, Results | None]:
    """What the store holds, as columns."""
    reference = results(store.rows(REFERENCE), spec.domain)
    return results(store.rows(MAIN), spec.domain), reference if len(reference) else None


# ---------------------------------------------------------------- what the reader sees and the auditor checks


def weakest(found: Results) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row numbers from the weakest point up: certified as another class, then abstained, then by certified radius."""
    wrong = found.certified & (found.chosen != found.label)
    rank = np.where(wrong, 0, np.where(~found.certified, 1, 2))
    within = np.where(wrong, -found.radius, np.where(found.certified, found.radius, found.label_hits / found.n))
    return np.lexsort((found.index, within, rank))


def exhibit(spec: Spec, bench: Bench, found: Results) -> tuple[Exhibit, ...]:
    """Pictures of the weakest points: base image, realised input, the first noisy copy that bounded it."""
    chosen = [bench.points[i] for i in weakest(found)[:EXHIBITS]]
    if not chosen:
        return ()
    batch = bench.realiser.realise(chosen)
    noise = NoiseSource(bench.shape, seed=spec.sampling.seed, device=bench.device)
    shown = []
    for i, point in enumerate(chosen):
        key = content_key(batch.images[i].numpy(), point.index)
        noisy = noise.copy(batch.images[i], key, "bound", 0, sigma=spec.certification.sigma)
        shown.append(Exhibit(index=point.index, base=png(batch.bases[i]), realised=png(batch.images[i]), noisy=png(noisy)))
    return tuple(shown)


def png(image: Tensor) -> bytes:
    """A PNG of (C, H, W) values, clipped to [0, 1] for display only."""
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def identity_of(spec: Spec, bench: Bench) -> dict[str, Any]:
    """What must be the same for an interrupted run to go on."""
    from importlib.metadata import version

    return {
        "odd_assess": version("odd-assess"),
        "spec": spec.sha256,
        "criteria": {group.path.name: group.sha256 for group in spec.criteria},
        "model": bench.model.digest,
        "data": bench.source.digest,
        "seed": spec.sampling.seed,
        "batch_size": bench.batch_size,
        "device": bench.device.type,
    }


def describe(spec: Spec, bench: Bench) -> Mapping[str, Any]:
    """What the auditor wants to know besides the identity."""
    return {
        "run": {"id": spec.id, "title": spec.title, "spec": spec.path.name},
        "model": bench.model.describe(),
        "data": {
            "kind": spec.inputs.kind,
            "images": None if isinstance(bench.source, Renderer) else len(bench.source),
            "classes": len(bench.source.class_names),
            "shape": list(bench.shape),
        },
        "engine": {
            "device": torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "batch_size": bench.batch_size,
            "noise": NoiseSource(bench.shape, seed=spec.sampling.seed, device=bench.device).generator,
            "reference_plan": None
            if spec.certification.reference is None
            else {"n": spec.certification.reference.n, "points": spec.certification.reference.points},
        },
        "code_sha256": code_digest(),
        "environment": environment(),
    }


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
