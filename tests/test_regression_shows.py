"""What the regression gate is for: an identical copy passes with 150 points, a harmed model does not. On digits, and on real traffic signs where they are."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from odd_assess.audit import compare_runs, verify
from odd_assess.records import State
from odd_assess.spec import scaffold


@pytest.fixture
def compare(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module: it is no part of the installed package."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.compare")


def judge(compare: ModuleType, spec: Path, *, draws: int) -> None:
    """The identical copy is MET, weights taken away at random are NOT MET; the runs verify, and compare says the same of them."""
    found = compare.judged(spec, points=150, draws=draws, kinds=("identical", "random"))
    assert found["identical"].verdict is State.MET
    assert found["random"].verdict is State.NOT_MET
    folders = [spec.parent / name for name in ("run-old", "run-identical", "run-random")]
    assert all(verify(folder).agrees for folder in folders)
    again = compare_runs(folders, found["random"].spec.criteria[0].criteria)
    assert [finding.state for finding in again.findings] == [State.MET, State.NOT_MET]
    assert [finding.message for finding in again.findings] == [found[kind].findings[0].message for kind in ("identical", "random")]


@pytest.mark.slow
def test_the_digits_show_a_regression(compare: ModuleType, tmp_path: Path) -> None:
    """30 % of the weights of the embedded network, at random."""
    judge(compare, scaffold(tmp_path / "digits")[0], draws=100)


@pytest.mark.slow
def test_real_traffic_signs_show_a_regression(compare: ModuleType, tmp_path: Path) -> None:
    """30 % of the weights of a real network, at random; skipped where the shared folder is absent."""
    if not (compare.SHARED / "models").is_dir():
        pytest.skip("needs ../shared/models beside the repository")
    judge(compare, compare.place_real(tmp_path, ["gtsrb"])[0], draws=40)
