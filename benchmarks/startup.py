"""How soon the command line answers: ``python -m benchmarks.startup`` prints the best and the median of ten starts.

The goal is under 0.5 s for commands that need no torch.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = (["--help"], ["lint", "sample_reports/digits/spec.yaml"], ["schema"])


def main() -> None:
    """Time each command as a whole process."""
    for command in COMMANDS:
        times = []
        for _ in range(10):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "odd_assess", *command], check=True, capture_output=True)  # noqa: S603 - our own commands
            times.append(time.perf_counter() - start)
        print(f"odd-assess {' '.join(command):<40} best {min(times):.2f} s, median {statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
