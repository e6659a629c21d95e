"""Incremental certification of modified models: the procedure with a coin, its exact error where draws stop when decided, and plain inputs end to end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from scipy.stats import binom
from torch import Tensor, nn

from odd_assess.certify import (
    CertifiedBaseline,
    IncrementalPlan,
    ReducedPlan,
    SingleBatchPlan,
    certify,
    certify_baseline,
    certify_incremental,
    incremental,
)
from odd_assess.certify.procedures import _next_incremental
from odd_assess.records import Abstained, Certificate, Certified, Counts, Reused
from odd_assess.stats import (
    anytime_modified_lower_bound,
    anytime_modified_upper_bound,
    certified_radius,
    combined_lower_bound,
    product_level,
    proportion_lower_bound,
    proportion_upper_bound,
)

PLAN = IncrementalPlan(n=100, alpha=5e-4, alpha_z=5e-4)


def baseline(
    hits: int, n: int, answers: list[int], *, label: int = 1, selected: int = 20, n0: int = 20, sigma: float = 0.5
) -> Certificate:
    """A baseline's certificate with the answers that it keeps, of three classes."""
    return Certified(
        label=label,
        radius=0.1,
        p_a_lower=0.6,
        n0=n0,
        n=n,
        sigma=sigma,
        alpha=1e-3,
        procedure="reduced",
        counts=Counts.from_array(np.array([0, hits, n - hits])),
        selection=Counts.from_array(np.array([n0 - selected, selected, 0])),
        answers=np.array(answers, dtype=np.uint8),
    )


def run(plan: IncrementalPlan, base: Certificate, labels: list[int]) -> Certificate:
    """The certificate of a modified model that answers so to the kept copies."""
    procedure = incremental(plan, base)
    request = next(procedure)
    answers = np.array(labels)
    while True:
        part = answers[request.start : request.start + request.n]
        assert request.against is not None
        same = part[part == request.against]
        try:
            request = procedure.send(np.stack([np.bincount(part, minlength=3), np.bincount(same, minlength=3)]))
        except StopIteration as done:
            found: Certificate = done.value
            return found


def test_lost_copies_count_against_the_bound() -> None:
    """Two of 100 are lost, one is won, one changes between other classes. As published: the baseline's bound less the upper bound of 2 in 100."""
    base = baseline(9_000, 10_000, [1] * 96 + [0, 0, 2, 2], selected=18)
    published, found = (run(replace(PLAN, route=route), base, [0, 2] + [1] * 94 + [1, 2, 2, 2]) for route in ("gamma", "auto"))
    lower = proportion_lower_bound(9_000, 10_000, alpha=5e-4) - proportion_upper_bound(2, 100, alpha=5e-4)
    assert published.p_a_lower == pytest.approx(lower, abs=1e-12)
    assert published.p_a_lower <= lower
    assert found.p_a_lower == combined_lower_bound(9_000 - 96, 9_900, 2, 100, level=product_level(PLAN.terms))
    for one in (published, found):
        assert isinstance(one, Certified)
        assert one.radius == certified_radius(one.p_a_lower, sigma=0.5)
        assert one.reused == Reused(route="incremental", base_hits=9_000, base_n=10_000, head=96, lost=2, changed=4)
        assert (one.label, one.n0, one.n, one.alpha, one.procedure) == (1, 0, 100, 1e-3, "incremental")
        assert one.counts.by_class == ((0, 1), (1, 95), (2, 4))


def test_the_class_is_the_cached_one() -> None:
    """A modified model that answers another class throughout is not certified for that class."""
    found = run(PLAN, baseline(9_900, 10_000, [1] * 100), [2] * 100)
    assert isinstance(found, Abstained)
    assert (found.label, found.p_a_lower) == (1, 0.0)


def test_a_model_with_fewer_classes_than_the_baseline_answered_is_refused() -> None:
    """Class 1 is certified and there, class 2 was answered once in 10,000 draws and is not: the numbers of the classes may mean others."""
    procedure = incremental(PLAN, baseline(9_999, 10_000, [1] * 100))
    next(procedure)
    with pytest.raises(ValueError, match="among them 2, got 2 classes"):
        procedure.send(np.array([[0, 100], [0, 100]]))


def test_next_to_certainty_copies_are_counted_afresh() -> None:
    """All draws of the baseline agree: the bound is that of 100 fresh draws, at the whole failure probability."""
    found = run(PLAN, baseline(10_000, 10_000, [1] * 100), [1] * 100)
    assert found.reused is not None
    assert found.reused.route == "fresh"
    assert found.p_a_lower == proportion_lower_bound(100, 100, alpha=1e-3)


@pytest.mark.parametrize(("hits", "route"), [(9_000, "incremental"), (9_990, "fresh")])
def test_the_published_rule_counts_afresh_from_gamma_on_at_the_baselines_level(hits: int, route: str) -> None:
    """Gamma .99: by the baseline's bound; fresh counts are bounded at alpha, as the proof of this rule needs."""
    found = run(replace(PLAN, route="gamma"), baseline(hits, 10_000, [1] * 100), [1] * 100)
    assert found.reused is not None
    assert found.reused.route == route
    if route == "fresh":
        assert found.p_a_lower == proportion_lower_bound(100, 100, alpha=5e-4)


def test_of_five_models_each_has_its_part_of_the_baselines_level() -> None:
    """Fresh counts are bounded at alpha / 5 + alpha_z, so that all five hold together."""
    found = run(replace(PLAN, models=5), baseline(10_000, 10_000, [1] * 100), [1] * 100)
    assert found.p_a_lower == proportion_lower_bound(100, 100, alpha=6e-4)
    assert found.alpha == 1e-3


def test_draws_stop_when_every_radius_is_decided() -> None:
    """At pA = .97 the radius sigma / 4 takes a few copies; a class that the modified model never answers is refuted in few as well."""
    plan = IncrementalPlan(n=1_000, alpha=5e-4, alpha_z=5e-4, radii=(0.125,))
    base = baseline(9_700, 10_000, [1] * 1_000)
    kept, lost = run(plan, base, [1] * 1_000), run(plan, base, [0] * 1_000)
    assert isinstance(kept, Certified)
    assert kept.radius >= 0.125
    assert kept.n < 60
    assert isinstance(lost, Abstained)
    assert lost.n < 20
    assert kept.procedure == "incremental_sequential"
    assert kept.reused is not None
    assert kept.reused.route == "both"


def test_kept_copies_are_not_drawn_beyond() -> None:
    """A radius that nothing decides takes all kept copies and no more."""
    plan = IncrementalPlan(n=300, alpha=5e-4, alpha_z=5e-4, radii=(0.5,))
    p0 = float(ndtr(1.0))
    answers = [0 if i % 19 in (0, 6, 12) else 1 for i in range(400)]  # 84.2 %
    assert run(plan, baseline(round(10_000 * p0), 10_000, answers), answers).n == 300


def _exact_errors(plan: IncrementalPlan, base_n: int, shares: tuple[float, float, float, float]) -> tuple[float, float]:
    """P(the lower bound is false) and P(the upper one is) over all paths, exactly; ``shares``: both answer A, lost, won, neither. The class A is given."""
    both, lost_share, won, _ = shares
    above = below = 0.0
    lost_, hits_, drawn_, head_ = np.indices((plan.n + 1,) * 4)
    gained_ = hits_ - (head_ - lost_)
    sensible = (lost_ <= head_) & (gained_ >= 0) & (head_ + gained_ <= drawn_)
    for base_hits in range(base_n + 1):
        bounds = (
            proportion_lower_bound(base_hits, base_n, alpha=plan.alpha),
            proportion_upper_bound(base_hits, base_n, alpha=plan.alpha),
        )
        counts = (hits_[sensible], drawn_[sensible])
        low, high = np.zeros(sensible.shape), np.ones(sensible.shape)
        low[sensible] = anytime_modified_lower_bound(lost_[sensible], *counts, base_lower=bounds[0], alpha_z=plan.alpha_z)
        high[sensible] = anytime_modified_upper_bound(gained_[sensible], *counts, base_upper=bounds[1], alpha_z=plan.alpha_z)
        states = {(0, 0, 0, 0): 1.0}  # drawn, head, lost, hits
        while states:
            further: dict[tuple[int, int, int, int], float] = {}
            for (drawn, head, lost, hits), chance in states.items():
                block = _next_incremental(plan, bounds, 1.0, lost, hits - (head - lost), hits, drawn)
                if block == 0:
                    at = (lost, hits, drawn, head)
                    reached = (
                        chance * float(binom.pmf(base_hits - head, base_n - drawn, both + lost_share)) if base_hits >= head else 0.0
                    )
                    above += reached * (low[at] > both + won + 1e-12)
                    below += reached * (high[at] < both + won - 1e-12)
                    continue
                for (h, dropped, k), part in _block(block, shares).items():
                    to = (drawn + block, head + h, lost + dropped, hits + k)
                    further[to] = further.get(to, 0.0) + chance * part
            states = further
    return above, below


@cache
def _block(size: int, shares: tuple[float, float, float, float]) -> dict[tuple[int, int, int], float]:
    """Probabilities of (head, lost, hits) of so many copies."""
    steps = {(0, 0, 0): 1.0}
    for _ in range(size):
        grown: dict[tuple[int, int, int], float] = {}
        for (head, lost, hits), part in steps.items():
            for step, share in zip(((1, 0, 1), (1, 1, 0), (0, 0, 1), (0, 0, 0)), shares, strict=True):
                to = (head + step[0], lost + step[1], hits + step[2])
                grown[to] = grown.get(to, 0.0) + part * share
        steps = grown
    return steps


@pytest.mark.slow
def test_stopped_when_decided_it_errs_no_more_often_than_it_says() -> None:
    """Exact over all paths of the procedure's own blocks, at shares that its bounds just miss, from either side: 4 models."""
    rng = np.random.default_rng(5)
    worst = np.zeros(2)
    for case in range(4):
        alpha, alpha_z = ((0.1, 0.1), (0.05, 0.2), (0.2, 0.05))[case % 3]
        plan = IncrementalPlan(n=10, alpha=alpha, alpha_z=alpha_z, radii=(0.0, float(ndtri(rng.uniform(0.5, 0.8)))))
        base_lower = proportion_lower_bound(int(rng.integers(12, 16)), 15, alpha=alpha)
        just_missed = (
            float(anytime_modified_lower_bound(0, int(rng.integers(7, 11)), 10, base_lower=base_lower, alpha_z=alpha_z)) - 1e-9
        )
        modified = min(max(just_missed, 0.01), 0.99)
        lost = min(float(rng.choice([0.0, 0.05, 0.2])), 1 - modified)
        won = float(rng.choice([0.0, 0.02])) * modified
        shares = (modified - won, lost, won, 1 - modified - lost)
        for turned in (shares, shares[::-1]):  # A and not A in each other's place: what just misses from below, from above
            worst = np.maximum(worst, np.array(_exact_errors(plan, 15, turned)) / (alpha + alpha_z))
    assert np.all(worst > 0.1)
    assert np.all(worst <= 1)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (baseline(90, 100, [1] * 50), "keep|100 draws, got 50"),
        (replace(baseline(90, 100, [1] * 100), answers=None), "got 0"),
        (replace(baseline(90, 100, [1] * 100), procedure="sequential"), "reduced"),
        (replace(baseline(90, 100, [1] * 100), procedure="single_batch", selection=None), "reduced"),
    ],
)
def test_a_baseline_that_cannot_be_reused_is_refused(base: Certificate, words: str) -> None:
    """Too few answers, none, draws that stopped when decided, a class that was chosen by the draws that bound it."""
    with pytest.raises(ValueError, match=words):
        next(incremental(PLAN, base))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0}, {"alpha": 0.0}, {"alpha_z": 1.0}, {"alpha": 0.6, "alpha_z": 0.6}, {"route": "best"}, {"gamma": 0.5}, {"models": 0},
        {"radii": (-0.1,)}, {"radii": (math.inf,)},
    ],
)  # fmt: skip
def test_impossible_plans_are_refused(wrong: dict[str, Any]) -> None:
    """Each with a message."""
    with pytest.raises(ValueError, match="must"):
        IncrementalPlan(**{"n": 100, "alpha": 1e-3, "alpha_z": 1e-3, **wrong})


class Linear(nn.Module):
    """Logits of an affine map: pA is known in closed form for two classes."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 2, 2) -> (B, classes)."""
        return x.flatten(1) @ self.weight


@pytest.fixture(scope="module")
def weight() -> Tensor:
    """Of four classes."""
    return torch.randn((12, 4), generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Twelve inputs."""
    return torch.randn((12, 3, 2, 2), generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def certified(weight: Tensor, images: Tensor) -> CertifiedBaseline:
    """The linear model on these inputs, 1,000 answers kept."""
    plan = ReducedPlan(n0=50, n=5_000, sigma=0.5, alpha=5e-4)
    return certify_baseline(Linear(weight).eval(), images, plan, seed=9, keep=1_000, batch_size=128)


def test_keeping_answers_changes_no_certificate(weight: Tensor, images: Tensor, certified: CertifiedBaseline) -> None:
    """The baseline is what ``certify`` gives; kept answers agree with its counts."""
    plain = certify(Linear(weight).eval(), images, ReducedPlan(n0=50, n=5_000, sigma=0.5, alpha=5e-4), seed=9)
    assert certified.certificates == plain
    for one in certified.certificates:
        assert one.answers is not None
        assert one.answers.shape == (1_000,)
        assert one.answers.dtype == np.uint8
        counts = np.bincount(one.answers, minlength=4)
        assert all(counts[label] <= one.counts.of(label) for label in range(4))


@pytest.mark.parametrize(("radii", "n"), [((), 1_000), ((), 500), ((0.25, 0.5), 1_000)])
@pytest.mark.parametrize("batch_size", [32, 77, 1024])
def test_an_unmodified_model_disagrees_nowhere(
    weight: Tensor, images: Tensor, certified: CertifiedBaseline, radii: tuple[float, ...], n: int, batch_size: int
) -> None:
    """Addressed noise gives the baseline's answers again, in batches of another size; the radius is that of the formula."""
    plan = IncrementalPlan(n=n, alpha=5e-4, alpha_z=5e-4, radii=radii)
    found = certify_incremental(Linear(weight).eval(), images, certified, plan, seed=9, batch_size=batch_size)
    for new, old in zip(found, certified.certificates, strict=True):
        assert new.reused is not None
        assert old.answers is not None
        assert (new.reused.lost, new.reused.changed, new.label) == (0, 0, old.label)
        assert new.counts == Counts.from_array(np.bincount(old.answers[: new.n], minlength=4))
        base_hits = old.counts.of(old.label)
        if new.reused.route == "incremental" and n == 500:
            beyond = base_hits - new.reused.head
            assert new.p_a_lower == combined_lower_bound(beyond, 4_500, 0, 500, level=product_level(plan.terms))
        elif new.reused.route == "incremental":
            lower = max(0.0, proportion_lower_bound(base_hits, old.n, alpha=5e-4) - (1 - 5e-4 ** (1 / 1_000)))
            assert new.p_a_lower == pytest.approx(lower, abs=1e-12)
    assert {one.reused.route for one in found if one.reused is not None} <= ({"both"} if radii else {"incremental", "fresh"})


def test_certificates_of_a_modified_model_hold(weight: Tensor, images: Tensor, certified: CertifiedBaseline) -> None:
    """Two of four classes against each other: the exact radius of the modified linear model is never exceeded (12 inputs, P(any exceeds) <= .012)."""
    two = torch.stack([weight[:, 0], weight[:, 1]], dim=1)
    base = certify_baseline(Linear(two).eval(), images, ReducedPlan(n0=50, n=5_000, sigma=0.5, alpha=5e-4), seed=1, keep=1_000)
    changed = two + 0.05 * torch.randn((12, 2), generator=torch.Generator().manual_seed(8))
    plan = IncrementalPlan(n=1_000, alpha=5e-4, alpha_z=5e-4)
    found = certify_incremental(Linear(changed).eval(), images, base, plan, seed=1)
    direction = (changed[:, 1] - changed[:, 0]).double()
    exact = (images.flatten(1).double() @ direction) / direction.norm()
    seen = 0
    for one, margin in zip(found, exact.tolist(), strict=True):
        if isinstance(one, Certified):
            assert (margin > 0) == (one.label == 1)
            assert one.radius <= abs(margin) + 1e-6
            seen += 1
    assert seen > 6


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f, x, b, p: certify_incremental(f, x, b, p, seed=10), "seed"),
        (lambda f, x, b, p: certify_incremental(f, x + 1e-6, b, p, seed=9), "input 0"),
        (lambda f, x, b, p: certify_incremental(f, x[:5], b, p, seed=9), "12 inputs"),
        (lambda f, x, b, p: certify_incremental(f, torch.cat([x, x]), b, p, seed=9), "input 12"),
        (lambda f, x, b, p: certify_incremental(f, x, replace(b, noise="0"), p, seed=9), "noise"),
        (lambda f, x, b, p: certify_incremental(f, x, b, replace(p, n=1_001), seed=9), "1001 draws, got 1000"),
        (lambda f, x, b, p: certify_incremental(Linear(f.weight[:, :1].repeat(1, 2)).eval(), x, b, p, seed=9), "classes"),
    ],
)
def test_what_is_not_the_baselines_is_refused(
    weight: Tensor, images: Tensor, certified: CertifiedBaseline, call: Callable[..., object], words: str
) -> None:
    """Seed, inputs, their number, generator of noise, draws beyond those that are kept, classes."""
    with pytest.raises(ValueError, match=words):
        call(Linear(weight).eval(), images, certified, IncrementalPlan(n=1_000, alpha=5e-4, alpha_z=5e-4))


@pytest.mark.parametrize("keep", [0, 5_001])
def test_no_more_answers_are_kept_than_there_are(weight: Tensor, images: Tensor, keep: int) -> None:
    """Between 1 and n."""
    with pytest.raises(ValueError, match="keep"):
        certify_baseline(Linear(weight).eval(), images, ReducedPlan(n0=50, n=5_000, sigma=0.5, alpha=5e-4), seed=9, keep=keep)


def test_other_plans_keep_nothing(weight: Tensor, images: Tensor) -> None:
    """A single batch chooses the class by the draws that bound it: its certificates carry no answers."""
    found = certify(Linear(weight).eval(), images, SingleBatchPlan(n=100, sigma=0.5, alpha=1e-3), seed=9)
    assert all(one.answers is None for one in found)
