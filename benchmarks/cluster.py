"""What a second worker gains: ``python -m benchmarks.cluster [--json FILE]`` compares two Ray workers of one core each with one of them.

Both certify the same synthetic images of 32 x 32 with torchvision's resnet18 (random weights: its answers mean nothing, its work is real), in turns, so that
a busy machine weighs on both. Efficiency is the ratio of their draws a second, over two; the goal is at least 0.85. Start-up (Ray itself, then model and
data in each worker) is stated apart. The machine must have two cores that nothing else uses.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from odd_assess import load_spec
from odd_assess.assessment.certifying import plan_of
from odd_assess.execution import Bench, Work, set_up
from odd_assess.execution.ray_cluster import RayCluster, ray
from odd_assess.progress import Quiet
from odd_assess.records import Execution, Spec

GOAL = 0.85
CLASSES = 10

SPEC = """\
odd_assess: 1
id: cluster
title: Synthetic images
odd:
  attributes:
    light: {range: "[50 .. 2000] lux", realise: {transform: low_light}}
sampling: {design: random, points: POINTS}
inputs: {npz: images.npz}
model: {architecture: "torchvision:resnet18", weights: weights.pt, arguments: {num_classes: 10}}
certification: {sigma: 0.25, alpha: 0.001, budget: {kind: reduced, n0: 100, n: 1000}}
criteria: [criteria.yaml]
"""

CRITERIA = """\
odd_assess_criteria: 1
id: cluster
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.1, require: ">= 0.1", confidence: 0.95}
"""


def declared(folder: Path, points: int) -> Spec:
    """The spec in a folder, with its data and its weights."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(100) % CLASSES)
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(num_classes=CLASSES).state_dict(), folder / "weights.pt")
    (folder / "spec.yaml").write_text(SPEC.replace("POINTS", str(points)), encoding="utf-8")
    (folder / "criteria.yaml").write_text(CRITERIA, encoding="utf-8")
    return load_spec(folder / "spec.yaml")


def rate(spec: Spec, bench: Bench, crew: RayCluster, *, points: int) -> float:
    """Draws a second of a crew on the first points."""
    work = Work(stage="main", address="", plan=plan_of(spec, spec.certification.budget.n), points=bench.points[:points])
    start = time.perf_counter()
    for _ in crew.certify(work, on_draws=lambda _: None):
        pass
    return points * work.plan.draws / (time.perf_counter() - start)


def measure(*, points: int, rounds: int) -> dict[str, Any]:
    """Rates of one and of two workers in turns, and what their start-up took."""
    start = time.perf_counter()
    # Room for both crews, of which one works at a time.
    ray.init(address="local", num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    starts = {"ray": time.perf_counter() - start}
    rates: dict[int, list[float]] = {1: [], 2: []}
    try:
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            spec = declared(Path(name), points)
            bench = set_up(spec, device="cpu", trust_pickle=False)
            crews = {}
            for workers in (1, 2):
                start = time.perf_counter()
                execution = Execution(engine="ray", workers=workers)
                crew = RayCluster(spec, bench, execution=execution, trust_pickle=False, tell=Quiet())
                crews[workers] = stack.enter_context(crew)
                assert crew.gather() == workers
                starts[f"{workers} worker{'s' if workers > 1 else ''}"] = time.perf_counter() - start
                rate(spec, bench, crew, points=2 * workers)  # the first batches allocate memory and choose kernels
            for turn in range(rounds):
                for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                    rates[workers].append(rate(spec, bench, crews[workers], points=points))
            batch_size = bench.setting.batch_size
    finally:
        ray.shutdown()
    return {
        "model": "torchvision resnet18 on 3 x 32 x 32",
        "points": points,
        "draws_a_point": 1100,
        "batch_size": batch_size,
        "draws_s": {str(workers): found for workers, found in rates.items()},
        "start_up_s": starts,
        "efficiency_by_round": [two / one / 2 for one, two in zip(rates[1], rates[2], strict=True)],
        "efficiency": statistics.median(rates[2]) / statistics.median(rates[1]) / 2,
        "goal": GOAL,
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = measure(points=asked.points, rounds=asked.rounds)
    print(f"{found['model']}, {found['points']} points x {found['draws_a_point']} draws in batches of {found['batch_size']}")
    print(f"{'round':<8}{'1 worker, draws/s':>20}{'2 workers, draws/s':>20}{'efficiency':>12}")
    for i, efficiency in enumerate(found["efficiency_by_round"]):
        print(f"{i + 1:<8}{found['draws_s']['1'][i]:>20,.0f}{found['draws_s']['2'][i]:>20,.0f}{efficiency:>12.3f}")
    print(f"{'median':<48}{found['efficiency']:>12.3f}   goal {GOAL}")
    print("start-up: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["start_up_s"].items()))
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
