"""Coverage counts feasible levels, pairs and cells, and lists what was left out."""

from __future__ import annotations

import numpy as np
import pytest

from odd_assess import records
from odd_assess.odd.attributes import Boolean, Categorical, Continuous
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.coverage import Coverage, Gap, coverage
from odd_assess.odd.domain import Domain
from odd_assess.odd.points import OddPoint
from odd_assess.odd.ranges import Interval


def domain() -> Domain:
    """Three attributes, 2 x 2 x 2 cells, of which (b, high, any) are infeasible."""
    return Domain(
        attributes=(
            Categorical(id="kind", labels=("a", "b"), weights=(3, 1)),
            Continuous(id="x", low=0, high=1, buckets=(0, 0.5, 1)),
            Boolean(id="wet"),
        ),
        exclude=(Statement(conditions={"kind": OneOf(("b",)), "x": Interval(low=0.5)}),),
    )


def at(d: Domain, *cells: int) -> list[OddPoint]:
    """Points in these cells; coverage reads nothing else."""
    return [OddPoint(index=i, values={}, cell=cell) for i, cell in enumerate(cells)]


def test_counts_by_hand() -> None:
    """Two points in cell (a, low, dry), one in (a, high, wet): everything counted by hand."""
    d = domain()
    names = [cell.levels for cell in d.cells]
    assert len(names) == 6
    found = coverage(d, at(d, names.index((0, 0, 0)), names.index((0, 1, 1)), names.index((0, 0, 0))))
    assert found.visits[names.index((0, 0, 0))] == 2
    assert found.visits.sum() == 3
    assert found.cell_coverage == pytest.approx(2 / 6)
    assert found.level_coverage == pytest.approx(5 / 6)  # kind b is missing
    assert found.pairs[0, 1].tolist() == [[2, 1], [0, -1]]  # (b, high) is infeasible
    assert found.pairs[0, 2].tolist() == [[2, 1], [0, 0]]
    assert found.pairs[1, 2].tolist() == [[2, 0], [0, 1]]
    assert found.pairwise_coverage == pytest.approx(6 / 11)


def test_gaps_are_complete_and_heaviest_first() -> None:
    """Every unvisited feasible cell, pair and level is a gap with its weight; kinds do not mix."""
    d = domain()
    names = [cell.levels for cell in d.cells]
    gaps = coverage(d, at(d, names.index((0, 0, 0)), names.index((0, 1, 1)))).gaps
    assert [gap.kind for gap in gaps] == ["cell"] * 4 + ["pair"] * 5 + ["level"]
    for kind in ("cell", "pair"):
        weights = [gap.weight or 0.0 for gap in gaps if gap.kind == kind]
        assert weights == sorted(weights, reverse=True)
    assert gaps[-1] == Gap(kind="level", name="kind b", reason="no point visited it", weight=gaps[-1].weight)
    assert gaps[-1].weight == pytest.approx(1 / 7)
    assert gaps[0].name == "kind a, x [0 .. 0.5), wet true"
    assert gaps[0].weight == pytest.approx(0.75 * 0.25 / 0.875)
    assert {gap.name for gap in gaps if gap.kind == "pair"} == {
        "kind b, x [0 .. 0.5)", "kind b, wet false", "kind b, wet true", "x [0 .. 0.5), wet true", "x [0.5 .. 1], wet false",
    }  # fmt: skip


def test_no_points_cover_nothing() -> None:
    """Without points every fraction is zero and everything is a gap."""
    found = coverage(domain(), [])
    assert (found.level_coverage, found.pairwise_coverage, found.cell_coverage) == (0.0, 0.0, 0.0)
    assert len(found.gaps) == 6 + 11 + 6


def test_one_attribute_has_no_pairs() -> None:
    """The pairwise coverage of a single attribute is its level coverage."""
    d = Domain(attributes=(Continuous(id="x", low=0, high=1, buckets=(0, 0.25, 0.5, 1)),))
    found = coverage(d, at(d, 0, 0, 2))
    assert found.pairs == {}
    assert found.pairwise_coverage == found.level_coverage == found.cell_coverage == pytest.approx(2 / 3)


def test_foreign_cells_are_refused() -> None:
    """Points of another domain are noticed when their cell does not exist."""
    with pytest.raises(ValueError, match=r"a point's cell must lie in \[0, 6\), found 0 to 6"):
        coverage(domain(), at(domain(), 0, 6))


def test_records_share_the_classes() -> None:
    """The border records are these very classes."""
    assert records.Coverage is Coverage
    assert records.Gap is Gap
    assert coverage(domain(), []).visits.dtype == np.int64
