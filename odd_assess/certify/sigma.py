"""Noise levels fitted to inputs: ``choose_sigma`` carries out a policy on a tensor of inputs, by gradients or by hard counts, many inputs at a time.

The noise of the search has addresses of its own ("sigma/..."), keyed by the input like that of the certificates, so that it never certifies.

Every call of the model with gradients has the same size, filled up with an input's own copies where too few are left, and a level found by gradients is
rounded to four figures: what is chosen for one input does not depend on its company, beyond what rounding in the model may do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odd_assess.certify.answers import BaseClassifier, ask
from odd_assess.certify.api import pick_device
from odd_assess.certify.engine import Engine, Subject
from odd_assess.certify.lanes import Lanes
from odd_assess.certify.noise import BLOCK, Keys, NoiseSource
from odd_assess.certify.search import SEARCH, Search, bisection, budget_value, shortlisted
from odd_assess.certify.setting import Setting, default_setting
from odd_assess.policies import DataDependent, MultiStart
from odd_assess.records import Floats

Logits = Callable[[Tensor], Tensor]

NEXT_TO = 0.05
"""Two levels this close, in their logarithm, certify what differs by less than the trial of a shortlist can tell."""


def choose_sigma(
    f_logits: BaseClassifier,
    inputs: Tensor,
    policy: MultiStart | DataDependent,
    *,
    seed: int,
    device: torch.device | str | None = None,
    setting: Setting | None = None,
    keys: Sequence[bytes] | None = None,
) -> Floats:
    """A noise level (N,) for each of the inputs (N, C, H, W) float32, in input units, within the bounds of the policy.

    ``f_logits`` takes (B, C, H, W) and returns logits (B, classes); gradients flow through it unless the policy is a bisection, which asks for labels alone.
    Nothing here depends on other inputs of the call, nor on the labels. ``keys``: the noise key of each input, by default that of its content.

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
    source, seen = NoiseSource(shape, seed=seed, device=where), Keys()
    own = [seen.of(image.numpy()) for image in inputs.detach().cpu()] if keys is None else list(keys)
    if isinstance(policy, DataDependent):
        return data_dependent(f_logits, inputs.to(where), policy, source=source, keys=own, batch_size=called.batch_size)
    searches: dict[int, Search] = {}
    levels = np.empty(len(inputs))
    if policy.method == "bisection":
        searches = {i: bisection(policy) for i in range(len(inputs))}
    else:
        images = inputs.to(where)
        labels = _anchored(f_logits, images, policy, source=source, keys=own, batch_size=called.batch_size)
        ranked = _ranked(f_logits, images, labels, policy, source=source, keys=own, batch_size=called.batch_size)
        for i, candidates in enumerate(ranked):
            levels[i] = candidates[0]
            if len(candidates) > 1:
                searches[i] = shortlisted(policy, int(labels[i]), candidates)
    with closing(Lanes(f_logits, source, called)) as lanes:
        subjects = (Subject(position=i, key=own[i], image=inputs[i].detach().cpu(), procedure=searches[i]) for i in searches)
        found: dict[int, Any] = dict(Engine(lanes).run(subjects))
    levels[list(found)] = list(found.values())
    return levels


def soft_radius(logits: Tensor, sigma: Tensor, clamp: tuple[float, float], labels: Tensor | None = None) -> Tensor:
    """S / 2 (Phi^-1 v1 - Phi^-1 v2) (P,) of logits (P, draws, classes) at levels (P,): v1 >= v2 are the largest mean softmax values, clamped.

    With ``labels`` (P,) v1 is that of the label, v2 the largest of another: below 0 where another class is ahead.
    """
    soft = logits.softmax(dim=-1).mean(dim=1)
    if labels is None:
        top = soft.topk(2, dim=-1).values
    else:
        own = torch.nn.functional.one_hot(labels, soft.shape[1]).bool()
        top = torch.stack([soft[own], soft.masked_fill(own, 0.0).amax(dim=-1)], dim=-1)
    scores = torch.special.ndtri(top.clamp(*clamp))
    radius: Tensor = sigma / 2 * (scores[:, 0] - scores[:, 1])
    return radius


def data_dependent(
    f: Logits, inputs: Tensor, policy: DataDependent, *, source: NoiseSource, keys: list[bytes], batch_size: int
) -> Floats:
    """The levels (N,) by plain gradient ascent, fresh noise in each step."""
    levels = np.empty(len(inputs))
    for rows in _groups(range(len(inputs)), policy.draws, batch_size):
        sigma = torch.full((len(rows),), policy.start, device=inputs.device)
        for step in range(policy.steps):
            noise = _noise(source, [keys[i] for i in rows], f"sigma/dds/{step}", policy.draws)
            _, slope, _ = soft_radius_slope(f, inputs[rows], noise, sigma, policy.clamp)
            sigma = (sigma + policy.step * slope).clamp(*policy.bounds)
        levels[rows] = sigma.double().cpu().numpy()
    return np.array([_rounded(level, policy.bounds) for level in levels])


def _anchored(f: Logits, inputs: Tensor, policy: MultiStart, *, source: NoiseSource, keys: list[bytes], batch_size: int) -> Tensor:
    """The class (N,) that most copies answer at the policy's anchor."""
    labels = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    for rows in _groups(range(len(inputs)), policy.draws, batch_size):
        copies = inputs[rows][:, None] + policy.decides * _noise(source, [keys[i] for i in rows], SEARCH, policy.draws)
        with torch.inference_mode():
            answers = ask(f, copies.flatten(0, 1)).answers().labels.reshape(len(rows), -1)
        labels[rows] = torch.tensor([int(np.bincount(row).argmax()) for row in answers], device=inputs.device)
    return labels


def _ranked(
    f: Logits, inputs: Tensor, labels: Tensor, policy: MultiStart, *, source: NoiseSource, keys: list[bytes], batch_size: int
) -> list[list[float]]:
    """For each input the levels that its ascents passed, by what the budget is expected to certify for its label there, the best first."""
    passed: list[dict[float, float]] = [{} for _ in range(len(inputs))]
    ascents = [(i, start) for i in range(len(inputs)) for start in policy.starts]
    for group in _groups(range(len(ascents)), policy.draws, batch_size):
        rows, starts = zip(*(ascents[k] for k in group), strict=True)
        noise = _noise(source, [keys[i] for i in rows], SEARCH, policy.draws)
        at = torch.tensor(starts, device=inputs.device)
        for sigmas, hits in ascended_levels(f, inputs[list(rows)], noise, at, labels[list(rows)], policy):
            for row, level, count in zip(rows, sigmas.tolist(), hits.tolist(), strict=True):
                sigma = _rounded(level, policy.bounds)
                passed[row][sigma] = budget_value(count, policy.draws, sigma, n=policy.n, alpha=policy.alpha)
    return [_different(sorted(values, key=lambda sigma: (-values[sigma], sigma)))[: policy.shortlist] for values in passed]


def ascended_levels(
    f: Logits, images: Tensor, noise: Tensor, starts: Tensor, labels: Tensor, policy: MultiStart
) -> Iterator[tuple[Tensor, Tensor]]:
    """Each step's levels (P,) and the copies (P,) that answered the labels there: Adam in u = log s on the soft radius, the same noise throughout."""
    low, high = (math.log(bound) for bound in policy.bounds)
    u = starts.log()
    first, second = torch.zeros_like(u), torch.zeros_like(u)
    for step in range(1, policy.steps + 2):
        _, slope, hits = soft_radius_slope(f, images, noise, u.exp(), policy.clamp, labels)
        yield u.exp(), hits
        rise = slope * u.exp()  # dR/du
        first, second = 0.9 * first + 0.1 * rise, 0.99 * second + 0.01 * rise**2
        unbiased = (second / (1 - 0.99**step)).sqrt() + 1e-8
        u = (u + policy.rate * first / (1 - 0.9**step) / unbiased).clamp(low, high)


def _different(levels: list[float]) -> list[float]:
    """Levels in their order, less those next to an earlier one: ascents that met are one candidate."""
    kept: list[float] = []
    for level in levels:
        if all(abs(math.log(level / other)) > NEXT_TO for other in kept):
            kept.append(level)
    return kept


def _rounded(level: float, bounds: tuple[float, float]) -> float:
    """To four figures, within the bounds."""
    return min(max(float(f"{level:.4g}"), bounds[0]), bounds[1])


def soft_radius_slope(
    f: Logits, images: Tensor, noise: Tensor, sigma: Tensor, clamp: tuple[float, float], labels: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """(R, dR/ds, copies that answered the label) (P,) of images (P, C, H, W) with noise (P, draws, C, H, W) at levels (P,)."""
    s = sigma.detach().requires_grad_()
    copies = images[:, None] + s.view(-1, *[1] * (noise.ndim - 1)) * noise
    logits = _followed(f(copies.flatten(0, 1)), len(images) * noise.shape[1]).float().view(len(images), noise.shape[1], -1)
    value = soft_radius(logits, s, clamp, labels)
    (slope,) = torch.autograd.grad(value.sum(), s)
    answers = logits.detach().argmax(dim=-1)
    hits = (answers == (answers.mode(dim=1).values if labels is None else labels)[:, None]).sum(dim=1)
    return value.detach(), torch.nan_to_num(slope), hits


def _followed(logits: Tensor, count: int) -> Tensor:
    """Logits that gradients flow through.

    Raises: ValueError where they are none.
    """
    if not (logits.ndim == 2 and len(logits) == count and logits.shape[1] >= 2 and logits.requires_grad):
        raise ValueError(
            f"the model must answer with logits ({count}, num_classes >= 2) that gradients flow through, got {logits.dtype} {tuple(logits.shape)}; "
            "search by bisection, which asks for labels alone"
        )
    return logits


def _noise(source: NoiseSource, keys: Sequence[bytes], stage: str, draws: int) -> Tensor:
    """(P, draws, C, H, W) standard normal, the same for an input whatever its company; drawn once for each key."""
    blocks = range(-(-draws // BLOCK))
    drawn = {key: torch.cat([source.block(key, stage, block) for block in blocks])[:draws] for key in set(keys)}
    return torch.stack([drawn[key] for key in keys])


def _groups(items: range, draws: int, batch_size: int) -> Iterator[list[int]]:
    """Items that go through the model together: groups of one size, the last one filled up with its first item."""
    size = max(1, batch_size // draws)
    for start in items[::size]:
        group = list(items[start : start + size])
        yield group + group[:1] * (size - len(group))
