"""The commands around ``run``: lint, schema, init, help."""

import json
from pathlib import Path

from .conftest import Bench


def test_lint_says_when_nothing_is_wrong(bench: Bench) -> None:
    """Both kinds of file are checked; a sound one is named."""
    outcome = bench("lint", bench.spec, bench.folder / "criteria.yaml")
    assert outcome.status == 0
    assert "no problems found" in outcome.out


def test_lint_lists_every_problem(bench: Bench) -> None:
    """Status 2, one line a problem, on standard error."""
    bench.change({"sampling/design": "randon", "certification/alpha": 3})
    outcome = bench("lint", bench.spec)
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) == 2
    assert all(line.startswith(f"{bench.spec}:") for line in outcome.err.splitlines())


def test_schema_is_json(bench: Bench) -> None:
    """Every schema is a JSON object with an id of our own."""
    for kind in ("spec", "criteria", "training"):
        assert json.loads(bench("schema", kind).out)["$id"].startswith("urn:odd-assess:")


def test_the_example_of_init_runs_and_is_met(bench: Bench, tmp_path: Path) -> None:
    """A new user's first run ends with MET: the scaffolded spec, fewer points for speed."""
    folder = tmp_path / "new"
    assert bench("init", folder).status == 0
    assert bench("lint", folder / "spec.yaml").status == 0
    text = (folder / "spec.yaml").read_text().replace("n: 10000, points: 20", "n: 2000, points: 8")
    (folder / "spec.yaml").write_text(text)
    outcome = bench("run", folder / "spec.yaml", "--out", tmp_path / "run", "--no-pdf")
    assert outcome.status == 0, outcome.out


def test_init_overwrites_nothing(bench: Bench, tmp_path: Path) -> None:
    """A folder with one of the files is left alone."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "spec.yaml").write_text("mine")
    assert bench("init", tmp_path / "new").status == 2
    assert (tmp_path / "new" / "spec.yaml").read_text() == "mine"


def test_help_names_every_command(bench: Bench) -> None:
    """--help lists the commands and the exit statuses."""
    out = bench("--help").out
    assert all(command in out for command in ("init", "lint", "run", "schema"))
    assert "3 inconclusive" in out
    assert "--resume" in bench("run", "--help").out
