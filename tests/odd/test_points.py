"""Points as columns: the same points as one by one, and a digest that shows any change of them."""

from dataclasses import replace

import numpy as np
import pytest

from odd_assess.odd import Boolean, Categorical, Continuous, Domain, Integer, OddPoint, OddPoints, sample

ATTRIBUTES = (
    Continuous(id="lux", low=20, high=2000, unit="lux"),
    Integer(id="lanes", low=1, high=4),
    Categorical(id="surface", labels=("clean", "1", 1, 2.5)),
    Boolean(id="wet", probability=0.3),
)


def drawn(count: int = 40) -> OddPoints:
    return sample(Domain(attributes=ATTRIBUTES), design="random", points=count, seed=1)


def test_columns_hold_the_very_points() -> None:
    """Points made of columns, put into columns again, are equal in every value and its type; slices and choices are those of a tuple."""
    points = drawn()
    one_by_one = tuple(points)
    again = OddPoints.of(ATTRIBUTES, one_by_one)
    assert again == points == one_by_one
    assert [type(v) for v in again[0].values.values()] == [type(v) for v in one_by_one[0].values.values()]
    assert tuple(points[3:9]) == one_by_one[3:9]
    assert tuple(points.take(np.array([7, 2]))) == (one_by_one[7], one_by_one[2])
    assert points[-1] == one_by_one[-1]
    assert points != one_by_one[:-1]


def test_many_codes_are_those_of_one() -> None:
    """Labels that Python takes for equal (true and 1) keep apart; what an attribute cannot have is NaN, many at once as one at a time."""
    values = {
        "lux": [20, 2000.0, 19.9, "20", None, True],
        "lanes": [1, 4.0, 2.5, 5, "x", False],
        "surface": ["clean", True, 1, 1.0, 2.5, 0],
        "wet": [True, False, 1, 0, "yes", None],
    }
    for attribute in ATTRIBUTES:
        given = values[attribute.id]
        expected = [attribute.code_of(value) for value in given]
        assert np.array_equal(attribute.codes_of(given), expected, equal_nan=True), attribute.id
        fine = [value for value, code in zip(given, expected, strict=True) if not np.isnan(code)]
        assert np.array_equal(attribute.codes_of(fine), [attribute.code_of(value) for value in fine]), attribute.id


def test_the_digest_shows_any_change() -> None:
    """Another value, order, frame or label gives another digest; the same points give the same."""
    points = drawn()
    codes = points.codes.copy()
    codes[5, 0] = np.nextafter(codes[5, 0], 0)
    relabelled = (*ATTRIBUTES[:2], Categorical(id="surface", labels=("dirty", "1", 1, 2.5)), ATTRIBUTES[3])
    framed = replace(points, frame=np.arange(len(points)))
    others = [
        replace(points, codes=codes),
        points.take(np.arange(len(points))[::-1]),
        replace(points, attributes=relabelled),
        framed,
        replace(framed, frame=framed.indices[::-1]),
        points[:-1],
    ]
    assert len({points.digest, *(other.digest for other in others)}) == 7
    assert drawn().digest == OddPoints.of(ATTRIBUTES, tuple(points)).digest == points.digest


def test_columns_must_fit() -> None:
    """A column of another length, or frames at some points only, is refused."""
    points = drawn(3)
    with pytest.raises(ValueError, match="every column must have 3 rows"):
        replace(points, cell=points.cell[:2])
    with pytest.raises(ValueError, match="a frame or none, found 1 of 2"):
        OddPoints.of((), [OddPoint(index=0, values={}, cell=0, frame=3), OddPoint(index=1, values={}, cell=0)])
    with pytest.raises(ValueError, match="a frame or none"):
        OddPoints.joined([points, replace(points, frame=points.indices)])


def test_parts_are_joined() -> None:
    """Points cut in parts, some empty, and joined are the points."""
    points = drawn()
    assert OddPoints.joined([points[:0], points[:7], points[7:7], points[7:]]) == points
