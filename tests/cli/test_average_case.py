"""A run whose spec has the section average_case: estimates at every certified point, kept, resumed, verified, drawn again and reported."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from odd_assess import open_run
from odd_assess.assessment.replay import replay
from odd_assess.average_case import estimates
from odd_assess.evidence import MAIN, EvidenceStore
from odd_assess.execution import bench as bench_room
from odd_assess.execution import set_up
from odd_assess.records import PointEstimates
from odd_assess.spec import load_spec

from .conftest import Bench, reseal

SECTION = {"method": "mmse", "samples": 4}
CRITERION = {"id": "AVG", "metric": "average_case_robustness", "require": ">= 0.5", "estimate": "accepted"}
LEVELS = {"id": "AVG-LEVELS", "metric": "average_case_difference", "attribute": "light", "require": "<= 0.5", "severity": "warning"}


def with_estimates(bench: Bench, **section: object) -> Bench:
    """The tiny spec with the section, and criteria on what is estimated."""
    bench.change({"average_case": {**SECTION, **section}})
    return bench.change({"criteria": [json.loads(text) for text in map(json.dumps, (CA, CRITERION, LEVELS))]}, "criteria.yaml")


CA = {"id": "CA", "metric": "certified_accuracy", "radius": 0.1, "require": ">= 0.40", "confidence": 0.95}


@pytest.fixture(scope="module")
def estimated(make_bench: Callable[[], Bench]) -> Bench:
    """A finished run with estimates; do not change it."""
    bench = with_estimates(make_bench())
    outcome = bench.run("--quiet")
    assert outcome.status == 0, outcome
    return bench


def changed(estimated: Bench, folder: Path, sql: str) -> Path:
    """A copy of the run whose evidence was changed by a forger who computes the digests anew."""
    run = folder / "changed"
    shutil.copytree(estimated.folder / "run", run)
    db = sqlite3.connect(run / "evidence.sqlite")
    assert db.execute(sql).rowcount >= 1
    db.commit()
    db.close()
    reseal(run)
    return run


def test_every_certified_point_is_estimated(estimated: Bench) -> None:
    """By the library's own estimates at the inputs; the manifest tells how many and how long, the evidence no time."""
    run = open_run(estimated.folder / "run")
    spec = load_spec(estimated.spec)
    bench = set_up(spec, device="cpu", trust_pickle=False)
    images = bench.realiser.realise(list(bench.points)).images
    direct = estimates(bench.model, images, sigma=0.25, method="mmse", samples=4, antithetic=True, seed=5)
    assert run.estimates.index.tolist() == list(range(40))
    assert set(run.estimates.columns) == {"clean", "clean_name", *PointEstimates.columns()} - {"index"}
    np.testing.assert_allclose(run.estimates["value"], direct.value, atol=1e-4)
    assert run.estimates["clean"].tolist() == run.points["clean"].tolist()
    assert (run.manifest["average_case"]["points"], run.manifest["average_case"]["estimated"]) == (40, 40)
    assert run.manifest["average_case"]["seconds"] > 0


def test_a_run_without_the_section_holds_none(finished: Bench) -> None:
    """No row, and nothing in the manifest."""
    run = open_run(finished.folder / "run")
    assert len(run.estimates) == 0
    assert "average_case" not in run.manifest
    assert run.assessment.average_case is None


def test_findings_rest_on_them(estimated: Bench) -> None:
    """The means are those of the table; the message says that they are estimates."""
    run = open_run(estimated.folder / "run")
    robust, apart = run.findings[1:]
    assert robust.observed == pytest.approx(run.estimates["value"].mean())
    dark = run.points["light"] < 500
    assert apart.observed == pytest.approx(abs(run.estimates["value"][dark].mean() - run.estimates["value"][~dark].mean()))
    for finding in (robust, apart):
        assert finding.kind == "estimate"
        assert "An estimate: neither a certificate nor a bound." in finding.message
    for name in ("junit.xml", "results.sarif"):
        assert "neither a certificate nor a bound" in (estimated.folder / "run" / name).read_text()


def test_a_run_that_is_killed_goes_on_where_it_was(make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first of three chunks, and once more after the second: the same bytes of evidence as an undisturbed run; nothing is estimated twice."""
    monkeypatch.setattr(bench_room, "CHUNK", 16)
    whole, killed = (with_estimates(make_bench(), method="mmse_mvs") for _ in range(2))
    assert whole.run("--quiet").status == 0
    add, committed, stops = EvidenceStore.add_estimates, list[int](), [1, 2]

    def stop_before(self: EvidenceStore, found: PointEstimates) -> None:
        if len(committed) in stops:
            stops.remove(len(committed))
            raise KeyboardInterrupt
        add(self, found)
        committed.append(len(found))

    monkeypatch.setattr(EvidenceStore, "add_estimates", stop_before)
    for more in ([], ["--resume"]):
        assert killed.run("--quiet", *more).status == 130
        with EvidenceStore.open(killed.folder / "run" / "evidence.sqlite") as store:
            assert (len(store.done(MAIN)), len(store.estimated())) == (40, sum(committed))
    assert killed.run("--quiet", "--resume").status == 0
    assert committed == [16, 16, 8]
    files = [one.folder / "run" / "evidence.sqlite" for one in (whole, killed)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_where_points_stop_when_decided_only_those_are_estimated(bench: Bench) -> None:
    """The points that were certified, no others; verify agrees."""
    sampling = {"design": "random", "until_decided": True, "max_points": 60, "seed": 5}
    with_estimates(bench, method="mmse_mvs").change(
        {"sampling": sampling, "certification/reference": "none", "unattainable": "accept"}
    )
    assert bench.run("--quiet").status in {0, 1, 3}
    run = open_run(bench.folder / "run")
    assert len(run.points) < 60
    assert run.estimates.index.tolist() == run.points.index.tolist()
    assert bench("verify", bench.folder / "run").status == 0


def test_a_model_without_gradients_is_refused_before_any_draw(bench: Bench) -> None:
    """One line that names the methods that need none, status 2, nothing certified; with such a method it is estimated."""
    (bench.folder / "rounded.py").write_text(
        "import torch\nfrom odd_assess.examples import digits\n\n\n"
        "class Rounded(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.inner = digits.network()\n\n"
        "    def forward(self, batch):\n        return self.inner(batch.detach())\n\n\n"
        "def network():\n    return Rounded()\n"
    )
    with_estimates(bench).change(
        {
            "model": {"architecture": "rounded:network"},
            "sampling/points": 6,
            "certification/reference": "none",
            "unattainable": "accept",
        }
    )
    outcome = bench.run("--quiet")
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 1
    assert "method: mc" in outcome.err
    assert "method: softmax" in outcome.err
    assert not (bench.folder / "run" / "evidence.sqlite").exists()
    bench.change({"average_case": {"method": "mc", "samples": 8}})
    assert bench.run("--quiet").status in {0, 1, 3}
    assert set((8 * open_run(bench.folder / "run").estimates["value"]) % 1) == {0.0}


@pytest.mark.parametrize("kind", ["prune", "int8-static"])
def test_a_modified_model_is_estimated_where_it_can_be(bench: Bench, kind: str) -> None:
    """One that has gradients is; one of integers is not, and says why: its criteria on estimates are inconclusive, and verify agrees."""
    changes = {
        "sampling/points": 6,
        "certification/reference": "none",
        "certification/cache": {"draws": 200},
        "unattainable": "accept",
    }
    assert with_estimates(bench, method="mmse_mvs").change(changes).run("--quiet").status in {0, 1, 3}
    made = bench.folder / "made"
    assert bench("derive", bench.spec, "--as", kind, "--out", made, "--device", "cpu", "--json").status == 0
    out = bench.folder / "modified"
    outcome = bench(
        "recertify", bench.folder / "run", "--model", made / "model.yaml", "--draws", "200", "--out", out, "--no-pdf", "--quiet"
    )
    assert outcome.status in {0, 1, 3}, outcome
    run = open_run(out)
    assert bench("verify", out).status == 0
    finding = next(finding for finding in run.findings if finding.criterion.id == "AVG")
    if kind == "int8-static":
        assert len(run.estimates) == 0
        assert "needs the gradients" in run.manifest["average_case"]["left_out"]
        assert "could not be estimated" in finding.message
        assert "they were left out for the modified model" in (out / "report.html").read_text()
    else:
        assert run.estimates.index.tolist() == list(range(6))
        assert finding.observed == pytest.approx(run.estimates["value"].mean())


# ---------------------------------------------------------------- verify


def test_estimates_are_verified_and_made_again(estimated: Bench) -> None:
    """All agree, and the model gives them again."""
    outcome = estimated("verify", estimated.folder / "run", "--replay", "6", "--seed", "3", "--model", estimated.spec)
    assert outcome.status == 0, outcome
    assert "40 estimates, 3 findings" in outcome.out
    assert "6 estimates; --seed 3): inputs and counts agree" in outcome.out


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE estimates SET value = 1.25 WHERE idx = 3", "point 3, estimate, range: stored"),
        ("UPDATE estimates SET high = value - 0.001 WHERE idx = 3", "point 3, estimate, range of its bracket"),
        ("UPDATE estimates SET cdf_error = -1 WHERE idx = 3", "point 3, estimate, error of the normal probability"),
        ("DELETE FROM estimates WHERE idx = 3", "estimates, points: stored '39 (0 of other points)', re-derived '40 (1 missing)'"),
        ("UPDATE estimates SET idx = 77 WHERE idx = 3", "estimates, points: stored '40 (1 of other points)'"),
        ("UPDATE estimates SET value = (low + value) / 2 WHERE low < value", "finding AVG, observed: stored"),
        ("INSERT INTO meta VALUES ('average_case_left_out', 'no time')", "estimates, left out: stored 'no time'"),
    ],
)
def test_what_a_method_cannot_give_is_found(estimated: Bench, tmp_path: Path, sql: str, said: str) -> None:
    """Also where all digests were computed anew."""
    outcome = estimated("verify", changed(estimated, tmp_path, sql))
    assert outcome.status == 1, outcome
    assert said in outcome.out


def test_a_changed_digit_is_found_by_the_digest(estimated: Bench, tmp_path: Path) -> None:
    """Without new digests nothing else need be looked at."""
    run = tmp_path / "changed"
    shutil.copytree(estimated.folder / "run", run)
    db = sqlite3.connect(run / "evidence.sqlite")
    db.execute("UPDATE estimates SET value = value + 1e-9 WHERE idx = 3")
    db.commit()
    db.close()
    outcome = estimated("verify", run)
    assert outcome.status == 1
    assert "manifest.json, digest of evidence.sqlite" in outcome.out


def test_what_only_the_model_can_tell_is_found_by_it(estimated: Bench, tmp_path: Path) -> None:
    """Two estimates that change places give the same findings over the ODD; made again at these points they show."""
    run = tmp_path / "changed"
    shutil.copytree(estimated.folder / "run", run)
    db = sqlite3.connect(run / "evidence.sqlite")
    rows = list(db.execute("SELECT idx, clean, value, low, high FROM estimates ORDER BY value"))
    cells = dict(db.execute("SELECT idx, cell FROM points"))
    (one, *low), (two, *high) = rows[0], next(row for row in reversed(rows) if cells[row[0]] == cells[rows[0][0]])
    for index, values in ((one, high), (two, low)):
        db.execute("UPDATE estimates SET clean = ?, value = ?, low = ?, high = ? WHERE idx = ?", (*values, index))
    db.commit()
    db.close()
    reseal(run)
    assert f"point {one}" not in estimated("verify", run).out
    told = replay(run, load_spec(estimated.spec), points=40, seed=3)
    wheres = {disagreement.where for disagreement in told.disagreements}
    assert {f"point {one}, estimate", f"point {two}, estimate"} == wheres


def test_an_error_that_a_run_claims_excuses_nothing(estimated: Bench, tmp_path: Path) -> None:
    """Estimates that say of themselves that they may be off by anything are still made again and compared."""
    sql = "UPDATE estimates SET value = 1 - value, low = 0, high = 1, cdf_error = 1"
    told = replay(changed(estimated, tmp_path, sql), load_spec(estimated.spec), points=6, seed=3)
    assert {"value", "cdf_error"} <= {disagreement.what for disagreement in told.disagreements}
