"""An opened run says what its folder holds, and other criteria can be judged by it."""

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import odd_assess
from odd_assess.audit import OpenedRun, load_run
from odd_assess.audit.opened import _condition
from odd_assess.criteria import check, verdict
from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence import MAIN, REFERENCE, EvidenceStore, read_manifest, sha256, write_manifest
from odd_assess.odd.attributes import Ordinal
from odd_assess.records import Certified, State


@pytest.fixture(scope="module")
def run(synthetic: Path) -> OpenedRun:
    return odd_assess.open_run(synthetic)


def test_a_row_a_point(run: OpenedRun, synthetic: Path) -> None:
    """Conditions in their units, the cell by its name, classes by number and name: what the store says of each point."""
    points = run.points
    assert points.index.name == "point"
    assert list(points.columns) == ["light", "defocus", "dirt", "cell", "label", "label_name", "clean", "clean_name", "pilot"]
    assert points.attrs["units"] == {"light": "lux", "defocus": "px", "dirt": "1"}
    with EvidenceStore.open(synthetic / "evidence.sqlite") as store:
        rows = [row for row, _ in store.rows(MAIN)]
    assert points.index.tolist() == [row.point.index for row in rows]
    for name in ("light", "defocus", "dirt"):
        assert points[name].tolist() == [row.point.values[name] for row in rows]
    assert points["cell"].tolist() == [run.spec.domain.cells[row.point.cell].name for row in rows]
    assert points["label"].tolist() == [row.label for row in rows]
    assert points["clean_name"].tolist() == [str(row.clean) for row in rows]
    assert not points["pilot"].any()


def test_a_row_a_certificate(run: OpenedRun, synthetic: Path) -> None:
    """Both stages, one after the other, with the counts that decide."""
    table = run.certificates
    with EvidenceStore.open(synthetic / "evidence.sqlite") as store:
        stored = [(stage, row, certificate) for stage in (MAIN, REFERENCE) for row, certificate in store.rows(stage)]
    assert len(table) == len(stored) == 420
    for found, (stage, row, certificate) in zip(table.to_dict("records"), stored, strict=True):
        assert found == {
            "stage": stage,
            "point": row.point.index,
            "procedure": certificate.procedure,
            "outcome": "certified" if isinstance(certificate, Certified) else "abstained",
            "chosen": certificate.label,
            "chosen_name": str(certificate.label),
            "n0": certificate.n0,
            "n": certificate.n,
            "hits": certificate.counts.of(certificate.label),
            "label_hits": certificate.counts.of(row.label),
            "sigma": certificate.sigma,
            "alpha": certificate.alpha,
            "p_a_lower": certificate.p_a_lower,
            "radius": certificate.radius if isinstance(certificate, Certified) else 0.0,
            "ties": certificate.ties,
            "radius_alone": certificate.radius if isinstance(certificate, Certified) else 0.0,
            "soundness": "stateless",
        }


def test_what_the_run_said(run: OpenedRun, synthetic: Path) -> None:
    """Findings, verdict, manifest and spec are those of its folder."""
    assessment = load_run(synthetic)
    assert run.findings == assessment.findings
    assert run.verdict is assessment.verdict is verdict(run.findings)
    assert run.manifest == read_manifest(synthetic)
    assert run.spec.id == "million"


def test_other_criteria_are_judged_by_a_finished_run(run: OpenedRun, tmp_path: Path) -> None:
    """Its own criteria give its own findings, whatever they are handed over with; stricter ones of an auditor give others."""
    (own,) = run.spec.criteria
    assert check(own, run) == check(own.criteria, run) == check(own, run.evidence) == check(own, run.assessment) == run.findings
    path = tmp_path / "stricter.yaml"
    path.write_text(
        'odd_assess_criteria: 1\nid: s\ncriteria: [{id: X, metric: clean_accuracy, require: ">= 0.999", confidence: 0.95}]'
    )
    (finding,) = check(odd_assess.load_criteria(path), run)
    assert (finding.criterion.id, finding.state) == ("X", State.NOT_MET)
    observed = float(np.mean(run.points["clean"] == run.points["label"]))
    assert finding.observed == pytest.approx(observed, abs=1e-12)


def test_a_condition_never_hides_another_column() -> None:
    """An attribute with the name of a column has a longer one."""
    attribute = Ordinal(id="label", labels=("a", "b"), weights=(0.5, 0.5))
    assert [_condition(attribute), _condition(replace(attribute, id="fog"))] == ["attribute.label", "fog"]


def test_the_folder_stays_as_it_is(synthetic: Path, tmp_path: Path) -> None:
    """No byte changes, no file comes, and none stays open: the folder can be taken away."""
    folder = Path(shutil.copytree(synthetic, tmp_path / "run"))
    before = {path.name: sha256(path) for path in folder.iterdir()}
    opened = odd_assess.open_run(str(folder))
    assert (len(opened.points), len(opened.certificates)) == (400, 420)
    assert {path.name: sha256(path) for path in folder.iterdir()} == before
    shutil.rmtree(folder)
    assert len(opened.points) == 400


def test_a_run_that_is_not_sound_is_not_opened(synthetic: Path, tmp_path: Path) -> None:
    """No folder, no evidence, changed evidence, a manifest of a newer version, a run that goes on: one error each, as of `verify` and `load_run`."""
    folder = Path(shutil.copytree(synthetic, tmp_path / "run"))
    manifest = read_manifest(folder)
    db = sqlite3.connect(folder / "evidence.sqlite")
    db.execute("UPDATE certificates SET radius = radius / 2 WHERE idx = 7")
    db.commit()
    db.close()
    with pytest.raises(
        RunFolderError, match=r"they disagree:\n  manifest\.json, digest of evidence\.sqlite: stored .*\nSee what else"
    ):
        odd_assess.open_run(folder)
    assert odd_assess.verify(folder).disagreements[1].where.startswith("point 7, stage main")
    (folder / "evidence.sqlite").unlink()
    calls = (odd_assess.open_run, odd_assess.verify, load_run)
    for call in calls:
        with pytest.raises(RunFolderError, match=r"must have its evidence, found no evidence\.sqlite"):
            call(folder)
        with pytest.raises(RunFolderError, match=r"must be a run folder, found no manifest\.json"):
            call(tmp_path / "nowhere")
    write_manifest(folder, {**manifest, "status": "running"})
    for call in calls:
        with pytest.raises(RunError, match="must be complete, found status 'running'"):
            call(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest | {"manifest_version": 9}))
    for call in calls:
        with pytest.raises(RunFolderError, match="written by a newer odd-assess"):
            call(folder)
