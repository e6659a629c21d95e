"""``verify --replay``: points drawn again give the counts of the evidence, and whatever was forged shows."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from odd_assess.assessment import replay
from odd_assess.spec import load_spec
from odd_assess.stats import certified_radius, proportion_lower_bound

from .conftest import Bench, reseal


@pytest.fixture
def run(finished: Bench, tmp_path: Path) -> Path:
    """A copy of a finished run, to be changed."""
    shutil.copytree(finished.folder / "run", tmp_path / "copy")
    return tmp_path / "copy"


def change(run: Path, sql: str, *values: object) -> None:
    """Change the evidence behind the tool's back, as a forger who computes the digests anew."""
    db = sqlite3.connect(run / "evidence.sqlite")
    assert db.execute(sql, values).rowcount >= 1
    db.commit()
    db.close()
    reseal(run)


def test_points_drawn_again_agree(finished: Bench) -> None:
    """All 40, with the reference of 8 of them; a fresh seed is printed, and chooses the same points when it is given."""
    run = finished.folder / "run"
    outcome = finished("verify", run, "--replay", "40", "--model", finished.spec)
    assert outcome.status == 0, outcome
    assert "40 points drawn again (48 certificates, 24,960 draws; --seed " in outcome.out
    first = json.loads(finished("verify", run, "--replay", "5", "--model", finished.spec, "--json").out)
    seed = str(first["replay"]["seed"])
    second = json.loads(finished("verify", run, "--replay", "5", "--model", finished.spec, "--seed", seed, "--json").out)
    assert first == second
    assert (len(first["replay"]["points"]), first["agrees"]) == (5, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"certification/budget": {"kind": "sequential", "n0": 20, "max": 400}},
        {"certification/budget": {"kind": "tolerance", "n0": 50, "max": 400, "radius_reduction": 0.5, "pilot_points": 10}},
        {"sampling": {"design": "random", "until_decided": True, "max_points": 60, "seed": 5}, "certification/reference/points": 4},
    ],
    ids=["sequential", "tolerance", "until_decided"],
)
def test_every_procedure_is_drawn_again(bench: Bench, changes: dict[str, object]) -> None:
    """The stages of each budget, the pilot too."""
    assert bench.change({**changes, "unattainable": "accept"}).run().status in {0, 1, 3}
    outcome = bench("verify", bench.folder / "run", "--replay", "1000", "--model", bench.spec)
    assert outcome.status == 0, outcome
    assert "inputs and counts agree" in outcome.out


def test_forged_counts_show(run: Path, finished: Bench) -> None:
    """Counts with the bound and radius that follow from them agree with themselves, and not with the model."""
    lower = proportion_lower_bound(200, 200, alpha=1e-3)
    db = sqlite3.connect(run / "evidence.sqlite")
    query = "SELECT idx, label FROM certificates WHERE stage = 'main' AND outcome = 'certified' AND counts LIKE '%],[%' LIMIT 1"
    idx, label = db.execute(query).fetchone()
    db.close()
    change(
        run,
        "UPDATE certificates SET counts = ?, p_a_lower = ?, radius = ? WHERE stage = 'main' AND idx = ?",
        f"[[{label},200]]",
        lower,
        float(certified_radius(lower, sigma=0.25)),
        idx,
    )
    assert f"point {idx}," not in finished("verify", run).out  # it agrees with itself
    found = replay(run, load_spec(finished.spec), points=40, seed=1)
    assert (found.count, found.disagreements[0].where) == (1, f"point {idx}, stage main")


def one_moved(run: Path, *, ties: int) -> int:
    """Take one draw of a selection of 20 that all agreed for another class, with so many recorded ties; the point."""
    db = sqlite3.connect(run / "evidence.sqlite")
    query = "SELECT idx, label FROM certificates WHERE stage = 'main' AND selection = '[[' || label || ',20]]' LIMIT 1"
    idx, label = db.execute(query).fetchone()
    db.close()
    pairs = json.dumps(sorted([[label, 19], [(label + 1) % 10, 1]]), separators=(",", ":"))
    change(run, f"UPDATE certificates SET selection = '{pairs}', ties = {ties} WHERE idx = {idx} AND stage = 'main'")
    return int(idx)


def test_inputs_and_selections_are_looked_at(run: Path, finished: Bench) -> None:
    """What verify alone cannot know: each change agrees with itself."""
    idx = one_moved(run, ties=0)
    change(run, "UPDATE points SET input_sha256 = '00' WHERE idx = (SELECT max(idx) FROM points)")
    assert finished("verify", run).status == 0
    outcome = finished("verify", run, "--replay", "40", "--model", finished.spec)
    assert outcome.status == 1, outcome
    assert f"point {idx}, stage main, counts (1 draws fell otherwise, 0 ties): stored" in outcome.out
    assert "point 39, stage main, input digest: stored '00'" in outcome.out


def test_what_ties_explain_is_rounding(run: Path, finished: Bench) -> None:
    """Counts that differ by no more draws than were too close to call are told and accepted."""
    idx = one_moved(run, ties=1)
    outcome = finished("verify", run, "--replay", "40", "--model", finished.spec)
    assert outcome.status == 0, outcome
    assert f"rounding: point {idx}, stage main: 1 of 220 draws fell otherwise, 1 were recorded as too close to call" in outcome.out


def test_another_model_or_data_is_refused(finished: Bench, bench: Bench) -> None:
    """Status 2, and what differs is named; half of the options is bad usage."""
    run = finished.folder / "run"
    bench.change({"inputs/split": "train"})
    outcome = bench("verify", run, "--replay", "2", "--model", bench.spec)
    assert (outcome.status, "data: the run's is" in outcome.err) == (2, True), outcome
    assert bench("verify", run, "--replay", "2").status == 2
    assert bench("verify", run, "--seed", "2").status == 2
