"""The table of metrics, and the criteria files that we ship."""

import subprocess
import sys
from pathlib import Path

import pytest

from odd_assess.criteria import METRICS
from odd_assess.criteria.claims import CLAIMS
from odd_assess.criteria.metrics import REGRESSION
from odd_assess.spec import load_criteria
from odd_assess.stats import fewest_agreeing, radius_cap


def test_the_table_is_consistent() -> None:
    """Names match keys; a confidence belongs to domain claims and to nothing else; each of them is implemented."""
    for name, info in METRICS.items():
        assert info.name == name
        assert info.low < info.high
        assert info.needs_confidence == (info.kind == "domain claim") == (name in CLAIMS or name == REGRESSION)
        assert info.scopes[0] == "odd" or info.scopes == ("each_cell",)


def test_the_table_is_cheap() -> None:
    """Lint reads the table of metrics without loading numpy, scipy or torch."""
    script = "import sys, odd_assess.criteria.metrics; sys.exit(any(name in sys.modules for name in ('numpy', 'scipy', 'torch')))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(("name", "n"), [("perception_default.yaml", 1000), ("ci_gate.yaml", 100)])
def test_shipped_criteria_are_attainable(repository: Path, name: str, n: int) -> None:
    """Each shipped file loads, has blocking criteria, and asks for radii that its budget can certify at sigma .25."""
    criteria = load_criteria(repository / "acceptance_criteria" / name).criteria
    assert any(criterion.severity == "blocking" for criterion in criteria)
    cap = radius_cap(n, alpha=1e-3, sigma=0.25)
    assert all((c.radius or 0) < cap for c in criteria)
    assert all(c.required < cap for c in criteria if c.metric == "mean_certified_radius")


def test_the_figures_in_the_shipped_comments_are_right(repository: Path) -> None:
    """What the comments say about draws and caps is computed here."""
    default = (repository / "acceptance_criteria" / "perception_default.yaml").read_text(encoding="utf-8")
    assert f"needs {fewest_agreeing(1000, alpha=1e-3, radius=0.25, sigma=0.25)} agreeing draws" in default
    quick = (repository / "acceptance_criteria" / "ci_gate.yaml").read_text(encoding="utf-8")
    assert f"needs {fewest_agreeing(100, alpha=1e-3, radius=0.125, sigma=0.25)} agreeing draws" in quick
