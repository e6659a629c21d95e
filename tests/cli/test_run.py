"""``odd-assess run``: the whole job, its exit statuses, and its promise to lose nothing."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from odd_assess.cli.run import executed_by
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore
from odd_assess.records import Execution

from .conftest import Bench

EXCHANGED = ("junit.xml", "results.sarif", "argument.gsn.yaml", "attestation.json")


def certificates(run: Path) -> list[object]:
    with EvidenceStore.open(run / "evidence.sqlite") as store:
        return [*store.rows(MAIN), *store.rows(REFERENCE)]


def evidence(run: Path) -> bytes:
    return (run / "evidence.sqlite").read_bytes()


def test_the_run_folder_is_complete(finished: Bench) -> None:
    """Reports, evidence and manifest are there, and nothing else."""
    names = {path.name for path in (finished.folder / "run").iterdir()}
    assert names == {"report.html", "report.pdf", "evidence.sqlite", "manifest.json", *EXCHANGED}
    manifest = json.loads((finished.folder / "run" / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["verdict"] == "MET"
    assert set(manifest["identity"]) == {
        "odd_assess",
        "spec",
        "criteria",
        "model",
        "data",
        "points",
        "seed",
        "device",
    }


def test_every_point_has_one_certificate(finished: Bench) -> None:
    """40 points at the budget, 8 of them at the reference, with counts that add up."""
    db = sqlite3.connect(finished.folder / "run" / "evidence.sqlite")
    assert dict(db.execute("SELECT stage, count(*) FROM certificates GROUP BY stage")) == {"main": 40, "reference": 8}
    for n, counts in db.execute("SELECT n, counts FROM certificates"):
        assert sum(count for _, count in json.loads(counts)) == n
    db.close()


def test_the_report_says_the_verdict(finished: Bench) -> None:
    """The HTML page states the verdict and each criterion, and asks for nothing from the network."""
    page = (finished.folder / "run" / "report.html").read_text()
    assert "MET" in page
    assert ">CA<" in page or "CA " in page
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert (finished.folder / "run" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_running_again_gives_identical_evidence(finished: Bench, bench: Bench) -> None:
    """Same spec, same bytes of evidence."""
    assert bench.run().status == 0
    assert evidence(bench.folder / "run") == evidence(finished.folder / "run")


def test_another_batch_size_gives_the_same_certificates(finished: Bench, bench: Bench) -> None:
    """The noise is addressed: batches of 100 instead of 1,024 change no count of this model."""
    bench.change({"certification/batch_size": 100})
    assert bench.run().status == 0
    assert certificates(bench.folder / "run") == certificates(finished.folder / "run")


@pytest.mark.parametrize(
    ("require", "status", "word"),
    [(">= 0.40", 0, "MET"), (">= 0.999", 1, "NOT MET"), (">= 0.75", 3, "INCONCLUSIVE")],
)
def test_the_exit_status_is_the_verdict(bench: Bench, require: str, status: int, word: str) -> None:
    """0 met, 1 not met, 3 when the points could decide neither way; the report is written whatever the verdict."""
    bench.change({"criteria/0/require": require, "criteria/1/severity": "info"}, "criteria.yaml")
    bench.change({"certification/reference": None, "unattainable": "accept"})
    outcome = bench.run()
    assert outcome.status == status, outcome.out
    assert outcome.out.startswith(f"{word}: Digits, a few")
    assert (bench.folder / "run" / "report.html").exists()


def test_json_output_is_json(bench: Bench) -> None:
    """--json prints one JSON object on standard output and no progress."""
    bench.change({"certification/reference": None, "sampling/points": 20})
    outcome = bench.run("--json")
    data = json.loads(outcome.out)
    assert data["verdict"] in {"MET", "INCONCLUSIVE"}
    assert [finding["criterion"] for finding in data["findings"]] == ["CA", "CLEAN"]
    assert "points" not in outcome.err


def test_progress_in_a_log_is_plain_lines(bench: Bench) -> None:
    """Without a terminal the last line says how many points are done, and no control characters appear."""
    bench.change({"certification/reference": None, "sampling/points": 20})
    outcome = bench.run()
    assert "20/20 points" in outcome.err
    assert "\x1b" not in outcome.err


def test_a_design_without_a_probability_model_is_inconclusive(bench: Bench) -> None:
    """Sobol points serve coverage: a criterion with a confidence cannot be decided on them, and the finding says why."""
    bench.change({"sampling/design": "sobol", "certification/reference": None})
    outcome = bench.run()
    assert outcome.status == 3
    assert "sobol" in outcome.out


@pytest.mark.parametrize("design", ["stratified", "lhs", "grid", "pairwise"])
def test_every_design_runs(bench: Bench, design: str) -> None:
    """Each design ends in a verdict and a report."""
    bench.change({"sampling/design": design, "certification/reference": None, "sampling/points": 24})
    assert bench.run().status in {0, 3}
    assert len(certificates(bench.folder / "run")) == 24


@pytest.mark.parametrize("budget", [{"kind": "single_batch", "n": 220}, {"kind": "fixed", "n0": 20, "n": 400}])
def test_every_budget_runs(bench: Bench, budget: dict[str, object]) -> None:
    """The other procedures end in a verdict too."""
    bench.change({"certification/budget": budget})
    assert bench.run().status in {0, 3}


def wait_for_certificates(run: Path, count: int) -> None:
    """Until the store holds that many certificates."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (run / "evidence.sqlite").exists():
            db = sqlite3.connect(f"file:{run / 'evidence.sqlite'}?mode=ro", uri=True)
            try:
                if db.execute("SELECT count(*) FROM certificates").fetchone()[0] >= count:
                    return
            except sqlite3.OperationalError:  # locked for a moment
                pass
            finally:
                db.close()
        time.sleep(0.01)
    raise AssertionError("the run did not get going")


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 17, 41])
def test_a_killed_run_resumes_to_the_same_bytes(make_bench: Callable[[], Bench], finished: Bench, after: int) -> None:
    """SIGKILL at three moments (first point, midway, in the reference subsample): --resume ends in the evidence of an undisturbed run."""
    bench = make_bench()
    run = bench.folder / "run"
    process = bench.process("run", bench.spec, "--out", run, "--no-pdf", "--quiet")
    wait_for_certificates(run, after)
    process.kill()
    process.communicate()
    outcome = bench.run("--resume")
    assert outcome.status == 0, outcome
    assert evidence(run) == evidence(finished.folder / "run")


@pytest.mark.slow
def test_an_interrupted_run_exits_130_and_resumes(make_bench: Callable[[], Bench], finished: Bench) -> None:
    """Ctrl-C ends with one line and 130; the folder can be gone on with."""
    bench = make_bench()
    run = bench.folder / "run"
    process = bench.process("run", bench.spec, "--out", run, "--no-pdf", "--quiet")
    wait_for_certificates(run, 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    assert f"go on with: odd-assess run {bench.spec} --out {run} --resume" in err
    assert bench.run("--resume").status == 0
    assert evidence(run) == evidence(finished.folder / "run")


def test_resuming_a_finished_run_changes_nothing(finished: Bench, bench: Bench) -> None:
    """A complete run resumed is the same run."""
    shutil.copytree(finished.folder / "run", bench.folder / "run")
    outcome = bench.run("--resume")
    assert outcome.status == 0
    assert "main: 0 points to certify" in outcome.err
    for name in ("evidence.sqlite", "manifest.json", "report.html"):
        assert (bench.folder / "run" / name).read_bytes() == (finished.folder / "run" / name).read_bytes(), name


def test_a_changed_spec_is_not_resumed(finished: Bench, bench: Bench) -> None:
    """Another spec is another run, and the message says what changed."""
    shutil.copytree(finished.folder / "run", bench.folder / "run")
    bench.change({"sampling/points": 41})
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "a resumed run must be the same run, but these differ:" in outcome.err
    assert "\n  spec: was" in outcome.err


def test_changed_conditions_are_not_resumed(bench: Bench) -> None:
    """A file behind the spec that moves the points (measured usage) makes it another run, though the spec's text is the same."""
    usage = bench.folder / "usage.csv"
    usage.write_text("blur\n" + "\n".join(str(i / 100) for i in range(40)))
    bench.change({"odd/attributes/defocus/distribution": {"empirical": "usage.csv", "column": "blur"}, "sampling/points": 20})
    assert bench.run().status in {0, 3}
    usage.write_text("blur\n" + "\n".join(str(i / 80) for i in range(40)))
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "points: was" in outcome.err


def test_criteria_files_of_one_name_are_told_apart(bench: Bench) -> None:
    """A changed criterion is found although another file of the same name lies elsewhere."""
    (bench.folder / "more").mkdir()
    more = 'odd_assess_criteria: 1\nid: more\ncriteria:\n  - {id: COV, metric: level_coverage, require: ">= 0.5"}\n'
    (bench.folder / "more" / "criteria.yaml").write_text(more)
    bench.change({"criteria": ["criteria.yaml", "more/criteria.yaml"], "sampling/points": 20, "certification/reference": None})
    bench.run()
    bench.change({"criteria/0/require": ">= 0.01"}, "criteria.yaml")
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "criteria: was" in outcome.err


@pytest.mark.slow
def test_a_script_that_reads_the_status_gets_it(make_bench: Callable[[], Bench]) -> None:
    """The status reaches the shell of a real process."""
    bench = make_bench().change({"certification/reference": None, "sampling/points": 20})
    done = subprocess.run(
        [sys.executable, "-m", "odd_assess", "run", str(bench.spec), "--out", str(bench.folder / "run"), "--no-pdf", "--quiet"],
        check=False,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode in {0, 3}


SEQUENTIAL = {"certification/budget": {"kind": "sequential", "n0": 20, "max": 3000}, "certification/reference": None}
GATE = {"sampling": {"design": "random", "until_decided": True, "max_points": 200, "seed": 5}}


def test_a_sequential_budget_spends_what_each_point_needs(bench: Bench) -> None:
    """Points have their own numbers of draws, none above the limit; every radius asked is decided where draws were left; the page is written."""
    bench.change(SEQUENTIAL)
    assert bench.run().status == 0
    with EvidenceStore.open(bench.folder / "run" / "evidence.sqlite") as store:
        draws = [certificate.n for _, certificate in store.rows(MAIN)]
        kinds = {certificate.procedure for _, certificate in store.rows(MAIN)}
    assert kinds == {"sequential"}
    assert len(set(draws)) > 3
    assert max(draws) <= 3000
    assert sum(draws) < 40 * 600


def test_points_stop_when_every_blocking_criterion_is_decided(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    """The gate stops early, says so, and an interrupted one goes on to the same bytes; with a batch of 100 it looks at the same points."""
    bench.change(SEQUENTIAL | GATE | {"certification/reference": {"n": 4000, "points": 5}})
    outcome = bench.run()
    assert outcome.status == 0, outcome
    assert "every blocking criterion is decided" in outcome.err
    whole = evidence(bench.folder / "run")
    points = len(certificates(bench.folder / "run"))
    assert points < 200

    other = make_bench().change(
        SEQUENTIAL | GATE | {"certification/reference": {"n": 4000, "points": 5}, "certification/batch_size": 100}
    )
    assert other.run().status == 0
    assert certificates(other.folder / "run") == certificates(bench.folder / "run")

    assert bench.run("--resume").status == 0  # early looks see the points that they saw before, though the store holds more
    assert evidence(bench.folder / "run") == whole

    killed = make_bench().change(SEQUENTIAL | GATE | {"certification/reference": {"n": 4000, "points": 5}})
    process = killed.process("run", killed.spec, "--out", killed.folder / "run", "--no-pdf")
    store = killed.folder / "run" / "evidence.sqlite"
    while process.poll() is None and not (store.exists() and EvidenceStore.open(store).done(MAIN)):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert killed.run("--resume").status == 0
    assert evidence(killed.folder / "run") == whole


def test_an_undecided_gate_ends_inconclusive(bench: Bench) -> None:
    """What max_points cannot decide is INCONCLUSIVE, with the number of points that would decide."""
    bench.change({"criteria/0/require": ">= 0.75", "criteria/1/severity": "info"}, "criteria.yaml")
    bench.change(SEQUENTIAL | {"sampling": {"design": "random", "until_decided": True, "max_points": 30, "seed": 5}})
    outcome = bench.run("--json")
    assert outcome.status == 3
    data = json.loads(outcome.out)
    assert data["points"] == 30
    assert data["findings"][0]["points_needed"] > 30


def test_a_pilot_chooses_the_budget(bench: Bench) -> None:
    """The chosen n and why stand in the manifest; the pilot's points are none of the run's, and resuming chooses the same."""
    bench.change(
        {"certification/budget": {"kind": "tolerance", "radius_reduction": 0.4, "n0": 50, "max": 1999, "pilot_points": 15}}
    )
    assert bench.run().status == 0
    pilot = json.loads((bench.folder / "run" / "manifest.json").read_text())["pilot"]
    with EvidenceStore.open(bench.folder / "run" / "evidence.sqlite") as store:
        assert {certificate.n for _, certificate in store.rows(MAIN)} == {pilot["n"]}
        assert {row.point.index for row, _ in store.rows("pilot")} == set(range(40, 55))
    assert (pilot["points"], pilot["draws"], pilot["tolerance"]) == (15, 50, 0.4)
    assert 10 < pilot["n"] < 1999
    assert pilot["expected_reduction"] <= 0.4
    before = evidence(bench.folder / "run")
    assert bench.run("--resume").status == 0
    assert evidence(bench.folder / "run") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "local", "--workers", "2"), "--workers is for --engine ray"),
        (("--address", "head"), "--address must be auto, local or HOST:PORT, found the text 'head'"),
        (("--workers", "0"), "0 is not in the range x>=1"),
    ],
)
def test_options_of_a_cluster_that_cannot_be(bench: Bench, options: tuple[str, ...], message: str) -> None:
    """Status 2 before anything is opened."""
    outcome = bench.run(*options)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err
    assert not (bench.folder / "run").exists()


def test_options_take_the_place_of_the_section() -> None:
    """What is not given stays as the spec says; `--engine local` takes all of it away."""
    declared = Execution(engine="ray", address="head:6379", workers=8, cpus_per_worker=2)
    assert executed_by(declared, engine=None, workers=None, address=None) == declared
    assert executed_by(declared, engine=None, workers=3, address=None) == replace(declared, workers=3)
    assert executed_by(declared, engine="local", workers=None, address=None) == Execution()
    assert executed_by(Execution(), engine=None, workers=None, address="local") == Execution(engine="ray", address="local")


def test_a_cluster_without_ray_says_how_to_install_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 2 and the command, before draws are spent."""
    monkeypatch.setitem(sys.modules, "odd_assess.execution.ray_cluster", None)
    outcome = bench.run("--workers", "2", "--address", "local")
    assert outcome.status == 2
    assert 'pip install "odd-assess[ray]"' in outcome.err
    assert not (bench.folder / "run" / "evidence.sqlite").exists()
