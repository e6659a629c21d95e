"""How fast the room opens, and what it brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def run(code: str, *arguments: str) -> list[str]:
    """The words that some code prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    return done.stdout.split()


def test_importing_the_room_takes_no_time() -> None:
    """Under 0.3 s, best of three; rejects heavy imports at module level."""
    code = "import time; start = time.perf_counter(); import odd_assess.spec; print(time.perf_counter() - start)"
    assert min(float(run(code)[0]) for _ in range(3)) < 0.3


def test_lint_brings_neither_torch_nor_the_heavy_parts_of_scipy(folder: Any) -> None:
    """Nor pandas and matplotlib: lint must answer at once."""
    code = "import sys; from odd_assess.spec import lint; assert lint(sys.argv[1]) == (); print(*sys.modules)"
    modules = set(run(code, str(folder.spec)))
    assert "pydantic" in modules
    assert not modules & {"torch", "torchvision", "pandas", "matplotlib", "scipy.stats", "sklearn"}
