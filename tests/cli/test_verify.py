"""``odd-assess verify``: what was run agrees with itself, and whatever is changed afterwards shows."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from odd_assess import open_run
from tests.reading import read

from .conftest import Bench, reseal

GROUPS = """\
light,dirt,group,points
[50 .. 500) lux,clean,1,16
[50 .. 500) lux,stained,1,16
[500 .. 2000] lux,clean,2,24
[500 .. 2000] lux,stained,1,16
"""


@pytest.fixture
def run(finished: Bench, tmp_path: Path) -> Path:
    """A copy of a finished run, to be changed."""
    shutil.copytree(finished.folder / "run", tmp_path / "run")
    return tmp_path / "run"


def change(run: Path, sql: str) -> None:
    """Change the evidence behind the tool's back."""
    db = sqlite3.connect(run / "evidence.sqlite")
    assert db.execute(sql).rowcount >= 1
    db.commit()
    db.close()


def test_a_finished_run_agrees(finished: Bench, bench: Bench) -> None:
    """To the last bit, with status 0, and the evidence is not touched."""
    before = (finished.folder / "run" / "evidence.sqlite").read_bytes()
    outcome = bench("verify", finished.folder / "run")
    assert outcome.status == 0
    assert outcome.out.endswith("run: 48 certificates, 2 findings, 2 documents agree to the last bit\n")
    assert (finished.folder / "run" / "evidence.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"certification/budget": {"kind": "single_batch", "n": 220}},
        {"certification/budget": {"kind": "sequential", "n0": 20, "max": 400}},
        {"certification/budget": {"kind": "tolerance", "n0": 50, "max": 400, "radius_reduction": 0.5, "pilot_points": 10}},
        {"sampling": {"design": "random", "until_decided": True, "max_points": 60, "seed": 5}, "certification/reference/points": 4},
        {"sampling/design": "grid", "certification/reference": None},
        {"sampling": {"design": "stratified", "allocation": "allocation.csv", "points": 40, "seed": 5}},
    ],
    ids=["single_batch", "sequential", "tolerance", "until_decided", "grid", "groups"],
)
def test_every_procedure_agrees(bench: Bench, changes: dict[str, object]) -> None:
    """What each budget and design stores is derived again without a difference; the report is the one that the run wrote."""
    (bench.folder / "allocation.csv").write_text(GROUPS)
    assert bench.change({**changes, "unattainable": "accept"}).run().status in {0, 1, 3}
    report = (bench.folder / "run" / "report.html").read_bytes()
    outcome = bench("verify", bench.folder / "run")
    assert outcome.status == 0, outcome.out
    assert bench("report", bench.folder / "run", "--no-pdf").status == 0
    assert (bench.folder / "run" / "report.html").read_bytes() == report
    opened = open_run(bench.folder / "run")
    assert outcome.out.split(": ")[1].startswith(f"{len(opened.certificates)} certificates")
    assert set(opened.certificates["point"]) == set(opened.points.index)
    assert opened.points["pilot"].sum() == (10 if "tolerance" in str(changes) else 0)


PARTS = [
    {"id": "LEVEL", "metric": "certified_accuracy", "radius": 0.1, "scope": "each_level", "attribute": "dirt", "require": ">= 0.3"},
    {"id": "CLASS", "metric": "smoothed_accuracy", "scope": "each_class", "require": ">= 0.3"},
    {
        "id": "DUSK",
        "metric": "certified_accuracy",
        "radius": 0.1,
        "where": {"light": "< 300 lux"},
        "subdomain": "dusk",
        "require": ">= 0.3",
    },
    {"id": "BIAS", "metric": "level_difference", "attribute": "light", "radius": 0.1, "require": "<= 0.9"},
    {"id": "CELL", "metric": "worst_cell", "radius": 0.1, "require": ">= 0.1"},
]


@pytest.mark.parametrize("design", ["random", "stratified"])
def test_parts_of_the_domain_are_derived_again(bench: Bench, design: str) -> None:
    """Levels, classes, sub-domains and differences: lint, run, verify and the report agree on what they are."""
    criteria = [{**part, "confidence": 0.95} for part in PARTS]
    criteria.append({"id": "SHARE", "metric": "robust_fraction", "require": ">= 0.5", "estimate": "accepted"})
    bench.change({"criteria": criteria}, "criteria.yaml")
    assert bench.change({"sampling/design": design, "unattainable": "accept"}).run().status in {0, 1, 3}
    outcome = bench("verify", bench.folder / "run")
    assert outcome.status == 0, outcome.out
    page = read((bench.folder / "run" / "report.html").read_text(encoding="utf-8"))
    assert "Certified accuracy at radius 0.1, in dusk" in page
    assert "in the worst class" in page
    for part in ("class", "level dirt", "cell light"):
        change = "UPDATE findings SET parts = replace(parts, '\"points\":', '\"points\":1') WHERE criterion = ?"
        name = {"class": "CLASS", "level dirt": "LEVEL", "cell light": "CELL"}[part]
        with closing(sqlite3.connect(bench.folder / "run" / "evidence.sqlite")) as file:
            file.execute(change, (name,))
            file.commit()
        assert f"finding {name}, {part}" in bench("verify", bench.folder / "run").out


CHANGES = {
    "a count": (
        "UPDATE certificates SET counts = '[[0,200]]', label = 0, selection = '[[0,20]]' WHERE stage = 'main' AND idx = 3 AND label != 0",
        "point 3, stage main, p_a_lower: stored",
    ),
    "a sum": ("UPDATE certificates SET n = n + 1 WHERE stage = 'reference'", "stage reference, n (sum of counts): stored 2001, re-derived 2000"),
    "n0": ("UPDATE certificates SET selection = '[[1,19]]', label = 1 WHERE stage = 'main' AND idx = 4", "point 4, stage main, n0 (sum of selection)"),
    "a bound": ("UPDATE certificates SET p_a_lower = p_a_lower + 1e-15 WHERE stage = 'main' AND idx = 5", "point 5, stage main, p_a_lower: stored"),
    "a radius": ("UPDATE certificates SET radius = radius + 1e-15 WHERE stage = 'main' AND idx = 6", "point 6, stage main, radius: stored"),
    "a label": ("UPDATE certificates SET label = (label + 1) % 10 WHERE stage = 'main' AND idx = 7", "point 7, stage main, label: stored"),
    "an outcome": (
        "UPDATE certificates SET outcome = 'abstained' WHERE stage = 'main' AND idx = 8",
        "point 8, stage main, outcome: stored 'abstained', re-derived 'certified'",
    ),
    "alpha": ("UPDATE certificates SET alpha = 0.01 WHERE stage = 'main' AND idx = 9", "point 9, stage main, alpha: stored 0.01, re-derived 0.001"),
    "sigma": ("UPDATE certificates SET sigma = 0.5 WHERE stage = 'main' AND idx = 9", "point 9, stage main, sigma: stored 0.5, re-derived 0.25"),
    "a procedure": ("UPDATE certificates SET procedure = 'sequential' WHERE idx = 1", "stage main, procedure: stored 'sequential', re-derived 'reduced'"),
    "a class": ("UPDATE certificates SET counts = '[[10,200]]' WHERE stage = 'main' AND idx = 2", "classes of counts: stored 10"),
    "a missing point": ("DELETE FROM certificates WHERE stage = 'main' AND idx = 39", "stage main, number of certificates: stored 39, re-derived 40"),
    "a condition": (
        "UPDATE points SET attributes = replace(attributes, 'clean', 'stained') WHERE idx = (SELECT min(idx) FROM points WHERE attributes LIKE '%clean%')",
        "manifest.json, digest of the points",
    ),
    "a cell": ("UPDATE points SET cell = 1 - cell WHERE idx = 5 AND cell < 2", "point 5, cell: stored"),
    "a true class": ("UPDATE points SET label = (label + 1) % 10 WHERE idx < 30", "finding CLEAN, state: stored 'MET', re-derived 'NOT MET'"),
    "a finding": ("UPDATE findings SET lower = 0.9999 WHERE criterion = 'CA'", "finding CA, lower: stored 0.9999"),
    "a sentence": ("UPDATE findings SET message = 'All is well.' WHERE criterion = 'CA'", "finding CA, message: stored 'All is well.'"),
    "the spec": (
        "UPDATE documents SET content = CAST(REPLACE(CAST(content AS TEXT), 'points: 40', 'points: 41') AS BLOB) WHERE kind = 'spec'",
        "document spec.yaml, digest: stored",
    ),
    "a digest too": (
        "UPDATE documents SET sha256 = 'ff', content = CAST('x' AS BLOB) WHERE kind = 'criteria'",
        "manifest.json, digest of criteria: stored",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_shows(run: Path, bench: Bench, name: str) -> None:
    """Status 1, and a line that names the place, what is stored and what follows; before it the digest, unless that was computed anew."""
    sql, line = CHANGES[name]
    change(run, sql)
    for forged in (False, True):
        if forged:
            reseal(run)
        outcome = bench("verify", run)
        assert outcome.status == 1, outcome
        assert outcome.out.startswith("manifest.json, digest of evidence.sqlite: stored ") != forged
        assert any(line in told for told in outcome.out.splitlines()[:-1]), outcome.out
        assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("report.html", "MET", "met", "attestation.json, digest of report.html: stored {"),
        ("report.pdf", "%PDF", "%PDG", "attestation.json, digest of report.pdf: stored {"),
        ("attestation.json", '"PASSED"', '"WARNED"', "attestation.json, result: stored 'WARNED', re-derived 'PASSED'"),
        ("attestation.json", '"CA"', '"CB"', "attestation.json, passedTests: stored ['CB', 'CLEAN'], re-derived ['CA', 'CLEAN']"),
        (
            "attestation.json",
            '"name": "report.html"',
            '"name": "other.html"',
            "attestation.json, digest of report.html: stored None",
        ),
        ("attestation.json", '"subject": [', '"subject":[', "attestation.json, bytes: stored"),
    ],
)
def test_what_the_attestation_names_has_its_digest(run: Path, bench: Bench, file: str, old: str, new: str, line: str) -> None:
    """A report or the statement itself edited by hand is found."""
    data = (run / file).read_bytes()
    assert old.encode() in data
    (run / file).write_bytes(data.replace(old.encode(), new.encode(), 1))
    outcome = bench("verify", run)
    assert outcome.status == 1
    assert outcome.out.startswith(line), outcome.out


def test_a_report_that_is_gone_shows(run: Path, bench: Bench) -> None:
    """Unless the attestation is written again without it; with no attestation nothing is said of reports."""
    (run / "report.pdf").unlink()
    assert "attestation.json, report.pdf: stored 'a file with a digest', re-derived 'no such file'" in bench("verify", run).out
    assert bench("report", run, "--no-pdf").status == 0
    assert bench("verify", run).status == 0
    (run / "attestation.json").unlink()
    (run / "report.html").unlink()
    assert bench("verify", run).status == 0


def test_the_verdict_is_derived(run: Path, bench: Bench) -> None:
    """A manifest with another verdict disagrees with the findings."""
    reseal(run, verdict="NOT MET")
    assert bench("verify", run).out.startswith("manifest.json, verdict: stored 'NOT MET', re-derived 'MET'\n")


def test_many_disagreements_are_counted(run: Path, bench: Bench) -> None:
    """Twenty are told, the others are counted; --json holds the same."""
    change(run, "UPDATE certificates SET radius = radius / 2 + 1")
    reseal(run)
    outcome = bench("verify", run)
    assert outcome.status == 1
    lines = outcome.out.splitlines()
    assert len(lines) == 22
    count = int(lines[-1].split(": ")[1].split()[0])
    assert lines[-2] == f"... and {count - 20} more"
    data = json.loads(bench("verify", run, "--json").out)
    assert (data["agrees"], data["count"], len(data["disagreements"])) == (False, count, 20)
    assert data["disagreements"][0] == {
        "where": "point 0, stage main",
        "what": "radius",
        **{key: data["disagreements"][0][key] for key in ("stored", "derived")},
    }


def test_other_libraries_may_round_otherwise(run: Path, bench: Bench) -> None:
    """Where the run's scipy was another, the last digits may differ, and nothing more."""
    environment = json.loads((run / "manifest.json").read_text())["environment"]
    change(run, "UPDATE certificates SET p_a_lower = p_a_lower * (1 + 1e-14) WHERE stage = 'main' AND idx = 5")
    reseal(run, environment=environment | {"libraries": environment["libraries"] | {"scipy": "1.0"}})
    outcome = bench("verify", run)
    assert outcome.status == 0, outcome.out
    assert "agree to one part in 1e11 (other libraries" in outcome.out
    change(run, "UPDATE certificates SET p_a_lower = p_a_lower * (1 - 1e-9) WHERE stage = 'main' AND idx = 5")
    reseal(run)
    assert bench("verify", run).status == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE certificates SET counts = 'none'",
        "UPDATE points SET attributes = '{'",
        "DELETE FROM documents",
        "DELETE FROM meta WHERE key = 'reach'",
        "DELETE FROM certificates",
        "DROP TABLE certificates",
        "UPDATE meta SET value = '{\"share\": 7.5, \"cells_out_of_reach\": []}' WHERE key = 'reach'",
        "UPDATE certificates SET idx = idx + 1000 WHERE stage = 'reference'; UPDATE points SET idx = idx + 1000 WHERE idx > 37",
    ],
)
def test_damage_is_one_message(run: Path, bench: Bench, damage: str) -> None:
    """What cannot be read at all, or holds nothing, ends with status 1 or 2 and a line, never with a traceback."""
    db = sqlite3.connect(run / "evidence.sqlite")
    db.executescript(damage)
    db.commit()
    db.close()
    for forged in (False, True):
        if forged:
            reseal(run)
        outcome = bench("verify", run)
        assert outcome.status in {1, 2}
        assert outcome.out.strip() or outcome.err.strip()
        assert "defect" not in outcome.err
        report = bench("report", run, "--no-pdf")
        assert report.status == 2 or (
            forged and report.status == 0
        )  # a report quotes; what was forged with its digests is for `verify` to find
        assert "defect" not in report.err


def test_a_table_is_not_needed(make_bench: Callable[[], Bench]) -> None:
    """Where points were drawn among frames, the evidence remembers what the table could reach: with the table gone, report and verify agree."""
    from .test_table import tabled

    bench = tabled(make_bench(), 400)
    assert bench.run().status in {0, 1, 3}
    before = (bench.folder / "run" / "report.html").read_bytes()
    assert b"no frame" in before
    (bench.folder / "frames.csv").unlink()
    (bench.folder / "frames.npz").unlink()
    assert bench("verify", bench.folder / "run").status == 0
    assert bench("report", bench.folder / "run", "--no-pdf").status == 0
    assert (bench.folder / "run" / "report.html").read_bytes() == before


def test_points_stay_in_the_group_that_they_were_allocated_to(bench: Bench) -> None:
    """A run whose points lie in other groups than its spec allocates them to did not follow its design, whatever its digests say."""
    (bench.folder / "allocation.csv").write_text(GROUPS)
    sampling = {"design": "stratified", "allocation": "allocation.csv", "points": 40, "seed": 5}
    assert bench.change({"sampling": sampling, "unattainable": "accept"}).run().status in {0, 1, 3}
    run = bench.folder / "run"
    with closing(sqlite3.connect(run / "evidence.sqlite")) as file:
        index, text = next(file.execute("SELECT idx, attributes FROM points WHERE cell = 0"))
        moved = json.dumps({**json.loads(text), "light": 580.0})
        file.execute("UPDATE points SET cell = 2, attributes = ? WHERE idx = ?", (moved, index))
        file.commit()
    reseal(run)
    outcome = bench("verify", run)
    assert outcome.status == 1
    assert "stage main, points of the groups: stored [15, 25], re-derived [16, 24]" in outcome.out
