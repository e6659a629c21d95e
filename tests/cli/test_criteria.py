"""Criteria that were changed from a file that is extended: shown wherever a verdict is read, and part of what the run is."""

import json
from pathlib import Path

import pytest

from tests.reading import read

from .conftest import Bench

OWN = """\
odd_assess_criteria: 1
id: own
extends: criteria.yaml
criteria:
  - {id: CA, require: ">= 0.35", reason: "hazard <analysis> HA-7", clauses: ["EU-AI-Act:15(3)"]}
  - {id: CLEAN, disable: tested elsewhere}
"""


@pytest.fixture
def extended(bench: Bench) -> Bench:
    (bench.folder / "own.yaml").write_text(OWN)
    return bench.change({"criteria": ["own.yaml"], "certification/reference": None})


def test_changes_are_shown_and_kept(extended: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the headline, the report, JUnit, SARIF, the step summary and JSON; report and verify need no file but those of the run."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    outcome = extended.run()
    assert outcome.status == 0, outcome
    require = "CA: require >= 0.4 -> >= 0.35 (loosened), from criteria.yaml: hazard <analysis> HA-7"
    assert f"  changed: {require}\n" in outcome.out
    run = extended.folder / "run"
    report = (run / "report.html").read_text()
    assert "Loosened, or changed beyond comparison, from the file that is extended: CA and CLEAN." in read(report)
    assert "hazard &lt;analysis&gt; HA-7" in report
    assert "Article 15(3): levels of accuracy" in report
    assert "no claim of compliance" in report
    assert "own (extends tiny-criteria)" in report
    assert "CLEAN: dropped (loosened), from criteria.yaml: tested elsewhere" in (run / "junit.xml").read_text()
    assert json.loads((run / "results.sarif").read_text())["runs"][0]["properties"]["overrides"][0] == require
    assert "- CA: require >= 0.4 -> >= 0.35 (loosened)" in (tmp_path / "summary.md").read_text()
    for name in ("own.yaml", "criteria.yaml", "spec.yaml"):
        (extended.folder / name).unlink()
    assert extended("report", run, "--no-pdf").status == 0
    assert (run / "report.html").read_text() == report
    verified = extended("verify", run)
    assert verified.status == 0
    assert "1 findings, 3 documents agree" in verified.out


def test_a_changed_base_is_another_run(extended: Bench) -> None:
    """A run that is resumed after the extended file changed is refused, with the digests that differ."""
    assert extended.run().status == 0
    base = extended.folder / "criteria.yaml"
    base.write_text(base.read_text() + "# a comment\n")
    outcome = extended.run("--resume")
    assert outcome.status == 2
    assert "criteria: was" in outcome.err
    assert json.loads((extended.folder / "run" / "manifest.json").read_text())["status"] == "complete"
