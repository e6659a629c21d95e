"""``odd-assess compare``: finished runs side by side, the gate on what was lost, and what keeps runs from being compared."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from odd_assess.examples.digits import WEIGHTS
from odd_assess.stats import difference_lower_bound

from .conftest import Bench

ASK = ("--of", "certified_accuracy", "--radius", "0.1", "--require")


def pruned(path: Path, share: float) -> Path:
    """The digits' weights, a random share of them set to zero."""
    generator = torch.Generator().manual_seed(1)
    weights = {name: value * (torch.rand(value.shape, generator=generator) >= share) for name, value in load_file(WEIGHTS).items()}
    save_file(weights, path)
    return path


@pytest.fixture(scope="module")
def runs(make_bench: Callable[[], Bench]) -> Bench:
    """Runs of 150 points in ``old``, ``same`` (an identical copy) and ``pruned`` (40 % of the weights at random)."""
    bench = make_bench().change({"sampling/points": 150, "certification/reference": None})
    for name in ("old", "pruned"):
        if name == "pruned":
            bench.change({"model/weights": str(pruned(bench.folder / "pruned.safetensors", 0.4))})
        assert bench("run", bench.spec, "--out", bench.folder / name, "--no-pdf").status in {0, 1, 3}
    shutil.copytree(bench.folder / "old", bench.folder / "same")
    return bench


def test_an_identical_copy_is_met_and_a_worse_model_is_not(runs: Bench) -> None:
    """150 points: a loss of .02 is excluded for the copy; at a clean accuracy that falls by .1 it is shown; all are told, with their points."""
    old, same, worse = (runs.folder / name for name in ("old", "same", "pruned"))
    outcome = runs("compare", old, same, *ASK, ">= -0.02")
    assert outcome.status == 0, outcome
    assert "MET          CHANGE: Change of certified accuracy at radius 0.1 against the baseline: at least -0.020" in outcome.out
    assert "0 points lost, 0 gained, 150 alike" in outcome.out
    outcome = runs("compare", old, worse, "--of", "clean_accuracy", "--require", ">= -0.02")
    assert outcome.status == 1, outcome
    assert "NOT MET      CHANGE" in outcome.out
    assert runs("compare", old, worse, *ASK, ">= -0.1").status == 3
    outcome = runs("compare", old, worse)
    assert outcome.status == 0  # nothing was asked
    assert "lost in certified accuracy at radius 0.1:\n    point " in outcome.out


def test_json_holds_all_of_it(runs: Bench) -> None:
    """Counts, bounds and the lost points follow from the two evidence files."""
    outcome = runs("compare", runs.folder / "old", runs.folder / "same", runs.folder / "pruned", *ASK, ">= -0.1", "--json")
    data = json.loads(outcome.out)
    assert (data["verdict"], len(data["runs"]), len(data["differences"])) == ("INCONCLUSIVE", 3, 4)
    found = next(one for one in data["differences"] if one["new"].endswith("pruned") and one["of"] == "certified_accuracy")
    query = "SELECT idx FROM certificates JOIN points USING (idx) WHERE stage = 'main' AND certificates.label = points.label AND radius >= 0.1"
    sets = []
    for name in ("old", "pruned"):
        db = sqlite3.connect(runs.folder / name / "evidence.sqlite")
        sets.append({idx for (idx,) in db.execute(query)})
        db.close()
    old, new = sets
    assert found["lost_points"] == sorted(old - new)
    assert (found["less"], found["more"], found["both"]) == (len(old - new), len(new - old), len(old & new))
    assert found["lower"] == difference_lower_bound(len(old - new), len(new - old), 150, beta=1 - 0.95)


def test_criteria_come_from_a_file(runs: Bench, tmp_path: Path) -> None:
    """Its regression criteria decide; one that does not block does not."""
    entry = '{id: KEEP, metric: regression, of: clean_accuracy, require: ">= -0.02", confidence: 0.95'
    for severity, status in (("blocking", 1), ("warning", 0)):
        (tmp_path / "release.yaml").write_text(
            f"odd_assess_criteria: 1\nid: release\ncriteria:\n  - {entry}, severity: {severity}}}\n"
        )
        outcome = runs("compare", runs.folder / "old", runs.folder / "pruned", "--criteria", tmp_path / "release.yaml")
        assert outcome.status == status, outcome
        assert "NOT MET      KEEP" in outcome.out


def test_the_page_needs_nothing_else(runs: Bench, tmp_path: Path) -> None:
    """One file with tables, curves and lost points, the same bytes each time, nothing fetched."""
    pages = []
    for name in ("one.html", "two.html"):
        outcome = runs("compare", runs.folder / "old", runs.folder / "pruned", *ASK, ">= -0.1", "--html", tmp_path / name)
        assert outcome.status == 3
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    assert all(f'id="{name}"' in pages[0] for name in ("changes", "runs", "lost", "releases", "shift-1"))
    assert "://" not in pages[0].replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sampling/seed": 6}, "seed: was 5, is 6"),
        ({"certification/budget/n": 300}, "budget: was reduced, n0 = 20, n = 200, is reduced, n0 = 20, n = 300"),
    ],
    ids=["seed", "draws"],
)
def test_other_points_or_noise_are_refused(runs: Bench, bench: Bench, changes: dict[str, object], named: str) -> None:
    """Status 2, and what differs is named."""
    bench.change({"sampling/points": 150, "certification/reference": None, **changes})
    assert bench.run().status in {0, 1, 3}
    outcome = bench("compare", runs.folder / "old", bench.folder / "run")
    assert (outcome.status, named in outcome.err) == (2, True), outcome


def test_bad_use_is_one_message(runs: Bench, tmp_path: Path) -> None:
    """One run, half a criterion, a metric that is not compared, a folder that is no run: status 2."""
    old = runs.folder / "old"
    for arguments, said in (
        ((old,), "two runs at least"),
        ((old, old, "--of", "certified_accuracy"), "go together"),
        ((old, old, "--of", "certified_accuracy", "--require", ">= -0.02"), "criteria[0].radius: is required"),
        ((old, old, "--of", "cell_coverage", "--require", ">= -0.02"), "criteria[0].of: must be one of"),
        ((old, old, "--of", "abstention_rate", "--require", ">= 0.02"), "must use <= for regression"),
        ((old, tmp_path), "found no manifest.json"),
    ):
        outcome = runs("compare", *arguments)
        assert (outcome.status, said in outcome.err) == (2, True), outcome


def test_it_imports_no_torch(runs: Bench) -> None:
    """Also where the page is written."""
    code = (
        "import sys\nfrom odd_assess.cli import main\n"
        f"try: main(['compare', {str(runs.folder / 'old')!r}, {str(runs.folder / 'same')!r}, '--html', {str(runs.folder / 'c.html')!r}])\n"
        "except SystemExit: pass\nassert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
