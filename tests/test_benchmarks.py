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
from odd_assess.criteria.claims import FractionClaim
from odd_assess.criteria.inference import Anytime
from odd_assess.report import page_of
from odd_assess.report.html import html
from odd_assess.stats import certified_radius, fresh_from, proportion_lower_bound, proportion_upper_bound
from tests.reading import read


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
def estimating(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of the estimates as a module."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.average_case")


@pytest.fixture
def steering(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of what estimates save as a module."""
    monkeypatch.syspath_prepend(str(repository))
    return importlib.import_module("benchmarks.steering")


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
    """Verified to the last bit, and its report stays small: 6,000 points in a page that draws 1,000 of them at most."""
    monkeypatch.syspath_prepend(str(repository))
    million = importlib.import_module("benchmarks.million")
    million.make_run(tmp_path, 6_000)
    found = verify(tmp_path)
    assert (found.count, found.certificates, found.exact) == (0, 6_300, True)
    page = html(page_of(load_run(tmp_path)))
    assert "1,000 at most" in read(page)
    assert len(page.encode()) < 2_000_000


@pytest.mark.parametrize("route", ["auto", "gamma", "fresh"])
@pytest.mark.parametrize("n", [100, 400])
def test_the_rule_that_is_measured_is_the_procedure(saving: ModuleType, answered: tuple[Any, Any], route: Any, n: int) -> None:
    """The bounds and routes from label arrays are those of the certificates."""
    base, modified = answered
    pair = saving.pair_of(base, modified, orders=1)
    measured = next(rule for rule in saving.RULES if rule.terms.rule == route and not rule.published)
    assert measured == saving.OURS or route != "auto"
    plan = IncrementalPlan(n=n, alpha=0.001, alpha_z=0.001, route=route)
    found = [
        saving.replayed(incremental(plan, saving.base_certificate(base, i)), modified.select[i], modified.bound[i], 2)
        for i in range(12)
    ]
    assert measured.bounds(pair, n)[0].tolist() == [certificate.p_a_lower for certificate in found]
    assert measured.fresh(pair, n)[0].tolist() == [certificate.reused.route == "fresh" for certificate in found]


def test_the_published_rule_subtracts_all_that_changed(saving: ModuleType, answered: tuple[Any, Any]) -> None:
    """At .001 each; from a bound of .99 on it takes fresh counts at .002."""
    pair = saving.pair_of(*answered, orders=1)
    lower = proportion_lower_bound(pair.base_hits, 10_000, alpha=0.001)
    by_base = lower - proportion_upper_bound(pair.changed[0, :, 400], 400, alpha=0.001)
    fresh = proportion_lower_bound(pair.hits[0, :, 400], 400, alpha=0.002)
    assert saving.PAPER.bounds(pair, 400)[0] == pytest.approx(np.where(lower >= 0.99, fresh, np.maximum(by_base, 0)), abs=1e-12)
    assert (pair.changed > pair.lost).any()


@pytest.mark.parametrize("n", [100, 400])
def test_what_is_skipped_abstains(saving: ModuleType, answered: tuple[Any, Any], n: int) -> None:
    """And nowhere else is anything saved."""
    pair = saving.pair_of(*answered, orders=1)
    draws = saving.SKIPPING.draws(pair, n)
    assert set(draws) == {0, n}
    assert saving.OURS.bounds(pair, n)[0][draws == 0].max() <= 0.5


def test_a_route_that_expects_no_loss_is_that_of_the_package(saving: ModuleType) -> None:
    """To one hit, and with a loss fresh counts are taken earlier."""
    known: dict[str, int] = {"tail": 9_500, "base_n": 10_000, "n": 600}
    assert abs(saving.limit_of(saving.BY_TAIL, assumed=1e-12, **known) - fresh_from(saving.BY_TAIL, 9_500, 10_000, 600)) <= 1
    assert saving.limit_of(saving.BY_TAIL, assumed=0.01, **known) < saving.limit_of(saving.BY_TAIL, assumed=0.002, **known)


def test_fresh_counts_of_a_known_class_save_nothing(saving: ModuleType, answered: tuple[Any, Any]) -> None:
    """The ratio to the same thing is one, and beside n0 = 100 it is (100 + n) / n, where the classes are the same."""
    pair = saving.pair_of(*answered, orders=4)
    scratch = saving.scratch_of(pair, any_class=True)
    fresh = next(rule for rule in saving.RULES if rule.terms.rule == "fresh")
    row = saving.cell_of(pair, scratch, fresh, 200, any_class=True, bootstrap=20)
    assert row.known == pytest.approx(1, abs=0.01)
    assert row.ratio == pytest.approx(1.5, abs=0.01)
    assert row.low <= row.ratio <= row.high


@pytest.mark.parametrize("radius", [0.125, 0.25])
def test_the_points_of_a_gate_are_read_as_the_criteria_read_them(
    saving: ModuleType, answered: tuple[Any, Any], radius: float
) -> None:
    """Shown where the true class is certified at the radius; where it is decided and not shown, refuted; no point stopped short of a decision."""
    base, modified = answered
    certificates = saving.sequential_certificates(base, modified, radius=radius, most=800)
    states = saving.states_of(certificates, modified.label, radius)
    found = np.array([getattr(c, "radius", 0.0) >= radius and c.label == 0 for c in certificates])
    assert states.shown.tolist() == found.tolist()
    assert states.shown.any()
    assert states.refuted.any()
    assert not (states.shown & states.refuted).any()
    assert states.draws.tolist() == [c.n for c in certificates]
    assert np.all(states.shown | states.refuted | (states.draws == 800) | (np.array([c.label for c in certificates]) != 0))


def test_the_bounds_of_a_gate_are_those_of_the_criterion(saving: ModuleType) -> None:
    """After every number of points."""
    generator = np.random.default_rng(1)
    shown, refuted = generator.random((2, 30)) < np.array([[0.5], [0.3]])
    refuted &= ~shown
    lower, upper = saving.domain_bounds(shown, refuted, beta=0.05, alpha=0.002)
    bounds = [
        FractionClaim(low=shown[:m], high=~refuted[:m], alpha=0.002).bounds(Anytime(horizon=30), beta=0.05) for m in range(1, 31)
    ]
    assert np.stack([lower, upper], axis=1) == pytest.approx(np.array(bounds), abs=1e-12)


def test_a_gate_stops_when_it_is_decided(saving: ModuleType) -> None:
    """Where every point is shown at 50 draws a gate at .5 is met after the first look and pays for its 10 points; undecided points decide nothing."""
    shown, none, draws = np.ones(40, dtype=bool), np.zeros(40, dtype=bool), np.full(40, 50)
    found = saving.gate(saving.States(shown=shown, refuted=none, draws=draws), 0.5, orders=3, most=40)
    assert (found.draws, found.points, found.met, found.not_met) == (500.0, 10.0, 1.0, 0.0)
    found = saving.gate(saving.States(shown=none, refuted=none, draws=draws), 0.5, orders=3, most=40)
    assert (found.draws, found.met, found.not_met) == (2_000.0, 0.0, 0.0)


def test_inputs_that_tie_are_fragile_in_parts(estimating: ModuleType) -> None:
    """The lowest decile of 20 inputs is two of them; three that tie at its end share what is left; who calls all alike finds the share of chance."""
    values = np.array([0.1, 0.2, 0.2, 0.2, *np.linspace(0.5, 1.0, 16)])
    np.testing.assert_allclose(estimating.lowest(values)[:5], [1, 1 / 3, 1 / 3, 1 / 3, 0])
    assert estimating.found_share(values, values) == pytest.approx(10 * (1 + 1 / 3) / 2)
    assert estimating.found_share(np.arange(20.0), np.arange(20.0)) == pytest.approx(10)
    assert estimating.found_share(np.ones(20), np.arange(20.0)) == pytest.approx(1)


def test_a_gate_stops_when_its_verdict_is_fixed(steering: ModuleType) -> None:
    """Three successes of five: after the third one, or after the third failure, in any order."""
    outcomes = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 1], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0]], dtype=bool)
    assert steering.stops(outcomes, 3).tolist() == [3, 3, 5, 5]


def test_the_fewest_agreeing_draws_are_those_that_certify(steering: ModuleType) -> None:
    """One draw fewer does not certify the radius."""
    for radius in steering.RADII:
        k = steering.needed(radius)
        lower = [float(proportion_lower_bound(hits, steering.N, alpha=steering.ALPHA)) for hits in (k - 1, k)]
        assert lower[1] > 0.5
        assert certified_radius(lower[1], sigma=steering.SIGMA) >= radius
        assert lower[0] <= 0.5 or certified_radius(lower[0], sigma=steering.SIGMA) < radius + 1e-12
