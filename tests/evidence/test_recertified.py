"""What a recertified run tells of its baseline, from its own evidence and manifest."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from odd_assess.errors import RunFolderError
from odd_assess.evidence import BASELINE, MAIN, Baseline, EvidenceStore, Row, recertified
from odd_assess.records import CertificationPlan, Certified, Counts, OddPoint, Recertification, Reused, Spec

POINTS = 6
TOLD: tuple[dict[str, Any], ...] = (
    {},
    {"recertified": None},
    {"recertified": {"seconds": 2, "baseline_seconds": None}},
    {"recertified": {"seconds": {"main": 2.0}, "baseline_seconds": {"main": 0.0, "draws": 0}}},
    {"recertified": {"seconds": {"main": "2", "draws": 300}, "baseline_seconds": {"main": 2.0, "draws": "all"}}},
)
REUSED = Reused(route="incremental", base_hits=95, base_n=100, head=47, lost=2, changed=3)
BEFORE = Baseline(
    run="reader",
    title="Reader 1",
    model="ab" * 32,
    verdict="MET",
    finished="2026-11-20T14:03:27+00:00",
    certificates="cd" * 32,
    clean=np.zeros(POINTS, dtype=np.int64),
)


@dataclass(frozen=True)
class _Plan:
    certification: CertificationPlan
    recertification: Recertification | None


def spec_of(recertification: Recertification | None) -> Spec:
    """Only the plans of the spec are looked at."""
    plan = CertificationPlan(sigma=0.25, alpha=0.002, budget=cast("Any", None))
    return cast("Spec", _Plan(certification=plan, recertification=recertification))


def certificate(n0: int, n: int, reused: Reused | None = None) -> Certified:
    counts = Counts(n=n, by_class=((1, n),))
    selection = Counts(n=n0, by_class=((1, n0),)) if n0 else None
    return Certified(
        label=1,
        radius=0.1,
        p_a_lower=0.8,
        n0=n0,
        n=n,
        sigma=0.25,
        alpha=0.002,
        procedure="incremental" if reused else "reduced",
        counts=counts,
        selection=selection,
        reused=reused,
    )


def store_of(path: Path, *, meta: dict[str, str], before: int = POINTS, reused: bool = True) -> EvidenceStore:
    """Points whose baseline took 10 + 100 draws and that took 50; the last two are counted afresh."""
    store = EvidenceStore.create(path / "evidence.sqlite", meta)
    for index in range(POINTS):
        point = OddPoint(index=index, values={}, cell=0, frame=None)
        row = Row(point=point, base=index, label=1, clean=1, input_sha256="ef" * 32)
        if index < before:
            store.add(BASELINE, row, certificate(10, 100))
        taken = replace(REUSED, route="fresh", lost=0, changed=index) if index > 3 else REUSED
        store.add(MAIN, row, certificate(0, 50, taken if reused else None))
    return store


def test_what_was_reused_is_read_from_the_certificates(tmp_path: Path) -> None:
    """A route and counts for each point, both runs' draws and times, the baseline's name, and the parts of alpha for one model and for all."""
    plan = Recertification(draws=50, share=0.25, models=3)
    with store_of(tmp_path, meta=BEFORE.as_meta()) as store:
        told = {"seconds": {"main": 2.5, "draws": 300}, "baseline_seconds": {"main": 10.0, "draws": 220}}
        found = recertified(store, spec_of(plan), {"recertified": told})
    assert found is not None
    assert (found.run, found.model, found.certificates) == ("reader", "ab" * 32, "cd" * 32)
    assert found.route.tolist() == 4 * ["incremental"] + 2 * ["fresh"]
    assert found.lost.tolist() == [2, 2, 2, 2, 0, 0]
    assert found.changed.tolist() == [3, 3, 3, 3, 4, 5]
    assert set(found.head.tolist()) == {47}
    assert set(found.base_hits.tolist()) == {95}
    assert (found.draws, found.base_draws, found.base_selection) == (300, 660, 60)
    assert (found.terms.alpha, found.terms.alpha_z) == pytest.approx((0.0015, 0.0005))
    assert found.terms.joint_alpha == pytest.approx(0.003)
    assert found.terms.fresh_alpha == pytest.approx(0.001)
    assert (found.seconds, found.base_seconds) == (2.5, 30.0)  # a third of the baseline's draws was timed


def test_times_that_are_not_told_are_none(tmp_path: Path) -> None:
    """A manifest without times, or with something else in their place, leaves them out."""
    for number, told in enumerate(TOLD):
        folder = tmp_path / str(number)
        folder.mkdir()
        with store_of(folder, meta=BEFORE.as_meta()) as store:
            found = recertified(store, spec_of(Recertification(draws=50)), told)
        assert found is not None
        assert found.seconds is None
        assert found.base_seconds is None


def test_a_run_from_nothing_is_no_recertified_one(tmp_path: Path) -> None:
    """Without settings in the spec there is nothing to tell, whatever else the run keeps."""
    with store_of(tmp_path, meta=BEFORE.as_meta()) as store:
        assert recertified(store, spec_of(None), {}) is None


@pytest.mark.parametrize("damage", ["no baseline", "fewer points before", "nothing reused"])
def test_damage_is_one_error(tmp_path: Path, damage: str) -> None:
    """A baseline that is gone, that has not every point, or certificates that take nothing from it."""
    meta = {} if damage == "no baseline" else BEFORE.as_meta()
    before = POINTS - 1 if damage == "fewer points before" else POINTS
    with (
        store_of(tmp_path, meta=meta, before=before, reused=damage != "nothing reused") as store,
        pytest.raises(RunFolderError, match="baseline"),
    ):
        recertified(store, spec_of(Recertification(draws=50)), {})
