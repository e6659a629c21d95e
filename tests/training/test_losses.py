"""Each loss against NumPy, written out example by example and copy by copy; its gradient against finite differences; its limits against what they must be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor

from odd_assess.certify.sigma import soft_radius
from odd_assess.stats import certified_radius
from odd_assess.training.attack import adversarial
from odd_assess.training.losses import Loss, consistency_penalty, loss_of, radius_hinge
from odd_assess.training_plan import Consistency, Gaussian, Macer, SmoothAdv, TrainingLoss

CLASSES, SHAPE = 3, (1, 1, 2)
LABELS = torch.tensor([0, 1, 2, 1])
SIGMA = torch.tensor([0.1, 0.25, 0.5, 1.0], dtype=torch.float64)
IMAGES = torch.tensor([[0.9, 0.2], [0.3, 0.8], [0.1, 0.1], [0.2, 0.7]], dtype=torch.float64).view(4, *SHAPE)
WEIGHTS = torch.tensor([[2.0, -1.0], [-1.0, 2.0], [-0.5, -0.75]], dtype=torch.float64)
BIAS = torch.tensor([0.0, 0.1, 0.4], dtype=torch.float64)

Arrays = NDArray[np.float64]


def noise_of(draws: int) -> Tensor:
    return torch.randn((4, draws, *SHAPE), generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def linear(weights: Tensor = WEIGHTS) -> Callable[[Tensor], Tensor]:
    return lambda x: x.flatten(1) @ weights.T + BIAS


def probabilities(draws: int, images: Tensor = IMAGES, beta: float = 1.0) -> list[list[Arrays]]:
    """The softmax of beta times the logits, for each example and each of its copies."""
    noise, found = noise_of(draws).numpy(), []
    for i in range(4):
        copies = []
        for j in range(draws):
            copy = images[i].numpy().ravel() + float(SIGMA[i]) * noise[i, j].ravel()
            e = np.exp(beta * (WEIGHTS.numpy() @ copy + BIAS.numpy()))
            copies.append(e / e.sum())
        found.append(copies)
    return found


def cross_entropy(p: list[list[Arrays]]) -> float:
    return float(np.mean([np.mean([-np.log(copy[label]) for copy in copies]) for copies, label in zip(p, LABELS, strict=True)]))


def penalty(p: list[list[Arrays]], lambda_: float, eta: float) -> float:
    terms = []
    for copies in p:
        mean = np.mean(copies, axis=0)
        divergence = np.mean([(mean * np.log(mean / copy)).sum() for copy in copies])
        terms.append(lambda_ * divergence - eta * (mean * np.log(mean)).sum())
    return float(np.mean(terms))


def value(kind: TrainingLoss, consistency: Consistency | None = None, epoch: int = 0) -> float:
    loss = loss_of(kind, consistency, epoch)
    return float(loss.at(linear(), IMAGES, LABELS, SIGMA, noise_of(loss.draws)))


@pytest.mark.parametrize("draws", [1, 3])
def test_gaussian(draws: int) -> None:
    """The mean cross entropy over examples and copies, each copy with the level of its example."""
    assert value(Gaussian(draws=draws)) == pytest.approx(cross_entropy(probabilities(draws)), rel=1e-12)


def test_smooth_adv() -> None:
    """The cross entropy at the copies of the adversarial examples, with the noise that found them."""
    moved = adversarial(linear(), IMAGES, LABELS, SIGMA.view(4, 1, 1, 1, 1) * noise_of(3), epsilon=0.2, steps=2)
    assert float((moved - IMAGES).abs().max()) > 0.1
    expected = cross_entropy(probabilities(3, moved))
    assert value(SmoothAdv(epsilon=0.2, steps=2, draws=3, warmup=0)) == pytest.approx(expected, rel=1e-12)
    assert expected > cross_entropy(probabilities(3))


def test_smooth_adv_warms_up() -> None:
    """In the first of four epochs it trains within a quarter of epsilon; from the fourth on within all of it."""
    slow = SmoothAdv(epsilon=0.4, draws=2, warmup=4)
    for epoch, epsilon in ((0, 0.1), (1, 0.2), (3, 0.4), (9, 0.4)):
        assert value(slow, epoch=epoch) == value(SmoothAdv(epsilon=epsilon, draws=2, warmup=0))


def test_macer() -> None:
    """-log mean p_y, plus lambda sigma / 2 (gamma - gap) for the examples that are right and have a gap below gamma: here two of four."""
    lambda_, gamma, beta = 3.0, 2.5, 2.0
    plain, sharp = probabilities(5), probabilities(5, beta=beta)
    terms, counted = [], []
    for i in range(4):
        term = -np.log(np.mean(plain[i], axis=0)[LABELS[i]])
        mean = np.mean(sharp[i], axis=0)
        second, first = np.sort(mean)[-2:]
        gap = norm.ppf(first) - norm.ppf(second)
        if mean.argmax() == LABELS[i] and gap <= gamma:
            term += lambda_ * float(SIGMA[i]) / 2 * (gamma - gap)
            counted.append("in")
        else:
            counted.append("beyond" if mean.argmax() == LABELS[i] else "wrong")
        terms.append(term)
    assert sorted(counted) == ["beyond", "in", "in", "wrong"]  # the case shows all there is
    found = value(Macer(draws=5, lambda_=lambda_, gamma=gamma, beta=beta))
    assert found == pytest.approx(float(np.mean(terms)), rel=1e-12)


def test_macer_before_its_epoch_is_the_cross_entropy_of_the_mean() -> None:
    """-log mean p_y alone."""
    expected = np.mean([-np.log(np.mean(p, axis=0)[label]) for p, label in zip(probabilities(5), LABELS, strict=True)])
    late = Macer(draws=5, from_epoch=3)
    assert value(late, epoch=2) == pytest.approx(float(expected), rel=1e-12)
    assert value(late, epoch=3) == value(Macer(draws=5))


@pytest.mark.parametrize("kind", [Gaussian(), SmoothAdv(epsilon=0.0, draws=2), Macer(draws=4)])
def test_consistency_is_added_to_any_loss(kind: TrainingLoss) -> None:
    """Lambda KL(mean || each) + eta H(mean), over the copies of the loss: three where it asks for fewer."""
    both = loss_of(kind, Consistency(lambda_=2.0, eta=0.5, draws=3), 0)
    assert both.draws == max(3, kind.draws)
    alone = float(loss_of(kind, None, 0).at(linear(), IMAGES, LABELS, SIGMA, noise_of(both.draws)))
    found = float(both.at(linear(), IMAGES, LABELS, SIGMA, noise_of(both.draws)))
    assert found == pytest.approx(alone + penalty(probabilities(both.draws), 2.0, 0.5), rel=1e-12)


def test_copies_that_agree_pay_the_entropy_alone() -> None:
    """KL is 0 among equal copies."""
    logits = torch.log(torch.tensor([[[0.7, 0.2, 0.1]] * 4], dtype=torch.float64))
    entropy = -(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1))
    assert float(consistency_penalty(logits, lambda_=20.0, eta=0.5)) == pytest.approx(0.5 * entropy, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "consistency"),
    [
        (Gaussian(draws=2), None),
        (Macer(draws=5, lambda_=3.0, gamma=2.5, beta=2.0), None),
        (SmoothAdv(epsilon=0.0, draws=2), None),
        (Gaussian(), Consistency(lambda_=2.0, eta=0.5, draws=3)),
    ],
)
def test_gradients_by_finite_differences(kind: TrainingLoss, consistency: Consistency | None) -> None:
    """By the network's weights, the noise held fixed."""
    loss = loss_of(kind, consistency, 0)
    weights = WEIGHTS.clone().requires_grad_()
    noise = noise_of(loss.draws)
    assert torch.autograd.gradcheck(lambda some: loss.at(linear(some), IMAGES, LABELS, SIGMA, noise), (weights,))


def test_the_search_for_the_adversarial_example_is_not_differentiated() -> None:
    """The gradient is that of the loss at the examples that were found, taken as they are."""
    loss, weights = loss_of(SmoothAdv(epsilon=0.3, draws=2, warmup=0), None, 0), WEIGHTS.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss.at(linear(weights), IMAGES, LABELS, SIGMA, noise_of(2)), weights)
    moved = adversarial(linear(), IMAGES, LABELS, SIGMA.view(4, 1, 1, 1, 1) * noise_of(2), epsilon=0.3, steps=2)
    (there,) = torch.autograd.grad(
        loss_of(Gaussian(draws=2), None, 0).at(linear(weights), moved, LABELS, SIGMA, noise_of(2)), weights
    )
    np.testing.assert_allclose(found, there, rtol=1e-12)


def test_smooth_adv_within_nothing_is_gaussian_training() -> None:
    """At epsilon 0, to the bit, with as many copies."""
    images, sigma = IMAGES.float(), SIGMA.float()
    f = linear(WEIGHTS)
    losses = [
        loss_of(kind, None, 5)(lambda x: f(x.double()).float(), images, LABELS, sigma, torch.Generator().manual_seed(1))
        for kind in (SmoothAdv(epsilon=0.0, draws=4), Gaussian(draws=4))
    ]
    assert torch.equal(*losses)


def test_the_hinge_is_what_is_missing_from_gamma_of_the_certified_radius() -> None:
    """Sigma gamma / 2 less sigma / 2 (Phi^-1 pA - Phi^-1 pB), which for two classes is the radius sigma Phi^-1 pA of Cohen et al."""
    logits = torch.randn((6, 9, 4), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    sigma = torch.linspace(0.1, 1.0, 6, dtype=torch.float64)
    labels = torch.softmax(3 * logits, dim=-1).mean(dim=1).argmax(dim=1)
    found = radius_hinge(logits, labels, sigma, gamma=8.0, beta=3.0)
    np.testing.assert_allclose(found, 4 * sigma - soft_radius(3 * logits, sigma, (1e-12, 1 - 1e-12)), rtol=1e-9)
    two = torch.log(torch.tensor([[[0.9, 0.1], [0.7, 0.3]]], dtype=torch.float64))
    one = float(radius_hinge(two, torch.tensor([0]), torch.tensor([0.5], dtype=torch.float64), gamma=8.0, beta=1.0))
    assert 0.5 * 8.0 / 2 - one == pytest.approx(certified_radius(0.8, sigma=0.5), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_the_hinge_does_not_count_has_no_gradient(dtype: torch.dtype) -> None:
    """Wrong, beyond gamma, or so sure that pB is 0 in floating point: nothing, and nothing that is not a number; the fourth example counts."""
    rows = [[0.0, 0.3, 0.0], [1.2, 0.0, 0.0], [1000.0, 0.0, 0.0], [0.2, 0.0, 0.1]]
    logits = torch.tensor(rows, dtype=dtype).unsqueeze(1).repeat(1, 3, 1).requires_grad_()
    losses = radius_hinge(logits, torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=dtype), gamma=2.0, beta=2.0)
    (slope,) = torch.autograd.grad(losses.sum(), logits)
    assert losses[:3].tolist() == [0.0, 0.0, 0.0]
    assert torch.equal(slope[:3], torch.zeros_like(slope[:3]))
    assert 0 < float(losses.detach()[3]) < 1
    assert bool((slope[3, :, 0] < 0).all())


def test_the_copies_are_not_clipped() -> None:
    """The network sees x + sigma e as it is, also outside [0, 1]."""
    seen: list[Tensor] = []

    def watching(x: Tensor) -> Tensor:
        seen.append(x)
        return linear()(x)

    Loss(kind=Gaussian(draws=2), consistency=None, epoch=0).at(watching, IMAGES, LABELS, SIGMA, noise_of(2))
    copies = IMAGES[:, None] + SIGMA.view(4, 1, 1, 1, 1) * noise_of(2)
    assert torch.equal(seen[0], copies.flatten(0, 1))
    assert float(copies.min()) < 0
    assert float(copies.max()) > 1


def test_the_noise_is_the_generators() -> None:
    """One seed, one loss; another seed, another. Drawn in the order (example, copy, pixels)."""
    loss = loss_of(Gaussian(draws=2), None, 0)
    first, again, other = (float(loss(linear(), IMAGES, LABELS, SIGMA, torch.Generator().manual_seed(seed))) for seed in (7, 7, 8))
    assert first == again != other
    assert first == float(loss.at(linear(), IMAGES, LABELS, SIGMA, noise_of(2)))


def test_losses_of_half_precision_logits_are_float32() -> None:
    """Under autocast the network answers in bfloat16; softmax and quantiles are taken in float32."""
    loss = loss_of(Macer(draws=4), Consistency(), 0)
    f = linear(WEIGHTS)
    found = loss.at(lambda x: f(x.double()).bfloat16(), IMAGES.float(), LABELS, SIGMA.float(), noise_of(4).float())
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(value(Macer(draws=4), Consistency()), rel=0.05)


def test_a_network_that_answers_otherwise_is_refused() -> None:
    """Logits for each copy, of two classes at least."""
    with pytest.raises(ValueError, match=r"must answer with logits \(8, classes >= 2\), got \(8, 1\)"):
        loss_of(Gaussian(draws=2), None, 0).at(lambda x: x.flatten(1)[:, :1], IMAGES, LABELS, SIGMA, noise_of(2))
