"""What is minimised: functions of the logits that a network gives to noisy copies, and `Loss`, which makes the copies.

    loss_of(plan.loss, plan.consistency, epoch)(f, images, labels, sigma, generator) -> the mean loss of the batch, a scalar

f takes images (B, C, H, W) in input units, values in [0, 1]; noise is added there, before any normalisation, and noisy copies are never clipped. Each example
has its own level sigma (B,). Where a published loss has one level for all, each example's term takes its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from odd_assess.training.attack import adversarial, log_mean_softmax, smoothed_loss
from odd_assess.training.copies import Network, logits_of_copies, scaled, standard_noise
from odd_assess.training_plan import Consistency, Macer, SmoothAdv, TrainingLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A loss in one epoch (counted from 0: a warm-up depends on it), with a consistency penalty or none."""

    kind: TrainingLoss
    consistency: Consistency | None
    epoch: int

    @property
    def draws(self) -> int:
        """The noisy copies of each example: those of the loss, or of the penalty where it asks for more."""
        return max(self.kind.draws, self.consistency.draws if self.consistency else 0)

    def __call__(self, f: Network, images: Tensor, labels: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch at levels ``sigma`` (B,), with noise of the generator."""
        return self.at(f, images, labels, sigma, standard_noise(images, self.draws, generator))

    def at(self, f: Network, images: Tensor, labels: Tensor, sigma: Tensor, noise: Tensor) -> Tensor:
        """The loss of a batch at levels ``sigma`` (B,), with standard normal ``noise`` (B, draws, C, H, W)."""
        own = scaled(noise, sigma)
        if isinstance(self.kind, SmoothAdv):
            epsilon = self.kind.epsilon_at(self.epoch)
            images = adversarial(f, images, labels, own, epsilon=epsilon, steps=self.kind.steps)
        logits = logits_of_copies(f, images, own)
        if isinstance(self.kind, Macer):
            losses = smoothed_loss(logits, labels)
            if weight := self.kind.lambda_at(self.epoch):
                losses = losses + weight * radius_hinge(logits, labels, sigma, gamma=self.kind.gamma, beta=self.kind.beta)
        else:
            losses = copies_loss(logits, labels)
        if self.consistency:
            losses = losses + consistency_penalty(logits, lambda_=self.consistency.lambda_, eta=self.consistency.eta)
        return losses.mean()


def loss_of(kind: TrainingLoss, consistency: Consistency | None, epoch: int) -> Loss:
    """The loss that a plan declares, in an epoch counted from 0."""
    return Loss(kind=kind, consistency=consistency, epoch=epoch)


def copies_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross entropy (B,) over copies, of logits (B, draws, classes).

    Source: Cohen, Rosenfeld, Kolter, ICML 2019, section 3.3; with SmoothAdv Salman et al. 2019, whose code takes m smaller batches one after another where this
    takes the m copies of the whole batch in one step.
    """
    own = torch.log_softmax(logits, dim=-1).gather(2, labels[:, None, None].expand(-1, logits.shape[1], 1))
    return -own[..., 0].mean(dim=1)


def radius_hinge(logits: Tensor, labels: Tensor, sigma: Tensor, *, gamma: float, beta: float) -> Tensor:
    """Sigma / 2 max(0, gamma - (Phi^-1 pA - Phi^-1 pB)) (B,) where the label has the largest mean softmax, 0 elsewhere; of logits (B, draws, classes).

    pA >= pB are the two largest of the mean softmax of beta times the logits. sigma / 2 (Phi^-1 pA - Phi^-1 pB) is the radius that they would certify.
    Where a score is infinite (pB is 0 in floating point) the gap exceeds any gamma: 0, without a gradient, as in the published code.

    Source: Zhai et al., ICLR 2020, algorithm 1.

    >>> at_once = radius_hinge(torch.zeros(1, 4, 3), torch.tensor([0]), torch.tensor([0.5]), gamma=8.0, beta=16.0)
    >>> at_once  # no gap: the whole of sigma gamma / 2
    tensor([2.])
    """
    top, classes = torch.softmax(beta * logits, dim=-1).mean(dim=1).topk(2, dim=-1)
    counts = (classes[:, 0] == labels) & (_gap(top.detach()) <= gamma)  # false for infinite gaps, and for none at all
    gap = _gap(torch.where(counts[:, None], top, 0.5))
    return torch.where(counts, sigma.to(gap) / 2 * (gamma - gap), 0.0)


def _gap(top: Tensor) -> Tensor:
    """Phi^-1 pA - Phi^-1 pB (B,) of probabilities (B, 2)."""
    scores: Tensor = torch.special.ndtri(top)
    return scores[:, 0] - scores[:, 1]


def consistency_penalty(logits: Tensor, *, lambda_: float, eta: float) -> Tensor:
    """Lambda mean_j KL(p || p_j) + eta H(p) (B,) of logits (B, draws, classes): p_j the softmax of copy j, p their mean. Gradients flow through both.

    Source: Jeong and Shin, NeurIPS 2020; its code clamps p at 1e-20 in the entropy, this takes its logarithm by log-sum-exp.
    """
    each, smoothed = torch.log_softmax(logits, dim=-1), log_mean_softmax(logits)
    p = smoothed.exp()
    divergence = (p[:, None] * (smoothed[:, None] - each)).sum(dim=-1).mean(dim=1)
    entropy = -(p * smoothed).sum(dim=-1)
    return lambda_ * divergence + eta * entropy
