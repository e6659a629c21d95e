"""``odd-assess report``: the reports of a finished run from its folder alone."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from odd_assess.evidence import write_manifest
from odd_assess.examples.digits import WEIGHTS

from .conftest import Bench, reseal

EXCHANGED = ("junit.xml", "results.sarif", "argument.gsn.yaml", "attestation.json")


def moved(finished: Bench, to: Path) -> Path:
    """A copy of the run folder elsewhere, without its reports."""
    run = to / "elsewhere"
    shutil.copytree(finished.folder / "run", run)
    for written in (*run.glob("report.*"), *(run / name for name in EXCHANGED)):
        written.unlink()
    return run


def test_reports_are_written_again_byte_by_byte(finished: Bench, bench: Bench) -> None:
    """From the folder alone, at another place, come the very reports that the run wrote; the evidence stays as it is."""
    run = moved(finished, bench.folder)
    outcome = bench("report", run, "--pdf")
    assert outcome.status == 0, outcome
    for name in ("report.html", "report.pdf", *EXCHANGED, "evidence.sqlite", "manifest.json"):
        assert (run / name).read_bytes() == (finished.folder / "run" / name).read_bytes(), name
    assert outcome.out.splitlines() == [f"written: {run / name}" for name in ("report.html", "report.pdf", *EXCHANGED)]


def test_nothing_else_is_needed(make_bench: Callable[[], Bench]) -> None:
    """Measured usage, the criteria and the spec are gone, and so are weights and data: the report is the same."""
    bench = make_bench()
    (bench.folder / "data").mkdir()
    (bench.folder / "data" / "usage.csv").write_text("blur\n" + "\n".join(str(i / 100) for i in range(40)))
    shutil.copy(bench.folder / "criteria.yaml", bench.folder / "data" / "criteria.yaml")
    shutil.copy(WEIGHTS, bench.folder / "w.safetensors")
    bench.change(
        {
            "odd/attributes/defocus/distribution": {"empirical": "data/usage.csv", "column": "blur"},
            "criteria": ["data/criteria.yaml"],
            "model/weights": "w.safetensors",
            "certification/reference": None,
            "sampling/points": 24,
        }
    )
    assert bench.run().status in {0, 3}
    before = (bench.folder / "run" / "report.html").read_bytes()
    for path in (*bench.folder.glob("data/*"), *bench.folder.glob("*.yaml"), bench.folder / "w.safetensors"):
        path.unlink()
    assert bench("report", bench.folder / "run", "--no-pdf").status == 0
    assert (bench.folder / "run" / "report.html").read_bytes() == before
    assert bench("verify", bench.folder / "run").status == 0


def test_an_unfinished_run_is_refused(finished: Bench, bench: Bench) -> None:
    """Neither reported nor verified: status 4, and the command that goes on."""
    run = moved(finished, bench.folder)
    reseal(run, status="running")
    for command in ("report", "verify"):
        outcome = bench(command, run)
        assert outcome.status == 4
        assert "the run must be complete, found status 'running': its evidence is incomplete" in outcome.err
        assert f"--out {run} --resume" in outcome.err
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("command", ["report", "verify"])
def test_what_is_no_run_folder_is_refused(bench: Bench, command: str) -> None:
    """An empty folder, none at all, and one whose evidence is missing or older end in one message and status 2."""
    empty = bench(command, bench.folder)
    assert (empty.status, empty.err) == (2, f"odd-assess: {bench.folder}: must be a run folder, found no manifest.json in it\n")
    assert bench(command, bench.folder / "nowhere").status == 2
    write_manifest(bench.folder, {"identity": {}, "started": "", "status": "complete"})
    assert "a finished run must have its evidence, found no evidence.sqlite in it" in bench(command, bench.folder).err
    db = sqlite3.connect(bench.folder / "evidence.sqlite")
    db.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    db.execute("INSERT INTO meta VALUES ('schema', '1')")
    db.commit()
    db.close()
    older = bench(command, bench.folder)
    assert older.status == 2
    assert "written by an older odd-assess (schema 1" in older.err
    manifest = json.loads((bench.folder / "manifest.json").read_text())
    for version, said in (
        (2, "written by a newer odd-assess (manifest version 2, this one reads 1); update"),
        (None, "another odd-assess"),
    ):
        (bench.folder / "manifest.json").write_text(json.dumps(manifest | {"manifest_version": version}))
        refused = bench(command, bench.folder)
        assert refused.status == 2
        assert said in refused.err


def test_a_report_of_changed_documents_is_refused(finished: Bench, bench: Bench) -> None:
    """A spec that is not the manifest's is not reported as the run's."""
    run = moved(finished, bench.folder)
    db = sqlite3.connect(run / "evidence.sqlite")
    db.execute("UPDATE documents SET content = CAST(REPLACE(CAST(content AS TEXT), 'a few', 'many') AS BLOB) WHERE kind = 'spec'")
    db.commit()
    db.close()
    outcome = bench("report", run, "--no-pdf")
    assert outcome.status == 2
    assert "document spec.yaml, digest: stored" in outcome.err


@pytest.mark.parametrize("command", [["report", "--no-pdf"], ["verify"]])
def test_no_torch_is_imported(finished: Bench, tmp_path: Path, command: list[str]) -> None:
    """A machine without torch can do it."""
    run = shutil.copytree(finished.folder / "run", tmp_path / "run")
    code = f"""
import sys
sys.modules["torch"] = None
from odd_assess.cli import main
try:
    main([{command[0]!r}, {str(run)!r}, *{command[1:]!r}])
except SystemExit as done:
    assert not done.code, done.code
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_one_format_without_pictures_under_another_title(finished: Bench, bench: Bench) -> None:
    """Only what is named is written anew; the page holds no picture; the attestation names the new page and the old PDF, and verify agrees."""
    run = bench.folder / "copy"
    shutil.copytree(finished.folder / "run", run)
    old = (run / "report.pdf").read_bytes()
    outcome = bench("report", run, "--format", "html", "--no-images", "--title", "Signs <b>of</b> spring")
    assert outcome.status == 0, outcome
    page = (run / "report.html").read_text()
    assert "data:image/png" in (finished.folder / "run" / "report.html").read_text()
    assert "data:image" not in page
    assert ">Signs &lt;b&gt;of&lt;/b&gt; spring</h1>" in page
    assert "left out of this report on purpose" in page
    assert (run / "report.pdf").read_bytes() == old
    assert outcome.out.splitlines() == [f"written: {run / name}" for name in ("report.html", *EXCHANGED)]
    named = [subject["name"] for subject in json.loads((run / "attestation.json").read_text())["subject"]]
    assert {"report.html", "report.pdf"} <= set(named)
    assert bench("verify", run).status == 0


def test_markdown_is_written_beside_the_page(finished: Bench, bench: Bench) -> None:
    """report.md says the verdict; a report that was edited by hand is attested no more."""
    run = bench.folder / "copy"
    shutil.copytree(finished.folder / "run", run)
    page = run / "report.html"
    page.write_text(page.read_text() + "<!-- better -->")
    assert bench("report", run, "--format", "md").status == 0
    assert "## Findings" in (run / "report.md").read_text()
    assert "report.html" not in (run / "attestation.json").read_text()
    assert bench("verify", run).status == 1


@pytest.mark.parametrize("words", [["--format", "md", "--pdf"], ["--format", "docx"], ["--title", " "]])
def test_options_that_say_nothing_together_are_refused(finished: Bench, bench: Bench, words: list[str]) -> None:
    """One message and status 2, and nothing is written."""
    run = moved(finished, bench.folder)
    outcome = bench("report", run, *words)
    assert outcome.status == 2
    assert not (run / "report.html").exists()
