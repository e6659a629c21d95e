"""The house stands as drawn: imports point down, and what needs no torch loads none."""

import subprocess
import sys
from pathlib import Path

import pytest


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_imports_point_down(repository: Path) -> None:
    """The layers and the bans on torch, YAML, Jinja and click hold (import-linter's contracts in pyproject.toml)."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=repository,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


LIGHT = [
    "odd_assess",
    "odd_assess.cli",
    "odd_assess.spec",
    "odd_assess.criteria",
    "odd_assess.evidence",
    "odd_assess.audit",
    "odd_assess.odd",
    "odd_assess.stats",
]


@pytest.mark.parametrize("module", LIGHT)
def test_no_torch_where_none_is_needed(module: str) -> None:
    """Declaring, checking and verifying work on a machine without torch, and start fast: no pandas, matplotlib or scipy.stats either."""
    loaded = run_python(
        f"import {module}, sys; print(*sorted({{'torch', 'pandas', 'matplotlib', 'scipy.stats', 'sklearn'}} & set(sys.modules)))"
    )
    assert loaded.split() == []


@pytest.mark.parametrize("command", [["--help"], ["lint", "sample_reports/digits/spec.yaml"]])
def test_the_command_line_answers_without_torch(repository: Path, command: list[str]) -> None:
    """``--help`` and ``lint`` import no torch."""
    code = f"""
import sys
from odd_assess.cli import main
try:
    main({command!r})
except SystemExit as done:
    assert not done.code
print('torch' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"
