"""The bench: model, data, points and device of one run, opened before anything is spent, and what the manifest says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify import (
    CascadePlan,
    IncrementalPlan,
    NoiseSource,
    Plan,
    Procedure,
    Setting,
    Subject,
    ask,
    choose_sigma,
    content_key,
    default_setting,
    in_halves,
    incremental,
    on_threads,
    procedure,
)
from odd_assess.errors import RunError
from odd_assess.evidence import Row, code_digest, environment, sha256
from odd_assess.execution.work import Work
from odd_assess.inputs import Batch, Realiser, Renderer, Source, ahead, open_source
from odd_assess.models import Classifier, load_model
from odd_assess.odd import candidate_points, chosen_points, sample
from odd_assess.policies import DataDependent, MultiStart
from odd_assess.records import Ints, OddPoint, OddPoints, Spec

CHUNK = 64
"""Points that are realised at a time: enough to batch the transforms, few enough that memory stays flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Model, data, points and device of one run. ``setting`` says how the model is called.

    ``candidates``: those that the points are chosen among, where the design is ranked; until they are chosen (`choosing`), points are the first of each set.
    """

    model: Classifier
    source: Source | Renderer
    realiser: Realiser
    points: OddPoints
    setting: Setting
    noise: NoiseSource
    candidates: OddPoints | None = None

    @property
    def points_digest(self) -> str:
        """The digest of the points, or of the candidates that they are chosen among: fixed by spec and data."""
        return (self.points if self.candidates is None else self.candidates).digest

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (C, H, W) of an input."""
        return self.noise.shape

    @staticmethod
    def noise_key(image: Tensor, point: OddPoint) -> bytes:
        """The key of the noise of one input (C, H, W): the point is a trial of its own, also where two points have equal images."""
        return content_key(image.numpy(), point.index)

    def subjects(self, work: Work, rows: dict[int, Row]) -> Iterator[Subject]:
        """The points as inputs to certify, realised a chunk at a time and ahead of need; ``rows`` is filled with what becomes known of each."""
        for chunk, batch in self.realised(work.points):
            clean = self.predict(batch.images)
            procedures = self._procedures(work, chunk, batch)
            for i, point in enumerate(chunk):
                image = batch.images[i]
                rows[point.index] = Row(
                    point=point,
                    base=None if batch.base_rows is None else batch.base_rows[i],
                    label=int(batch.labels[i]),
                    clean=int(clean[i]),
                    input_sha256=content_key(image.numpy()).hex(),
                )
                yield Subject(
                    position=point.index,
                    key=self.noise_key(image, point),
                    image=image,
                    procedure=procedures[i],
                )

    def _procedures(self, work: Work, chunk: Sequence[OddPoint], batch: Batch) -> list[Procedure]:
        """What certifies each point of a chunk.

        Raises: RunError where a modified model is to be certified at another input than its baseline was.
        """
        if not isinstance(work.plan, IncrementalPlan):
            return [
                procedure(plan, stage=work.address, keep=work.keep) for plan in self._plans(work, work.plan, chunk, batch.images)
            ]
        assert work.base is not None  # the caller has made sure
        found = []
        for point, image, label in zip(chunk, batch.images, batch.labels.tolist(), strict=True):
            row, certificate = work.base[point.index]
            if row.input_sha256 != content_key(image.numpy()).hex() or row.label != label:
                raise RunError(
                    f"point {point.index} must have the input and the label that it has in the baseline, but it is realised as another one: "
                    "certify on the same data, with the same libraries and kind of machine. What is certified is kept; mend that and go on with --resume"
                )
            found.append(incremental(work.plan, certificate, stage=work.address))
        return found

    def _plans(self, work: Work, plan: Plan, chunk: Sequence[OddPoint], images: Tensor) -> list[Plan]:
        """The plan of each point of a chunk, at its own noise level."""
        if isinstance(plan, CascadePlan) or (work.cell_levels is None and work.policy is None):
            return [plan] * len(chunk)
        if work.cell_levels is not None:
            return [replace(plan, sigma=work.cell_levels[point.cell]) for point in chunk]
        return [replace(plan, sigma=level) for level in self.chosen_levels(work.policy, chunk, images)]

    def chosen_levels(self, policy: MultiStart | DataDependent | None, chunk: Sequence[OddPoint], images: Tensor) -> list[float]:
        """The noise level that a policy chooses for each input (B, C, H, W): the same, whatever its company."""
        assert policy is not None  # the caller has made sure
        with on_threads(self.setting.threads):
            levels = choose_sigma(
                self.model,
                images,
                policy,
                seed=self.noise.seed,
                device=self.device,
                setting=self.setting,
                keys=[self.noise_key(image, point) for image, point in zip(images, chunk, strict=True)],
            )
        return [float(level) for level in levels]

    def realised(self, points: Sequence[OddPoint]) -> Iterator[tuple[list[OddPoint], Batch]]:
        """The points in chunks, with their inputs. A renderer is the user's own code and stays in the thread that opened it."""

        def realised(start: int) -> tuple[list[OddPoint], Batch]:
            chunk = list(points[start : start + CHUNK])  # made once, asked often
            return chunk, self.realiser.realise(chunk)

        starts = range(0, len(points), CHUNK)
        return map(realised, starts) if isinstance(self.source, Renderer) else ahead(starts, realised)

    def further_points(self, spec: Spec, count: int) -> OddPoints:
        """Random points of the domain that are none of the run's, and independent of them: those that would come next."""
        m = len(self.points)
        return sample_points(
            replace(spec, sampling=replace(spec.sampling, design="random", ranked=None, points=m + count)), self.source
        )[m:]

    def choosing(self, spec: Spec, place: Ints) -> Bench:
        """The bench whose points are the candidates at ``place`` (m,) of each set."""
        assert self.candidates is not None  # of the ranked design
        assert spec.sampling.ranked is not None
        return replace(self, points=chosen_points(self.candidates, spec.sampling.ranked, place))

    def predict(self, images: Tensor) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The model's answers without noise, (B,), computed in batches of one size, on the threads of the run's setting."""
        found = []
        size = min(self.setting.batch_size, CHUNK)  # a chunk of points fills it
        for start in range(0, len(images), size):
            part = images[start : start + size]
            full = part[:1].repeat(size, 1, 1, 1)  # padded with a real image: a model may not bear an artificial one
            full[: len(part)] = part
            batch = full.to(self.device).contiguous(memory_format=self.setting.memory_format)
            with on_threads(self.setting.threads):
                coded = in_halves(lambda copies: ask(self.model, copies), batch)
            found.append(np.concatenate([one.answers().labels for one in coded])[: len(part)])
        return np.concatenate(found)

    def called(self, setting: Setting) -> Bench:
        """The bench with another way to call the model."""
        self.model.arrange(channels_last=setting.channels_last)
        return replace(self, setting=setting)


def set_up(spec: Spec, *, device: str | None, trust_pickle: bool) -> Bench:
    """Open the data, draw the points and load the model."""
    columns = {r.attribute: r.column for r in spec.realisations if r.column is not None}
    source = open_source(spec.inputs, columns=columns)
    realiser = Realiser(source, spec.realisations, seed=spec.sampling.seed)
    ranked, candidates = spec.sampling.ranked, None
    if ranked is None:
        points = sample_points(spec, source)
    else:
        candidates = candidate_points(spec.domain, ranked, spec.sampling.seed)
        points = chosen_points(candidates, ranked, np.zeros(ranked.total, dtype=np.int64))
    shape = tuple(realiser.realise(points[:1]).images.shape[1:])
    model = load_model(spec.model, device=device, trust_pickle=trust_pickle)
    setting = default_setting(shape, model.device, batch_size=spec.certification.batch_size)
    return Bench(
        model=model,
        source=source,
        realiser=realiser,
        points=points,
        setting=setting,
        noise=NoiseSource(shape, seed=spec.sampling.seed, device=model.device),
        candidates=candidates,
    ).called(setting)


def sample_points(spec: Spec, source: Source | Renderer) -> OddPoints:
    """The conditions to assess, by the declared design, which is not ranked."""
    plan = spec.sampling
    assert plan.design != "ranked"  # its points are chosen among candidates
    return sample(
        spec.domain,
        design=plan.design,
        points=plan.points,
        seed=plan.seed,
        allocation=plan.allocation,
        groups=plan.groups,
        frames=source.frames,
        frames_weighting=spec.inputs.weights,
    )


def identity_of(spec: Spec, bench: Bench) -> dict[str, Any]:
    """What must be the same for an interrupted run to go on."""
    locks = [document.sha256 for document in spec.documents if document.kind == "lock"]
    modified = {f"{one.kind}_file": one.sha256 for one in spec.documents if one.kind in ("model", "recertification")}
    return {
        "odd_assess": version("odd-assess"),
        "spec": spec.sha256,
        "criteria": list(dict.fromkeys(digest for group in spec.criteria for digest in group.digests)),
        **({"lock": locks[0]} if locks else {}),
        **modified,
        "model": bench.model.digest,
        "data": bench.source.digest,
        "points": bench.points_digest,
        "seed": spec.sampling.seed,
        "device": bench.device.type,
    }


def _weights_file(spec: Spec) -> dict[str, Any]:
    """Name and SHA-256 of the file that holds the weights, if there is one."""
    declared = spec.model
    path = Path(declared.reference) if declared.kind in {"exported", "onnx"} else declared.weights
    return {} if path is None else {"weights_file": {"name": path.name, "sha256": sha256(path)}}


def describe(spec: Spec, bench: Bench) -> Mapping[str, Any]:
    """What the auditor wants to know besides the identity."""
    return {
        "run": {"id": spec.id, "title": spec.title, "spec": spec.path.name},
        "model": bench.model.describe() | _weights_file(spec),
        "data": {
            "kind": spec.inputs.kind,
            "images": None if isinstance(bench.source, Renderer) else len(bench.source),
            "classes": len(bench.source.class_names),
            "shape": list(bench.shape),
        },
        "engine": {
            "device": torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "setting": bench.setting.as_data(),
            "noise": bench.noise.generator,
            "reference_plan": None
            if spec.certification.reference is None
            else {"n": spec.certification.reference.n, "points": spec.certification.reference.points},
        },
        "code_sha256": code_digest(),
        "environment": environment(),
    }
