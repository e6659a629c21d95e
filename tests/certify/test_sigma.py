"""Levels chosen by looking at the input: gradients, the published ascent step by step, noise that never certifies, independence of company."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor, nn

from odd_assess.certify import (
    CascadePlan,
    DataDependent,
    MultiStart,
    NoiseSource,
    Plan,
    ReducedPlan,
    SequentialPlan,
    Setting,
    SingleBatchPlan,
    certify,
    choose_sigma,
    content_key,
)
from odd_assess.certify.sigma import data_dependent, soft_radius, soft_radius_slope
from odd_assess.stats import expected_radius

SHAPE = (1, 4, 4)
POLICIES = [
    MultiStart(steps=3, draws=32, trial=32),
    MultiStart(method="gradient", steps=4, draws=24, trial=32),
    DataDependent(start=0.25, step=0.05, steps=6, draws=24),
]
PLANS: list[Plan] = [
    ReducedPlan(n0=20, n=50, sigma=0.3, alpha=0.01),
    SingleBatchPlan(n=50, sigma=0.3, alpha=0.01),
    SequentialPlan(n0=20, max_draws=100, sigma=0.3, alpha=0.01, radii=(0.1,)),
    CascadePlan(sigmas=(0.5, 0.2), n0=20, n=50, alpha=0.01),
]


@pytest.fixture
def network() -> nn.Module:
    """A small network of three classes."""
    torch.manual_seed(5)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 3)).eval().requires_grad_(False)


def images(count: int) -> Tensor:
    """Inputs."""
    return torch.rand((count, *SHAPE), generator=torch.Generator().manual_seed(3))


class Recorder:
    """Which blocks of noise were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: list[tuple[bytes, str, int]] = []
        drawn = NoiseSource.block

        def block(source: NoiseSource, key: bytes, stage: str, number: int, *draws: int) -> Tensor:
            self.addresses.append((key, stage, number))
            return drawn(source, key, stage, number, *draws)

        monkeypatch.setattr(NoiseSource, "block", block)


@pytest.mark.parametrize("policy", POLICIES, ids=["bisection", "gradient", "dds"])
def test_noise_that_chooses_never_certifies(
    policy: MultiStart | DataDependent, network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address of a search is asked for by a certificate of any plan, for the same inputs and seed."""
    recorder = Recorder(monkeypatch)
    choose_sigma(network, images(3), policy, seed=7, device="cpu")
    searched, recorder.addresses = set(recorder.addresses), []
    for plan in PLANS:
        certify(network, images(3), plan, seed=7, device="cpu")
    certified = set(recorder.addresses)
    assert {key for key, _, _ in searched} == {key for key, _, _ in certified}
    assert searched.isdisjoint(certified)
    assert all(stage.startswith("sigma/") for _, stage, _ in searched)
    assert not any(stage.startswith("sigma/") for _, stage, _ in certified)


def test_ascents_see_the_same_noise_at_every_step(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of the search is drawn once for an input, where all its ascents go through the model together."""
    recorder = Recorder(monkeypatch)
    policy = MultiStart(method="gradient", steps=5, draws=32, shortlist=1)
    choose_sigma(network, images(4), policy, seed=1, device="cpu", setting=Setting(batch_size=6 * 32))
    assert set(Counter(recorder.addresses).values()) == {2}  # once for the class, once for all ascents
    assert len(recorder.addresses) == 4 * 2 * 2


@pytest.mark.parametrize("policy", POLICIES, ids=["bisection", "gradient", "dds"])
@pytest.mark.parametrize("batch_size", [8, 64, 500])
def test_the_level_of_an_input_does_not_depend_on_company_or_batches(
    policy: MultiStart | DataDependent, batch_size: int, network: nn.Module
) -> None:
    """Alone, among others in another order, and in batches of other sizes; all within the bounds, and not all the same."""
    setting = Setting(batch_size=batch_size)
    together = choose_sigma(network, images(7), policy, seed=7, device="cpu", setting=Setting(batch_size=96))
    assert np.all((together >= policy.bounds[0]) & (together <= policy.bounds[1]))
    assert len(set(together.tolist())) > 1
    backwards = choose_sigma(network, images(7).flip(0), policy, seed=7, device="cpu", setting=setting)
    np.testing.assert_array_equal(backwards[::-1], together)
    alone = choose_sigma(network, images(7)[2:3], policy, seed=7, device="cpu", setting=setting)
    assert alone[0] == together[2]


def test_no_inputs_take_no_levels(network: nn.Module) -> None:
    """And inputs are checked."""
    assert len(choose_sigma(network, images(0), POLICIES[0], seed=1, device="cpu")) == 0
    for bad in (images(2).double(), images(2) / 0):
        with pytest.raises(ValueError, match="inputs must be a finite float32 tensor"):
            choose_sigma(network, bad, POLICIES[0], seed=1, device="cpu")


class Labels(nn.Module):
    """Answers with labels, as exported models may."""

    num_classes = 2

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 4, 4) -> (B,)."""
        return (x.flatten(1)[:, 0] > 0.5).long()


def test_a_model_without_gradients_is_searched_by_bisection_alone(network: nn.Module) -> None:
    """The other searches say so: for labels, and for logits that nothing flows through."""
    for policy in POLICIES[1:]:
        for model in (Labels(), lambda x: network(x).detach()):
            with pytest.raises(ValueError, match=r"gradients flow through.*search by bisection"):
                choose_sigma(model, images(2), policy, seed=1, device="cpu")
    assert len(choose_sigma(Labels(), images(2), POLICIES[0], seed=1, device="cpu")) == 2


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.8])
def test_the_gradient_is_that_of_the_soft_radius(sigma: float, network: nn.Module) -> None:
    """Against central differences, at three inputs."""
    noise = torch.randn((3, 200, *SHAPE), generator=torch.Generator().manual_seed(1))
    clamp, step = (0.001, 0.999), 0.01

    def radius(level: float) -> Tensor:
        s = torch.full((3,), level)
        copies = images(3)[:, None] + level * noise
        return soft_radius(network(copies.flatten(0, 1)).view(3, 200, -1), s, clamp)

    value, slope, hits = soft_radius_slope(network, images(3), noise, torch.full((3,), sigma), clamp)
    np.testing.assert_allclose(value, radius(sigma), rtol=1e-5)
    answers = network((images(3)[:, None] + sigma * noise).flatten(0, 1)).argmax(dim=1).view(3, 200)
    assert hits.tolist() == [int(torch.bincount(row).max()) for row in answers]
    np.testing.assert_allclose(slope, (radius(sigma + step) - radius(sigma - step)) / (2 * step), rtol=0.02, atol=2e-3)


def test_a_label_has_a_radius_of_its_own() -> None:
    """Of mean softmax values .7, .2, .1: negative for a class that is behind."""
    logits = torch.log(torch.tensor([[[0.7, 0.2, 0.1]]]))
    for label, radius in ((0, ndtri(0.7) - ndtri(0.2)), (1, ndtri(0.2) - ndtri(0.7)), (2, ndtri(0.1) - ndtri(0.7))):
        found = soft_radius(logits, torch.tensor([0.5]), (0.001, 0.999), torch.tensor([label]))
        assert float(found) == pytest.approx(0.25 * radius, rel=1e-5)
    top = soft_radius(logits, torch.tensor([0.5]), (0.001, 0.999))
    assert float(top) == pytest.approx(0.25 * (ndtri(0.7) - ndtri(0.2)), rel=1e-5)


class Plane(nn.Module):
    """Logits (a * first pixel, 0)."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = a

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 1, 1) -> (B, 2)."""
        first = self.a * x.flatten(1)[:, :1]
        return torch.cat([first, torch.zeros_like(first)], dim=1)


@pytest.mark.parametrize("method", ["bisection", "gradient"])
@pytest.mark.parametrize("n", [200, 20_000])
def test_a_plane_gets_a_level_that_the_budget_certifies_much_with(method: Literal["bisection", "gradient"], n: int) -> None:
    """In the mean over 12 inputs at margin .2, what n draws certify at the chosen level is within 10 % of the most; that at the start .05 is far from it."""
    x = 0.2 + torch.linspace(0, 1e-4, 12).view(12, 1, 1, 1)
    policy = MultiStart(starts=(0.05, 0.2, 0.6), method=method, draws=256, trial=256, steps=8, n=n)
    levels = choose_sigma(Plane(40.0), x, policy, seed=1, device="cpu")
    grid = np.geomspace(0.05, 1.5, 60)
    at_grid, at_levels, at_start = (
        [float(expected_radius(float(ndtr(0.2 / s)), n, alpha=0.001, sigma=float(s))) for s in some]
        for some in (grid, levels, [0.05])
    )
    assert np.mean(at_levels) >= 0.9 * max(at_grid)
    if n == 200:
        assert at_start[0] < 0.7 * max(at_grid)


def by_hand(x: float, policy: DataDependent, a: float, noise: list[np.ndarray]) -> float:
    """The ascent of the paper at a plane, its derivative worked out on paper: v = mean sigmoid(a (x + s e)), R = s (Phi^-1(v) - Phi^-1(1 - v)) / 2."""
    s = policy.start
    for e in noise:
        soft = 1 / (1 + np.exp(-a * (x + s * e)))
        v = soft.mean()
        inside = policy.clamp[0] < v < policy.clamp[1]
        v_slope = float((soft * (1 - soft) * a * e).mean()) if inside else 0.0
        score = ndtri(np.clip(v, *policy.clamp))
        score_slope = v_slope * np.sqrt(2 * np.pi) * np.exp(score**2 / 2)  # the inverse function's derivative
        s = float(np.clip(s + policy.step * np.sign(v - 0.5) * (score + s * score_slope), *policy.bounds))
    return s


@pytest.mark.parametrize(
    ("x", "a", "policy"),
    [
        (0.3, 4.0, DataDependent(start=0.25, step=0.05, steps=4, draws=8)),
        (-0.2, 4.0, DataDependent(start=0.5, step=0.1, steps=7, draws=16)),
        (0.9, 60.0, DataDependent(start=0.12, step=0.04, steps=3, draws=8)),  # beyond the clamp: s grows by step Phi^-1(.98)
        (0.9, 60.0, DataDependent(start=0.12, step=5.0, steps=3, draws=8)),  # the upper guard
        (0.1, 30.0, DataDependent(start=0.5, step=3.0, steps=1, draws=16)),  # the lower guard: the published step would go below 0
        (0.4, 4.0, DataDependent()),  # the paper's defaults
    ],
)
def test_the_published_ascent_step_by_step(x: float, a: float, policy: DataDependent) -> None:
    """The same level as by hand, from the same noise."""
    image = torch.full((1, 1, 1, 1), x)
    source = NoiseSource((1, 1, 1), seed=3, device=torch.device("cpu"))
    key = content_key(image[0].numpy())
    blocks = -(-policy.draws // 16)
    noise = [
        np.concatenate([source.block(key, f"sigma/dds/{step}", b).double().numpy().ravel() for b in range(blocks)])[: policy.draws]
        for step in range(policy.steps)
    ]
    levels = data_dependent(Plane(a), image, policy, source=source, keys=[key], batch_size=64)
    assert levels[0] == pytest.approx(by_hand(x, policy, a, noise), rel=1e-3)
    assert policy.bounds[0] <= levels[0] <= policy.bounds[1]


def test_the_guard_is_reached_at_both_ends() -> None:
    """The cases above that name it end there, and the clamped one moves by its exact steps."""
    x = torch.full((1, 1, 1, 1), 0.9)
    top = choose_sigma(Plane(60.0), x, DataDependent(start=0.12, step=5.0, steps=3, draws=8), seed=3, device="cpu")
    plain = choose_sigma(Plane(1e6), x, DataDependent(start=0.12, step=0.04, steps=2, draws=8), seed=3, device="cpu")
    bottom = choose_sigma(
        Plane(30.0), torch.full((1, 1, 1, 1), 0.1), DataDependent(start=0.5, step=3.0, steps=1, draws=16), seed=3, device="cpu"
    )
    assert top[0] == 1.5
    assert bottom[0] == 0.05
    assert plain[0] == pytest.approx(0.12 + 2 * 0.04 * ndtri(0.98), rel=1e-3)
