"""How long do ``odd-assess verify`` and ``odd-assess report`` take on a run of a million certificates, and how much memory?

``python -m benchmarks.million [--points N] [--keep DIR] [--json FILE]``

The run is synthetic: its counts are drawn from a mixture of strong, middling and lost points, everything else goes the way of a real run (sampling, bounds,
evidence store, reference subsample, findings, manifest). Then each command runs as a process of its own; its peak memory is what the system reports of it. The
writing of the evidence, one commit a certificate, is timed too. With ``--keep`` the run stays, and is not made again.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from odd_assess import load_spec
from odd_assess.criteria import check, radius_loss, reference_draws, verdict
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore, Row, Surroundings, environment, results, sha256, write_manifest
from odd_assess.examples.digits import WEIGHTS
from odd_assess.odd import coverage_of, reach_of, sample
from odd_assess.records import Abstained, Bools, Certificate, Certified, Counts, Evidence, Exhibit, Floats, Ints, OddPoints, Spec
from odd_assess.stats import certified_radius, proportion_lower_bound

CLASSES = 10
REFERENCES = 1_000
SPEC = """\
odd_assess: 1
id: million
title: A synthetic run of {points} points
odd:
  attributes:
    light: {{range: "[50 .. 2000] lux", distribution: loguniform, buckets: [50, 200, 500, 2000], realise: {{transform: low_light}}}}
    defocus: {{range: "[0 .. 1.5] px", buckets: [0, 0.5, 1, 1.5], realise: {{transform: defocus}}}}
    dirt: {{values: {{clean: 0.8, stained: 0.2}}, realise: {{transform: stain, levels: {{clean: 0, stained: 0.05}}}}}}
  exclude:
    - {{dirt: stained, light: "< 100 lux"}}
sampling: {{design: random, points: {points}, seed: 5}}
inputs: {{dataset: digits, split: test}}
model: {{architecture: "odd_assess.examples.digits:network", weights: {weights}}}
certification:
  sigma: 0.25
  alpha: 0.001
  budget: {{kind: reduced, n0: 100, n: 1000}}
  reference: {{n: 100000, points: {references}}}
criteria: [criteria.yaml]
unattainable: accept
"""
CRITERIA = """\
odd_assess_criteria: 1
id: million
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.25, require: ">= 0.60", confidence: 0.95}
  - {id: CELL, metric: certified_accuracy, radius: 0.1, scope: each_cell, require: ">= 0.50", confidence: 0.95, severity: warning}
  - {id: CLEAN, metric: clean_accuracy, require: ">= 0.70", confidence: 0.95}
  - {id: ABST, metric: abstention_rate, require: "<= 0.20", confidence: 0.95, severity: warning}
  - {id: ACR, metric: mean_certified_radius, require: ">= 0.30", confidence: 0.95, severity: warning}
  - {id: Q10, metric: radius_quantile, quantile: 0.3, require: ">= 0.1", confidence: 0.95, severity: warning}
  - {id: OPEN, metric: certified_accuracy, radius: 0.5, require: ">= 0.36", confidence: 0.95, severity: info}
  - {id: LOSS, metric: radius_reduction, require: "<= 0.40", severity: warning}
  - {id: PAIRS, metric: pairwise_coverage, require: ">= 0.95"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One command: its time by the clock and of the processor, and its peak memory."""

    command: str
    status: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def make_run(folder: Path, points: int, *, seed: int = 1) -> float:
    """A complete run of that many synthetic certificates in ``folder``; the certificates that were committed in a second."""
    folder.mkdir(parents=True, exist_ok=True)
    references = min(REFERENCES, max(1, points // 20))
    (folder / "spec.yaml").write_text(SPEC.format(points=points, weights=WEIGHTS, references=references), encoding="utf-8")
    (folder / "criteria.yaml").write_text(CRITERIA, encoding="utf-8")
    spec = load_spec(folder / "spec.yaml")
    plan, drawn = spec.certification, sample(spec.domain, design="random", points=points, seed=spec.sampling.seed)
    rng = np.random.default_rng(seed)
    label, strength = rng.integers(0, CLASSES, points), _strength(rng, drawn)
    reach = reach_of(spec.domain)
    meta = {"spec": spec.sha256, "id": spec.id, **Surroundings(class_names=tuple(map(str, range(CLASSES))), reach=reach).as_meta()}
    chosen = np.sort(rng.choice(points, references, replace=False))
    assert plan.reference is not None
    start = time.perf_counter()
    with EvidenceStore.create(folder / "evidence.sqlite", meta, spec.documents) as store:
        for row, certificate in _certificates(spec, drawn, label, strength, plan.budget.n, rng):
            store.add(MAIN, row, certificate)
        elsewhere = drawn.take(chosen)
        for row, certificate in _certificates(spec, elsewhere, label[chosen], strength[chosen], plan.reference.n, rng):
            store.add(REFERENCE, row, certificate)
        seconds = time.perf_counter() - start
        found, reference = (results(store.columns(stage), spec.domain) for stage in (MAIN, REFERENCE))
        lost = radius_loss(found, reference, n_ref=reference_draws(plan), seed=spec.sampling.seed)
        covered = coverage_of(spec.domain, found.cell, reach)
        judged = Evidence(domain=spec.domain, sampling=spec.sampling, results=found, coverage=covered, reduction=lost)
        findings = check([criterion for group in spec.criteria for criterion in group.criteria], judged)
        store.finish(findings, [Exhibit(index=i, base=_png(i), realised=_png(i), noisy=_png(i)) for i in range(min(12, points))])
    write_manifest(
        folder,
        {
            "identity": {
                "odd_assess": "0",
                "model": "0" * 64,
                "data": "0" * 64,
                "spec": spec.sha256,
                "criteria": [group.sha256 for group in spec.criteria],
                "points": drawn.digest,
                "seed": spec.sampling.seed,
            },
            "data": {"kind": "digits", "images": 360, "classes": CLASSES, "shape": [1, 8, 8]},
            "environment": environment(),
            "started": "2026-11-21T00:00:00+00:00",
            "finished": "2026-11-21T00:00:00+00:00",
            "status": "complete",
            "verdict": verdict(findings).value,
            "evidence_sha256": sha256(folder / "evidence.sqlite"),
        },
    )
    return (points + references) / seconds


def _strength(rng: np.random.Generator, points: OddPoints) -> Floats:
    """The probability (m,) with which the true class is answered: mostly next to 1, less in blur, sometimes lost."""
    logit = rng.normal(3.5, 2.0, len(points)) - 1.5 * points.codes[:, 1]
    return np.asarray(np.where(rng.random(len(points)) < 0.05, 0.05, 1 / (1 + np.exp(-logit))))


def _certificates(
    spec: Spec, points: OddPoints, label: Ints, strength: Floats, n: int, rng: np.random.Generator
) -> Iterator[tuple[Row, Certificate]]:
    """Certificates of a two-stage budget: draws that miss the true class go to the next one, and a few to the one after it."""
    plan, m = spec.certification, len(points)
    n0 = plan.budget.n0
    selected, right = rng.binomial(n0, strength), rng.binomial(n, strength)
    second = rng.binomial(n - right, 0.9)
    clean = np.where(rng.random(m) < strength, label, (label + 1) % CLASSES)
    true: Bools = (2 * selected > n0) | ((2 * selected == n0) & ((label + 1) % CLASSES > label))
    chosen = np.where(true, label, (label + 1) % CLASSES)
    lower = proportion_lower_bound(np.where(true, right, second), n, alpha=plan.alpha)
    radius = certified_radius(lower, sigma=plan.sigma)
    for i, point in enumerate(points):
        ours = [int(label[i]), int(label[i] + 1) % CLASSES, int(label[i] + 2) % CLASSES]
        common = {
            "label": int(chosen[i]),
            "p_a_lower": float(lower[i]),
            "n0": n0,
            "n": n,
            "sigma": plan.sigma,
            "alpha": plan.alpha,
            "procedure": plan.budget.kind,
            "counts": _counts(n, ours, [int(right[i]), int(second[i]), n - int(right[i]) - int(second[i])]),
            "selection": _counts(n0, ours, [int(selected[i]), n0 - int(selected[i]), 0]),
        }
        certificate = Certified(radius=float(radius[i]), **common) if radius[i] > 0 else Abstained(**common)  # type: ignore[arg-type]
        yield Row(point=point, base=i % 360, label=ours[0], clean=int(clean[i]), input_sha256=f"{point.index:064x}"), certificate


def _counts(n: int, classes: list[int], counts: list[int]) -> Counts:
    return Counts(n=n, by_class=tuple(sorted((a, c) for a, c in zip(classes, counts, strict=True) if c)))


def _png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


_WATCH = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run([sys.executable, "-m", "odd_assess", *sys.argv[1:]], stdout=subprocess.DEVNULL, check=False).returncode
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""A small parent of its own for each command: what the system calls a child's peak begins with the size of its parent."""


def measured(*arguments: str) -> Measured:
    """``odd-assess`` with these arguments, as a process of its own."""
    told = subprocess.run([sys.executable, "-c", _WATCH, *arguments], stdout=subprocess.PIPE, check=True, text=True).stdout  # noqa: S603
    status, seconds, cpu_seconds, peak = json.loads(told)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    command = " ".join(["odd-assess", arguments[0], *arguments[2:]])
    return Measured(command=command, status=status, seconds=seconds, cpu_seconds=cpu_seconds, peak_mib=peak / unit)


def table(points: int, rate: float | None, found: list[Measured], folder: Path) -> str:
    """The measurements as text."""
    lines = [f"{points:,} certificates" + ("" if rate is None else f", written at {rate:,.0f} a second, each committed on its own")]
    lines += [
        f"{one.command:<28} {one.seconds:7.1f} s {one.cpu_seconds:7.1f} s CPU {one.peak_mib:7.0f} MiB  exit {one.status}"
        for one in found
    ]
    sizes = [f"{name} {(folder / name).stat().st_size / 1e6:.1f} MB" for name in ("evidence.sqlite", "report.html", "report.pdf")
             if (folder / name).exists()]  # fmt: skip
    return "\n".join([*lines, ", ".join(sizes)])


def run(folder: Path, points: int) -> tuple[float | None, list[Measured]]:
    """(certificates written in a second, what the commands took); the run is made unless it is there."""
    rate = None if (folder / "manifest.json").exists() else make_run(folder, points)
    return rate, [measured("verify", str(folder)), measured("report", str(folder), "--no-pdf")]


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000, help="certificates of the run")
    parser.add_argument("--keep", type=Path, help="folder that keeps the run")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.keep or Path(place) / "run"
        rate, found = run(folder, options.points)
        print(table(options.points, rate, found, folder))
    if options.json:
        data = {"points": options.points, "written_per_second": rate, "commands": [asdict(one) for one in found]}
        options.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
