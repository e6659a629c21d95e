"""Average-case robustness P(argmax f(x + e) = t), e ~ N(0, sigma^2 I), t the class at x: estimates that order and explain, never certificates.

    mc                                     the share of noisy copies that are answered t
    taylor, mmse                           the model linearised at x, or on average over noisy copies; exact for the linear model: P(Y <= z), see `normal_cdf`
    taylor_mvs, mmse_mvs                   the same z through the multivariate sigmoid 1 / (1 + sum exp(-z_i)); the correlations are not looked at
    taylor_mvs_probit, mmse_mvs_probit     the same with 1.702 z_i, the scale at which the logistic function is nearest to Phi; ours
    mmse_curved                            mmse with the variance that a quadratic margin has (see `margins`): as exact for a linear model; ours
    moments                                P(Y <= z) where z and the correlations are those of the margins over the noisy copies themselves: no gradients; ours
    softmax                                exp(f_t / T) / sum exp(f_i / T) at x

For a linear model taylor is exact; mmse is so with many copies (with few, its z err by about 1 / sqrt(samples)) or with antithetic ones. Without its scale the
multivariate sigmoid is too low for robust inputs (one margin at z = 2: 0.88 for 0.98); with either it may lie outside the bracket. Softmax knows nothing of
sigma; for a linear model whose margins all have gradients of one length k it equals taylor_mvs at T = sigma k.

Source: Han, Srinivas, Lakkaraju, Characterizing Data Point Vulnerability via Average-Case Robustness, UAI 2024 (arXiv 2307.13885).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logsumexp
from torch import Tensor

from odd_assess.average_case.logits import Logits, ask, called, check_differentiable, check_inputs, clean_logits
from odd_assess.average_case.margins import Margins, Where, linearised, of_copies
from odd_assess.average_case.noise import group_size, pieces_of
from odd_assess.average_case.normal_cdf import bracket, normal_cdf
from odd_assess.errors import InputError
from odd_assess.records import EstimationMethod as Method
from odd_assess.records import kind_of
from odd_assess.stats import proportion_lower_bound, proportion_upper_bound

Floats = NDArray[np.float64]
METHODS: tuple[Method, ...] = get_args(Method)

PROBIT = 1.702
"""|Phi(z) - 1 / (1 + exp(-1.702 z))| < 0.0095 for every z: no other scale comes nearer."""

CDF_ERROR = 1e-3
"""What the normal probability may err by, in 999 of 1,000 cases: little beside what the margins err by. For 43 classes 1e-4 took longer than the model did."""

MC_LEVEL = 0.0005
"""What the bracket of mc may fail with on each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Estimates (N,) of average-case robustness with what is known of their errors. None of them is a certificate.

    ``value``          the estimate, in [0, 1]
    ``low``, ``high``  linearised methods, moments: what the probability of the *normal margins* can be, whatever their correlations (Bonferroni, Frechet), up
                       to rounding; ``low`` is 0 where ``top`` left classes out. Those without mvs lie within, the others need not. mc: Clopper-Pearson
                       bounds, each at 1 - `MC_LEVEL`. softmax: 0 and 1, for nothing is known
    ``cdf_error``      those without mvs: the error of the normal probability alone (see `normal_cdf`), 0 elsewhere. What the margins err by is in none of these
    ``dead_gradient``  whether a margin that was looked at has a zero gradient: to the linear model noise does not move it, and it counts by its sign alone
                       (moments: a margin that is the same at all copies)
    ``label``          the class at the clean input, whose probability this is
    """

    method: Method
    sigma: float
    value: Floats
    low: Floats
    high: Floats
    cdf_error: Floats
    dead_gradient: NDArray[np.bool_]
    label: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)


def estimate(
    logits_fn: Logits,
    inputs: Tensor,
    *,
    sigma: float,
    method: Method,
    samples: int = 10,
    seed: int = 0,
    antithetic: bool = False,
    top: int | None = None,
    temperature: float = 1.0,
    batch_size: int | None = None,
) -> Floats:
    """ESTIMATES (N,) of P(argmax f(x + e) = argmax f(x)), e ~ N(0, sigma^2 I), for inputs (N, C, H, W) or (N, D); never certificates.

    ``logits_fn``: (B, ...) float32 -> logits (B, classes >= 2), each answer from its own input alone; a module must be in evaluation mode. All methods but mc,
    moments and softmax need its gradients. It is called where ``inputs`` lie. ``sigma``: in input units; the noise is neither clipped nor rounded.

    ``samples``: noisy copies of each input, for mc, mmse and moments (at least two). ``antithetic``: those of mmse and moments in pairs x + e, x - e, whose
    errors cancel to first order: mmse is then exact for a linear model, and nearer to Monte Carlo than with the paper's independent copies where noise is
    small (ours; off by default). ``top``: look at the margins against so many classes alone, those with the least (mean) margins, where a backward pass for
    every class is too much; the estimate then leaves the others out, so that it is rather too high. ``temperature``: T of softmax. ``batch_size``: inputs or
    copies in one call, by default from their size.

    Equal inputs get equal noise, hence equal estimates. Nothing depends on the batch size or on other inputs, beyond what rounding in the model does.

    Raises: DataError for inputs that are not finite float32; ModelError for a model that is in training mode, does not answer with finite logits, or has no
    gradients where they are needed; InputError for other arguments out of range. All are ValueErrors.
    Source: Han, Srinivas, Lakkaraju, UAI 2024.

    >>> weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> estimate(lambda x: x @ weights.T, torch.tensor([[0.5, 0.0]]), sigma=0.25, method="taylor").round(4)
    array([0.9131])
    """
    found = estimates(
        logits_fn,
        inputs,
        sigma=sigma,
        method=method,
        samples=samples,
        seed=seed,
        antithetic=antithetic,
        top=top,
        temperature=temperature,
        batch_size=batch_size,
    )
    return found.value


def estimates(
    logits_fn: Logits,
    inputs: Tensor,
    *,
    sigma: float,
    method: Method,
    samples: int = 10,
    seed: int = 0,
    antithetic: bool = False,
    top: int | None = None,
    temperature: float = 1.0,
    batch_size: int | None = None,
) -> Estimates:
    """What `estimate` returns, with brackets, the error of the normal probability, dead gradients and labels. The same arguments and errors."""
    _check(sigma=sigma, method=method, temperature=temperature)
    for name, number in {"samples": samples, "top": top, "batch_size": batch_size}.items():
        if number is not None and (not isinstance(number, int | np.integer) or number < 1):
            raise InputError(f"{name} must be a whole number of at least 1, found {number!r}")
    if method == "moments" and samples < 2:
        raise InputError(f"samples must be at least 2 for moments: one copy has no variance, found {samples}")
    check_inputs(logits_fn, inputs)
    images, size = inputs.detach(), batch_size or default_batch_size(inputs)
    if not len(images):
        return _found(method, sigma, np.zeros((0, 2)), value=np.zeros(0), low=np.zeros(0), high=np.zeros(0))
    clean = clean_logits(logits_fn, images, batch_size=size)
    if method == "softmax":
        return _softmax(clean, sigma, temperature)
    if method == "mc":
        return _monte_carlo(logits_fn, images, clean, sigma=sigma, samples=samples, seed=seed, batch_size=size)
    if method == "moments":
        margins = of_copies(
            logits_fn, images, clean, sigma=sigma, samples=samples, seed=seed, top=top, batch_size=size, antithetic=antithetic
        )
        return _of_margins(margins, clean, method, sigma, seed)
    check_differentiable(logits_fn, images[0])
    where = cast("Where", kind_of(method))
    margins = linearised(
        logits_fn,
        images,
        clean,
        sigma=sigma,
        where=where,
        samples=samples,
        seed=seed,
        top=top,
        batch_size=size,
        antithetic=antithetic,
        curved=method == "mmse_curved",
    )
    return _of_margins(margins, clean, method, sigma, seed)


def mv_sigmoid(z: ArrayLike, *, scale: float = 1.0) -> Floats:
    """The multivariate sigmoid 1 / (1 + sum_i exp(-scale z_i)) (N,) of z (N, K). Infinite entries are allowed.

    Source: Han, Srinivas, Lakkaraju, UAI 2024, the mv-sigmoid estimators (scale 1).
    """
    return np.asarray(expit(-logsumexp(-scale * np.asarray(z, dtype=np.float64), axis=1)), dtype=np.float64)


def default_batch_size(inputs: Tensor) -> int:
    """Inputs or copies in one call of the model: a power of two from the size of an input and the kind of device alone."""
    room = 2**18 if inputs.device.type == "cpu" else 2**24
    return int(min(1024, max(8, 2 ** int(math.log2(max(1, room // max(1, math.prod(inputs.shape[1:]))))))))


def _check(*, sigma: float, method: str, temperature: float) -> None:
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}, found {method!r}")
    for name, number in {"sigma": sigma, "temperature": temperature}.items():
        if not isinstance(number, int | float | np.number) or not (math.isfinite(number) and number > 0):
            raise InputError(f"{name} must be a positive finite number, found {number!r}")


def _found(
    method: Method, sigma: float, clean: Floats, *, value: Floats, low: Floats, high: Floats, **more: NDArray[Any]
) -> Estimates:
    plain = {"cdf_error": np.zeros(len(value)), "dead_gradient": np.zeros(len(value), dtype=np.bool_)}
    return Estimates(
        method=method, sigma=float(sigma), value=value, low=low, high=high, label=clean.argmax(axis=1), **(plain | more)
    )


def _softmax(clean: Floats, sigma: float, temperature: float) -> Estimates:
    value = np.exp((clean.max(axis=1) / temperature) - logsumexp(clean / temperature, axis=1))
    return _found("softmax", sigma, clean, value=value, low=np.zeros(len(value)), high=np.ones(len(value)))


def _monte_carlo(
    logits_fn: Logits, inputs: Tensor, clean: Floats, *, sigma: float, samples: int, seed: int, batch_size: int
) -> Estimates:
    labels = clean.argmax(axis=1)
    hits = np.zeros(len(inputs), dtype=np.int64)
    group = group_size(batch_size, samples)
    with torch.inference_mode():
        for start in range(0, len(inputs), group):
            rows = slice(start, start + group)
            for piece in pieces_of(inputs[rows], sigma=sigma, samples=samples, seed=seed, stage="mc", at_once=batch_size):
                answers = ask(logits_fn, called(piece.flatten(0, 1))).cpu().numpy().argmax(axis=1)
                hits[rows] += (answers.reshape(len(piece), -1) == labels[rows, None]).sum(axis=1)
    return _found(
        "mc",
        sigma,
        clean,
        value=hits / samples,
        low=np.asarray(proportion_lower_bound(hits, samples, alpha=MC_LEVEL)),
        high=np.asarray(proportion_upper_bound(hits, samples, alpha=MC_LEVEL)),
    )


def _of_margins(margins: Margins, clean: Floats, method: Method, sigma: float, seed: int) -> Estimates:
    low, high = bracket(margins.z)
    error = np.zeros(len(low))
    if method.endswith("probit"):
        value = mv_sigmoid(margins.z, scale=PROBIT)
    elif method.endswith("mvs"):
        value = mv_sigmoid(margins.z)
    else:
        value, error = normal_cdf(margins.z, margins.correlations, seed=seed, error=CDF_ERROR)
        value = np.clip(value, low, high)
    shown = low if margins.complete else np.zeros(len(low))
    return _found(
        method, sigma, clean, value=value, low=shown, high=high, cdf_error=error, dead_gradient=np.asarray(margins.dead.any(axis=1))
    )
