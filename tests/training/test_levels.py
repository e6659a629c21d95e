"""Noise levels of training examples: the step by hand, the optimum by quadrature, bounds, memory to the bit, and what several starts are for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from torch import Tensor, nn

from odd_assess.stats import expected_radius
from odd_assess.training.levels import Levels, climbed, levels_of, searched
from odd_assess.training_plan import DataDependentTraining, Fixed, InstanceWiseTraining, TrainingNoise

LABELS = torch.zeros(8, dtype=torch.int64)
CLIMBING = [
    DataDependentTraining(from_epoch=1, draws=4, steps=2, rate=1.0),
    InstanceWiseTraining(from_epoch=1, draws=4, steps=2, rate=1.0, search_draws=8),
]


def generator(*address: int) -> torch.Generator:
    """A generator of its own for each address."""
    return torch.Generator().manual_seed(sum(part * 1000**place for place, part in enumerate(address)))


def network(seed: int = 0) -> nn.Module:
    """A small network of three classes."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def pictures(count: int = 8, seed: int = 0) -> Tensor:
    return torch.rand((count, 1, 2, 2), generator=torch.Generator().manual_seed(seed))


def trained(levels: Levels, f: nn.Module, epochs: range, *, batches: int = 2) -> None:
    """What a training does with levels, the network's own steps apart."""
    images, indices = pictures(), torch.randperm(8, generator=torch.Generator().manual_seed(1))
    for epoch in epochs:
        for step, rows in enumerate(indices.chunk(batches)):
            levels.update(f, images[rows], LABELS[rows], rows, epoch, generator(epoch, step))


def test_a_fixed_level_stays() -> None:
    """The same for every example in every epoch, and nothing to keep."""
    levels = levels_of(Fixed(sigma=0.3), 8)
    trained(levels, network(), range(3))
    assert torch.equal(levels.sigma(torch.tensor([3, 1]), 2), torch.tensor([0.3, 0.3]))
    assert levels.state() == {}
    levels.restore({})
    with pytest.raises(ValueError, match="must hold nothing, got sigma"):
        levels.restore({"sigma": torch.zeros(8)})


@pytest.mark.parametrize("noise", CLIMBING)
def test_nothing_moves_before_the_switch(noise: TrainingNoise) -> None:
    """All examples have the start until the switch epoch, and most another level from it on: the search may find the start best."""
    levels, every = levels_of(noise, 8), torch.arange(8)
    trained(levels, network(), range(1))
    assert torch.equal(levels.sigma(every, 0), torch.full((8,), 0.25))
    trained(levels, network(), range(1, 2))
    assert int((levels.sigma(every, 1) != 0.25).sum()) >= 5


@pytest.mark.parametrize("noise", CLIMBING)
def test_a_batch_moves_its_own_examples(noise: TrainingNoise) -> None:
    """The others keep what they have."""
    levels, rows = levels_of(noise, 8), torch.tensor([6, 2])
    levels.update(network(), pictures()[rows], LABELS[rows], rows, 1, generator(1))
    moved = levels.sigma(torch.arange(8), 1) != 0.25
    assert moved.tolist() == [False, False, True, False, False, False, True, False]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), rate=st.floats(1e-3, 1e6), scale=st.floats(0.1, 1e3))
def test_levels_stay_within_their_bounds(seed: int, rate: float, scale: float) -> None:
    """Whatever the rate and the network; float64 levels are compared with the bounds themselves."""
    f = network(seed)
    for noise in (
        DataDependentTraining(start=0.3, low=0.1, high=0.7, from_epoch=0, draws=4, steps=3, rate=rate),
        InstanceWiseTraining(start=0.3, starts=(0.1, 0.7), low=0.1, high=0.7, from_epoch=0, draws=4, search_rate=rate, rate=rate),
    ):
        levels = levels_of(noise, 8)
        trained(levels, lambda x: scale * f(x), range(3))  # type: ignore[arg-type]
        kept = levels.state()["sigma"]
        assert bool(((kept >= 0.1) & (kept <= 0.7)).all())


def test_a_level_found_at_the_bound_is_the_bound() -> None:
    """The search computes in float32, where .3 is a little more than .3."""
    for high in (0.2, 0.3, 0.4, 0.6, 0.7, 0.9):
        noise = replace(PEAKED, start=0.1, starts=(high,), high=high, search_steps=0)
        found = searched(plane, torch.ones((1, 1, 1, 1)), LABELS[:1], torch.tensor([0.1]), noise.search, generator(6))
        assert float(found) == pytest.approx(high, rel=1e-6)
        assert float(found) <= high


def test_no_step_more_than_doubles_or_halves() -> None:
    """However steep the objective is."""
    noise = DataDependentTraining(low=0.001, high=100.0, draws=4, rate=1e9)
    found = climbed(network(), pictures(), torch.full((8,), 0.25, dtype=torch.float64), noise, generator(1))
    assert set(found.tolist()) <= {0.5, 0.125}


@pytest.mark.parametrize("noise", CLIMBING)
def test_levels_are_kept_across_epochs_and_resumes_to_the_bit(noise: TrainingNoise) -> None:
    """Four epochs in one go and with a new object after each give the same bits; the state is a copy."""
    f, whole = network(), levels_of(noise, 8)
    trained(whole, f, range(4))
    parts: Levels = levels_of(noise, 8)
    for epoch in range(4):
        state = parts.state()
        parts = levels_of(noise, 8)
        parts.restore(state)
        for tensor in state.values():
            tensor.zero_()
        trained(parts, f, range(epoch, epoch + 1))
    for name, tensor in whole.state().items():
        assert torch.equal(parts.state()[name], tensor)
    assert torch.equal(parts.sigma(torch.arange(8), 4), whole.sigma(torch.arange(8), 4))


@pytest.mark.parametrize("noise", CLIMBING)
def test_a_state_stays_what_it_was(noise: TrainingNoise) -> None:
    """What goes on after it does not reach into it."""
    levels = levels_of(noise, 8)
    state = levels.state()
    before = {name: tensor.clone() for name, tensor in state.items()}
    trained(levels, network(), range(3))
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())
    assert not torch.equal(levels.state()["sigma"], before["sigma"])


def test_the_state_of_other_levels_is_refused() -> None:
    """Other examples, another kind of number, another policy: each is named."""
    climbing, searching = (levels_of(noise, 8) for noise in CLIMBING)
    for state, found in (
        ({"sigma": torch.zeros(7, dtype=torch.float64)}, r"got sigma \(7,\) torch.float64"),
        ({"sigma": torch.zeros(8)}, r"got sigma \(8,\) torch.float32"),
        (searching.state(), r"got found \(8,\) torch.bool, sigma"),
        ({}, "got nothing"),
    ):
        with pytest.raises(ValueError, match=r"must hold sigma \(8,\) torch.float64, " + found):
            climbing.restore(state)


def test_looking_for_levels_leaves_the_network_as_it_is() -> None:
    """No new statistics, no dropout, no gradients at its weights, its modes kept."""
    f = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    before = {name: value.clone() for name, value in f.state_dict().items()}
    found = []
    for _ in range(2):
        levels = levels_of(CLIMBING[1], 8)
        trained(levels, f, range(1, 3))
        found.append(levels.state()["sigma"])
    assert torch.equal(*found)
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())
    assert all(part.training for part in f.modules())
    assert all(p.grad is None for p in f.parameters())


def plane(x: Tensor) -> Tensor:
    """Logits (4 x, 0) of one pixel."""
    first = 4 * x.flatten(1)[:, :1]
    return torch.cat([first, torch.zeros_like(first)], dim=1)


@pytest.mark.parametrize("label", [None, 0, 1])
def test_the_step_by_hand(label: int | None) -> None:
    """Two steps at a plane, the derivative worked out on paper: v = mean sigmoid(4 (x + s e)), R = +- s Phi^-1 v."""
    noise = DataDependentTraining(draws=6, steps=2, rate=0.3)
    images, s = torch.full((1, 1, 1, 1), 0.2), 0.25
    rng = generator(3)
    for _ in range(2):
        e = torch.randn((1, 6, 1, 1, 1), generator=rng).double().numpy().ravel()
        soft = 1 / (1 + np.exp(-4 * (0.2 + s * e)))
        v = soft.mean()
        v_slope = (soft * (1 - soft) * 4 * e).mean()
        sign = np.sign(v - 0.5) if label is None else 1 - 2 * label
        r_slope = sign * (norm.ppf(v) + s * v_slope / norm.pdf(norm.ppf(v)))
        s *= np.exp(0.3 * s * r_slope)
    labels = None if label is None else torch.tensor([label])
    found = climbed(plane, images, torch.tensor([0.25], dtype=torch.float64), noise, generator(3), labels)
    assert float(found) == pytest.approx(s, rel=1e-5)
    assert abs(s - 0.25) > 0.01


def wedge(x: Tensor) -> Tensor:
    """Three classes, linear in one pixel: (3, 10 x, -10 x). Class 0 is answered within .3 of 0."""
    first = 10 * x.flatten(1)[:, :1]
    return torch.cat([torch.full_like(first, 3.0), first, -first], dim=1)


def wedge_radius(s: float, x: float) -> float:
    """The objective there, its expectation by quadrature in float64."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    first = 10 * (x + s * nodes)
    e = np.exp(np.stack([np.full_like(first, 3.0), first, -first], axis=1))
    v = np.sort(weights / weights.sum() @ (e / e.sum(axis=1, keepdims=True)))
    return float(s / 2 * (norm.ppf(v[2]) - norm.ppf(v[1])))


@pytest.mark.parametrize(("x", "label"), [(0.0, None), (0.1, None), (0.0, 0), (0.1, 0), (0.2, 0)])
def test_the_ascent_reaches_the_optimum_of_a_linear_model(x: float, label: int | None) -> None:
    """From below and from above, to 2 % in the mean over 8 examples; the radius there is the largest there is."""
    best = minimize_scalar(lambda u: -wedge_radius(math.exp(u), x), bounds=(math.log(0.01), math.log(0.4)), method="bounded")
    optimum = math.exp(best.x)
    noise = DataDependentTraining(low=0.01, high=1.0, draws=1000, steps=60, rate=1.0)
    images, labels = torch.full((8, 1, 1, 1), x), None if label is None else LABELS
    for start in (0.08, 0.5):
        found = climbed(wedge, images, torch.full((8,), start, dtype=torch.float64), noise, generator(4), labels)
        assert float(found.mean()) == pytest.approx(optimum, rel=0.02)
        assert wedge_radius(float(found.mean()), x) == pytest.approx(-best.fun, rel=0.005)


def test_only_the_label_brings_a_level_back_from_far_too_much_noise() -> None:
    """Without it, as published, a level climbs on where another class leads: the objective there is the radius of the wrong class."""
    noise = DataDependentTraining(low=0.01, high=1.0, draws=1000, steps=60, rate=1.0)
    images, start = torch.full((8, 1, 1, 1), 0.2), torch.full((8,), 0.8, dtype=torch.float64)
    assert float(climbed(wedge, images, start, noise, generator(4)).min()) > 0.5
    assert float(climbed(wedge, images, start, noise, generator(4), LABELS).max()) < 0.25


def two_peaks(x: Tensor) -> Tensor:
    """Class 0 within .1 of 0 and beyond .3: little noise certifies a little, noise that leaps over the ring much, noise between nothing."""
    r = x.flatten(1)[:, :1].abs()
    score = 20 * torch.tanh(20 * (r - 0.1) * (r - 0.3))
    return torch.cat([score, torch.zeros_like(score)], dim=1)


def certified_at(s: float) -> float:
    """What 1000 draws are expected to certify of class 0 at the image 0."""
    inside = 2 * norm.cdf(0.1 / s) - 1 + 2 * norm.sf(0.3 / s)
    return float(expected_radius(inside, 1000, alpha=0.001, sigma=s))


PEAKED = InstanceWiseTraining(
    start=0.04, starts=(0.04, 0.2, 0.7), low=0.02, high=0.9, from_epoch=0, search_draws=200, search_steps=6, draws=50, rate=0.5
)


def test_several_starts_find_the_higher_of_two_peaks() -> None:
    """At little noise there is a peak; a valley certifies nothing; the higher peak is beyond. One start below stays there, and so do the epochs after it."""
    low, valley, high = (max(map(certified_at, np.linspace(*ends, 30))) for ends in ((0.02, 0.09), (0.15, 0.25), (0.6, 0.9)))
    assert valley < 0.1 * low < 0.1 * high / 3
    images, indices = torch.zeros((4, 1, 1, 1)), torch.arange(4)
    found: dict[int, NDArray[np.float32]] = {}
    for noise in (replace(PEAKED, starts=(0.04,)), PEAKED):
        levels = levels_of(noise, 4)
        for epoch in range(6):
            levels.update(two_peaks, images, LABELS[:4], indices, epoch, generator(epoch))
        found[len(noise.starts)] = levels.sigma(indices, 5).numpy()
    assert found[1].max() < 0.1
    assert found[3].min() > 0.6
    assert min(map(certified_at, found[3])) > 0.8 * high > 3 * max(map(certified_at, found[1]))


def test_an_example_whose_label_never_leads_keeps_its_level() -> None:
    """The search speaks of the label: where no level has most copies answer it, there is nothing to choose by."""
    images, kept = torch.zeros((4, 1, 1, 1)), torch.tensor([0.1, 0.11, 0.12, 0.13], dtype=torch.float64)
    policy = replace(
        PEAKED, starts=(0.05, 2.0), high=3.0, search_steps=0
    ).search  # at 2.0 class 0 has 12 % of the copies, the others 44 %
    found = searched(wedge, images, torch.tensor([0, 1, 0, 2]), kept, policy, generator(5))
    assert torch.equal(found[1::2], kept[1::2])
    assert found[::2].tolist() == pytest.approx([0.05, 0.05])


def test_after_the_search_levels_climb_for_the_label() -> None:
    """From far too much noise they come back, which they would not without it."""
    levels = levels_of(replace(PEAKED, high=1.0, draws=500, steps=40, rate=1.0), 4)
    levels.restore({"sigma": torch.full((4,), 0.8, dtype=torch.float64), "found": torch.ones(4, dtype=torch.bool)})
    levels.update(wedge, torch.full((4, 1, 1, 1), 0.2), LABELS[:4], torch.arange(4), 0, generator(7))
    assert float(levels.sigma(torch.arange(4), 0).max()) < 0.25


def test_an_example_that_missed_the_switch_is_searched_for_later() -> None:
    """Epochs that leave out what does not fill a batch leave out others each time."""
    levels = levels_of(PEAKED, 4)
    images = torch.zeros((4, 1, 1, 1))
    levels.update(two_peaks, images[:3], LABELS[:3], torch.arange(3), 0, generator(0))
    assert levels.state()["found"].tolist() == [True, True, True, False]
    assert float(levels.sigma(torch.tensor([3]), 0)) == pytest.approx(0.04)
    levels.update(two_peaks, images[2:], LABELS[2:4], torch.arange(2, 4), 1, generator(1))
    assert levels.state()["found"].all()
    assert bool((levels.sigma(torch.arange(4), 1) > 0.5).all())
