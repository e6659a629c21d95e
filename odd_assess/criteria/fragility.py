"""Where a model is fragile: means over the ODD, and over its parts, of values in [0, 1] that are known at points. Estimates go in, and estimates come out.

The bounds tell what the *sampling* leaves open: where the mean of the values over all of a part lies, had each of its conditions been looked at. What
the values themselves err by, as estimates of something else, is in none of them.

**What holds together** (decided 2026-11-21). The bounds of the parts of one partition (the cells; the levels of one attribute; the classes) hold together with
the stated confidence: Bonferroni over all its bounds, lower and upper. Families as in `odd_assess.criteria.readings`: the parts that have points where their
number is given (independent points), all parts where it is not. The interval over the ODD, and each difference, has the confidence alone.

**Between parts.** The difference of best and worst is bounded as `odd_assess.criteria.readings` bounds that of levels: from above without a correction for
the number of parts (intersection-union), from below by bounds that hold together. A part without points lies between 0 and 1.

**Fragile regions** are found by looking at many: every level, every pair of levels of two attributes, every cell. One is named where its upper bound lies below
the lower bound of the mean over the ODD, Bonferroni over all regions, with points or without: they overlap, so that their numbers of points are not given
together. So with the stated confidence *all* that are named are weaker than the ODD as a whole; a region that is not named may be weak too. The same region
is named once, in the fewest words.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from odd_assess.criteria.inference import (
    Independent,
    Inference,
    cell_inference,
    inference_for,
    mean_upper,
    part_inference,
    point_weights,
)
from odd_assess.criteria.parts import Located, Partition, Unseen, cells_of, combinations_of, level_of_cells, levels_of, unseen
from odd_assess.odd.domain import Domain
from odd_assess.records import Coverage, Floats, Ints, SamplingPlan

CONFIDENCE = 0.95
"""Of every interval, unless another is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEstimate:
    """The mean of the values over a part of the ODD, from its ``points``, with bounds on what the sampling leaves open.

    ``mean``, ``lower``, ``upper`` are None in a part without points; the bounds also where the design has no probability model.
    """

    name: str
    points: int
    mean: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """How far the best and the worst part of a partition are apart: ``observed``, and bounds that hold with the fragility's confidence.

    ``of``: the attribute, or "class". ``best``, ``worst``: the names of the parts with the highest and lowest mean; ``observed`` is None where fewer than two
    parts have points, the bounds where the design has no probability model.
    """

    of: str
    best: str
    worst: str
    observed: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the ODD that is weaker than the whole. ``weight``: its share of the ODD; ``levels``: the (attribute, level) that it is made of."""

    kind: Literal["level", "pair", "cell"]
    estimate: PartEstimate
    weight: float
    levels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairMap:
    """The plain mean in each pair of levels of two ``attributes``: ``mean`` and ``points`` (levels of the first, of the second).

    ``mean`` is NaN where there is no point, ``points`` is -1 where no condition is feasible. ``explained``: about the share of the values' variance between
    pairs, what chance alone explains taken off: how telling the map is.
    """

    attributes: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    mean: Floats
    points: Ints
    explained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragility:
    """Means over the ODD and by part: each cell, each level of each attribute, each class. The bounds of one partition hold together."""

    confidence: float
    whole: PartEstimate
    cells: tuple[PartEstimate, ...]
    levels: Mapping[str, tuple[PartEstimate, ...]]
    classes: tuple[PartEstimate, ...]
    biases: tuple[Bias, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """Where values are known: points of a domain, how they were drawn, and what could be drawn at all (None: everything)."""

    domain: Domain
    sampling: SamplingPlan
    points: Located
    coverage: Coverage | None = None
    weights: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", point_weights(self.sampling, self.domain, self.points))

    @property
    def reached(self) -> float:
        """The share of the ODD that points could be drawn from."""
        return 1.0 if self.coverage is None else self.coverage.reached

    @property
    def unseen(self) -> Unseen:
        """What of the ODD could not be sampled."""
        return Unseen() if self.coverage is None else unseen(self.sampling, self.domain, self.points, self.coverage)

    def whole(self) -> Inference | None:
        """What bounds means over the ODD."""
        return inference_for(self.sampling, self.domain, self.points, reached=self.reached)

    def cells(self) -> Partition:
        """The cells, each a part."""
        return cells_of(self.domain, self.points.cell)

    def levels(self, attribute: str) -> Partition:
        """The feasible levels of one attribute."""
        return levels_of(self.domain, attribute, self.points.cell, self.unseen)

    def pairs(self, first: str, second: str) -> Partition:
        """The feasible pairs of levels of two attributes."""
        return combinations_of(self.domain, (first, second), self.points.cell, self.unseen)

    def classes(self, label: Ints, class_names: Sequence[str]) -> Partition:
        """The true classes: ``label`` (m,) of each point."""
        missing = np.full(len(class_names), self.unseen.share)
        return Partition(names=tuple(class_names), index=label, weights=None, missing=missing)

    def within(self, partition: Partition) -> list[Inference | None]:
        """What bounds means inside each part; None where it has no point, or the design no probability model."""
        if self.whole() is None:
            return [None] * len(partition)
        visits = np.bincount(partition.index, minlength=len(partition))
        return [self._within(partition, part) if visits[part] else None for part in range(len(partition))]

    def _within(self, partition: Partition, part: int) -> Inference | None:
        if partition.of_cells and self.sampling.ranked is None:
            return cell_inference(self.sampling)
        return part_inference(
            self.sampling,
            self.domain,
            self.points,
            partition.inside(part),
            weight=None if partition.weights is None else float(partition.weights[part]),
            missing=float(partition.missing[part]),
            reached=self.reached,
            cells=partition.cells(part),
        )


def fragility(
    values: Floats, sampled: Sampled, *, label: Ints | None = None, class_names: Sequence[str] = (), confidence: float = CONFIDENCE
) -> Fragility:
    """Means of ``values`` (m,) in [0, 1] at the points over the ODD and by part, with two-sided bounds, and the differences between parts.

    ``label`` (m,), ``class_names``: the true class of each point, for the means by class; without them there are none.

    Raises: ValueError unless there is a value for each of at least one point, all in [0, 1], and 0 < confidence < 1.
    """
    known, beta = _checked(values, sampled, confidence)
    levels = {attribute.id: sampled.levels(attribute.id) for attribute in sampled.domain.attributes}
    named: dict[str, Partition] = dict(levels)
    if label is not None and len(class_names):
        named["class"] = sampled.classes(label, class_names)
    found = {name: part_estimates(known, sampled, partition, beta=beta) for name, partition in named.items()}
    return Fragility(
        confidence=confidence,
        whole=whole_estimate(known, sampled, beta=beta),
        cells=part_estimates(known, sampled, sampled.cells(), beta=beta),
        levels={name: found[name] for name in levels},
        classes=found["class"] if len(found) > len(levels) else (),
        biases=tuple(bias(known, sampled, part, of=name, beta=beta) for name, part in named.items() if len(part) > 1),
    )


def whole_estimate(values: Floats, sampled: Sampled, *, beta: float) -> PartEstimate:
    """The mean over the ODD; each bound fails with probability at most ``beta``."""
    inference = sampled.whole()
    lower, upper = (None, None) if inference is None else _bounds(inference, values, beta)
    return PartEstimate(name="ODD", points=len(values), mean=float(sampled.weights @ values), lower=lower, upper=upper)


def part_estimates(values: Floats, sampled: Sampled, partition: Partition, *, beta: float) -> tuple[PartEstimate, ...]:
    """The mean of each part. All lower bounds hold together except with probability ``beta``, and so do all upper bounds."""
    within = sampled.within(partition)
    each = beta / _family(within)
    return tuple(_estimate(values, sampled, partition, part, inference, each) for part, inference in enumerate(within))


def bias(values: Floats, sampled: Sampled, partition: Partition, *, of: str, beta: float) -> Bias:
    """The difference between the best and the worst part; each bound fails with probability at most ``beta``."""
    within = sampled.within(partition)
    visits = np.bincount(partition.index, minlength=len(partition))
    means = np.array([_mean(values, sampled, partition, part) if visits[part] else np.nan for part in range(len(partition))])
    best, worst = (int(np.nanargmax(means)), int(np.nanargmin(means)))
    seen = float(means[best] - means[worst]) if (visits > 0).sum() > 1 else None
    names = {"of": of, "best": partition.names[best], "worst": partition.names[worst]}
    if sampled.whole() is None:
        return Bias(**names, observed=seen, lower=None, upper=None)

    def bounds(at: float) -> Floats:
        rows = [
            (0.0, 1.0) if inference is None else _bounds(inference, values[partition.inside(part)], at)
            for part, inference in enumerate(within)
        ]
        return np.array(rows, dtype=np.float64)

    single, together = bounds(beta / 2), bounds(beta / (2 * len(partition)))
    gaps = single[:, 1][:, None] - single[:, 0]
    np.fill_diagonal(gaps, 0.0)
    lower = max(0.0, float(together[:, 0].max() - together[:, 1].min()))
    return Bias(**names, observed=seen, lower=lower, upper=min(1.0, max(0.0, float(gaps.max()))))


def fragile_regions(values: Floats, sampled: Sampled, *, confidence: float = CONFIDENCE) -> tuple[Region, ...]:
    """The levels, pairs of levels and cells whose mean is below that over the ODD, the lowest mean first.

    With the confidence all of them are (see the module). None where the design has no probability model.

    Raises: ValueError as `fragility`.
    """
    known, beta = _checked(values, sampled, confidence)
    least = whole_estimate(known, sampled, beta=beta).lower
    if least is None:
        return ()
    candidates = list(_candidates(sampled))
    inferences = [sampled.within(candidate.partition) for candidate in candidates]
    each = beta / max(1, sum(not repeated for candidate in candidates for repeated in candidate.repeated))
    found = []
    for candidate, within in zip(candidates, inferences, strict=True):
        for part, inference in enumerate(candidate.new(within)):
            if inference is None or _mean(known, sampled, candidate.partition, part) >= least:
                continue
            estimate = _estimate(known, sampled, candidate.partition, part, inference, each)
            if estimate.upper is not None and estimate.upper < least:
                found.append(candidate.region(sampled.domain, part, estimate))
    return tuple(sorted(found, key=lambda region: region.estimate.mean or 0.0))


def pair_maps(values: Floats, sampled: Sampled) -> tuple[PairMap, ...]:
    """The means of all pairs of levels of two attributes that have several, the most telling map first."""
    several = [attribute.id for attribute in sampled.domain.attributes if len(attribute.levels) > 1]
    found = [_pair_map(np.asarray(values, dtype=np.float64), sampled, pair) for pair in combinations(several, 2)]
    return tuple(sorted(found, key=lambda one: -one.explained))


def leading(regions: Sequence[Region]) -> Region | None:
    """The region to name first: the one with the lowest mean, or the widest that encloses it where their intervals overlap; None without regions.

    Where they overlap nothing shows that the smaller region is weaker than what it lies in, which is the simpler account of both.
    """
    if not regions:
        return None
    weakest = min(regions, key=lambda one: one.estimate.mean or 0.0)
    upper = weakest.estimate.upper
    around = [
        one
        for one in regions
        if set(one.levels) < set(weakest.levels)
        and one.estimate.lower is not None
        and upper is not None
        and one.estimate.lower <= upper
    ]
    return min(around, key=lambda one: (len(one.levels), one.estimate.mean or 0.0), default=weakest)


MOST_TIMES = 100
"""More points than so many times those that were looked at are not advised: the difference seen is chance more likely than not."""


def points_to_tell(found: Fragility) -> tuple[int, PartEstimate] | None:
    """About how many points would show a level to be weaker than the whole, were the means those that were seen, and that level; None where none would do.

    The half-widths of both intervals, together as wide as the difference at most, shrink like one over the root of the points. A rough number.
    """
    whole, best = found.whole, None
    if whole.mean is None or whole.lower is None:
        return None
    for part in (part for parts in found.levels.values() if len(parts) > 1 for part in parts):
        if part.mean is None or part.upper is None or part.mean >= whole.mean:
            continue
        times = ((part.upper - part.mean + whole.mean - whole.lower) / (whole.mean - part.mean)) ** 2
        if times <= MOST_TIMES and (best is None or times < best[0]):
            best = times, part
    return None if best is None else (math.ceil(max(2.0, best[0]) * whole.points), best[1])


# ---------------------------------------------------------------- inside


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    """Regions of one kind. ``first`` (parts,): a cell of each part; ``repeated`` (parts,): whether fewer words name the same region."""

    kind: Literal["level", "pair", "cell"]
    attributes: tuple[str, ...]
    partition: Partition
    first: Ints
    repeated: tuple[bool, ...]

    def new(self, within: Sequence[Inference | None]) -> list[Inference | None]:
        """What bounds each part; None for those that have a name already."""
        return [None if repeated else inside for repeated, inside in zip(self.repeated, within, strict=True)]

    def region(self, domain: Domain, part: int, estimate: PartEstimate) -> Region:
        """One part as a region."""
        weights, cell = self.partition.weights, domain.cells[self.first[part]]
        assert weights is not None  # only classes have none
        levels = {one.id: one.levels[level].name for one, level in zip(domain.attributes, cell.levels, strict=True)}
        return Region(
            kind=self.kind,
            estimate=estimate,
            weight=float(weights[part]),
            levels=tuple((name, levels[name]) for name in self.attributes),
        )


def _candidates(sampled: Sampled) -> Iterator[_Candidates]:
    """Levels, pairs of levels, cells, where they are not the whole ODD."""
    domain = sampled.domain
    names = [attribute.id for attribute in domain.attributes if len(attribute.levels) > 1]
    every = np.arange(len(domain.cells), dtype=np.int64)
    known = {_digest(every)}
    kinds: list[tuple[Literal["level", "pair", "cell"], tuple[str, ...]]] = [("level", (name,)) for name in names]
    kinds += [("pair", pair) for pair in combinations(names, 2)]
    kinds += [("cell", tuple(names))] if len(names) > 2 else []
    for kind, attributes in kinds:
        of_cells = kind == "cell"
        partition = sampled.cells() if of_cells else combinations_of(domain, attributes, sampled.points.cell, sampled.unseen)
        part_of = every if of_cells else combinations_of(domain, attributes, every).index
        order = np.argsort(part_of, kind="stable")
        cells = np.split(order, np.cumsum(np.bincount(part_of))[:-1])
        digests = [_digest(one) for one in cells]
        yield _Candidates(
            kind=kind,
            attributes=attributes,
            partition=partition,
            first=np.array([one[0] for one in cells], dtype=np.int64),
            repeated=tuple(digest in known for digest in digests),
        )
        known.update(digests)


def _digest(cells: Ints) -> bytes:
    return hashlib.sha256(cells.tobytes()).digest()


def _pair_map(values: Floats, sampled: Sampled, pair: tuple[str, str]) -> PairMap:
    domain = sampled.domain
    columns = [level_of_cells(domain, name) for name in pair]
    levels = [np.unique(column) for column in columns]
    names = [
        tuple(domain.attribute(name).levels[level].name for level in of.tolist()) for name, of in zip(pair, levels, strict=True)
    ]
    shape = (len(levels[0]), len(levels[1]))
    flat = np.searchsorted(levels[0], columns[0]) * shape[1] + np.searchsorted(levels[1], columns[1])
    feasible = np.bincount(flat, minlength=shape[0] * shape[1]) > 0
    here = flat[sampled.points.cell]
    points = np.bincount(here, minlength=len(feasible))
    weight = np.bincount(here, weights=sampled.weights, minlength=len(feasible))
    with np.errstate(invalid="ignore"):
        mean = np.bincount(here, weights=sampled.weights * values, minlength=len(feasible)) / weight
    return PairMap(
        attributes=pair,
        levels=(names[0], names[1]),
        mean=mean.reshape(shape),
        points=np.where(feasible, points, -1).reshape(shape),
        explained=_explained(values, mean[here], int((points > 0).sum())),
    )


def _explained(values: Floats, group_mean: Floats, groups: int) -> float:
    """The share of the variance that lies between groups, less what as many groups of alike points would take (omega squared)."""
    total, within = float(((values - values.mean()) ** 2).sum()), float(((values - group_mean) ** 2).sum())
    free = len(values) - groups
    if total <= 0 or free < 1:
        return 0.0
    return max(0.0, (total - within - (groups - 1) * within / free) / (total + within / free))


def _family(within: Sequence[Inference | None]) -> int:
    """How many parts share the error probability: those with points where these are independent, given how many they are; else all."""
    visited = [inside for inside in within if inside is not None]
    return max(1, len(visited) if all(isinstance(inside, Independent) for inside in visited) else len(within))


def _estimate(
    values: Floats, sampled: Sampled, partition: Partition, part: int, inference: Inference | None, beta: float
) -> PartEstimate:
    inside = partition.inside(part)
    count = int(inside.sum())
    lower, upper = (None, None) if inference is None else _bounds(inference, values[inside], beta)
    mean = _mean(values, sampled, partition, part) if count else None
    return PartEstimate(name=partition.names[part], points=count, mean=mean, lower=lower, upper=upper)


def _bounds(inference: Inference, values: Floats, beta: float) -> tuple[float, float]:
    return (
        inference.mean_lower(values, upper=1.0, beta=beta),
        mean_upper(inference, values, upper=1.0, beta=beta),
    )


def _mean(values: Floats, sampled: Sampled, partition: Partition, part: int) -> float:
    """The plain estimate of the mean over a part that has points."""
    inside = partition.inside(part)
    return float(sampled.weights[inside] @ values[inside] / sampled.weights[inside].sum())


def _checked(values: Floats, sampled: Sampled, confidence: float) -> tuple[Floats, float]:
    known = np.asarray(values, dtype=np.float64)
    if known.shape != (len(sampled.points),) or not len(known):
        raise ValueError(
            f"there must be a value for each of at least one point, got {known.shape} for {len(sampled.points)} points"
        )
    if not bool(((known >= 0) & (known <= 1)).all()):
        raise ValueError("values must lie in [0, 1]")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    return known, (1.0 - confidence) / 2.0
