"""Adversarial examples of the smoothed classifier: projected gradient steps through the mean softmax over noisy copies.

Source: Salman et al., NeurIPS 2019, SmoothAdv_PGD. As in the published code: start at the example, steps of 2 epsilon / steps along the normalised
gradient, the example clipped to [0, 1] and then projected on the ball, the network in evaluation mode, the search not differentiated. Otherwise than there: the
logarithm of the mean softmax is taken by log-sum-exp, where the code clamps the mean at 1e-20, so that a confident network still has a gradient; and where
there is none the example stays as it is, while the code takes a random direction.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from odd_assess.training.copies import Network, evaluated, logits_of_copies


def log_mean_softmax(logits: Tensor) -> Tensor:
    """The logarithm of the mean softmax (B, classes) over copies, of logits (B, draws, classes): the smoothed classifier's answer, as far as draws tell.

    >>> log_mean_softmax(torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])).exp()
    tensor([[0.5000, 0.5000]])
    """
    return torch.log_softmax(logits, dim=-1).logsumexp(dim=1) - math.log(logits.shape[1])


def smoothed_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """-log of the mean softmax of the label (B,), of logits (B, draws, classes)."""
    return -log_mean_softmax(logits).gather(1, labels[:, None])[:, 0]


def adversarial(f: Network, images: Tensor, labels: Tensor, noise: Tensor, *, epsilon: float, steps: int) -> Tensor:
    """Images (B, C, H, W) at most ``epsilon`` (L2) from ``images``, where `smoothed_loss` over the copies with ``noise`` (B, draws, C, H, W) is larger.

    Images in [0, 1] stay there. ``noise`` has each example's level already. No gradient flows through what comes back; at epsilon 0 it is ``images``.
    """
    if epsilon == 0.0:
        return images
    x = images.detach()
    moved = torch.zeros_like(x)
    with evaluated(f):
        for _ in range(steps):
            slope = _slope(f, x, moved, labels, noise)
            norm = _norms(slope)
            moved += 2 * epsilon / steps * torch.where(norm > 0, slope / norm, 0.0)
            moved = (x + moved).clamp(0.0, 1.0) - x
            moved *= (epsilon / _norms(moved).clamp(min=epsilon)).clamp(max=1.0)
    return x + moved


def _slope(f: Network, x: Tensor, moved: Tensor, labels: Tensor, noise: Tensor) -> Tensor:
    """The gradient (B, C, H, W) of each example's loss by its perturbation."""
    at = moved.clone().requires_grad_()
    loss = smoothed_loss(logits_of_copies(f, x + at, noise), labels)
    (slope,) = torch.autograd.grad(loss.sum(), at)
    return slope


def _norms(perturbation: Tensor) -> Tensor:
    """L2 norms (B, 1, 1, 1)."""
    norms: Tensor = torch.linalg.vector_norm(perturbation, dim=tuple(range(1, perturbation.ndim)), keepdim=True)
    return norms
