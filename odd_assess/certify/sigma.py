"""Noise levels fitted to inputs: ``choose_sigma`` carries out a policy on a tensor of inputs, by gradients or by hard counts, many inputs at a time.

The noise of the search has addresses of its own ("sigma/..."), keyed by the input like that of the certificates, so that it never certifies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier
from odd_assess.certify.api import pick_device
from odd_assess.certify.engine import Engine, Subject
from odd_assess.certify.lanes import Lanes
from odd_assess.certify.noise import BLOCK, NoiseSource, content_key
from odd_assess.certify.search import SEARCH, bisection, shortlisted
from odd_assess.certify.setting import Setting, default_setting
from odd_assess.policies import DataDependent, MultiStart
from odd_assess.records import Floats

Logits = Callable[[Tensor], Tensor]


def choose_sigma(
    f_logits: BaseClassifier,
    inputs: Tensor,
    policy: MultiStart | DataDependent,
    *,
    seed: int,
    device: torch.device | str | None = None,
    setting: Setting | None = None,
) -> Floats:
    """A noise level (N,) for each of the inputs (N, C, H, W) float32, in input units, within the bounds of the policy.

    ``f_logits`` takes (B, C, H, W) and returns logits (B, classes); gradients flow through it unless the policy is a bisection, which asks for labels alone.
    Nothing here depends on other inputs of the call, nor on the labels.

    Sound only with a `Memory`: see `odd_assess.policies`.

    Raises: ValueError for inputs that are not finite float32, or a model that answers in a wrong shape.
    """
    if inputs.ndim < 2 or inputs.dtype != torch.float32 or not bool(torch.isfinite(inputs).all()):
        raise ValueError(f"inputs must be a finite float32 tensor (N, C, H, W), got {inputs.dtype} {tuple(inputs.shape)}")
    if not len(inputs):
        return np.zeros(0)
    where = pick_device(device)
    shape = tuple(inputs.shape[1:])
    called = setting or default_setting(shape, where)
    source, keys = NoiseSource(shape, seed=seed, device=where), _keys(inputs)
    if isinstance(policy, DataDependent):
        return data_dependent(f_logits, inputs.to(where), policy, source=source, keys=keys, batch_size=called.batch_size)[0]
    if policy.method == "bisection":
        ranked: list[list[float]] | None = None
    else:
        ranked = _ranked(f_logits, inputs.to(where), policy, source=source, keys=keys, batch_size=called.batch_size)
    with closing(Lanes(f_logits, source, called)) as lanes:
        subjects = (
            Subject(
                position=i,
                key=keys[i],
                image=inputs[i].detach().cpu(),
                procedure=bisection(policy) if ranked is None else shortlisted(policy, ranked[i]),
            )
            for i in range(len(inputs))
        )
        found = dict(Engine(lanes).run(subjects))
    return np.array([found[i] for i in range(len(inputs))])


def soft_radius(logits: Tensor, sigma: Tensor, clamp: tuple[float, float]) -> Tensor:
    """S / 2 (Phi^-1 v1 - Phi^-1 v2) (P,) of logits (P, draws, classes) at levels (P,): v1 >= v2 are the largest mean softmax values, clamped."""
    top = logits.softmax(dim=-1).mean(dim=1).topk(2, dim=-1).values.clamp(*clamp)
    scores = torch.special.ndtri(top)
    radius: Tensor = sigma / 2 * (scores[:, 0] - scores[:, 1])
    return radius


def data_dependent(
    f: Logits, inputs: Tensor, policy: DataDependent, *, source: NoiseSource, keys: list[bytes], batch_size: int
) -> tuple[Floats, Floats]:
    """(levels, soft radii) (N,) by plain gradient ascent, fresh noise in each step."""
    levels, values = np.empty(len(inputs)), np.empty(len(inputs))
    for rows in _groups(len(inputs), policy.draws, batch_size):
        sigma = torch.full((len(rows),), policy.start, device=inputs.device)
        value = torch.zeros_like(sigma)
        for step in range(policy.steps):
            noise = _noise(source, [keys[i] for i in rows], f"sigma/dds/{step}", policy.draws)
            value, slope = _slope(f, inputs[rows], noise, sigma, policy.clamp)
            sigma = (sigma + policy.step * slope).clamp(*policy.bounds)
        levels[rows], values[rows] = sigma.double().cpu().numpy(), value.double().cpu().numpy()
    return np.clip(levels, *policy.bounds), values


def _ranked(
    f: Logits, inputs: Tensor, policy: MultiStart, *, source: NoiseSource, keys: list[bytes], batch_size: int
) -> list[list[float]]:
    """For each input the levels that the ascents from all starts ended at, the best soft radius first."""
    low, high = (math.log(bound) for bound in policy.bounds)
    ranked: list[list[float]] = []
    for rows in _groups(len(inputs), policy.draws, batch_size):
        noise = _noise(source, [keys[i] for i in rows], SEARCH, policy.draws)
        ends = []
        for start in policy.starts:
            u = torch.full((len(rows),), math.log(start), device=inputs.device)
            first, second = torch.zeros_like(u), torch.zeros_like(u)
            best, best_u = torch.full_like(u, -math.inf), u.clone()
            for step in range(1, policy.steps + 2):
                value, slope = _slope(f, inputs[rows], noise, u.exp(), policy.clamp)
                best_u = torch.where(value > best, u, best_u)
                best = torch.maximum(best, value)
                if step > policy.steps:
                    break
                rise = slope * u.exp()  # dR/du, u = log s
                first, second = 0.9 * first + 0.1 * rise, 0.99 * second + 0.01 * rise**2  # Adam
                unbiased = (second / (1 - 0.99**step)).sqrt() + 1e-8
                u = (u + policy.rate * first / (1 - 0.9**step) / unbiased).clamp(low, high)
            ends.append((best, best_u.exp()))
        for i in range(len(rows)):
            order = sorted(((float(best[i]), float(level[i])) for best, level in ends), key=lambda end: (-end[0], end[1]))
            ranked.append(list(dict.fromkeys(min(max(level, policy.bounds[0]), policy.bounds[1]) for _, level in order)))
    return ranked


def _slope(f: Logits, images: Tensor, noise: Tensor, sigma: Tensor, clamp: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """(R, dR/ds) (P,) of images (P, C, H, W) with noise (P, draws, C, H, W) at levels (P,)."""
    s = sigma.detach().requires_grad_()
    copies = images[:, None] + s.view(-1, *[1] * (noise.ndim - 1)) * noise
    logits = f(copies.flatten(0, 1)).float()
    value = soft_radius(logits.view(len(images), noise.shape[1], -1), s, clamp)
    (slope,) = torch.autograd.grad(value.sum(), s)
    return value.detach(), torch.nan_to_num(slope)


def _noise(source: NoiseSource, keys: Iterable[bytes], stage: str, draws: int) -> Tensor:
    """(P, draws, C, H, W) standard normal, the same for an input whatever its company."""
    blocks = range(-(-draws // BLOCK))
    return torch.stack([torch.cat([source.block(key, stage, block) for block in blocks])[:draws] for key in keys])


def _groups(count: int, draws: int, batch_size: int) -> Iterator[list[int]]:
    """Inputs that go through the model together."""
    size = max(1, batch_size // draws)
    for start in range(0, count, size):
        yield list(range(start, min(start + size, count)))


def _keys(inputs: Tensor) -> list[bytes]:
    seen: Counter[bytes] = Counter()
    keys = []
    for image in inputs.detach().cpu():
        plain = content_key(image.numpy())
        keys.append(content_key(image.numpy(), seen[plain]) if seen[plain] else plain)
        seen[plain] += 1
    return keys
