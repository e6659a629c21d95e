"""Training examples: read once, held in memory where they are few, and put together to the batches of an epoch.

What a batch holds is a function of (plan, epoch, step): order, changes and conditions are addressed, so that an epoch is the same whenever it begins.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs import Realiser, Renderer, Source, ahead, open_source
from odd_assess.odd import OddPoints, sample
from odd_assess.records import InputDeclaration
from odd_assess.training.augment import augmented
from odd_assess.training.randomness import generator_at, seed_at
from odd_assess.training_plan import Conditions, TrainingPlan

MOST_IN_MEMORY = 2**31
"""Bytes of images, as float32, up to which all are read once: 50,000 images of 3 x 32 x 32 are a quarter."""
CHUNK = 256
"""Images that are made at a time."""


class Examples:
    """Some rows of a source, by their number here: ``images(numbers)`` and ``labels`` (N,)."""

    def __init__(self, source: Source, rows: Tensor) -> None:
        self.class_names, self.digest = source.class_names, source.digest
        self.rows = rows
        self.labels = torch.tensor([source.label(row) for row in rows.tolist()], dtype=torch.int64)
        self._source = source
        shape = tuple(source.image(int(rows[0])).shape)
        self._held = self._read(rows) if len(rows) * 4 * int(np.prod(shape)) <= MOST_IN_MEMORY else None

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, numbers: Tensor) -> Tensor:
        """Images (B, C, H, W), float32 in [0, 1], of examples (B,).

        Raises: DataError when images differ in shape.
        """
        return self._held[numbers] if self._held is not None else self._read(self.rows[numbers])

    def _read(self, rows: Tensor) -> Tensor:
        images = [self._source.image(row) for row in rows.tolist()]
        for row, image in zip(rows.tolist(), images, strict=True):
            if image.shape != images[0].shape:
                raise DataError(
                    f"images must have one shape, found {tuple(images[0].shape)} and {tuple(image.shape)} at row {row}; "
                    "set inputs.size: [height, width]"
                )
        return torch.stack(images)


def open_examples(plan: TrainingPlan) -> tuple[Examples, Examples | None]:
    """(the examples to train on, those to validate on; None where the plan has no validation).

    Raises: DataError where files are missing or damaged, there are too few examples, or both sources have other classes.
    """
    source, validation = _source(plan.inputs), plan.validation
    if validation is None:
        return _all_of(source), None
    if validation.inputs is not None:
        other = _source(validation.inputs)
        if other.class_names != source.class_names:
            raise DataError(
                f"validation.inputs must have the classes of inputs, found {len(other.class_names)} and {len(source.class_names)}, or others"
            )
        chosen = _shuffled(len(other), plan.seed)[: validation.points]
        return _all_of(source), Examples(other, chosen.sort().values)
    held = max(1, round(validation.share * len(source)))
    if len(source) - held < 2:
        raise DataError(f"inputs must hold at least 2 examples beside those that are held out, found {len(source)} in all")
    order = _shuffled(len(source), plan.seed)
    return Examples(source, order[held:].sort().values), Examples(source, order[:held][: validation.points].sort().values)


def _source(declaration: InputDeclaration) -> Source:
    source = open_source(declaration)
    assert not isinstance(source, Renderer)  # the file's reader has made sure
    return source


def _all_of(source: Source) -> Examples:
    if len(source) < 2:
        raise DataError(f"inputs must hold at least 2 examples, found {len(source)}")
    return Examples(source, torch.arange(len(source)))


def _shuffled(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=generator_at(seed, "held out"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """One step's examples: ``images`` (B, C, H, W) as they are before noise, ``labels`` (B,), their ``numbers`` (B,).

    ``again``: whether the epoch has seen all of its examples before, where it sees them more than once.
    """

    images: Tensor
    labels: Tensor
    numbers: Tensor
    again: bool


class Epochs:
    """The batches of each epoch, counted from 0.

    Images are made ahead of need, step by step; where their conditions serve several epochs all are made when the first of these begins, or is resumed.
    """

    def __init__(self, plan: TrainingPlan, examples: Examples) -> None:
        self.plan, self.examples = plan, examples
        self.cuts = _cuts(plan, len(examples))
        self.count = len(examples) * plan.repeat
        self._generation = -1
        self._made = torch.empty(0)

    @property
    def steps(self) -> int:
        """The steps of an epoch: passes are cut in batches of nearly equal size, none larger than the plan's."""
        return self.plan.repeat * self.cuts

    def batches(self, epoch: int) -> Generator[Batch, None, None]:
        """The batches of an epoch.

        Raises: DataError where a condition cannot be realised on the images, or images that serve several epochs do not fit in memory.
        """
        plan, examples = self.plan, self.examples
        orders = [torch.randperm(len(examples), generator=generator_at(plan.seed, epoch, n, "order")) for n in range(plan.repeat)]
        parts = [part for order in orders for part in order.tensor_split(self.cuts)]
        serves = 1 if plan.conditions is None else plan.conditions.epochs
        if serves > 1:
            self._make(epoch // serves)
        conditions = self._conditions(epoch) if serves == 1 else None

        def made(step: int) -> Batch:
            again = step // self.cuts
            at = parts[step] + again * len(examples)
            images = self._made[at] if serves > 1 else self._images(at, conditions, epoch, step)
            return Batch(images=images, labels=examples.labels[parts[step]], numbers=parts[step], again=again > 0)

        yield from ahead(range(len(parts)), made)

    def _images(self, at: Tensor, conditions: EpochConditions | None, *address: int) -> Tensor:
        """The images (B, C, H, W) at these places (B,) of an epoch, changed and under their conditions."""
        plan = self.plan
        images = self.examples.images(at % len(self.examples))
        images = augmented(images, plan.augmentation, generator_at(plan.seed, *address, "augment"))
        return images if conditions is None else conditions.realised(images, at)

    def _conditions(self, generation: int) -> EpochConditions | None:
        given = self.plan.conditions
        return None if given is None else EpochConditions(given, self.plan.seed, generation, self.count)

    def _make(self, generation: int) -> None:
        """All images of the epochs that a drawing of conditions serves, unless they are there."""
        if generation == self._generation:
            return
        conditions = self._conditions(generation)
        parts = torch.split(torch.arange(self.count), CHUNK)
        first = self._images(parts[0], conditions, generation, 0)
        if self.count * 4 * int(np.prod(first.shape[1:])) > MOST_IN_MEMORY:
            raise DataError(
                f"odd_epochs: {self.count:,} images of {tuple(first.shape[1:])} must fit in {MOST_IN_MEMORY / 2**30:g} GiB to serve several epochs; "
                "set it to 1, or lower repeat"
            )
        rest = ahead(range(1, len(parts)), lambda step: self._images(parts[step], conditions, generation, step))
        self._made, self._generation = torch.cat([first, *rest]), generation


def _cuts(plan: TrainingPlan, examples: int) -> int:
    return -(-examples // plan.batch_size)


class EpochConditions:
    """A condition of the domain for each of ``count`` images of an epoch, but for those that are left as they are."""

    def __init__(self, plan: Conditions, seed: int, epoch: int, count: int) -> None:
        self.plan = plan
        self.points = sample(plan.domain, design="random", points=count, seed=seed_at(seed, epoch, "conditions"))
        self.left = torch.rand(count, generator=generator_at(seed, epoch, "conditions")) >= plan.share
        self.seed = seed_at(seed, epoch, "realisation")

    def realised(self, images: Tensor, numbers: Tensor) -> Tensor:
        """The images (B, C, H, W) under the conditions of these numbers (B,)."""
        changed = ~self.left[numbers]
        if not bool(changed.any()):
            return images
        rows = numbers[changed].numpy()
        points = OddPoints(
            attributes=self.points.attributes,
            indices=rows,
            cell=self.points.cell[rows],
            codes=self.points.codes[rows],
            frame=np.arange(len(rows)),
        )
        made = Realiser(_Given(images[changed]), self.plan.realisations, self.seed).realise(points).images
        return images.index_put((changed.nonzero()[:, 0],), made)


class _Given:
    """Images of a batch as a source of base images."""

    class_names: tuple[str, ...] = ()
    frames = None
    digest = ""

    def __init__(self, images: Tensor) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def image(self, row: int) -> Tensor:
        """The image (C, H, W)."""
        return self._images[row]

    def label(self, row: int) -> int:  # noqa: ARG002 - nobody asks
        """None that counts."""
        return 0
