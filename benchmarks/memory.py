"""Does the memory of a run grow with its points?

``python -m benchmarks.memory [--few N] [--many N] [--json FILE]``

The digits example (the shipped network and criteria, n0 = 20, n = 100, no reference) is run by ``odd-assess run --no-pdf`` with few and with many points, each
as a process of its own, and the peak memory of the two is compared.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import yaml

from benchmarks.million import Measured, measured
from benchmarks.radius_reduction import ROOT

DIGITS = ROOT / "sample_reports" / "digits"


def spec_of(points: int, folder: Path) -> Path:
    """The example with so many points and a small budget."""
    spec = yaml.safe_load((DIGITS / "spec.yaml").read_text(encoding="utf-8"))
    spec["sampling"]["points"] = points
    spec["certification"] |= {"budget": {"kind": "reduced", "n0": 20, "n": 100}, "reference": "none"}
    spec["model"]["weights"] = str(ROOT / "odd_assess" / "examples" / "digits.safetensors")
    spec["criteria"] = [str(DIGITS / "criteria.yaml")]
    spec["unattainable"] = "accept"
    path = folder / f"{points}.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def run(points: int, folder: Path) -> Measured:
    """One run, as a process of its own."""
    return measured("run", str(spec_of(points, folder)), "--no-pdf", "--quiet", "--out", str(folder / f"run-{points}"))


def main() -> None:
    """Run both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for points in (options.few, options.many):
            found[points] = one = run(points, Path(place))
            print(f"{points:>7,} points: peak {one.peak_mib:,.0f} MiB, {one.seconds:.0f} s, exit status {one.status}", flush=True)
    ratio = found[options.many].peak_mib / found[options.few].peak_mib
    print(f"{options.many / options.few:,.0f} times the points, {ratio:.3f} times the memory")
    if options.json:
        options.json.write_text(json.dumps({"ratio": ratio, "runs": {n: asdict(one) for n, one in found.items()}}, indent=2) + "\n")


if __name__ == "__main__":
    main()
