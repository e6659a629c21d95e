"""The benchmarks, where a wrong one would mislead: inverted and published radii, the draws against Wald's bound, a synthetic run that must be one."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from odd_assess.audit import load_run, verify
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.stats import certified_radius, proportion_lower_bound


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
