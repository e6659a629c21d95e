"""The GTSRB spec that we ship, run on real traffic signs and a real network, as its user would: files beside the spec, fewer points and draws."""

import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import odd_assess
from odd_assess.records import Budget, ReferencePlan


def beside_the_spec(repository: Path, shared: Path, folder: Path) -> Path:
    """The shipped spec and weights in their folders, with the data beside the spec under the name that its header gives."""
    home = folder / "sample_reports" / "gtsrb"
    home.mkdir(parents=True)
    shutil.copytree(repository / "benchmarks" / "recipes", folder / "benchmarks" / "recipes")
    decode = runpy.run_path(str(shared / "data" / "prepare.py"))["decode"]
    archive = np.load(shared / "data" / "gtsrb_test_dev.npz")
    first = {name: archive[name] for name in archive.files}
    first["offsets"] = first["offsets"][:1001]  # a thousand images do
    np.savez(home / "gtsrb_test.npz", images=decode(first), labels=first["labels"][:1000], class_names=first["class_names"])
    return Path(shutil.copy(repository / "sample_reports" / "gtsrb" / "spec.yaml", home))


@pytest.mark.slow
def test_the_gtsrb_spec_runs_on_real_signs(repository: Path, shared: Path, tmp_path: Path) -> None:
    """It ends in a verdict; the network reads far more signs than chance (2 %), and most that it certifies rightly."""
    spec = odd_assess.load_spec(beside_the_spec(repository, shared, tmp_path))
    certification = replace(
        spec.certification, budget=Budget(kind="reduced", n0=24, n=96), reference=ReferencePlan(n=384, points=8)
    )
    small = replace(spec, sampling=replace(spec.sampling, points=32), certification=certification)
    found = odd_assess.assess(small, tmp_path / "run")
    assert len(found.results) == 32
    assert found.reference is not None
    assert len(found.reference) == 8
    assert np.mean(found.results.clean == found.results.label) > 0.3
    certified = found.results.certified
    assert 0.3 < certified.mean() <= 1
    assert np.mean(found.results.chosen[certified] == found.results.label[certified]) > 0.5
    assert found.reduction.measured is not None
    assert len(found.exhibits) == 12
