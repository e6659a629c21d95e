"""The noise level of each training example, kept across epochs.

    levels = levels_of(plan.noise, examples)
    levels.update(f, images, labels, indices, epoch, generator)   # before the loss of the batch is taken
    sigma = levels.sigma(indices, epoch)
    levels.restore(levels.state())                                # to the bit

The objective and the search are those of certification (`odd_assess.certify.sigma`, `odd_assess.certify.search`): here on the network as it is in training,
which is in evaluation mode meanwhile, with noise of a generator. No certificate rests on them.

Levels are kept as float64 on the CPU, and climb in u = log s: so they stay positive. No step more than doubles or halves a level: the slope over a few
copies can be of any size, and where the noise is far too much for the network it vanishes, so that a level thrown there would not come back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from odd_assess.certify.search import budget_value
from odd_assess.certify.sigma import ascended_levels, soft_radius_slope
from odd_assess.policies import Bounds, MultiStart
from odd_assess.training.copies import Network, evaluated, standard_noise
from odd_assess.training_plan import DataDependentTraining, Fixed, InstanceWiseTraining, TrainingNoise

LONGEST = math.log(2.0)
"""The longest step of u."""


class Levels(Protocol):
    """A noise level for each training example. ``indices`` (B,) are the examples' numbers, ``epoch`` counts from 0."""

    def sigma(self, indices: Tensor, epoch: int) -> Tensor:
        """The levels (B,) float32 to train with, on the device of ``indices``."""
        ...

    def update(self, f: Network, images: Tensor, labels: Tensor, indices: Tensor, epoch: int, generator: torch.Generator) -> None:
        """What a batch (B, C, H, W) does to the levels of its examples, before it is trained on."""
        ...

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state.

        Raises: ValueError for the state of other levels.
        """
        ...


def levels_of(noise: TrainingNoise, examples: int) -> Levels:
    """The levels that a plan declares, for so many training examples, before the first epoch."""
    match noise:
        case Fixed():
            return FixedLevels(noise)
        case DataDependentTraining():
            return DataDependentLevels(noise, examples)
        case InstanceWiseTraining():
            return InstanceWiseLevels(noise, examples)


class FixedLevels:
    """One level for all examples."""

    def __init__(self, noise: Fixed) -> None:
        self.noise = noise

    def sigma(self, indices: Tensor, epoch: int) -> Tensor:  # noqa: ARG002 - the same in every epoch
        """The one level, (B,)."""
        return torch.full(indices.shape, self.noise.sigma, device=indices.device)

    def update(self, f: Network, images: Tensor, labels: Tensor, indices: Tensor, epoch: int, generator: torch.Generator) -> None:
        """Nothing changes."""

    def state(self) -> dict[str, Tensor]:
        """Nothing is kept."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing was kept."""
        _checked(state, {})


class DataDependentLevels:
    """Levels that climb from one start, a step or more in each epoch from the switch on (DDS).

    As published the labels are not asked: where another class leads, the level seeks what certifies that one, and from far too much noise it does not come
    back. `InstanceWiseLevels` climb for the label.
    """

    def __init__(self, noise: DataDependentTraining, examples: int) -> None:
        self.noise = noise
        self.kept = torch.full((examples,), noise.start, dtype=torch.float64)

    def sigma(self, indices: Tensor, epoch: int) -> Tensor:  # noqa: ARG002 - what is kept is of this epoch
        """The levels kept, (B,)."""
        return self.kept[indices.cpu()].float().to(indices.device)

    def update(self, f: Network, images: Tensor, labels: Tensor, indices: Tensor, epoch: int, generator: torch.Generator) -> None:  # noqa: ARG002
        """From the switch epoch on, the steps of this epoch. The labels are not asked."""
        if epoch < self.noise.from_epoch:
            return
        rows = indices.cpu()
        self.kept[rows] = climbed(f, images, self.kept[rows], self.noise, generator)

    def state(self) -> dict[str, Tensor]:
        """The levels."""
        return {"sigma": self.kept.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from these levels."""
        self.kept = _checked(state, self.state())["sigma"]


class InstanceWiseLevels:
    """One start for all; from the switch on each example's level is searched for once, and then climbs (after Insta-RS Train, a design of our own).

    An example is searched for in the first epoch from the switch on in which it is met, so that none is passed over where epochs leave examples out.
    """

    def __init__(self, noise: InstanceWiseTraining, examples: int) -> None:
        self.noise = noise
        self.kept = torch.full((examples,), noise.start, dtype=torch.float64)
        self.found = torch.zeros(examples, dtype=torch.bool)

    def sigma(self, indices: Tensor, epoch: int) -> Tensor:  # noqa: ARG002 - what is kept is of this epoch
        """The levels kept, (B,)."""
        return self.kept[indices.cpu()].float().to(indices.device)

    def update(self, f: Network, images: Tensor, labels: Tensor, indices: Tensor, epoch: int, generator: torch.Generator) -> None:
        """From the switch epoch on: the search for examples that are met for the first time, the steps of this epoch for the others."""
        if epoch < self.noise.from_epoch:
            return
        rows = indices.cpu()
        known = self.found[rows]
        for chosen, new in ((~known, True), (known, False)):
            if not bool(chosen.any()):
                continue
            some, here = rows[chosen], chosen.to(images.device)
            batch, its_labels, now = images[here], labels[here], self.kept[some]
            if new:
                self.kept[some] = searched(f, batch, its_labels, now, self.noise.search, generator)
            else:
                self.kept[some] = climbed(f, batch, now, self.noise, generator, its_labels)
        self.found[rows] = True

    def state(self) -> dict[str, Tensor]:
        """The levels, and which examples were searched for."""
        return {"sigma": self.kept.clone(), "found": self.found.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from these levels."""
        checked = _checked(state, self.state())
        self.kept, self.found = checked["sigma"], checked["found"]


def climbed(
    f: Network,
    images: Tensor,
    sigma: Tensor,
    noise: DataDependentTraining | InstanceWiseTraining,
    generator: torch.Generator,
    labels: Tensor | None = None,
) -> Tensor:
    """Levels (B,) float64 after the ``steps`` of ``noise`` from ``sigma`` (B,): u += rate dR/du in u = log s, fresh copies in each, within the bounds.

    R is `odd_assess.certify.sigma.soft_radius`, for the labels where they are given.
    """
    bounds: Bounds = (noise.low, noise.high)
    s = sigma.double().cpu()
    with evaluated(f):
        for _ in range(noise.steps):
            copies = standard_noise(images, noise.draws, generator)
            _, slope, _ = soft_radius_slope(f, images, copies, s.to(images), noise.clamp, labels)
            rise = noise.rate * slope.double().cpu() * s  # dR/du = s dR/ds
            s = (s * rise.clamp(-LONGEST, LONGEST).exp()).clamp(*bounds)
    return s


def searched(f: Network, images: Tensor, labels: Tensor, sigma: Tensor, policy: MultiStart, generator: torch.Generator) -> Tensor:
    """For each image the level (B,) float64, of all that the ascents from ``policy.starts`` pass, at which the budget is expected to certify its label largest.

    Judged by hard counts over the copies of the search, the same noise at all levels. A level counts where most copies answer the label; where none does the
    example keeps the one it has, ``sigma`` (B,).
    """
    worth = torch.tensor(
        [budget_value(hits, policy.draws, 1.0, n=policy.n, alpha=policy.alpha) for hits in range(policy.draws + 1)],
        dtype=torch.float64,
    )
    copies = standard_noise(images, policy.draws, generator)
    best, level = torch.zeros(len(images), dtype=torch.float64), sigma.double().cpu()
    with evaluated(f):
        for start in policy.starts:
            at = torch.full((len(images),), start, device=images.device, dtype=images.dtype)
            for passed, counted in ascended_levels(f, images, copies, at, labels, policy):
                s, hits = passed.double().cpu().clamp(*policy.bounds), counted.cpu()
                value = torch.where(2 * hits > policy.draws, s * worth[hits], 0.0)
                better = value > best
                best, level = torch.where(better, value, best), torch.where(better, s, level)
    return level


def _checked(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the tensors of a state that fits."""
    found, needed = ({name: (tuple(t.shape), t.dtype) for name, t in tensors.items()} for tensors in (state, own))
    if found != needed:
        raise ValueError(f"the state of these noise levels must hold {_listed(needed)}, got {_listed(found)}")
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def _listed(tensors: Mapping[str, tuple[tuple[int, ...], torch.dtype]]) -> str:
    return ", ".join(f"{name} {shape} {kind}" for name, (shape, kind) in sorted(tensors.items())) or "nothing"
