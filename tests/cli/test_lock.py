"""``odd-assess lock`` and what a run says of the lock beside its spec."""

import json
import sqlite3
from pathlib import Path

import pytest

from .conftest import Bench, reseal


@pytest.fixture
def locked(bench: Bench) -> Bench:
    bench.change({"certification/reference": None})
    outcome = bench("lock", bench.spec)
    assert outcome.status == 0
    assert "2 criteria locked now, on 20" in outcome.out
    return bench


def test_an_unchanged_lock_is_stated_everywhere(locked: Bench) -> None:
    """In the headline, the report, the manifest and JSON; verify derives it again from the evidence alone, and a manifest that says otherwise shows."""
    outcome = locked.run("--require-lock")
    assert outcome.status == 0, outcome
    assert "(criteria locked on 20" in outcome.out.splitlines()[0]
    run = locked.folder / "run"
    report = (run / "report.html").read_text()
    assert "Criteria locked on 20" in report
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["lock"]["state"] == "locked"
    assert len(manifest["identity"]["lock"]) == 64
    (locked.folder / "spec.lock.json").unlink()
    assert locked("report", run, "--no-pdf").status == 0
    assert (run / "report.html").read_text() == report
    verified = locked("verify", run)
    assert verified.status == 0
    assert verified.out.startswith("lock: criteria locked on 20")
    reseal(run, lock={**manifest["lock"], "state": "criteria changed"})
    assert locked("verify", run).out.startswith("manifest, lock: stored")


def test_a_changed_criterion_is_stated_everywhere(locked: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The run goes on; headline, report, step summary, JUnit, SARIF and JSON say which key changed; verify names it too."""
    locked.change({"criteria/0/require": ">= 0.30"}, file="criteria.yaml")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    outcome = locked.run("--json")
    assert outcome.status == 0, outcome
    data = json.loads(outcome.out)["lock"]
    assert data["state"] == "criteria changed"
    assert [(c["criterion"], c["key"], c["before"], c["after"], c["effect"]) for c in data["changes"]] == [
        ("CA", "require", ">= 0.4", ">= 0.3", "loosened")
    ]
    run = locked.folder / "run"
    change = "CA: require >= 0.4 -> >= 0.3 (loosened)."
    (told,) = json.loads((run / "results.sarif").read_text())["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert (told["level"], told["message"]["text"].startswith("Criteria changed after lock of 20")) == ("warning", True)
    assert told["message"]["text"].endswith(change)
    escaped = change.replace(">", "&gt;")
    assert escaped in (run / "junit.xml").read_text()
    assert escaped in (run / "report.html").read_text()
    assert (tmp_path / "summary.md").read_text().splitlines()[2].startswith("**Criteria changed after lock of 20")
    verified = locked("verify", run)
    assert verified.status == 0
    assert "lock: CA: require >= 0.4 -> >= 0.3 (loosened)\n" in verified.out


def test_a_required_lock_is_required(locked: Bench) -> None:
    """Missing, changed or only commented: refused with status 2 and one message, before a run folder is made; without the option the run goes on."""
    criteria = locked.folder / "criteria.yaml"
    criteria.write_text(criteria.read_text() + "# a comment\n")
    refused = locked.run("--require-lock")
    assert refused.status == 2
    assert "bytes of criteria.yaml changed, but no criterion" in refused.err
    (locked.folder / "spec.lock.json").unlink()
    refused = locked.run("--require-lock")
    assert (refused.status, "there must be a lock, found none" in refused.err) == (2, True)
    assert not (locked.folder / "run").exists()


def test_another_lock_is_replaced_by_force_only(locked: Bench) -> None:
    """The refusal says what differs."""
    assert "locked already" in locked("lock", locked.spec).out
    locked.change({"criteria/1/confidence": 0.9}, file="criteria.yaml")
    refused = locked("lock", locked.spec)
    assert refused.status == 2
    assert "CLEAN: confidence 0.95 -> 0.9 (loosened)\nReplace it with --force" in refused.err
    assert locked("lock", locked.spec, "--force").status == 0


def test_a_run_goes_on_under_the_same_lock_only(locked: Bench) -> None:
    """A lock that was taken away, or written anew, is another run."""
    assert locked.run().status == 0
    assert locked.run("--resume").status == 0
    (locked.folder / "spec.lock.json").unlink()
    refused = locked.run("--resume")
    assert refused.status == 2
    assert "lock: was " in refused.err


def test_a_lock_that_was_swapped_in_the_evidence_shows(locked: Bench) -> None:
    """Its digest stands in the manifest's identity."""
    assert locked.run().status == 0
    db = sqlite3.connect(locked.folder / "run" / "evidence.sqlite")
    db.execute("DELETE FROM documents WHERE kind = 'lock'")
    db.commit()
    db.close()
    reseal(locked.folder / "run")
    outcome = locked("verify", locked.folder / "run")
    assert outcome.status == 1
    assert outcome.out.startswith("manifest.json, digest of lock: stored")
