"""Adversarial examples of the smoothed classifier: the published steps, written out; bounded, ascending, in the pictures' range."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from odd_assess.training.attack import adversarial, log_mean_softmax, smoothed_loss
from odd_assess.training.copies import logits_of_copies

SHAPE = (1, 2, 3)


def network(seed: int = 0) -> nn.Module:
    """A smooth network of three classes, in float64."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def batch(seed: int = 0, count: int = 4, draws: int = 3, spread: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """Images in [0, 1], labels and scaled noise."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand((count, *SHAPE), generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (count,), generator=generator)
    return images, labels, spread * torch.randn((count, draws, *SHAPE), generator=generator, dtype=torch.float64)


def norms(perturbation: Tensor) -> Tensor:
    return perturbation.flatten(1).norm(dim=1)


def test_the_smoothed_loss_is_that_of_the_mean_probability() -> None:
    """-log((.8 + .2) / 2) and -log((.5 + .1) / 2), however small the probabilities are."""
    p = torch.tensor([[[0.8, 0.2], [0.2, 0.8]], [[0.5, 0.5], [0.9, 0.1]]], dtype=torch.float64)
    found = smoothed_loss(p.log(), torch.tensor([0, 1]))
    np.testing.assert_allclose(found, [-np.log(0.5), -np.log(0.3)], rtol=1e-12)
    far = torch.tensor([[[0.0, -500.0], [0.0, -600.0]]], dtype=torch.float64)
    np.testing.assert_allclose(log_mean_softmax(far), [[0.0, -500.0 - np.log(2)]], atol=1e-12)


def test_the_smoothed_loss_has_its_gradient() -> None:
    """By finite differences, over the logits."""
    logits = torch.randn((3, 4, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda some: smoothed_loss(some, torch.tensor([0, 4, 2])), (logits,))


def by_hand(
    W: NDArray[np.float64], x: NDArray[np.float64], label: int, noise: NDArray[np.float64], *, epsilon: float, steps: int
) -> NDArray[np.float64]:
    """One example at logits W x: the gradient of -log mean_j p_j is -sum_j p_jy (W_y - sum_c p_jc W_c) / sum_j p_jy."""
    moved = np.zeros_like(x)
    for _ in range(steps):
        p = np.exp((x + moved + noise) @ W.T)
        p /= p.sum(axis=1, keepdims=True)
        slope = -(p[:, [label]] * (W[label] - p @ W)).sum(axis=0) / p[:, label].sum()
        moved = moved + 2 * epsilon / steps * slope / np.linalg.norm(slope)
        moved = np.clip(x + moved, 0, 1) - x
        moved = moved * min(1.0, epsilon / np.linalg.norm(moved))
    return x + moved


@pytest.mark.parametrize(("epsilon", "steps"), [(0.2, 1), (0.2, 2), (0.7, 5)])
def test_the_steps_are_the_published_ones(epsilon: float, steps: int) -> None:
    """Written out in NumPy for a linear network; at .7 the pictures' range cuts the perturbation."""
    images, labels, noise = batch(seed=3)
    W = torch.randn((3, 6), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    found = adversarial(lambda x: x.flatten(1) @ W.T, images, labels, noise, epsilon=epsilon, steps=steps)
    for i in range(4):
        one = by_hand(
            W.numpy(), images[i].flatten().numpy(), int(labels[i]), noise[i].flatten(1).numpy(), epsilon=epsilon, steps=steps
        )
        np.testing.assert_allclose(found[i].flatten(), one, rtol=1e-9, atol=1e-12)
    if epsilon == 0.7:
        assert bool(((found == 0) | (found == 1)).any())


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), epsilon=st.floats(1e-3, 3.0), steps=st.integers(1, 4), draws=st.integers(1, 3))
def test_no_example_moves_further_than_epsilon_nor_out_of_range(seed: int, epsilon: float, steps: int, draws: int) -> None:
    """Every example's own norm is bounded, whatever the others do; values stay in [0, 1]."""
    images, labels, noise = batch(seed=seed, draws=draws)
    found = adversarial(network(seed), images, labels, noise, epsilon=epsilon, steps=steps)
    assert bool((norms(found - images) <= epsilon * (1 + 1e-12)).all())
    assert bool((found >= -1e-15).all())
    assert bool((found <= 1 + 1e-15).all())


@pytest.mark.parametrize("seed", range(5))
def test_the_smoothed_loss_grows_at_every_example(seed: int) -> None:
    """By steps small enough for the network to be nearly linear, and away from the range's ends: by nearly epsilon times the gradient's norm."""
    images, labels, noise = batch(seed=seed)
    images = 0.25 + images / 2
    f, epsilon = network(seed), 1e-3
    at = images.clone().requires_grad_()
    before = smoothed_loss(logits_of_copies(f, at, noise), labels)
    (slope,) = torch.autograd.grad(before.sum(), at)
    moved = adversarial(f, images, labels, noise, epsilon=epsilon, steps=2)
    after = smoothed_loss(logits_of_copies(f, moved, noise), labels)
    np.testing.assert_allclose((after - before).detach() / epsilon, norms(slope), rtol=0.01)


def test_epsilon_nothing_moves_nothing() -> None:
    """The very images come back."""
    images, labels, noise = batch()
    assert adversarial(network(), images, labels, noise, epsilon=0.0, steps=2) is images


def test_a_network_without_a_gradient_leaves_the_example() -> None:
    """Where no direction is better than another, none is taken."""
    images, labels, noise = batch()
    found = adversarial(lambda x: 0.0 * x.flatten(1)[:, :3], images, labels, noise, epsilon=0.5, steps=2)
    assert torch.equal(found, images)


def test_a_confident_network_has_a_gradient() -> None:
    """The probability of the label is 1 in float32, or 0; the example moves all the same, by all of epsilon."""
    W = 1e4 * torch.tensor([[1.0, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0]])
    images = torch.full((2, *SHAPE), 0.5)
    images[:, 0, 0, 1] = 0.4
    found = adversarial(lambda x: x.flatten(1) @ W.T, images, torch.tensor([1, 1]), torch.zeros(2, 2, *SHAPE), epsilon=0.1, steps=2)
    np.testing.assert_allclose((found - images).flatten(1), [[0.1 / 2**0.5, -0.1 / 2**0.5, 0, 0, 0, 0]] * 2, atol=1e-6)


def test_looking_leaves_the_network_as_it_is() -> None:
    """No gradient at its weights, no new statistics, no dropout; its parts are in the modes that they were in."""
    f = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    f[2].eval()
    images, labels, noise = batch()
    before = {name: value.clone() for name, value in f.state_dict().items()}
    first, second = (adversarial(f, images, labels, noise, epsilon=0.3, steps=2) for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert all(p.grad is None and p.requires_grad for p in f.parameters())
    assert all(torch.equal(value, before[name]) for name, value in f.state_dict().items())
    assert [part.training for part in f] == [True, True, False, True, True]
