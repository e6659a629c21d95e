"""The benchmarks, where a wrong one would mislead: radii, draws against Wald's bound, a synthetic run that must be one, what a modified model saves."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from odd_assess.audit import load_run, verify
from odd_assess.certify import IncrementalPlan
from odd_assess.certify.procedures import incremental
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.stats import certified_radius, proportion_lower_bound
from odd_assess.stats.discordant import difference_lower_bound


@pytest.fixture
def peer_tables(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module: it is no part of the installed package."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.peer_tables")


@pytest.fixture
def sequential_draws(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.sequential_draws")


@pytest.fixture
def saving(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of modified models as a module."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.incremental")


@pytest.fixture
def answered(saving: ModuleType) -> tuple[Any, Any]:
    """What a model of two classes and one that answers otherwise to a few of its copies say at 12 points."""
    generator = np.random.default_rng(5)
    share = np.array([0.3, 0.51, 0.55, 0.7, 0.85, 0.92, 0.96, 0.98, 0.99, 0.995, 0.999, 1.0])[:, None]

    def answers(n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        base = (generator.random((12, n)) > share).astype(np.uint8)
        flipped = generator.random((12, n)) < 0.04 * np.sqrt(share * (1 - share))
        return base, np.where(flipped, 1 - base, base).astype(np.uint8)

    (base_select, select), (base_bound, bound) = answers(100), answers(10_000)
    asked, label = saving.Asked, np.zeros(12, dtype=np.int64)
    return asked(label=label, select=base_select, bound=base_bound), asked(label=label, select=select, bound=bound[:, :800])


@pytest.mark.parametrize("alpha", [0.001, 0.01])
def test_a_radius_gives_back_the_count_that_it_came_from(peer_tables: ModuleType, alpha: float) -> None:
    """Also from three digits: then the radius of the count that is found is the printed one, and a radius of 0 is no count at all."""
    counts = np.array([51_000, 60_000, 84_134, 97_500, 99_990, 99_999, 100_000])
    radii = certified_radius(proportion_lower_bound(counts, 100_000, alpha=alpha), sigma=0.5)
    assert peer_tables.counts_of(radii, alpha=alpha, sigma=0.5).tolist() == counts.tolist()
    printed = np.array([float(f"{radius:.3g}") for radius in radii])
    found = peer_tables.counts_of(printed, alpha=alpha, sigma=0.5)
    again = certified_radius(proportion_lower_bound(found, 100_000, alpha=alpha), sigma=0.5)
    assert [float(f"{radius:.3g}") for radius in again] == printed.tolist()
    assert peer_tables.counts_of(np.zeros(1), alpha=alpha, sigma=0.5).tolist() == [0]


@pytest.mark.parametrize("n", [25, 50, 100, 250, 500, 1_000, 10_000])
def test_the_published_runs_are_reproduced(peer_tables: ModuleType, shared: Path, n: int) -> None:
    """Within .01 of the ACR that Seferis et al. measured, by two seeded redraws of Cohen's counts; their mean has a standard deviation of .0015 at most."""
    assert shared == peer_tables.SHARED
    mean, _ = peer_tables.acr(peer_tables.cohen("0.50"), n, peer_tables.one_batch, runs=2)
    assert abs(mean - peer_tables.measured_acr(n)) <= 0.01


def test_the_mean_draws_stay_within_the_limit(sequential_draws: ModuleType) -> None:
    """At pA = .95 a radius of sigma is certified in each of 100 seeded runs, and the mean draws lie between Wald's bound and the limit, give or take 3 errors.

    With another seed the mean would leave that range less than once in 10,000 times (the ends are 5 and 7 standard errors away), and a run is refuted
    with probability .001 at most, by the theorem (none of 2,000 was).
    """
    row = sequential_draws.simulate(0.95, 1.0, runs=100, seed=1)
    assert row.certified == 1.0
    assert row.wald - 3 * row.error <= row.mean <= sequential_draws.LIMIT * row.wald + 3 * row.error


def test_a_synthetic_run_is_a_run(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verified to the last bit, and its report stays small: 6,000 points in a page that draws 2,000 of them at most."""
    monkeypatch.syspath_prepend(str(repository))
    million = importlib.import_module("benchmarks.million")
    million.make_run(tmp_path, 6_000)
    found = verify(tmp_path)
    assert (found.count, found.certificates, found.exact) == (0, 6_300, True)
    page = html(page_of(load_run(tmp_path)))
    assert "2,000 at most" in page
    assert len(page.encode()) < 2_000_000


@pytest.mark.parametrize(("rule", "route"), [("OURS", "auto"), ("SKIPPING", "auto")])
@pytest.mark.parametrize("n", [100, 400])
def test_the_rule_that_is_measured_is_the_procedure(
    saving: ModuleType, answered: tuple[Any, Any], rule: str, route: Any, n: int
) -> None:
    """The bounds from label arrays are those of the certificates, and what is skipped abstains."""
    base, modified = answered
    measured = getattr(saving, rule)
    pair = saving.pair_of(base, modified, orders=1)
    alpha, alpha_z = measured.alphas
    plan = IncrementalPlan(n=n, alpha=alpha, alpha_z=alpha_z, route=route)
    found = [
        saving.replayed(incremental(plan, saving.base_certificate(base, i)), modified.select[i], modified.bound[i], 2)
        for i in range(12)
    ]
    assert np.maximum(measured.bounds(pair, n)[0], 0) == pytest.approx([certificate.p_a_lower for certificate in found], abs=1e-12)
    assert measured.fresh(pair, n)[0].tolist() == [certificate.reused.route == "fresh" for certificate in found]
    skipped = measured.draws(pair, n) == 0
    assert skipped.any() == (rule == "SKIPPING")
    assert all(certificate.p_a_lower <= 0.5 for certificate, left_out in zip(found, skipped, strict=True) if left_out)


def test_fresh_counts_of_a_known_class_save_nothing(saving: ModuleType, answered: tuple[Any, Any]) -> None:
    """The ratio to the same thing is one, and beside n0 = 100 it is (100 + n) / n, where the classes are the same."""
    pair = saving.pair_of(*answered, orders=4)
    scratch = saving.scratch_of(pair, any_class=True)
    row = saving.row_of(pair, scratch, saving.Rule(name="fresh", route="fresh"), 200, any_class=True, bootstrap=20)
    assert row.known == pytest.approx(1, abs=0.01)
    assert row.ratio == pytest.approx(1.5, abs=0.01)
    assert row.low <= row.ratio <= row.high


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 1), (5, 2)])
def test_the_net_bound_that_is_tried_is_nearly_the_proven_one(saving: ModuleType, lost: int, gained: int) -> None:
    """Within one part in a hundred."""
    assert saving.net_upper(lost, gained, 60, 0.001) == pytest.approx(
        -difference_lower_bound(lost, gained, 60, beta=0.001), rel=0.01
    )


def test_a_gate_stops_when_it_is_decided(saving: ModuleType) -> None:
    """Where every point is shown at 50 draws a gate at .5 is met after the first look and pays for its 10 points; undecided points decide nothing."""
    shown, none, draws = np.ones(40, dtype=bool), np.zeros(40, dtype=bool), np.full(40, 50)
    found = saving.gate(saving.States(shown=shown, refuted=none, draws=draws), 0.5, orders=3, most=40)
    assert (found.draws, found.points, found.met, found.not_met) == (500.0, 10.0, 1.0, 0.0)
    found = saving.gate(saving.States(shown=none, refuted=none, draws=draws), 0.5, orders=3, most=40)
    assert (found.draws, found.met, found.not_met) == (2_000.0, 0.0, 0.0)
