"""A new model against the old one's run: ``baseline`` in the spec, ``run --baseline``, and what keeps two runs from being compared."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from odd_assess.evidence import write_manifest
from odd_assess.examples.digits import WEIGHTS

from .conftest import Bench

CRITERIA = """\
odd_assess_criteria: 1
id: release
criteria:
  - {id: KEEP, metric: regression, of: certified_accuracy, radius: 0.1, require: ">= -0.10", confidence: 0.95}
  - {id: KEEP-CLEAN, metric: regression, of: clean_accuracy, require: ">= -10 %", confidence: 0.95}
  - {id: KEEP-RADIUS, metric: regression, of: mean_certified_radius, require: ">= -0.2", confidence: 0.95, severity: warning}
"""


def harmed(path: Path, share: float) -> Path:
    """The digits' weights, of which a random share is set to zero."""
    generator = torch.Generator().manual_seed(1)
    weights = {name: value * (torch.rand(value.shape, generator=generator) >= share) for name, value in load_file(WEIGHTS).items()}
    save_file(weights, path)
    return path


@pytest.fixture(scope="module")
def release(make_bench: Callable[[], Bench], finished: Bench) -> Bench:
    """A folder with the next release's spec and criteria, and the finished run of the last one."""
    bench = make_bench()
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    shutil.copytree(finished.folder / "run", bench.folder / "last")
    return bench.change({"baseline": "last"})


@pytest.fixture(scope="module")
def same(release: Bench) -> Bench:
    """The finished run of an identical copy; do not change it."""
    outcome = release.run()
    assert outcome.status == 0, outcome
    return release


def test_an_identical_copy_keeps_what_was_there(same: Bench) -> None:
    """MET, and the run's own folder is enough to verify and report it: the baseline's may go."""
    run = same.folder / "run"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["identity"]["baseline"]["run"] == "tiny"
    assert manifest["identity"]["baseline"]["model"] == manifest["identity"]["model"]
    away = same.folder / "away"
    (same.folder / "last").rename(away)
    report = (run / "report.html").read_bytes()
    assert b"0 points lost, 0 gained, 40 alike" in report
    outcome = same("verify", run)
    assert outcome.status == 0, outcome
    assert "88 certificates, 3 findings" in outcome.out
    assert same("report", run, "--no-pdf").status == 0
    assert (run / "report.html").read_bytes() == report
    away.rename(same.folder / "last")


def test_a_worse_model_is_not_met(same: Bench, bench: Bench) -> None:
    """Weights taken away at random: points are lost, the gate is red, the message names both runs' counts."""
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    bench.change({"model/weights": str(harmed(bench.folder / "harmed.safetensors", 0.6))})
    outcome = bench.run("--baseline", same.folder / "last")
    assert outcome.status == 1, outcome
    assert "NOT MET      KEEP " in outcome.out
    assert bench("verify", bench.folder / "run").status == 0


def test_a_killed_run_goes_on_with_its_baseline(same: Bench, bench: Bench) -> None:
    """Half of the certificates taken away, the run not complete: it ends in the same bytes, and only with the same baseline."""
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    shutil.copytree(same.folder / "last", bench.folder / "last")
    shutil.copytree(same.folder / "run", bench.folder / "run")
    (bench.folder / "spec.yaml").write_bytes((same.folder / "spec.yaml").read_bytes())
    before = (bench.folder / "run" / "evidence.sqlite").read_bytes()
    manifest = json.loads((bench.folder / "run" / "manifest.json").read_text())
    (bench.folder / "run" / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}))
    db = sqlite3.connect(bench.folder / "run" / "evidence.sqlite")
    db.execute("DELETE FROM certificates WHERE idx % 2 AND stage != 'reference'")
    db.commit()
    db.close()
    outcome = bench.run("--resume")
    assert outcome.status == 0, outcome
    assert (bench.folder / "run" / "evidence.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sampling/seed": 6}, ["points (digest): was", "seed: was 5, is 6"]),
        ({"certification/sigma": 0.3}, ["sigma: was 0.25, is 0.3"]),
        ({"certification/budget/n": 300}, ["budget: was reduced, n0 = 20, n = 200, is reduced, n0 = 20, n = 300"]),
        ({"odd/attributes/defocus/realise/transform": "rotation", "odd/attributes/defocus/range": "[0 .. 0.5] deg"}, ["preprocessing of defocus"]),
        ({"inputs/split": "train"}, ["data (digest)", "inputs: was digits test, is digits train"]),
    ],
    ids=["seed", "sigma", "draws", "transform", "data"],
)  # fmt: skip
def test_another_setting_is_refused_before_anything_is_spent(
    same: Bench, bench: Bench, changes: dict[str, object], named: list[str]
) -> None:
    """Status 2, one message that names what differs, and no evidence."""
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    outcome = bench.change(changes).run("--baseline", same.folder / "last")
    assert outcome.status == 2, outcome
    assert "must be a run on the same points, data, noise and budget, but these differ" in outcome.err
    assert all(line in outcome.err for line in named), outcome.err
    assert not (bench.folder / "run" / "evidence.sqlite").exists()


def test_what_is_no_sound_run_is_no_baseline(same: Bench, bench: Bench) -> None:
    """An empty folder, a run that is not complete, one whose spec was changed: status 2 and one message."""
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    (bench.folder / "empty").mkdir()
    outcome = bench.run("--baseline", bench.folder / "empty")
    assert (outcome.status, "found no manifest.json" in outcome.err) == (2, True)
    shutil.copytree(same.folder / "last", bench.folder / "open")
    manifest = json.loads((bench.folder / "open" / "manifest.json").read_text())
    write_manifest(bench.folder / "open", {**manifest, "status": "running"})
    outcome = bench.run("--baseline", bench.folder / "open")
    assert (outcome.status, "a baseline must be a finished run" in outcome.err) == (2, True)
    shutil.copytree(same.folder / "last", bench.folder / "changed")
    db = sqlite3.connect(bench.folder / "changed" / "evidence.sqlite")
    db.execute("UPDATE documents SET content = CAST('x' AS BLOB)")
    db.commit()
    db.close()
    outcome = bench.run("--baseline", bench.folder / "changed")
    assert (outcome.status, "the evidence must be that of its manifest" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("UPDATE certificates SET counts = '[[0,200]]' WHERE stage = 'baseline' AND idx = 3", "stage baseline"),
        (
            "UPDATE certificates SET radius = radius + 1 WHERE stage = 'baseline' AND idx = 3",
            "point 3, stage baseline, radius: stored",
        ),
        (
            "UPDATE meta SET value = replace(value, '\"clean\": [', '\"clean\": [1, ') WHERE key = 'baseline'",
            "must have an answer for each",
        ),
        ("UPDATE points SET input_sha256 = '00' WHERE idx = 7", "stage baseline, digest of the certificates"),
        ("DELETE FROM meta WHERE key = 'baseline'", "manifest, baseline: stored"),
    ],
    ids=["count", "radius", "answers", "input", "gone"],
)
def test_a_change_of_the_baseline_shows(same: Bench, bench: Bench, sql: str, line: str) -> None:
    """What was copied is derived again, and is what the manifest names."""
    shutil.copytree(same.folder / "run", bench.folder / "run")
    db = sqlite3.connect(bench.folder / "run" / "evidence.sqlite")
    assert db.execute(sql).rowcount == 1
    db.commit()
    db.close()
    outcome = bench("verify", bench.folder / "run")
    assert outcome.status in {1, 2}
    assert line in outcome.out + outcome.err


def test_lint_knows_what_a_change_needs(bench: Bench) -> None:
    """A baseline, a metric that is compared, points that do not stop and draws that are the same for both."""
    (bench.folder / "criteria.yaml").write_text(CRITERIA)
    outcome = bench("lint", bench.spec)
    assert outcome.status == 2
    assert "criteria.yaml:4:5: criteria[0]: regression compares with a baseline, but the spec has none" in outcome.out + outcome.err
    outcome = bench.change({"baseline": "nowhere"})("lint", bench.spec)
    assert "baseline: must name an existing folder" in outcome.out + outcome.err
    (bench.folder / "old").mkdir()
    stop = {"design": "random", "until_decided": True, "max_points": 60, "seed": 5}
    outcome = bench.change({"baseline": "old", "sampling": stop})("lint", bench.spec)
    assert "sampling.until_decided: must be false beside a baseline" in outcome.out + outcome.err
    (bench.folder / "criteria.yaml").write_text(
        CRITERIA.replace("of: clean_accuracy", "of: cell_coverage").replace(", radius: 0.1", "")
    )
    outcome = bench("lint", bench.spec)
    assert "criteria[1].of: must be one of certified_accuracy" in outcome.out + outcome.err
    assert "criteria[0].radius: is required" in outcome.out + outcome.err
