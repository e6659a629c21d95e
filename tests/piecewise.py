"""Classifiers that are constant on boxes, on a line or in the plane: their answers under Gaussian noise are known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from odd_assess.stats.arrays import Floats, Ints


@dataclass(frozen=True)
class Case:
    """A classifier and inputs ``xs`` (m, dimensions), float32; ``shares`` (levels, m, classes): how often noise of each level makes it answer each class."""

    xs: np.ndarray
    shares: Floats

    @property
    def apart(self) -> Floats:
        """The distance of each two inputs (m, m)."""
        xs = self.xs.astype(np.float64)
        return np.asarray(np.sqrt(((xs[:, None] - xs[None]) ** 2).sum(axis=2)))


def random_case(rng: np.random.Generator, sigmas: tuple[float, ...], *, dimensions: int, inputs: int = 24) -> Case:
    """Up to four classes on up to eight intervals of each axis, as likely wide as narrow."""
    classes, reach = int(rng.integers(2, 5)), 2.0 / dimensions
    xs = rng.uniform(-reach, reach, (inputs, dimensions)).astype(np.float32)
    cuts = [np.sort(rng.uniform(-1.5, 1.5, rng.integers(1, 8 if dimensions == 1 else 4))) for _ in range(dimensions)]
    labels = rng.integers(0, classes, [len(axis) + 1 for axis in cuts])
    return Case(xs, shares(cuts, labels, xs.astype(np.float64), sigmas, classes))


def shares(cuts: list[Floats], labels: Ints, xs: Floats, sigmas: tuple[float, ...], classes: int) -> Floats:
    """(levels, m, classes): the mass of each class's boxes under noise around each input, right to 1e-15 or so."""
    masses = []
    for axis, at in enumerate(cuts):
        edges = np.concatenate([[-np.inf], at, [np.inf]])
        masses.append(np.diff(ndtr((edges - xs[:, axis, None]) / np.array(sigmas)[:, None, None]), axis=2))
    own = np.eye(classes)[labels]
    found = masses[0] @ own.reshape(len(own), -1)
    if len(cuts) == 1:
        return np.asarray(found)
    return np.asarray((masses[1][..., None] * found.reshape(*masses[1].shape, classes)).sum(axis=2))
