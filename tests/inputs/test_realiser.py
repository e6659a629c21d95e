"""From points to inputs: base rows, order of transforms, units, and independence of how points are grouped."""

import numpy as np
import pytest
import torch
from scipy import stats

from odd_assess.errors import DataError
from odd_assess.inputs import Batch, Realiser, Renderer, apply
from odd_assess.inputs.addresses import address
from odd_assess.inputs.arrays import open_digits
from odd_assess.odd.points import OddPoint, Value
from odd_assess.records import Realisation

DIGITS = open_digits("test")
REALISATIONS = (
    Realisation(attribute="light", transform="low_light"),
    Realisation(attribute="focus", transform="defocus"),
    Realisation(attribute="dirt", transform="stain", levels={"clean": 0.0, "stained": 0.15}),
    Realisation(attribute="speed", column="speed"),
)


def at(index: int, frame: int | None = None, **values: Value) -> OddPoint:
    conditions: dict[str, Value] = {"light": 50.0, "focus": 0.5, "dirt": "stained", "speed": 3.0, **values}
    return OddPoint(index=index, values=conditions, cell=0, frame=frame)


def test_points_do_not_depend_on_their_batch() -> None:
    """Alone, together or in another order: bit-equal images, labels and rows."""
    realiser, points = Realiser(DIGITS, REALISATIONS, seed=3), [at(i, light=10.0 * (i + 1)) for i in range(7)]
    together, backwards = realiser.realise(points), realiser.realise(points[::-1])
    alone = [realiser.realise([point]) for point in points]
    assert torch.equal(together.images, torch.cat([batch.images for batch in alone]))
    assert torch.equal(together.images, backwards.images.flip(0))
    assert together.base_rows == tuple(batch.base_rows[0] for batch in alone if batch.base_rows)
    assert [DIGITS.label(row) for row in together.base_rows or ()] == together.labels.tolist()
    assert torch.equal(together.bases[2], DIGITS.image((together.base_rows or ())[2]))
    assert together.images.data_ptr() != together.bases.data_ptr()


def test_another_seed_draws_other_images() -> None:
    """Both the base images and the randomness of the transforms."""
    first, second = (Realiser(DIGITS, REALISATIONS, seed=seed).realise([at(i) for i in range(5)]) for seed in (1, 2))
    assert first.base_rows != second.base_rows
    fixed = [Realiser(DIGITS, REALISATIONS, seed=seed).realise([at(0, frame=4)]).images for seed in (1, 2)]
    assert not torch.equal(fixed[0], fixed[1])


def test_base_rows_are_uniform_and_independent() -> None:
    """Chi-squared over 500 digits and 5000 points, and serial correlation; each at level 1e-4 for this seed."""
    rows = np.array(Realiser(DIGITS, (), seed=5).realise([at(i) for i in range(5000)]).base_rows)
    assert stats.chisquare(np.bincount(rows, minlength=500)).pvalue > 1e-4
    assert stats.pearsonr(rows[1:], rows[:-1]).pvalue > 1e-4


def test_a_frame_is_the_base_image() -> None:
    """Where a point was drawn from a table's frame."""
    batch = Realiser(DIGITS, (), seed=5).realise([at(0, frame=17), at(1, frame=17)])
    assert batch.base_rows == (17, 17)
    assert torch.equal(batch.images[0], DIGITS.image(17))


def test_transforms_follow_the_light() -> None:
    """Stain, then defocus, then the sensor: the catalogue's stages, whatever the spec's order."""
    expected = DIGITS.image(17)[None]
    for attribute, name, value in (("dirt", "stain", 0.15), ("focus", "defocus", 0.5), ("light", "low_light", 50.0)):
        expected = apply(name, expected, [value], [address(5, 8, attribute, name)])
    for order in (REALISATIONS, REALISATIONS[::-1]):
        assert torch.equal(Realiser(DIGITS, order, seed=5).realise([at(8, frame=17)]).images, expected)


def test_units_labels_and_parameters_reach_the_transform() -> None:
    """Scale and offset, levels, and the declared settings."""
    source = DIGITS.image(3)[None]

    def realised(value: Value, **declaration: object) -> torch.Tensor:
        realisation = Realisation(attribute="a", transform="fog", **declaration)  # type: ignore[arg-type]
        point = OddPoint(index=0, values={"a": value}, cell=0, frame=3)
        return Realiser(DIGITS, [realisation], seed=0).realise([point]).images

    assert torch.equal(realised(0.25, scale=1000.0), apply("fog", source, [250.0], [0]))
    assert torch.equal(realised(200, offset=50.0), apply("fog", source, [250.0], [0]))
    assert torch.equal(
        realised("dense", levels={"dense": 40.0}, parameters={"distance": 20.0}), apply("fog", source, [40.0], [0], distance=20)
    )
    assert torch.equal(realised(5 - 1e-13), apply("fog", source, [5.0], [0]))
    with pytest.raises(DataError, match=r"a: fog must lie in \[5 .. 100000\] m, got 2.0"):
        realised(2.0)


def test_a_transform_without_effect_is_refused() -> None:
    """Colour temperature on grey images would be reported as tested although nothing changed."""
    realisation = Realisation(attribute="lamp", transform="colour_temperature")
    with pytest.raises(DataError, match="lamp: colour_temperature has no effect on images of one channel"):
        Realiser(DIGITS, [realisation], seed=0).realise([OddPoint(index=0, values={"lamp": 3000.0}, cell=0)])


def test_a_renderer_gets_values_and_its_own_seed() -> None:
    """The same for a point in any batch, another for another point; transforms come on top."""
    seeds: dict[object, set[int]] = {}

    def render(values: dict[str, Value], seed: int) -> tuple[np.ndarray, int]:
        seeds.setdefault(values["light"], set()).add(seed)
        return np.full((8, 8, 3), 0.5, np.float32), 1

    renderer = Renderer(render, name="render", class_names=("a", "b"), digest="0")
    realiser = Realiser(renderer, REALISATIONS[1:2], seed=2)
    batch = realiser.realise([at(0, light=1.0), at(1, light=2.0)])
    realiser.realise([at(1, light=2.0)])
    assert isinstance(batch, Batch)
    assert batch.base_rows is None
    assert batch.images.shape == (2, 3, 8, 8)
    assert batch.labels.tolist() == [1, 1]
    assert len(seeds[1.0]) == len(seeds[2.0]) == 1
    assert seeds[1.0] != seeds[2.0]
    assert all(0 <= seed < 2**63 for found in seeds.values() for seed in found)


def test_images_of_different_shapes_are_refused() -> None:
    """With both shapes, and what to set."""
    renderer = Renderer(lambda values, _: (np.zeros((8, int(values["light"]))), 0), name="r", class_names=("a",), digest="0")
    with pytest.raises(DataError, match=r"one shape, found \(1, 8, 8\) at point 0 and \(1, 8, 9\) at point 1; set inputs.size"):
        Realiser(renderer, (), seed=0).realise([at(0, light=8), at(1, light=9)])


def test_no_points_no_inputs() -> None:
    """A batch has at least one point."""
    with pytest.raises(ValueError, match="points must not be empty"):
        Realiser(DIGITS, (), seed=0).realise([])
