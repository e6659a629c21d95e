"""How long does the report of 10,000 points take, how much memory, and how large is it?

``python -m benchmarks.report_scale [--points N] [--json FILE]``

The digits example with a small budget (n0 = 20, n = 100, no reference) is run once; then ``odd-assess report`` writes all reports, the PDF included, and, as a
process of its own again, all but the PDF. Asked for: below 20 s and 1 GiB, HTML below 5 MB.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.memory import run
from benchmarks.million import measured


def main() -> None:
    """Run, report twice and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(options.points, Path(place))
        folder = Path(place) / f"run-{options.points}"
        found = {"with PDF": measured("report", str(folder), "--pdf"), "without": measured("report", str(folder), "--no-pdf")}
        sizes = {path.name: path.stat().st_size for path in (folder / "report.html", folder / "report.pdf")}
    for name, one in found.items():
        print(
            f"{options.points:,} points, {name}: {one.seconds:.1f} s, {one.cpu_seconds:.1f} s of a CPU, peak {one.peak_mib:,.0f} MiB, exit status {one.status}"
        )
    print(", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items()))
    if options.json:
        measurements = {"points": options.points, "bytes": sizes, **{name: asdict(one) for name, one in found.items()}}
        options.json.write_text(json.dumps(measurements, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
