"""Runs whose noise levels are chosen by a policy: what is stored is derived again, a killed run goes on, what is changed shows."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odd_assess.audit import load_run, open_run
from odd_assess.errors import RunError
from odd_assess.evidence import EVIDENCE, EvidenceStore

from .conftest import Bench, reseal

PER_CELL = {"policy": "per_cell", "grid": [0.12, 0.25, 0.5], "points": 20, "draws": 40}
CASCADE = {"policy": "cascade", "sigmas": [0.5, 0.25]}
MULTI_START = {"policy": "multi_start", "starts": [0.12, 0.25, 0.5], "draws": 16, "trial": 16}
GRADIENT = {**MULTI_START, "method": "gradient", "steps": 2}
DATA_DEPENDENT = {"policy": "data_dependent", "start": 0.2, "step": 0.02, "steps": 3, "draws": 16}
POLICIES = {
    "per_cell": PER_CELL,
    "cascade": CASCADE,
    "multi_start": MULTI_START,
    "gradient": GRADIENT,
    "data_dependent": DATA_DEPENDENT,
}
SOUNDNESS = {"per_cell": "per-cell (metadata)", "cascade": "stateless"}
TINY = {
    "unattainable": "accept",
    "sampling/points": 24,
    "certification/budget/n": 100,
    "certification/reference": {"n": 400, "points": 4},
    "certification/comparison": {"points": 5},
}


def with_policy(bench: Bench, policy: dict[str, Any], **changes: object) -> Bench:
    return bench.change({**TINY, "certification/sigma": policy, **changes})


@pytest.fixture(scope="module")
def runs(make_bench: Callable[[], Bench]) -> dict[str, Bench]:
    """A finished run of each policy."""
    made = {name: with_policy(make_bench(), policy) for name, policy in POLICIES.items()}
    for bench in made.values():
        outcome = bench.run()
        assert outcome.status in {0, 1, 3}, outcome.err
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", POLICIES)
def test_what_is_stored_is_derived_again(runs: dict[str, Bench], name: str) -> None:
    """Without a difference in any bit; the report is the one that the run wrote; the tables hold every certificate, with what it speaks of."""
    run = runs[name].folder / "run"
    outcome = runs[name]("verify", run, "--json")
    assert outcome.status == 0, outcome
    opened = open_run(run)
    assert json.loads(outcome.out)["certificates"] == len(opened.certificates)
    assert set(opened.certificates["point"]) == set(opened.points.index)
    assert opened.points["pilot"].sum() == (20 if name == "per_cell" else 0)
    policy = SOUNDNESS.get(name, "memory (later queries, order dependent)")
    assert set(opened.certificates.query("stage == 'main'")["soundness"]) == {policy}
    report = (run / "report.html").read_bytes()
    assert runs[name]("report", run, "--no-pdf").status == 0
    assert (run / "report.html").read_bytes() == report


@pytest.mark.slow
@pytest.mark.parametrize("name", POLICIES)
def test_points_drawn_again_agree(runs: dict[str, Bench], name: str) -> None:
    """All of them in every stage: the search finds the same levels, the counts are the same."""
    outcome = runs[name]("verify", runs[name].folder / "run", "--replay", "1000", "--model", runs[name].spec)
    assert outcome.status == 0, outcome
    assert "inputs and counts agree" in outcome.out


@pytest.mark.slow
def test_the_levels_are_those_of_the_policy(runs: dict[str, Bench]) -> None:
    """Per cell as the map says; within the bounds where each input has its own; a cascade keeps the counts of every level; single levels beside them."""
    found = {name: load_run(bench.folder / "run") for name, bench in runs.items()}
    noise = {name: assessment.noise for name, assessment in found.items()}
    per_cell = noise["per_cell"]
    assert per_cell is not None
    levels = np.array([level for _, level in per_cell.cells])
    assert [name for name, _ in per_cell.cells] == [cell.name for cell in found["per_cell"].spec.domain.cells]
    assert np.array_equal(found["per_cell"].results.sigma, levels[found["per_cell"].results.cell])
    for name in ("multi_start", "gradient", "data_dependent"):
        sigma = found[name].results.sigma
        assert len(set(sigma.tolist())) > 1
        assert sigma.min() >= 0.05
        assert sigma.max() <= 1.5
        assert noise[name].alone.shape == sigma.shape  # type: ignore[union-attr]
    assert set(found["cascade"].results.sigma.tolist()) <= {0.5, 0.25}
    with EvidenceStore.open(runs["cascade"].folder / "run" / EVIDENCE) as store:
        assert all([one.sigma for one in certificate.levels] == [0.5, 0.25] for _, certificate in store.rows("main"))
    for name, one in noise.items():
        assert one is not None
        single = (0.1, 0.2, 0.4) if name == "data_dependent" else (0.12, 0.25, 0.5) if name != "cascade" else (0.25, 0.5)
        assert [part.sigma.tolist() for part in one.single] == [[sigma] * 5 for sigma in single]
        assert len({tuple(part.index.tolist()) for part in one.single}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "certificates"), [("per_cell", [7, 45, 70]), ("cascade", [10]), ("multi_start", [3, 26, 30])])
def test_an_interrupted_run_ends_in_the_same_evidence(
    runs: dict[str, Bench], bench: Bench, name: str, certificates: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after some certificates in the calibration, the points and the subsamples, it goes on to the same bytes."""
    with_policy(bench, POLICIES[name])
    add, left = EvidenceStore.add, [0]

    def failing(store: EvidenceStore, *args: Any) -> None:
        if left[0] == 0:
            raise RunError("interrupted")
        left[0] -= 1
        add(store, *args)

    monkeypatch.setattr(EvidenceStore, "add", failing)
    options: list[str] = []
    for done in [*np.diff([0, *certificates]).tolist(), 10_000]:
        left[0] = done
        outcome = bench.run(*options)
        assert (outcome.status == 4) == (done < 10_000), outcome
        options = ["--resume"]
    whole = runs[name].folder / "run" / EVIDENCE
    assert (bench.folder / "run" / EVIDENCE).read_bytes() == whole.read_bytes()


FORGED = [
    ("per_cell", "UPDATE meta SET value = replace(value, '0.', '0.0') WHERE key = 'cell_levels'", "noise level"),
    ("per_cell", "UPDATE certificates SET sigma = 0.5 WHERE stage = 'main' AND idx = 0 AND sigma < 0.5", "point 0, stage main, sigma"),
    (
        "per_cell",
        "UPDATE certificates SET counts = '[[0,40]]', label = 0 WHERE stage = 'calibration 0.25'",
        "stage calibration 0.25, p_a_lower",
    ),
    ("per_cell", "DELETE FROM certificates WHERE stage = 'single 0.25' AND idx > 3", "stage single 0.25, number of certificates"),
    ("per_cell", "DELETE FROM meta WHERE key = 'cell_levels'", "must hold the noise level of each cell"),
    ("cascade", "UPDATE certificates SET radius = radius + 0.1 WHERE stage = 'main' AND outcome = 'certified'", "stage main, radius"),
    ("cascade", "UPDATE certificates SET levels = NULL WHERE stage = 'main'", "stage main, levels"),
    ("multi_start", "UPDATE certificates SET sigma = 2 WHERE stage = 'main'", "stage main, sigma"),
    ("multi_start", "DELETE FROM meta WHERE key = 'memory'", "the memory must be one of 24 points, found none"),
    ("multi_start", ("INSERT INTO pairs SELECT a.idx, b.idx, 0.001, 0.0011 FROM certificates a, certificates b WHERE a.stage = 'main' "
     "AND b.stage = 'main' AND a.idx < b.idx AND a.label <> b.label"), "finding CA, observed"),
    ("multi_start", "INSERT INTO pairs VALUES (1, 99, 0.1, 0.2)", "the distances of its inputs must be those of a run"),
    ("multi_start", "INSERT INTO pairs VALUES (1, 2, 0.2, 0.1)", "damaged"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sql", "says"), FORGED)
def test_what_was_forged_is_found(runs: dict[str, Bench], tmp_path: Path, name: str, sql: str, says: str) -> None:
    """By a forger who computes the digests anew: exit status 1, or 2 where nothing can be derived."""
    run = tmp_path / "run"
    shutil.copytree(runs[name].folder / "run", run)
    with closing(sqlite3.connect(run / EVIDENCE)) as db:
        assert db.execute(sql).rowcount >= 1
        db.commit()
    reseal(run)
    outcome = runs[name]("verify", run)
    assert outcome.status in {1, 2}
    assert says in outcome.out + outcome.err, outcome
    assert "Traceback" not in outcome.err


NO_GRADIENTS = """
import torch
class Steps(torch.nn.Module):
    def forward(self, x):
        bright = (x.mean(dim=(1, 2, 3)) > 0.3).float()
        return torch.stack([bright * (k + 1) % 10 for k in range(10)], dim=1)
def network():
    return Steps()
"""


def test_a_model_without_gradients_is_named_before_draws_are_spent(bench: Bench) -> None:
    """Status 2, one sentence, and what to use instead."""
    (bench.folder / "steps.py").write_text(NO_GRADIENTS)
    with_policy(bench, DATA_DEPENDENT, model={"architecture": "steps.py:network"})
    outcome = bench.run()
    assert outcome.status == 2
    assert "must have gradients" in outcome.err
    assert "use policy multi_start with method bisection" in outcome.err
    assert not (bench.folder / "run" / EVIDENCE).exists()


def test_a_calibration_of_too_few_draws_is_named(bench: Bench) -> None:
    """Fewer draws than can show a class at all."""
    outcome = with_policy(bench, {**PER_CELL, "draws": 5}).run()
    assert outcome.status == 2
    assert "certification.sigma.draws: must be at least 11 at alpha = 0.001" in outcome.err


def test_the_plan_counts_what_a_policy_draws(bench: Bench) -> None:
    """Calibration, the levels of a cascade, the search and the comparison are forward passes too."""
    parts = {}
    for name in ("per_cell", "cascade", "multi_start"):
        outcome = with_policy(bench, POLICIES[name])("plan", bench.spec, "--json")
        assert outcome.status == 0, outcome
        parts[name] = {one["part"]: one["forwards"] for one in json.loads(outcome.out)["forwards"]["parts"]}
    assert parts["per_cell"] == {"calibration": 2400, "points": 24 * 120, "reference": 4 * 420, "comparison": 5 * 3 * 120}
    assert parts["cascade"] == {"points": 24 * 240, "reference": 4 * 840, "comparison": 5 * 2 * 120}
    search = (3 + 4 + 1) * 16 + 2 * 16
    assert parts["multi_start"] == {"choice of sigma": 28 * search, "points": 24 * 120, "reference": 1680, "comparison": 1800}


BAND = """
import torch
class Band(torch.nn.Module):
    def forward(self, x):
        t = x.flatten(1).sum(dim=1) / 8 - 4
        inside = (t.abs() < 0.2).float()
        return torch.stack([inside, 1 - inside], dim=1)
def network():
    return Band()
"""


def test_what_the_memory_takes_does_not_count(bench: Bench) -> None:
    """Two inputs .195 apart: one in a narrow band, the other at its rim, which wide noise throws over it. Each alone certifies a ball that reaches the other.

    What counts are balls that are disjoint; run, report, tables and verification agree on them, and with one level for all nothing is taken.
    """
    images = np.full((2, 8, 8), 0.5, np.float32)
    images[1] += 0.195 / 8
    np.savez(bench.folder / "two.npz", images=images, labels=np.array([0, 1]))
    (bench.folder / "band.py").write_text(BAND)
    policy = {"policy": "multi_start", "starts": [0.14, 0.25, 0.5], "bounds": [0.1, 0.6], "draws": 1000}
    still = {"values": {"clean": 0.5, "stained": 0.5}, "realise": {"transform": "stain", "levels": {"clean": 0, "stained": 0}}}
    changes = {
        "odd": {"attributes": {"dirt": still}},
        "inputs": {"npz": "two.npz"},
        "model": {"architecture": "band.py:network"},
        "certification/reference": None,
    }
    assert with_policy(bench, policy, **changes).run().status in {0, 1, 3}
    assessment = load_run(bench.folder / "run")
    results, noise = assessment.results, assessment.noise
    assert noise is not None
    assert noise.alone is not None
    both = [float(noise.alone[results.label == label].max()) for label in (0, 1)]
    assert (results.correct | ~results.certified).all()
    assert max(both) > 0.195  # one ball alone holds the other's centre
    counted = [float(results.radius[results.label == label].max()) for label in (0, 1)]
    assert min(counted) > 0.02
    assert (results.radius <= noise.alone).all()
    main = open_run(bench.folder / "run").certificates.query("stage == 'main'")
    assert main["radius"].tolist() == results.radius.tolist()
    assert main["radius_alone"].tolist() == noise.alone.tolist()
    outcome = bench("verify", bench.folder / "run", "--replay", "24", "--model", bench.spec)
    assert outcome.status == 0, outcome
    with EvidenceStore.open(bench.folder / "run" / EVIDENCE) as store:
        pairs = store.pairs()
    assert len(pairs) > 10
    assert sum(counted) <= pairs.near.max()
    assert set(np.round(pairs.near, 3).tolist()) == {0.0, 0.195}
