"""Modified models of the shared GTSRB and CIFAR-10 networks, and what they and their baseline answer to the same addressed noise.

Answers are measured once and kept as ``.npz`` files; everything that is computed from them (`benchmarks.incremental`) is a function of label arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

import odd_assess
from odd_assess.certify import Draw, Engine, Lanes, NoiseSource, Setting, Subject, content_key
from odd_assess.certify.procedures import ClassCounts
from odd_assess.execution.bench import Bench, set_up
from odd_assess.models import Classifier, load_model
from odd_assess.records import Abstained, Counts, Ints, Spec

SIGMA, N0, BASE_N = 0.25, 100, 10_000
SETTING = Setting(batch_size=128, channels_last=True, lanes=2, threads=1)
"""The fastest of those tried on two cores."""
CHECKED, CALIBRATION = 200, 256
NOT_ASKED = 255
"""Stands for an answer that nobody needed: the models have fewer classes."""

Labels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What one model answered: (P, N0) to the copies that choose a class, (P, n) to those that bound it. ``label`` (P,) is the true class."""

    label: Ints
    select: Labels
    bound: Labels


class Subjects:
    """The points of a data set, realised, with their noise.

    ``more``: so many further points in place of them, for the same modified models: those that come after the points and what these models were made with.
    """

    def __init__(self, home: Path, points: int, *, more: int = 0) -> None:
        spec = odd_assess.load_spec(home / "spec.yaml")
        self.spec: Spec = replace(spec, sampling=replace(spec.sampling, design="random", points=points))
        self.home = home
        self.bench: Bench = set_up(self.spec, device="cpu", trust_pickle=False)
        self.of = f"{points}+{more}" if more else f"{points}"
        behind = CHECKED + CALIBRATION
        which = self.bench.further_points(self.spec, behind + more)[behind:] if more else self.bench.points
        batch = self.bench.realiser.realise(list(which))
        self.images: Tensor = batch.images
        self.labels = np.asarray(batch.labels.tolist())

    def model(self, name: str) -> Classifier:
        """The baseline ("base"), or a modified model."""
        return load_model(self.spec.model, device="cpu") if name == "base" else modified_model(self, name)

    def answers(self, model: Classifier, n: int, *, first: int = 0, only: Ints | None = None) -> tuple[Labels, Labels]:
        """The answers to the copies that choose a class (none where ``first`` is not 0) and to the n copies from ``first`` on; ``only`` of these points."""

        def asking() -> Iterator[Draw]:
            if not first:
                yield Draw(n=N0, sigma=SIGMA, stage="select", keep=N0)
            counts: ClassCounts = yield Draw(n=n, sigma=SIGMA, stage="bound", start=first, keep=n)  # type: ignore[misc]
            return Abstained(  # type: ignore[return-value]
                label=0, p_a_lower=0.0, n0=0, n=n, sigma=SIGMA, alpha=0.5, procedure="fixed", counts=Counts.from_array(counts)
            )

        which = np.arange(len(self.images)) if only is None else only
        model.arrange(channels_last=SETTING.channels_last)
        with closing(Lanes(model, self.noise, SETTING)) as lanes:
            found = dict(
                Engine(lanes).run(
                    Subject(
                        position=int(i), key=content_key(self.images[i].numpy(), int(i)), image=self.images[i], procedure=asking()
                    )  # type: ignore[arg-type]
                    for i in which
                )
            )
        labels = np.array([found[int(i)].answers for i in which], dtype=np.uint8).reshape(len(which), -1)
        return labels[:, : labels.shape[1] - n], labels[:, labels.shape[1] - n :]

    @property
    def noise(self) -> NoiseSource:
        """The noise of the run."""
        return self.bench.noise


def asked(subjects: Subjects, name: str, n: int, *, cache: Path) -> Asked:
    """What the model answered, from the cache if it is there."""
    kept = cache / f"{subjects.home.name}-{subjects.of}-{name}-{n}.npz"
    if not kept.exists():
        select, bound = subjects.answers(subjects.model(name), n)
        np.savez_compressed(kept, label=subjects.labels, select=select, bound=bound)
    return read(kept)


def asked_further(subjects: Subjects, name: str, known: Asked, which: Ints, *, cache: Path) -> Asked:
    """The same, at the points ``which`` up to the draws of the baseline; elsewhere what was not asked is ``NOT_ASKED``."""
    n = known.bound.shape[1]
    kept = further(subjects, name, known, cache=cache)
    if not kept.exists():
        bound = np.full((len(known.label), BASE_N), NOT_ASKED, dtype=np.uint8)
        bound[:, :n] = known.bound
        if len(which):
            _, bound[which, n:] = subjects.answers(subjects.model(name), BASE_N - n, first=n, only=which)
        np.savez_compressed(kept, label=known.label, select=known.select, bound=bound)
    return read(kept)


def further(subjects: Subjects, name: str, known: Asked, *, cache: Path) -> Path:
    """Where these answers are kept."""
    return cache / f"{subjects.home.name}-{subjects.of}-{name}-{known.bound.shape[1]}-further.npz"


def read(path: Path) -> Asked:
    """What was kept."""
    with np.load(path) as stored:
        return Asked(label=stored["label"].astype(np.int64), select=stored["select"], bound=stored["bound"])


RECIPES = {
    "int8": ("int8-static", None),
    "bf16": ("bf16", None),
    "fp16": ("fp16", None),
    "prune05": ("prune", 0.05),
    "prune10": ("prune", 0.10),
    "prune20": ("prune", 0.20),
}
"""The modified models: kind and amount, as `odd_assess.derive.Recipe` takes them."""


def modified_model(subjects: Subjects, name: str) -> Classifier:
    """A modified model, derived once beside the spec; calibrated on inputs that are no points of the run."""
    from odd_assess.derive import Recipe, Sample, derive_model
    from odd_assess.spec import declared_model

    out = subjects.home / f"{name}-{len(subjects.bench.points)}"
    if not (out / "model.yaml").exists():
        kind, amount = RECIPES[name]
        batch = subjects.bench.realiser.realise(list(subjects.bench.further_points(subjects.spec, CHECKED + CALIBRATION)))
        sample = Sample(
            images=batch.images[:CHECKED], labels=batch.labels[:CHECKED], calibration=batch.images[CHECKED:], sigma=SIGMA
        )
        derive_model(subjects.spec.model, Recipe(kind=kind, amount=amount), out, sample, device="cpu", home=subjects.home)
    return load_model(declared_model(out / "model.yaml"), device="cpu")
