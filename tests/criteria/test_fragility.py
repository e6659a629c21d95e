"""Means of estimates by part: coverage of the bounds that hold together, fragile regions that are none, empty parts, designs without a probability model.

Simulated runs; seeds are fixed, and a correct program exceeds each limit with probability 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.criteria.fragility import (
    PartEstimate,
    Sampled,
    bias,
    fragile_regions,
    fragility,
    part_estimates,
    whole_estimate,
)
from odd_assess.odd.attributes import Ordinal
from odd_assess.odd.constraints import OneOf, Statement
from odd_assess.odd.coverage import coverage_of, reach_of
from odd_assess.odd.domain import Domain
from odd_assess.odd.sampling import sample
from odd_assess.records import Coverage, SamplingPlan

RUNS, POINTS, BETA = 120, 100, 0.05
LIMIT = int(binom.isf(1e-4, RUNS, BETA))


def make_domain() -> Domain:
    """Three attributes of 3, 2 and 2 levels: 12 cells of unequal weight."""
    return Domain(
        attributes=(
            Ordinal(id="light", labels=("day", "dusk", "night"), weights=(0.5, 0.3, 0.2)),
            Ordinal(id="rain", labels=("no", "yes"), weights=(0.6, 0.4)),
            Ordinal(id="lens", labels=("clean", "dirty"), weights=(0.5, 0.5)),
        )
    )


DOMAIN = make_domain()


@dataclass(frozen=True)
class Located:
    """Points that are known by their cells alone."""

    cell: Any

    def __len__(self) -> int:
        return len(self.cell)


def sampled(cell: Any, *, domain: Domain = DOMAIN, coverage: Coverage | None = None, **plan: Any) -> Sampled:
    """Points in these cells."""
    cells = np.asarray(cell, dtype=np.int64)
    given: dict[str, Any] = {"design": "random", "points": len(cells), "seed": 1} | plan
    return Sampled(domain=domain, sampling=SamplingPlan(**given), points=Located(cells), coverage=coverage)


def drawn(design: str, allocation: str, seed: int) -> Sampled:
    """Points as the design draws them."""
    points = sample(DOMAIN, design=design, points=POINTS, seed=seed, allocation=allocation)  # type: ignore[arg-type]
    return sampled(points.cell, design=design, allocation=allocation)


def estimates_at(cell: Any, means: Any, rng: np.random.Generator) -> Any:
    """Values whose mean in each cell is as given: near the ends of [0, 1], as estimates of robustness are."""
    return rng.beta(2 * means[cell], 2 * (1 - means[cell]))


@pytest.mark.parametrize(
    ("design", "allocation"), [("random", "proportional"), ("stratified", "proportional"), ("stratified", "equal")]
)
def test_bounds_of_a_partition_hold_together(design: str, allocation: str) -> None:
    """All bounds of the cells hold together, and so do those of the levels."""
    means = np.linspace(0.35, 0.95, len(DOMAIN.cells))
    weight = DOMAIN.layout.weight
    true_level = [
        float(weight[DOMAIN.layout.levels[:, 0] == k] @ means[DOMAIN.layout.levels[:, 0] == k])
        / float(weight[DOMAIN.layout.levels[:, 0] == k].sum())
        for k in range(3)
    ]
    wrong = {"cells": 0, "levels": 0, "whole": 0}
    for run in range(RUNS):
        where = drawn(design, allocation, run)
        values = estimates_at(where.points.cell, means, np.random.default_rng(run))
        cells, levels = (
            part_estimates(values, where, partition, beta=BETA / 2) for partition in (where.cells(), where.levels("light"))
        )
        wrong["cells"] += any(_misses(part, truth) for part, truth in zip(cells, means, strict=True))
        wrong["levels"] += any(_misses(part, truth) for part, truth in zip(levels, true_level, strict=True))
        wrong["whole"] += _misses(whole_estimate(values, where, beta=BETA / 2), float(weight @ means))
    assert max(wrong.values()) <= LIMIT


def test_uncorrected_bounds_do_not_hold_together() -> None:
    """What the check above would say of bounds that are each at the whole level: values of 0 and 1, where betting is nearly exact."""
    wrong = 0
    for run in range(RUNS):
        where = drawn("random", "proportional", run)
        values = (np.random.default_rng(run).random(POINTS) < 0.5).astype(float)
        cells = where.cells()
        each = part_estimates(values, where, cells, beta=BETA * len(np.unique(cells.index)))
        wrong += any(_misses(part, 0.5) for part in each)
    assert wrong > LIMIT


def _misses(part: PartEstimate, truth: float) -> bool:
    return part.lower is not None and part.upper is not None and not part.lower <= truth <= part.upper


def test_no_region_of_a_uniform_odd_is_called_fragile() -> None:
    """Where all cells are alike, a region is named in at most one run in twenty."""
    wrong = 0
    for run in range(RUNS):
        where = drawn("random", "proportional", run)
        values = (np.random.default_rng(run).random(POINTS) < 0.6).astype(float)
        wrong += bool(fragile_regions(values, where))
    assert wrong <= LIMIT


def test_fragile_regions_are_found_and_named_once() -> None:
    """A weak pair of levels is found as that pair; its cells and the strong parts are not listed before it, and no region twice."""
    where = sampled(sample(DOMAIN, design="random", points=2000, seed=3).cell)
    levels = DOMAIN.layout.levels[where.points.cell]
    weak = (levels[:, 0] == 2) & (levels[:, 1] == 1)
    values = np.where(weak, 0.2, 0.9)
    found = fragile_regions(values, where)
    assert found[0].kind == "pair"
    assert found[0].levels == (("light", "night"), ("rain", "yes"))
    assert found[0].weight == pytest.approx(0.08)
    assert found[0].estimate.mean == pytest.approx(0.2)
    assert len({region.levels for region in found}) == len(found)
    assert [region.estimate.mean or 0.0 for region in found] == sorted(region.estimate.mean or 0.0 for region in found)
    assert max(region.estimate.upper or 0.0 for region in found) < values.mean()


def test_a_cell_that_is_a_level_is_named_as_the_level() -> None:
    """Where the rules leave a level one cell alone, the region has one name, the shortest."""
    rainy_night = Statement(conditions={"light": OneOf(("night",)), "rain": OneOf(("no",))})
    clean_night = Statement(conditions={"light": OneOf(("night",)), "lens": OneOf(("clean",))})
    domain = Domain(attributes=DOMAIN.attributes, exclude=(rainy_night, clean_night))
    where = sampled(sample(domain, design="random", points=1000, seed=1).cell, domain=domain)
    values = np.where(domain.layout.levels[where.points.cell][:, 0] == 2, 0.1, 0.9)
    assert next(region.levels for region in fragile_regions(values, where)) == (("light", "night"),)
    assert sum(("light", "night") in region.levels for region in fragile_regions(values, where)) == 1


def test_an_empty_part_has_no_number() -> None:
    """A cell, level or class without points has neither mean nor bounds; a difference that it may carry is bounded by 1."""
    where = sampled([0] * 50 + [4] * 50)
    found = fragility(np.full(100, 0.9), where, label=np.zeros(100, dtype=np.int64), class_names=("a", "b"))
    assert found.cells[1] == PartEstimate(name=DOMAIN.cells[1].name, points=0, mean=None, lower=None, upper=None)
    assert [part.points for part in found.levels["light"]] == [50, 50, 0]
    assert (found.levels["light"][2].mean, found.classes[1].upper) == (None, None)
    by_class = next(one for one in found.biases if one.of == "class")
    assert by_class.observed is None
    light = next(one for one in found.biases if one.of == "light")
    assert light.upper is not None
    assert light.upper > 0.8


def test_a_design_without_a_probability_model_has_no_bounds() -> None:
    """A Sobol design gives means, no bounds and no fragile regions."""
    where = sampled([0, 1, 2, 3], design="sobol")
    found = fragility(np.array([0.1, 0.2, 0.9, 0.8]), where)
    assert found.whole.mean == pytest.approx(0.5)
    assert found.whole.lower is found.whole.upper is found.cells[0].lower is found.biases[0].upper is None
    assert fragile_regions(np.array([0.0, 1.0, 1.0, 1.0]), where) == ()


def test_what_could_not_be_sampled_counts_against_every_bound() -> None:
    """Where a table reaches 80 % of the ODD, the interval over it and over its levels allows for the rest."""
    cells = sample(DOMAIN, design="random", points=500, seed=1).cell
    lost = DOMAIN.layout.levels[:, 0] == 2
    kept = cells[~lost[cells]]
    reach = reach_of(DOMAIN)
    cover = coverage_of(DOMAIN, kept, type(reach)(cells=~lost, share=0.8))
    values = np.full(len(kept), 0.95)
    found, plain = fragility(values, sampled(kept, coverage=cover)), fragility(values, sampled(kept))
    assert found.whole.lower is not None
    assert plain.whole.lower is not None
    assert found.whole.lower == pytest.approx(0.8 * plain.whole.lower)
    assert found.levels["light"][0].lower == pytest.approx(plain.levels["light"][0].lower)
    assert found.levels["rain"][0].lower < plain.levels["rain"][0].lower  # type: ignore[operator]


def test_the_bounds_of_a_difference_hold() -> None:
    """The largest difference between levels lies between its bounds, also where there is none."""
    wrong = 0
    for run in range(RUNS):
        where = drawn("random", "proportional", run)
        means = np.where(DOMAIN.layout.levels[:, 0] == 2, 0.7, 0.5) if run % 2 else np.full(len(DOMAIN.cells), 0.5)
        values = (np.random.default_rng(run).random(POINTS) < means[where.points.cell]).astype(float)
        found = bias(values, where, where.levels("light"), of="light", beta=0.025)
        assert found.lower is not None
        assert found.upper is not None
        wrong += not found.lower <= (0.2 if run % 2 else 0.0) <= found.upper
    assert wrong <= LIMIT


@pytest.mark.parametrize(
    ("values", "confidence", "message"),
    [([0.5], 0.95, "a value for each"), ([0.5, 1.2], 0.95, r"lie in \[0, 1\]"), ([0.5, 0.5], 1.0, "confidence")],
)
def test_values_that_are_none_are_refused(values: list[float], confidence: float, message: str) -> None:
    """One value a point, in [0, 1], and a confidence below 1."""
    with pytest.raises(ValueError, match=message):
        fragility(np.array(values), sampled([0, 1]), confidence=confidence)
