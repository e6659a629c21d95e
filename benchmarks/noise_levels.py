"""What does a noise level fitted to the cell or the input gain over the best single one, and what does the memory take back?

``python -m benchmarks.noise_levels [--points N] [--n N] [--data digits gtsrb cifar10] [--policies NAME ...] [--json FILE]``

The points of the ODDs in sample_reports (GTSRB and CIFAR-10: the maintainers' data, in ``shared`` beside the checkout), each certified by every policy with the
same budget. Radii and accuracies count certificates of the true class alone, after the memory where there is one. A row: mean certified radius,
certified accuracy at .1, .25 and .5, the share of the radius that the memory took back, draws of the search and seconds for one point.

Found (n = 1000; the first 60 points on digits, 40 on traffic signs, 30 of CIFAR-10; - not run), mean certified radius; the memory took back .1 % at most:

                                         digits   traffic signs   CIFAR-10
    single .12                            .222        .161          .069
    single .18                            .253        .219          .100
    single .25                            .235        .238          .141
    single .35                             -          .175          .112
    per_cell                              .254        .238          .141
    cascade .35 .18                        -          .222          .130
    cascade .5 .25 .12                    .261        .194          .094
    multi_start bisection                 .273        .294          .250
    multi_start gradient                  .263        .289           -
    data_dependent, the paper's defaults  .229         -             -
    data_dependent .12                    .272        .296          .124
    data_dependent .18                    .252        .293          .130
    data_dependent .25                    .215         -            .233
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import odd_assess
from benchmarks.radius_reduction import REAL, ROOT, SHARED, place_real
from odd_assess.certify import (
    CascadePlan,
    DataDependent,
    Draw,
    Engine,
    Lanes,
    Memory,
    MultiStart,
    Plan,
    ReducedPlan,
    Subject,
    choose_sigma,
    content_key,
    procedure,
)
from odd_assess.execution.bench import Bench, set_up
from odd_assess.records import Certificate, Certified, Floats, Ints
from odd_assess.stats import level_of_cells

LEVELS = (0.06, 0.12, 0.18, 0.25, 0.35, 0.5)
GRID = (0.12, 0.18, 0.25, 0.35, 0.5)
RADII = (0.1, 0.25, 0.5)
CALIBRATION = 100
"""Points of the domain, and draws at each of them and each level, that choose the level of each cell."""

POLICIES: dict[str, MultiStart | DataDependent] = {
    "multi_start bisection": MultiStart(),
    "multi_start gradient": MultiStart(method="gradient", starts=(0.12, 0.25, 0.5), steps=6, rate=0.15, draws=32),
    "data_dependent paper": DataDependent(),
    "data_dependent .12": DataDependent(start=0.12, step=0.02, steps=8, draws=32, bounds=(0.06, 0.6)),
    "data_dependent .18": DataDependent(start=0.18, step=0.02, steps=8, draws=32, bounds=(0.06, 0.6)),
    "data_dependent .25": DataDependent(start=0.25, step=0.02, steps=8, draws=32, bounds=(0.06, 0.6)),
}
CASCADES = {"cascade .35 .18": (0.35, 0.18), "cascade .5 .25 .12": (0.5, 0.25, 0.12)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One policy on one data set."""

    policy: str
    mean_radius: float
    accuracy: tuple[float, ...]
    lost: float
    search_draws: float
    seconds: float
    median_sigma: float

    def __str__(self) -> str:
        shares = " ".join(f"{share:.3f}" for share in self.accuracy)
        return f"{self.policy:<24} {self.mean_radius:.4f}   {shares}   {self.lost:6.1%} {self.search_draws:8.0f} {self.seconds:8.2f}   {self.median_sigma:.3f}"


class Trial:
    """The points of a spec, realised, and its model."""

    def __init__(self, spec: odd_assess.Spec, points: int, *, n: int) -> None:
        self.spec = replace(spec, sampling=replace(spec.sampling, design="random", points=points))
        self.bench: Bench = set_up(self.spec, device=None, trust_pickle=False)
        batch = self.bench.realiser.realise(list(self.bench.points))
        self.images, self.labels = batch.images, np.asarray(batch.labels.tolist())
        self.cells = np.array([point.cell for point in self.bench.points])
        self.n, self.alpha = n, spec.certification.alpha
        self.drawn = 0

    def plan(self, sigma: float) -> ReducedPlan:
        """The budget at one level."""
        return ReducedPlan(n0=100, n=self.n, sigma=sigma, alpha=self.alpha)

    def asked(self, images: Tensor, procedures: Sequence[Any]) -> list[Any]:
        """What each procedure returns for its image."""
        with closing(Lanes(self.bench.model, self.bench.noise, self.bench.setting)) as lanes:
            subjects = (
                Subject(position=i, key=content_key(images[i].numpy(), i), image=images[i], procedure=one)
                for i, one in enumerate(procedures)
            )
            engine = Engine(lanes)
            found = dict(engine.run(subjects))
            self.drawn += engine.draws
        return [found[i] for i in range(len(procedures))]

    def certified(self, plans: Sequence[Plan]) -> list[Certificate]:
        """The certificate of each point by a plan of its own."""
        return self.asked(self.images, [procedure(plan) for plan in plans])

    def levels_of_cells(self) -> Floats:
        """The level of each point by its cell, from points of their own."""
        points = list(self.bench.further_points(self.spec, CALIBRATION))
        batch = self.bench.realiser.realise(points)
        labels = batch.labels.tolist()

        def counting(sigma: float, label: int) -> Iterator[Draw]:
            counts = yield Draw(n=CALIBRATION, sigma=sigma, stage="sigma/cells")
            return int(counts[label])  # type: ignore[index]

        hits = [self.asked(batch.images, [counting(sigma, label) for label in labels]) for sigma in GRID]
        chosen = level_of_cells(
            hits, CALIBRATION, [point.cell for point in points], GRID, cells=len(self.spec.domain.cells), n=self.n, alpha=self.alpha
        )
        return np.array(GRID)[list(chosen)][self.cells]


def measured(trial: Trial, name: str, chosen: Callable[[], Sequence[Plan]], *, by_input: bool = False) -> Row:
    """Choose, certify, and let the memory take back what it must."""
    start, trial.drawn = time.perf_counter(), 0
    plans = chosen()
    searched = trial.drawn
    certificates = trial.certified(plans)
    radii = np.array([one.radius if isinstance(one, Certified) else 0.0 for one in certificates])
    answers = np.array([one.label for one in certificates])
    alone = counted(radii, answers, trial.labels)
    final = alone
    if by_input:
        found, wide = Memory().resolve(trial.images.numpy(), answers, radii)
        final = np.where(found == answers, np.minimum(alone, wide), 0.0)
    m = len(radii)
    return Row(
        policy=name,
        mean_radius=float(final.mean()),
        accuracy=tuple(float((final >= radius).mean()) for radius in RADII),
        lost=1 - float(final.sum() / alone.sum()) if alone.sum() else 0.0,
        search_draws=searched / m,
        seconds=(time.perf_counter() - start) / m,
        median_sigma=float(np.median([one.sigma for one in certificates])),
    )


def counted(radii: Floats, answers: Ints, labels: Ints) -> Floats:
    """The radius (m,) where the true class was certified, else 0."""
    return np.where(answers == labels, radii, 0.0)


def by_input(trial: Trial, policy: MultiStart | DataDependent) -> list[Plan]:
    """A plan of its own for each input."""
    asked = 0

    def counting(batch: Tensor) -> Tensor:
        nonlocal asked
        asked += len(batch)
        logits: Tensor = trial.bench.model(batch)
        return logits

    known = replace(policy, n=trial.n, alpha=trial.alpha) if isinstance(policy, MultiStart) else policy
    levels = choose_sigma(
        counting, trial.images, known, seed=trial.bench.noise.seed, device=trial.bench.device, setting=trial.bench.setting
    )
    trial.drawn += asked
    return [trial.plan(float(level)) for level in levels]


def rows(trial: Trial, wanted: Callable[[str], bool]) -> Iterator[Row]:
    """Every policy that is wanted."""
    m = len(trial.labels)

    def single(sigma: float) -> Callable[[], Sequence[Plan]]:
        return lambda: [trial.plan(sigma)] * m

    for sigma in LEVELS:
        if wanted(name := f"single {sigma:g}"):
            yield measured(trial, name, single(sigma))
    if wanted("per_cell"):
        yield measured(trial, "per_cell", lambda: [trial.plan(float(sigma)) for sigma in trial.levels_of_cells()])
    for name, sigmas in CASCADES.items():
        if wanted(name):
            plan = CascadePlan(sigmas=sigmas, n0=100, n=trial.n, alpha=trial.alpha)
            yield measured(trial, name, lambda plan=plan: [plan] * m)  # type: ignore[misc]
    for name, policy in POLICIES.items():
        if wanted(name):
            yield measured(trial, name, lambda policy=policy: by_input(trial, policy), by_input=True)  # type: ignore[misc]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--n", type=int, default=1000, help="draws of a certificate")
    parser.add_argument("--data", nargs="+", default=["digits", "gtsrb", "cifar10"], choices=["digits", "gtsrb", "cifar10"])
    parser.add_argument("--policies", nargs="+", default=[""], help="those whose names begin so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as place:
        homes = {"digits": ROOT / "sample_reports" / "digits" / "spec.yaml"}
        real = [name for name in options.data if name in REAL]
        if real and (SHARED / "data").is_dir():
            homes |= {path.parent.name: path for path in place_real(Path(place))}
        for name in options.data:
            if name not in homes:
                print(f"{name}: skipped, its data must lie in {SHARED}")
                continue
            trial = Trial(odd_assess.load_spec(homes[name]), options.points, n=options.n)
            print(f"{name}, {options.points} points, n = {options.n}, alpha = {trial.alpha:g}, {torch.get_num_threads()} threads")
            print(f"{'':<24} radius   at .1  .25   .5        lost   search  s/point   sigma")
            for row in rows(trial, lambda policy: any(policy.startswith(start) for start in options.policies)):
                print(row, flush=True)
                found.setdefault(name, []).append(asdict(row))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
