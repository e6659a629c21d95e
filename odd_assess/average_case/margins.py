"""Margins g_i = f_t - f_i of the class t against every other, linearised: under noise N(0, sigma^2 I) the linear model has normal margins, known exactly.

    at x               margins and gradients at the input itself (the Taylor estimators)
    over noisy copies  their means over noisy copies of it (MMSE: the linear model of least expected square error)
    of the copies      no linear model: mean, variance and correlations of the margins over the copies themselves, from forward passes alone (moments)

``curved``: a margin that bends varies more than its linear model says: its variance lies between sigma^2 |mean gradient|^2 and sigma^2 mean |gradient|^2
(Chernoff's inequality below, Poincare's above). Half way between is exact for quadratic margins, and takes no pass more. The mean gradients still correlate.

**Why one backward pass a class.** The gradients of a batch are taken class by class, from one forward pass. `torch.func.vmap` over the classes took 1.2 to
2 times as long on a CPU (residual network, 10 classes, batches of 10 to 64; 2026-11), and asks for a batching rule of everything in the model.

Source: Han, Srinivas, Lakkaraju, UAI 2024 (arXiv 2307.13885), the Taylor and MMSE estimators. What is curved and the moments are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from odd_assess.average_case.logits import Logits, ask, called
from odd_assess.average_case.noise import group_size, pieces_of
from odd_assess.errors import ModelError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Where = Literal["taylor", "mmse"]

GRADIENTS = 2**27
"""Values of mean gradients that are kept at once, where one input does not have more."""

ROUNDING = 1e-6
"""Margins of float32 logits that spread by this part of their size are the same."""

COLUMNS = 2**16
"""Values of an input whose gradients are multiplied in float64 at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Standard normal bounds z (N, K) = margin / (sigma * length of its gradient), and the correlations (N, K, K) of the K margins.

    Curved: the length is the root of half of |mean gradient|^2 + mean |gradient|^2. Of the copies: z = mean / standard deviation.
    A margin that noise does not move stays as it is: its z is infinite, -infinity where it is negative, and it is correlated with none.
    ``complete``: the K margins are those against all other classes.
    """

    z: Floats
    correlations: Floats
    dead: NDArray[np.bool_]
    complete: bool


def linearised(
    logits_fn: Logits,
    inputs: Tensor,
    clean: Floats,
    *,
    sigma: float,
    where: Where,
    samples: int,
    seed: int,
    top: int | None,
    batch_size: int,
    antithetic: bool = False,
    curved: bool = False,
) -> Margins:
    """The margins of inputs (N, ...), at least one, of logits ``clean`` (N, classes): against all other classes, or the ``top`` with the least (mean) margins.

    At most ``batch_size`` inputs or noisy copies are in one call of the model. Memory beside it: K mean gradients for each input in it, see `GRADIENTS`.

    Raises: ModelError.
    """
    width = clean.shape[1] - 1 if top is None else min(top, clean.shape[1] - 1)
    drawn = samples if where == "mmse" else 0
    group = min(group_size(batch_size, drawn), max(1, GRADIENTS // (width * inputs[0].numel())))
    found: list[tuple[Floats, Floats, NDArray[np.bool_]]] = []
    with torch.inference_mode(mode=False):
        for start in range(0, len(inputs), group):
            here, labels = inputs[start : start + group].clone(), clean[start : start + group].argmax(axis=1)

            def pieces(here: Tensor = here) -> Iterator[Tensor]:
                return pieces_of(
                    here, sigma=sigma, samples=drawn, seed=seed, stage="mmse", at_once=batch_size, antithetic=antithetic
                )

            others = _others(labels, clean.shape[1])
            if width < others.shape[1]:
                others = _least(logits_fn, pieces(), labels, others, width)
            margins, gradients, squares = _means(logits_fn, pieces(), labels, others)
            found += [
                _standardised(margin, gradient, sigma, square if curved else None)
                for margin, gradient, square in zip(margins, gradients, squares, strict=True)
            ]
    z, correlations, dead = (np.stack(parts) for parts in zip(*found, strict=True))
    return Margins(z=z, correlations=correlations, dead=dead, complete=width == clean.shape[1] - 1)


def of_copies(
    logits_fn: Logits,
    inputs: Tensor,
    clean: Floats,
    *,
    sigma: float,
    samples: int,
    seed: int,
    top: int | None,
    batch_size: int,
    antithetic: bool = False,
) -> Margins:
    """Margins of inputs (N, ...), at least one, whose z, variances and correlations are those over ``samples`` >= 2 noisy copies. Otherwise as `linearised`.

    A margin that is the same at all copies counts by its sign; it is marked as dead.

    Raises: ModelError.
    """
    width = clean.shape[1] - 1 if top is None else min(top, clean.shape[1] - 1)
    group = group_size(batch_size, samples)
    found: list[tuple[Floats, Floats, NDArray[np.bool_]]] = []
    with torch.inference_mode():
        for start in range(0, len(inputs), group):
            here, labels = inputs[start : start + group], clean[start : start + group].argmax(axis=1)
            others = _others(labels, clean.shape[1])
            pieces = pieces_of(
                here, sigma=sigma, samples=samples, seed=seed, stage="moments", at_once=batch_size, antithetic=antithetic
            )
            logits = [ask(logits_fn, called(piece.flatten(0, 1))).double().cpu().numpy() for piece in pieces]
            margins = np.concatenate([_margins(part, labels, others) for part in logits], axis=1)
            found += [_moments(one[:, _least_of(one.mean(axis=0), width)]) for one in margins]
    z, correlations, dead = (np.stack(parts) for parts in zip(*found, strict=True))
    return Margins(z=z, correlations=correlations, dead=dead, complete=width == clean.shape[1] - 1)


def _moments(margins: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The bounds z (K,), the correlations (K, K), and which do not vary (K,), of margins (copies, K)."""
    mean = margins.mean(axis=0)
    apart = margins - mean
    products = apart.T @ apart
    dead = np.diag(products) <= (ROUNDING * (1 + np.abs(mean))) ** 2 * len(margins)
    safe = np.sqrt(np.where(dead, 1.0, np.diag(products)))
    correlations = np.where(dead[:, None] | dead, 0.0, np.clip(products / np.outer(safe, safe), -1.0, 1.0))
    np.fill_diagonal(correlations, 1.0)
    z = np.where(dead, np.where(mean < 0, -np.inf, np.inf), mean * np.sqrt(len(margins) - 1) / safe)
    return z, correlations, dead


def _least_of(margin: Floats, top: int) -> Ints:
    """Which of the margins (K,) are the ``top`` least, in order."""
    return np.asarray(np.sort(np.argsort(margin, kind="stable")[:top]), dtype=np.int64)


def _others(labels: Ints, classes: int) -> Ints:
    """All classes but the label (N, classes - 1), in order."""
    every = np.broadcast_to(np.arange(classes), (len(labels), classes))
    others: Ints = every[every != labels[:, None]].reshape(len(labels), classes - 1)
    return others


def _least(logits_fn: Logits, pieces: Iterator[Tensor], labels: Ints, others: Ints, top: int) -> Ints:
    """Of the other classes the ``top`` (N, top) with the least mean margin, in order."""
    total = np.zeros(others.shape)
    with torch.no_grad():
        for piece in pieces:
            logits = ask(logits_fn, called(piece.flatten(0, 1))).double().cpu().numpy()
            total += _margins(logits, labels, others).sum(axis=1)
    chosen = np.sort(np.argsort(total, axis=1, kind="stable")[:, :top], axis=1)
    return np.take_along_axis(others, chosen, axis=1)


def _margins(logits: Floats, labels: Ints, others: Ints) -> Floats:
    """f_t - f_i (N, copies, K) of logits (N * copies, classes)."""
    by_input = logits.reshape(len(labels), -1, logits.shape[1])
    own = np.take_along_axis(by_input, labels[:, None, None], axis=2)
    margins: Floats = own - np.take_along_axis(by_input, others[:, None, :], axis=2)
    return margins


def _means(logits_fn: Logits, pieces: Iterator[Tensor], labels: Ints, others: Ints) -> tuple[Floats, Tensor, Floats]:
    """Over the copies the means of the margins (N, K), of their gradients (N, K, values) and of the squares of the gradients' lengths (N, K)."""
    margins, squares = np.zeros(others.shape), np.zeros(others.shape)
    gradients, count = torch.zeros(0), 0
    for piece in pieces:
        rows, copies = piece.shape[:2]
        leaf = called(piece.flatten(0, 1)).detach().requires_grad_()
        with torch.enable_grad():
            logits = ask(logits_fn, leaf)
        if not count:
            gradients = torch.zeros((*others.shape, piece[0, 0].numel()), device=piece.device)
        own, rivals = (
            torch.from_numpy(part).to(piece.device).repeat_interleave(copies, dim=0) for part in (labels[:, None], others)
        )
        for k in range(others.shape[1]):
            toward = torch.zeros_like(logits).scatter_(1, own, 1.0).scatter_(1, rivals[:, k : k + 1], -1.0)
            (slope,) = torch.autograd.grad(logits, leaf, toward, retain_graph=k + 1 < others.shape[1])
            slope = slope.reshape(rows, copies, -1)
            gradients[:, k] += slope.sum(dim=1)
            squares[:, k] += slope.square().sum(dim=(1, 2), dtype=torch.float64).cpu().numpy()
        margins += _margins(logits.detach().double().cpu().numpy(), labels, others).sum(axis=1)
        count += copies
    return margins / count, gradients / count, squares / count


def _standardised(
    margin: Floats, gradient: Tensor, sigma: float, squares: Floats | None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The bounds z (K,), the correlations (K, K), and which gradients are zero (K,), of margins (K,) with gradients (K, values); ``squares`` where curved."""
    products = np.zeros((len(margin), len(margin)))
    for part in torch.split(gradient, COLUMNS, dim=1):
        exact = part.double()
        products += (exact @ exact.T).cpu().numpy()
    if not np.isfinite(products).all():
        raise ModelError("the model's gradients must be finite, found NaN or infinity")
    own = np.diag(products)
    safe = np.sqrt(np.where(own == 0, 1.0, own))
    correlations = np.clip(products / np.outer(safe, safe), -1.0, 1.0)
    np.fill_diagonal(correlations, 1.0)
    lengths = np.sqrt(own if squares is None else (own + np.maximum(squares, own)) / 2)
    dead = lengths == 0
    z = np.where(dead, np.where(margin < 0, -np.inf, np.inf), margin / (sigma * np.where(dead, 1.0, lengths)))
    return z, correlations, dead
