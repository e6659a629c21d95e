"""Points drawn among observed frames: inside, with the frame's own values, and with the promised probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Attribute, Boolean, Categorical, Continuous, Integer, LogUniform
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.coverage import coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.frames import Frames
from odd_assess.odd.ranges import Interval
from odd_assess.odd.sampling import sample

LUX = Continuous(id="lux", low=20, high=2000, unit="lux", distribution=LogUniform(), buckets=(20, 100, 500, 2000))
SURFACE = Categorical(id="surface", labels=("clean", "stained"), weights=(0.8, 0.2))
BLUR = Continuous(id="blur", low=0, high=1, unit="px", buckets=(0, 0.5, 1))
FREE = Boolean(id="wet", probability=0.3)


def domain() -> Domain:
    """Lux and surface are observed; blur is not and is tied to both by exclusions; wet is free."""
    return Domain(
        attributes=(LUX, SURFACE, BLUR, FREE),
        exclude=(
            Statement(conditions={"surface": OneOf(("stained",)), "lux": Interval(high=50, high_closed=False)}),
            Statement(conditions={"lux": Interval(high=60), "blur": Interval(low=0.25)}),
        ),
    )


def frames() -> Frames:
    """Ten frames, four of them of no use; none is brighter than 500 lux."""
    return Frames(
        values={
            "lux": np.array([30.0, 60.0, 80.0, 40.0, 300.0, 100.0, 10.0, np.nan, 200.0, 70.0]),
            "surface": np.array(
                ["clean", "Clean", "stained", "stained", "clean", "stained", "clean", "clean", "", "clean"], dtype=object
            ),
        }
    )


INSIDE = [0, 1, 2, 4, 5, 9]  # 3 is excluded, 6 out of range, 7 and 8 have missing values


def test_frames_outside_and_missing_are_counted() -> None:
    """Frames are inside if some completion of theirs is; the others are counted by reason."""
    fitted = frames().inside(domain())
    assert fitted.rows.tolist() == INSIDE
    assert (fitted.outside, fitted.missing, len(frames())) == (2, 2, 10)
    reached = {domain().cells[i].name for i in np.flatnonzero(fitted.weight)}
    assert "lux [20 .. 100) lux, surface stained, blur [0.5 .. 1] px, wet true" in reached
    assert not any("[500 .. 2000]" in name for name in reached)


@pytest.mark.parametrize("weighting", ["declared", "frames"])
@pytest.mark.parametrize(("design", "points"), [("random", 500), ("stratified", 500), ("grid", 60), ("pairwise", None)])
def test_points_are_inside_frames(design: Any, points: int | None, weighting: Any) -> None:
    """Every point is inside, carries the row of a frame that is, and the frame's own values."""
    d, table = domain(), frames()
    for point in sample(d, design=design, points=points, seed=4, frames=table, frames_weighting=weighting):
        assert d.contains(point.values)
        assert d.cell_of(point.values) == point.cell
        assert point.frame in INSIDE
        assert point.values["lux"] == table.values["lux"][point.frame]
        assert point.values["surface"] == str(table.values["surface"][point.frame]).lower()


def test_declared_weighting_keeps_the_cells_and_shares_frames_equally() -> None:
    """Cells that frames reach keep their relative weights; a cell's frames are equally likely (chi-square, false alarm 1e-6 each)."""
    d, table = domain(), frames()
    points = sample(d, design="random", points=20_000, seed=1, frames=table)
    weight = table.inside(d).weight
    declared = np.array([cell.weight for cell in d.cells])
    reached = weight > 0
    assert weight[reached] == pytest.approx(declared[reached] / declared[reached].sum())
    counts = np.bincount([point.cell for point in points], minlength=len(d.cells))
    assert counts[~reached].sum() == 0
    assert stats.chisquare(counts[reached], weight[reached] * len(points)).pvalue > 1e-6
    # frames 0 and 1 cannot be blurred, 9 can: within the unblurred clean dark cells all three are equally likely
    clear = [
        p.frame for p in points if p.values["surface"] == "clean" and float(p.values["lux"]) < 100 and float(p.values["blur"]) < 0.5
    ]
    assert stats.chisquare([clear.count(row) for row in (0, 1, 9)]).pvalue > 1e-6
    blurred = {
        p.frame
        for p in points
        if p.values["surface"] == "clean" and float(p.values["lux"]) < 100 and float(p.values["blur"]) >= 0.5
    }
    assert blurred == {9}


def test_other_attributes_follow_their_distribution_given_the_frame() -> None:
    """Blur is uniform on what the frame leaves of it, wet is free (KS and binomial, false alarm 1e-6 each)."""
    points = sample(domain(), design="random", points=20_000, seed=2, frames=frames(), frames_weighting="frames")
    for row, top in ((0, 0.25), (4, 1.0), (5, 1.0)):
        blur = np.array([point.values["blur"] for point in points if point.frame == row], dtype=np.float64)
        assert stats.kstest(blur, stats.uniform(0, top).cdf).pvalue > 1e-6
    assert stats.binomtest(sum(point.values["wet"] is True for point in points), len(points), 0.3).pvalue > 1e-6


def test_frames_weighting_makes_frames_equally_likely() -> None:
    """Every frame inside is drawn equally often, by random (chi-square, false alarm 1e-6) and almost exactly so by stratified points."""
    for design in ("random", "stratified"):
        points = sample(domain(), design=design, points=12_000, seed=3, frames=frames(), frames_weighting="frames")
        counts = [sum(point.frame == row for point in points) for row in INSIDE]
        assert sum(counts) == 12_000
        assert stats.chisquare(counts).pvalue > 1e-6


def test_points_do_not_depend_on_their_number() -> None:
    """Point i of the random design is the same for any number of points, with frames too."""
    d, table = domain(), frames()
    assert sample(d, design="random", points=200, seed=7, frames=table)[:20] == sample(
        d, design="random", points=20, seed=7, frames=table
    )


def test_unreached_cells_are_gaps_with_their_reason() -> None:
    """Coverage tells cells that no frame reaches from cells that were not visited."""
    d, table = domain(), frames()
    points = sample(d, design="grid", points=None, seed=1, frames=table)
    found = coverage(d, points, frames=table)
    assert found.cell_coverage == pytest.approx((table.inside(d).weight > 0).mean())
    assert {gap.reason for gap in found.gaps} == {"no frame of the table lies in it"}
    few = coverage(d, points[:1], frames=table)
    assert {gap.reason for gap in few.gaps} == {"no frame of the table lies in it", "no point visited it"}


def test_all_attributes_observed() -> None:
    """A table that gives every attribute leaves nothing to draw."""
    d = Domain(attributes=(LUX, SURFACE), exclude=(Statement(conditions={"lux": Interval(low=100, high=200)}),))
    table = Frames(values={"surface": np.array(["clean", "stained", "clean"]), "lux": np.array([50, 150, 300])})
    points = sample(d, design="stratified", points=50, seed=1, frames=table)
    assert {(point.frame, point.values["lux"]) for point in points} == {(0, 50.0), (2, 300.0)}


@pytest.mark.parametrize(
    ("attribute", "column", "expected"),
    [
        (Boolean(id="a"), np.array([True, False]), [True, False]),
        (Boolean(id="a"), np.array([1, 0]), [True, False]),
        (Boolean(id="a"), np.array(["true", "FALSE"]), [True, False]),
        (Categorical(id="a", labels=(1, 2)), np.array([1.0, 2.0]), [1, 2]),
        (Categorical(id="a", labels=(1, 2)), np.array(["1", " 2"]), [1, 2]),
        (Categorical(id="a", labels=("1", "2")), np.array([1, 2]), ["1", "2"]),
        (Integer(id="a", low=0, high=9), np.array([1.0, 2.0]), [1, 2]),
        (Integer(id="a", low=0, high=9), np.array(["1", "2"]), [1, 2]),
        (Continuous(id="a", low=0, high=9), np.array(["1.5", "2"], dtype=object), [1.5, 2.0]),
    ],
)
def test_columns_are_read_as_the_attribute_means_them(attribute: Attribute, column: Any, expected: list[object]) -> None:
    """Text, numbers and booleans of a table become the attribute's own values."""
    points = sample(Domain(attributes=(attribute,)), design="random", points=40, seed=1, frames=Frames(values={"a": column}))
    assert {(point.frame, point.values["a"], type(point.values["a"])) for point in points} == {
        (i, v, type(v)) for i, v in enumerate(expected)
    }


def test_refused() -> None:
    """Empty tables, unknown columns and tables without a frame inside are refused in one sentence."""
    d = domain()
    with pytest.raises(ValueError, match=r"at least one column and row, all columns equally long, found rows \{\}"):
        Frames(values={})
    with pytest.raises(ValueError, match=r"equally long, found rows \{'lux': 2, 'surface': 1\}"):
        Frames(values={"lux": np.zeros(2), "surface": np.zeros(1)})
    with pytest.raises(
        ValueError, match=r"a column of frames must be an attribute of the domain, found 'luxx'; did you mean lux\?"
    ):
        Frames(values={"luxx": np.zeros(2)}).inside(d)
    dark = {"lux": np.array([30.0, np.nan]), "surface": np.array(["stained", "clean"])}
    with pytest.raises(DomainError, match=r"must lie inside the ODD, found none of 2 \(1 have missing values, 1 lie outside\)"):
        Frames(values=dark).inside(d)
    with pytest.raises(DomainError, match=r"found none of 1 \(0 have missing values, 1 lie outside\)"):
        Frames(values={"lux": np.array([10.0])}).inside(d)


def test_too_many_kinds_of_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on pieces counts the kinds of frames too, and the message says how many there are."""
    monkeypatch.setattr("odd_assess.odd.frames.MAX_PIECES", 5)
    with pytest.raises(
        DomainError, match=r"must split the domain into at most 5 pieces, found 21 \(7 kinds of frames\); use fewer buckets"
    ):
        frames().inside(domain())


def test_the_share_that_frames_reach_is_told() -> None:
    """No frame is brighter than 500 lux: the declared weight of those cells is out of reach, whatever the points; frames' own weights reach all."""
    d = domain()
    dark = sum(cell.weight for cell in d.cells if cell.levels[0] < 2)
    found = coverage(d, [], frames=frames())
    assert found.reached == pytest.approx(dark)
    assert 0.55 < found.reached < 0.7
    assert coverage(d, [], frames=frames(), frames_weighting="frames").reached == 1
    assert coverage(d, []).reached == 1


def test_equal_allocation_needs_declared_weights() -> None:
    """Equal numbers a cell are weighed back as declared: frames that weigh themselves contradict that, and the combination is refused."""
    with pytest.raises(DomainError, match="allocation equal weighs cells as declared"):
        sample(domain(), design="stratified", allocation="equal", points=40, seed=1, frames=frames(), frames_weighting="frames")
