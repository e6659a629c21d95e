"""The sample reports are of the specs beside them, their numbers follow from the counts that they carry, and a run today finds the same."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
import yaml

from odd_assess import assess, load_spec
from odd_assess.stats import certified_radius, proportion_lower_bound

SAMPLES = ("digits", "gtsrb", "cifar10")
WITHOUT_PICTURES = ("gtsrb", "cifar10")


@pytest.fixture(params=SAMPLES)
def folder(request: pytest.FixtureRequest, repository: Path) -> Path:
    """The folder of one sample."""
    return repository / "sample_reports" / str(request.param)


def attached(folder: Path) -> dict[str, Any]:
    """evidence.json, taken out of the PDF report."""
    with pikepdf.open(io.BytesIO((folder / "report.pdf").read_bytes())) as file:
        found: dict[str, Any] = json.loads(file.Root.AF[0].EF.F.read_bytes())
    return found


def test_reports_are_of_these_specs_criteria_and_weights(folder: Path, repository: Path) -> None:
    """Spec and criteria are, letter by letter, the ones in the repository today, and so are the model's weights."""
    evidence, text = attached(folder), (folder / "spec.yaml").read_text(encoding="utf-8")
    assert evidence["spec"]["text"] == text
    declared = yaml.safe_load(text)
    criteria = [next(one for one in (folder / name, repository / name) if one.exists()) for name in declared["criteria"]]
    assert [found["sha256"] for found in evidence["criteria"]] == [[digest(path)] for path in criteria]
    assert evidence["manifest"]["model"]["weights_file"]["sha256"] == digest(folder / declared["model"]["weights"])


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_html_and_pdf_are_of_the_same_run(folder: Path) -> None:
    """Both say the verdict, the run's digests, and every finding in the words of the evidence."""
    evidence, text = attached(folder), (folder / "report.html").read_text(encoding="utf-8")
    assert f"<title>{evidence['spec']['title']}: {evidence['verdict']}</title>" in text
    assert evidence["manifest"]["evidence_sha256"] in text
    assert evidence["manifest"]["digest"] in text
    assert [text.count(f'<tbody id="finding-{place}"') for place, _ in enumerate(evidence["findings"], start=1)] == [
        1 for _ in evidence["findings"]
    ]


def test_radii_follow_from_the_counts(folder: Path) -> None:
    """Every bound and radius is what the counts of its point give, and a radius is certified where the bound exceeds one half."""
    evidence = attached(folder)["results"]
    hits, n, alpha, sigma, p_a_lower, radius = (
        np.array(evidence[name]) for name in ("hits", "n", "alpha", "sigma", "p_a_lower", "radius")
    )
    bound = proportion_lower_bound(hits, n, alpha=alpha)
    np.testing.assert_allclose(p_a_lower, bound, rtol=1e-11)
    np.testing.assert_allclose(radius, certified_radius(bound, sigma=sigma), rtol=1e-10)
    assert ((p_a_lower > 0.5) == np.array(evidence["certified"])).all()


def test_shares_follow_from_the_radii(folder: Path) -> None:
    """Certified and clean accuracy over the whole ODD, observed: shares of the points, which weigh alike to one part in a hundred in the samples."""
    evidence = attached(folder)
    found = {name: np.array(evidence["results"][name]) for name in ("radius", "chosen", "label", "clean", "certified")}
    right = found["certified"] & (found["chosen"] == found["label"])
    checked = 0
    for finding in evidence["findings"]:
        criterion = finding["criterion"]
        if criterion["scope"] != "odd" or criterion["metric"] not in {"certified_accuracy", "clean_accuracy"}:
            continue
        held = (
            found["clean"] == found["label"]
            if criterion["metric"] == "clean_accuracy"
            else right & (found["radius"] >= criterion["radius"])
        )
        assert finding["observed"] == pytest.approx(held.mean(), abs=0.01)
        assert finding["lower"] < finding["observed"] < finding["upper"]
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize("name", WITHOUT_PICTURES)
def test_no_picture_of_a_foreign_data_set_is_handed_on(repository: Path, name: str) -> None:
    """Neither report holds an image; the digits' reports do, so that this can fail."""
    for sample, pictures in ((name, False), ("digits", True)):
        folder = repository / "sample_reports" / sample
        assert ("data:image" in (folder / "report.html").read_text(encoding="utf-8")) is pictures
        with pikepdf.open(io.BytesIO((folder / "report.pdf").read_bytes())) as file:
            images = [one for one in file.objects if isinstance(one, pikepdf.Stream) and one.get("/Subtype") == "/Image"]
        assert bool(images) is pictures


@pytest.mark.slow
def test_the_main_job_of_the_readme_is_met_and_finds_what_the_sample_says(repository: Path, tmp_path: Path) -> None:
    """README command 1, after its installation: the embedded example ends with MET, at the same points, with the sample's counts but for what rounding turns.

    Another processor or torch rounds otherwise: draws that were too close to call may fall the other way, some dozens in 300,000.
    """
    folder = repository / "sample_reports" / "digits"
    sample, found = attached(folder), assess(load_spec(folder / "spec.yaml"), tmp_path / "run")
    assert found.verdict.value == sample["verdict"] == "MET"
    assert [point.values for point in found.points] == [
        dict(zip(sample["conditions"], values, strict=True)) for values in zip(*sample["conditions"].values(), strict=True)
    ]
    assert found.results.label.tolist() == sample["results"]["label"]
    differ = np.abs(found.results.label_hits - np.array(sample["results"]["label_hits"]))
    assert differ.sum() <= 300
    assert [finding.state.value for finding in found.findings] == [finding["state"] for finding in sample["findings"]]
    for finding, told in zip(found.findings, sample["findings"], strict=True):
        assert finding.observed == pytest.approx(told["observed"], abs=0.02)
