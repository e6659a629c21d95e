"""Which runs may be compared where a model was recertified, without a run: what their folders would hold is put in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from odd_assess.audit import Comparison, compare_runs, comparison
from odd_assess.cli.compare import as_data, told
from odd_assess.errors import RunFolderError
from odd_assess.records import Assessment
from odd_assess.report.comparison import comparison_page

Build = Callable[..., Assessment]
Compare = Callable[..., Comparison]
CERTIFICATES = "7c" * 32


def before(found: Assessment) -> Assessment:
    """The run of the baseline that a recertified run names."""
    assert found.baseline is not None
    spec = replace(found.spec, recertification=None)
    return replace(found, spec=spec, results=found.baseline, baseline=None, recertified=None)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Compares assessments as if they lay in the folders run0, run1 ..., whose certificates have the digests that are given."""

    def compare(*assessments: Assessment, digest: str = CERTIFICATES) -> Comparison:
        folders = {Path(f"run{number}"): one for number, one in enumerate(assessments)}
        store = SimpleNamespace(digest=lambda *_: digest, inputs=lambda _: {0: "ab"})

        @contextmanager
        def finished(_: Path) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(store=store)

        monkeypatch.setattr(comparison, "load_run", folders.__getitem__)
        monkeypatch.setattr(comparison, "finished_run", finished)
        return compare_runs(list(folders))

    return compare


@pytest.fixture
def new(again: Build) -> Assessment:
    """A recertified run of few points."""
    return again(points=40)


def test_a_recertified_run_is_compared_with_its_baseline(compared: Compare, new: Assessment) -> None:
    """Point by point, with a note that budgets differ on the terminal, in the JSON and on the page."""
    found = compared(before(new), new)
    assert found.recertified == found.releases[1:]
    assert "run1 was recertified on what run0 keeps" in told(found)
    assert as_data(found)["budgets"] == found.budgets
    page = comparison_page(found)
    assert found.budgets in page.runs.note
    (shift,) = page.shifts
    assert new.baseline is not None
    np.testing.assert_array_equal(shift.old, np.where(new.baseline.correct, new.baseline.radius, 0.0))
    assert (shift.new < shift.old).any()


def test_other_runs_than_the_baseline_are_refused(compared: Compare, new: Assessment) -> None:
    """A run from scratch on the same points that is not the baseline, or two recertified ones with other draws: what differs is named."""
    with pytest.raises(RunFolderError, match=r"certified: was from scratch, is on what digit-reader .* keeps, 1000 draws, auto"):
        compared(before(new), new, digest="another")
    assert new.recertified is not None
    fewer = replace(new, recertified=replace(new.recertified, plan=replace(new.recertified.plan, draws=500)))
    with pytest.raises(
        RunFolderError,
        match=r"certified: was on what digit-reader .* keeps, 1000 draws, auto, is on what digit-reader .* keeps, 500 draws",
    ):
        compared(new, fewer)


def test_models_on_one_baseline_are_compared_without_a_note(compared: Compare, new: Assessment) -> None:
    """Two models that were recertified in the same way have the same budget."""
    found = compared(new, replace(new))
    assert found.budgets == ""
    assert "budgets" not in as_data(found)
