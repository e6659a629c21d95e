"""From ODD points to model inputs: which base image, under which transforms, with which randomness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose

import torch
from torch import Tensor

from odd_assess.errors import DataError
from odd_assess.inputs.addresses import address, below
from odd_assess.inputs.pixels import refuse_truncated
from odd_assess.inputs.source import Renderer, Source
from odd_assess.inputs.transforms import apply
from odd_assess.odd.catalogue import TRANSFORMS
from odd_assess.odd.points import OddPoint
from odd_assess.records import Realisation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Realised inputs: ``images`` and the ``bases`` that they were made from (B, C, H, W), true ``labels`` (B,).

    ``base_rows`` (B,) are the rows of the source, None where a renderer made the images.
    """

    images: Tensor
    bases: Tensor
    labels: Tensor
    base_rows: tuple[int, ...] | None


class Realiser:
    """Makes the input of each ODD point, as a function of the run seed, the point and the declarations alone.

    The base image is the point's frame where it has one, else uniform over the source, independent for each point. Transforms are applied in the
    order of their stage in the catalogue (scene, atmosphere, optics, sensor, coding), whatever order the spec lists them in. All is computed on the CPU,
    so that the assessed inputs do not depend on the accelerator.
    """

    def __init__(self, source: Source | Renderer, realisations: Sequence[Realisation], seed: int) -> None:
        self._source, self._seed = source, seed
        applied = [(TRANSFORMS[r.transform].stage, r.transform, r) for r in realisations if r.transform is not None]
        self._applied = [(name, realisation) for _, name, realisation in sorted(applied, key=lambda entry: entry[0])]

    def realise(self, points: Sequence[OddPoint]) -> Batch:
        """The inputs of ``points``, in their order; any grouping of points into calls gives the same inputs.

        Raises: DataError when images differ in shape, cannot be read, a value is outside its transform's range, or a transform has no effect on
        such images (colour temperature on grey ones): it would count as tested.
        """
        if not points:
            raise ValueError("points must not be empty")
        bases, labels, rows = self._bases(points)
        images = bases.clone()
        for name, realisation in self._applied:
            if name == "colour_temperature" and images.shape[1] == 1:
                raise DataError(
                    f"{realisation.attribute}: colour_temperature has no effect on images of one channel; declare the attribute unrealisable"
                )
            images = self._transformed(images, points, name, realisation)
        return Batch(images=images, bases=bases, labels=torch.tensor(labels, dtype=torch.int64), base_rows=rows)

    def _bases(self, points: Sequence[OddPoint]) -> tuple[Tensor, list[int], tuple[int, ...] | None]:
        source = self._source
        rows: tuple[int, ...] | None = None
        if isinstance(source, Renderer):
            refuse_truncated()
            rendered = [source.render(point.values, address(*point.origin(self._seed), "render") >> 65) for point in points]
            images, labels = [image for image, _ in rendered], [label for _, label in rendered]
        else:
            rows = tuple(self._row(point, len(source)) for point in points)
            images, labels = [source.image(row) for row in rows], [source.label(row) for row in rows]
        for point, image in zip(points, images, strict=True):
            if image.shape != images[0].shape:
                raise DataError(
                    f"images must have one shape, found {tuple(images[0].shape)} at point {points[0].index} and "
                    f"{tuple(image.shape)} at point {point.index}; set inputs.size: [height, width]"
                )
        return torch.stack(images), labels, rows

    def _row(self, point: OddPoint, count: int) -> int:
        return below(address(*point.origin(self._seed)), "base", count) if point.frame is None else point.frame

    def _transformed(self, images: Tensor, points: Sequence[OddPoint], name: str, realisation: Realisation) -> Tensor:
        values = [_transform_value(name, realisation, point) for point in points]
        keys = [address(*point.origin(self._seed), realisation.attribute, name) for point in points]
        try:
            return apply(name, images, values, keys, **realisation.parameters)
        except ValueError as error:
            raise DataError(f"{realisation.attribute}: {error}") from error


def _transform_value(name: str, realisation: Realisation, point: OddPoint) -> float:
    """The transform's value for the point's attribute, in the transform's unit."""
    value = point.values[realisation.attribute]
    if realisation.levels is not None:
        return float(realisation.levels[value])
    return _within(realisation.scale * float(value) + realisation.offset, TRANSFORMS[name].valid)


def _within(value: float, valid: tuple[float, float]) -> float:
    """The nearest valid value, where only the rounding of the unit's conversion has led outside."""
    nearest = min(max(value, valid[0]), valid[1])
    return nearest if isclose(value, nearest, rel_tol=1e-9, abs_tol=1e-12) else value
