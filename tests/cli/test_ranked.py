"""A run of the design ranked: candidates estimated before the certificates, kept, resumed, verified, drawn again; never compared point by point."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from odd_assess import open_run
from odd_assess.assessment import screening
from odd_assess.average_case import estimates
from odd_assess.cli.screen_words import in_words
from odd_assess.criteria.forecast import RankedForecast
from odd_assess.evidence import MAIN, EvidenceStore
from odd_assess.evidence.screening import screening_data
from odd_assess.execution import bench as bench_room
from odd_assess.execution import set_up
from odd_assess.odd import selection_digest
from odd_assess.records import AverageCasePlan, RankedSets
from odd_assess.spec import load_spec
from tests.reading import read

from .conftest import Bench, reseal

SAMPLING = {"design": "ranked", "points": 40, "seed": 5, "candidates": 4, "low": {"ranks": 2, "points": 16}}


def with_ranks(bench: Bench, **section: object) -> Bench:
    """The tiny spec with points chosen by rank."""
    return bench.change({"sampling": SAMPLING, "average_case": {"method": "mmse", "samples": 4, **section}})


@pytest.fixture(scope="module")
def ranked(make_bench: Callable[[], Bench]) -> Bench:
    """A finished run of that design; do not change it."""
    bench = with_ranks(make_bench())
    outcome = bench.run("--quiet")
    assert outcome.status == 0, outcome
    return bench


def changed(ranked: Bench, folder: Path, sql: str) -> Path:
    """A copy of the run whose evidence was changed by a forger who computes the digests anew."""
    run = folder / "changed"
    shutil.copytree(ranked.folder / "run", run)
    db = sqlite3.connect(run / "evidence.sqlite")
    assert db.execute(sql).rowcount >= 1
    db.commit()
    db.close()
    reseal(run)
    return run


def test_the_certified_points_are_the_chosen_candidates(ranked: Bench) -> None:
    """By the library's own estimates at the inputs of all candidates, 0 where the clean answer is wrong; conditions and images are those of the candidate."""
    spec = load_spec(ranked.spec)
    sets, bench = spec.sampling.ranked, set_up(spec, device="cpu", trust_pickle=False)
    assert sets is not None
    assert bench.candidates is not None
    batch = bench.realiser.realise(list(bench.candidates))
    direct = estimates(bench.model, batch.images, sigma=0.25, method="mmse", samples=4, antithetic=True, seed=5 + 2**68)
    with EvidenceStore.open(ranked.folder / "run" / "evidence.sqlite") as store:
        kept = store.candidates(40, 4)
        rows = [row for row, _ in store.rows(MAIN)]
    right = direct.label == batch.labels.numpy()
    assert 0 < np.count_nonzero(~right) < 160
    np.testing.assert_allclose(kept.ravel(), np.where(right, direct.value, 0.0), atol=1e-4)
    place = sets.chosen(kept, 5)
    chosen = 4 * np.arange(40) + place
    assert batch.base_rows is not None
    assert [row.base for row in rows] == [batch.base_rows[number] for number in chosen]
    assert [row.point.values for row in rows] == [bench.candidates[int(number)].values for number in chosen]
    run = open_run(ranked.folder / "run")
    assert run.manifest["ranked"]["selection"] == selection_digest(place)
    assert (run.manifest["ranked"]["candidates"], run.manifest["ranked"]["estimated"]) == (160, 160)
    assert run.manifest["identity"]["points"] == bench.candidates.digest


def test_findings_weigh_by_group(ranked: Bench) -> None:
    """What was observed is the weighted share; the message names the bound, the report the design."""
    run = open_run(ranked.folder / "run")
    group = load_spec(ranked.spec).sampling.ranked.group(5)  # type: ignore[union-attr]
    clean = (run.points["clean"] == run.points["label"]).to_numpy()
    finding = run.findings[1]
    assert finding.observed == pytest.approx(0.5 * clean[group == 0].mean() + 0.5 * clean[group == 1].mean())
    assert "two groups of ranks" in finding.message
    assert "rank among 4 independent random candidates" in read((ranked.folder / "run" / "report.html").read_text())


def test_verify_replay_and_report_agree(ranked: Bench, tmp_path: Path) -> None:
    """All points, and the candidates that they were chosen among; the report again, byte for byte."""
    outcome = ranked("verify", ranked.folder / "run", "--replay", "40", "--model", ranked.spec)
    assert outcome.status == 0, outcome
    assert "200 estimates" in outcome.out  # 40 points, 160 candidates
    copy = tmp_path / "copy"
    shutil.copytree(ranked.folder / "run", copy)
    (copy / "report.html").unlink()
    assert ranked("report", copy, "--no-pdf").status == 0
    assert (copy / "report.html").read_bytes() == (ranked.folder / "run" / "report.html").read_bytes()


MOVED = "UPDATE points SET (attributes, cell) = (SELECT attributes, cell FROM points WHERE idx = 4) WHERE idx = 3"
FORGED = {
    "another choice": ("UPDATE candidates SET estimate = 1 - estimate WHERE point = 3", "chosen candidate"),
    "another condition": (MOVED, "point 3, chosen candidate"),
    "out of range": ("UPDATE candidates SET estimate = 1 + estimate", "a number in [0, 1]"),
}


@pytest.mark.parametrize("what", FORGED)
def test_verify_finds_what_was_forged(ranked: Bench, tmp_path: Path, what: str) -> None:
    """Estimates that would have chosen another candidate, and a point that is none of its set."""
    sql, told = FORGED[what]
    outcome = ranked("verify", changed(ranked, tmp_path, sql))
    assert outcome.status == 1, outcome
    assert told in outcome.out + outcome.err


def test_missing_estimates_are_damage(ranked: Bench, tmp_path: Path) -> None:
    """One clear error."""
    outcome = ranked("verify", changed(ranked, tmp_path, "DELETE FROM candidates WHERE point = 3 AND place = 1"))
    assert outcome.status == 2, outcome
    assert "there must be an estimate of each of 40 x 4 candidates, found 159" in outcome.err


def test_replay_finds_estimates_that_are_not_the_models(ranked: Bench, tmp_path: Path) -> None:
    """Shifted alike in each set they choose the same points: only the model tells."""
    run = changed(ranked, tmp_path, "UPDATE candidates SET estimate = estimate / 2 WHERE point = 7")
    assert ranked("verify", run).status == 0
    outcome = ranked("verify", run, "--replay", "40", "--model", ranked.spec)
    assert outcome.status == 1, outcome
    assert "point 7, candidate 0, estimate" in outcome.out + outcome.err


def test_a_run_that_is_killed_goes_on_where_it_was(make_bench: Callable[[], Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first chunk of candidates, and again among the certificates: the same bytes of evidence; no candidate is estimated twice."""
    monkeypatch.setattr(bench_room, "CHUNK", 64)
    whole, killed = with_ranks(make_bench()), with_ranks(make_bench())
    assert whole.run("--quiet").status == 0
    add, certified = EvidenceStore.add_candidates, EvidenceStore.add
    committed: list[int] = []
    stops = {"candidates": 1, "certificates": 7}

    def stop_candidates(self: EvidenceStore, point: np.ndarray, place: np.ndarray, estimate: np.ndarray) -> None:
        if stops["candidates"] == len(committed):
            stops["candidates"] = -1
            raise KeyboardInterrupt
        add(self, point, place, estimate)
        committed.append(len(point))

    def stop_certificates(self: EvidenceStore, stage: str, row: object, certificate: object) -> None:
        stops["certificates"] -= 1
        if stops["certificates"] == 0:
            raise KeyboardInterrupt
        certified(self, stage, row, certificate)  # type: ignore[arg-type]

    monkeypatch.setattr(EvidenceStore, "add_candidates", stop_candidates)
    monkeypatch.setattr(EvidenceStore, "add", stop_certificates)
    assert killed.run("--quiet").status == 130
    assert killed.run("--quiet", "--resume").status == 130
    assert killed.run("--quiet", "--resume").status == 0
    assert committed == [64, 64, 32]
    files = [one.folder / "run" / "evidence.sqlite" for one in (whole, killed)]
    assert files[0].read_bytes() == files[1].read_bytes()
    outcome = killed("verify", killed.folder / "run")
    assert outcome.status == 0, outcome
    manifests = [json.loads((one.folder / "run" / "manifest.json").read_text())["ranked"] for one in (whole, killed)]
    assert manifests[0]["selection"] == manifests[1]["selection"]


def test_two_runs_are_not_compared_point_by_point(ranked: Bench, finished: Bench) -> None:
    """Not with each other, nor with a run of another design; nor is such a run the baseline of a modified model."""
    for other in (ranked, finished):
        outcome = ranked("compare", ranked.folder / "run", other.folder / "run")
        assert outcome.status == 2, outcome
        assert "ranked points are chosen by what their own model makes of the candidates" in outcome.err
    outcome = ranked("run", finished.spec, "--baseline", ranked.folder / "run", "--out", ranked.folder / "again", "--no-pdf")
    assert outcome.status == 2, outcome
    assert "ranked points are chosen" in outcome.err


def test_the_line_that_a_screening_prints_declares_its_sets(bench: Bench) -> None:
    """Pasted into the spec it is the design that was predicted to save; where there is none, the reason is told."""
    sets = RankedSets(candidates=10, low_ranks=6, points=(16, 24))
    found = RankedForecast(steering="CA", sets=sets, saving=0.38, net=0.31)
    plan = AverageCasePlan(sigma=0.25, method="softmax", points=20, check_points=0)
    screened = screening.screen(load_spec(bench.spec), plan=plan, device="cpu")
    assert "average_case.check" in in_words({**screening_data(screened), "files": ["s.html"]})
    text = in_words({**screening_data(replace(screened, ranked=found)), "files": ["s.html"]})
    assert "save 38 % of the points" in text
    assert "31 % of the draws" in text
    (line,) = [line for line in text.splitlines() if "design: ranked" in line]
    bench.change({**yaml.safe_load(line), "average_case": {}})
    assert load_spec(bench.spec).sampling.ranked == sets


def test_a_budget_with_a_pilot(bench: Bench) -> None:
    """The pilot's points are none of the candidates; verify and replay see them too."""
    budget = {"kind": "tolerance", "n0": 50, "max": 400, "radius_reduction": 0.5, "pilot_points": 10}
    assert bench.change({"sampling": SAMPLING, "average_case": {"method": "softmax"}, "certification/budget": budget}).run(
        "--quiet"
    ).status in {0, 1, 3}
    outcome = bench("verify", bench.folder / "run", "--replay", "1000", "--model", bench.spec)
    assert outcome.status == 0, outcome
