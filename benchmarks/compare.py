"""Does the regression gate let an identical copy pass and stop a harmed model, at 150 points?

``python -m benchmarks.compare [--points N] [--draws N] [--digits]``

The GTSRB network (the maintainers' data, in ``shared`` beside the checkout; the embedded digits with ``--digits`` or without it) is certified at independent
points of the ODD in sample_reports. Then, on the same points and noise: an identical copy; a copy of which 30 % of the weights with the smallest magnitude are
set to zero; one of which a random 30 % are (seed 1). Each is judged by "certified accuracy may fall by .02 at most", confidence 95 %.
Pruning takes the weights of layers, all together; biases and normalisation stay.

Found on traffic signs (200 draws): identical MET (change at least -.01977); the smallest 30 % cost nothing that 150 points show (2 lost, 2 gained, between
-.032 and .032: INCONCLUSIVE); a random 30 % NOT MET (54 lost, 2 gained, at most -.264). On digits (250 draws): MET; INCONCLUSIVE (3 lost, 1 gained);
NOT MET (36 lost, 8 gained).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file

import odd_assess
from benchmarks.radius_reduction import SHARED, place_real
from odd_assess.records import Assessment
from odd_assess.spec import scaffold

SHARE, RADIUS, REQUIRED, CONFIDENCE = 0.3, 0.1, -0.02, 0.95
KINDS = ("identical", "smallest", "random")


def pruned(weights: Path, out: Path, kind: str, *, share: float = SHARE, seed: int = 1) -> Path:
    """A copy of the weights in ``out``, of which ``share`` are set to zero: those of the smallest magnitude, random ones, or (identical) none."""
    state = load_file(weights)
    generator = torch.Generator().manual_seed(seed)
    large = {name: value for name, value in state.items() if name.endswith("weight") and value.ndim >= 2}
    limit = torch.cat([value.abs().flatten() for value in large.values()]).quantile(share) if kind == "smallest" else None
    for name, value in large.items():
        if limit is not None:
            state[name] = torch.where(value.abs() <= limit, 0.0, value)
        elif kind == "random":
            state[name] = torch.where(torch.rand(value.shape, generator=generator) < share, 0.0, value)
    save_file(state, out)
    return out


def written(spec: Path, name: str, criterion: str, *, points: int, draws: int, **changes: Any) -> Path:
    """A spec beside the one of a data set, with independent points, one criterion, a small fixed budget and no reference."""
    data = yaml.safe_load(spec.read_text())
    data["sampling"] = {"design": "random", "points": points, "seed": data["sampling"]["seed"]}
    data["certification"] |= {"budget": {"kind": "reduced", "n0": min(50, draws // 3), "n": draws}, "reference": "none"}
    data["model"] |= changes.pop("model", {})
    (spec.parent / f"{name}-criteria.yaml").write_text(f"odd_assess_criteria: 1\nid: {name}\ncriteria:\n  - {{{criterion}}}\n")
    out = spec.with_name(f"{name}.yaml")
    out.write_text(yaml.safe_dump(data | {"criteria": [f"{name}-criteria.yaml"]} | changes, sort_keys=False))
    return out


def judged(spec: Path, *, points: int, draws: int, kinds: Sequence[str] = KINDS) -> dict[str, Assessment]:
    """The assessments of the copies against the model as it is, by name; everything lies in the folder of the spec."""
    folder, weights = spec.parent, odd_assess.load_spec(spec).model.weights
    assert weights is not None
    at = f'radius: {RADIUS}, confidence: {CONFIDENCE}, require: ">='
    old = written(spec, "old", f'id: CA, metric: certified_accuracy, {at} 0.1"', points=points, draws=draws)
    odd_assess.assess(odd_assess.load_spec(old), folder / "run-old")
    found = {}
    for kind in kinds:
        copy = pruned(weights, folder / f"{kind}.safetensors", kind)
        gate = f'id: KEEP, metric: regression, of: certified_accuracy, {at} {REQUIRED}"'
        new = written(
            spec,
            f"new-{kind}",
            gate,
            points=points,
            draws=draws,
            model={"weights": copy.name},
            baseline="run-old",
            unattainable="accept",
        )
        found[kind] = odd_assess.assess(odd_assess.load_spec(new), folder / f"run-{kind}")
    return found


def main() -> None:
    """Run, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--draws", type=int, default=250)
    parser.add_argument("--digits", action="store_true", help="the embedded digits in place of traffic signs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if (SHARED / "models").is_dir() and not options.digits:
            spec = place_real(folder)[0]
        else:
            spec = scaffold(folder / "digits")[0]
        start = time.monotonic()
        for kind, assessment in judged(spec, points=options.points, draws=options.draws).items():
            (finding,) = assessment.findings
            clean = float((assessment.results.clean == assessment.results.label).mean())
            print(f"{kind:<10} {finding.state.value:<12} clean accuracy {clean:.3f}; {finding.message}")
        print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
