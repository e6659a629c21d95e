"""What follows from the counts of a certificate: chosen class, bound, outcome, radius. Many at once, each different case computed once.

It is the same code that certified: the bounds of `odd_assess.stats`, at the level of each procedure (`odd_assess.certify.procedures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from odd_assess.audit.ledger import Ledger, objects
from odd_assess.audit.rests_on import RestsOn
from odd_assess.criteria.terms import terms_of
from odd_assess.evidence import Columns, Tallies, level_counts, tally_text
from odd_assess.policies import Cascade, DataDependent, MultiStart, PerCell
from odd_assess.records import Bools, CertificationPlan, Floats, Ints, Recertification
from odd_assess.stats import anytime_lower_bound, cascade_choice, certified_radius, proportion_lower_bound
from odd_assess.stats.arrays import distinct


def _fixed(hits: Ints, n: Ints, alpha: Floats) -> Floats:
    return proportion_lower_bound(hits, n, alpha=alpha)


def _halved(hits: Ints, n: Ints, alpha: Floats) -> Floats:
    return proportion_lower_bound(hits, n, alpha=alpha / 2)


def _anytime(hits: Ints, n: Ints, alpha: Floats) -> Floats:
    return anytime_lower_bound(hits, n, alpha=alpha)


BOUNDS: Mapping[str, Callable[[Ints, Ints, Floats], Floats]] = MappingProxyType(
    {"reduced": _fixed, "fixed": _fixed, "tolerance": _fixed, "single_batch": _halved, "sequential": _anytime}
)
"""The lower bound on pA of each procedure, from hits, draws and alpha."""


@dataclass(frozen=True, slots=True)
class Within:
    """A noise level for each input, between two bounds."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Several:
    """The levels of a cascade, the widest first."""

    sigmas: tuple[float, ...]


Levels = float | tuple[float, ...] | Within | Several


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the spec lays down for the certificates of one stage: how they are found, from how many draws, or ``most`` of them, with how much noise.

    ``levels``: one noise level for all points; one for each cell; the smallest and the largest where each input has its own; those of a cascade.
    """

    procedure: str
    n0: int
    n: int
    most: bool
    levels: Levels
    alpha: float


def agreed_main(plan: CertificationPlan, pilot_n: int | None, levels: Levels | None = None) -> Agreed:
    """For the points of a run, whose ``pilot_n`` draws a pilot chose where the budget is a tolerance. ``levels``: those of its cells, where they differ."""
    budget = plan.budget
    return Agreed(
        procedure="cascade" if isinstance(plan.policy, Cascade) else budget.kind,
        n0=0 if budget.kind == "single_batch" else budget.n0,
        n=budget.n if pilot_n is None else pilot_n,
        most=budget.kind == "sequential",
        levels=levels or levels_of(plan),
        alpha=plan.alpha,
    )


def levels_of(plan: CertificationPlan) -> Levels:
    """The noise levels that the spec alone lays down."""
    match plan.policy:
        case Cascade(sigmas=sigmas):
            return Several(sigmas)
        case MultiStart(bounds=bounds) | DataDependent(bounds=bounds):
            return Within(*bounds)
        case _:
            return plan.sigma


def agreed_recertified(plan: CertificationPlan, settings: Recertification) -> Agreed:
    """For the points of a modified model that is certified on its baseline."""
    return Agreed(
        procedure="incremental_sequential" if settings.when_decided else "incremental",
        n0=0,
        n=settings.draws,
        most=settings.when_decided,
        levels=plan.sigma,
        alpha=terms_of(settings, plan.alpha).whole_alpha,
    )


def agreed_single(plan: CertificationPlan, sigma: float) -> Agreed:
    """For the subsample that is certified at a single noise level too."""
    return agreed_main(replace(plan, policy=None, sigma=sigma), None)


def agreed_calibration(plan: CertificationPlan, policy: PerCell, sigma: float) -> Agreed:
    """For the points on which the levels of cells are chosen, at one level of the grid."""
    return Agreed(procedure="single_batch", n0=0, n=policy.draws, most=False, levels=sigma, alpha=plan.alpha)


def agreed_reference(plan: CertificationPlan, levels: Levels | None = None) -> Agreed | None:
    """For the reference subsample, if there is one. ``levels``: those of its cells, where they differ."""
    if plan.reference is None:
        return None
    single = plan.budget.kind == "single_batch"
    return Agreed(
        procedure="cascade" if isinstance(plan.policy, Cascade) else "single_batch" if single else "reduced",
        n0=0 if single else plan.budget.n0,
        n=plan.reference.n,
        most=False,
        levels=levels or levels_of(plan),
        alpha=plan.alpha,
    )


def agreed_pilot(plan: CertificationPlan) -> Agreed:
    """For the pilot of a tolerance budget."""
    return Agreed(procedure="single_batch", n0=0, n=plan.budget.n0, most=False, levels=plan.sigma, alpha=plan.alpha)


@dataclass(frozen=True, slots=True)
class _Names(Sequence[str]):
    """The names of certificates, made when they are asked for."""

    stage: str
    points: Ints

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, row: int) -> str:  # type: ignore[override]  # no slices are asked for
        return f"point {self.points[row]}, stage {self.stage}"


def check_certificates(
    columns: Columns, stage: str, agreed: Agreed, *, classes: int, ledger: Ledger, rests_on: RestsOn | None = None
) -> None:
    """Note in the ledger where a certificate is not what its counts say, or not what the spec lays down.

    ``rests_on``: what it takes from a baseline, of a modified model that is certified on one.
    """
    where = _Names(stage, columns.index)
    selection = Tallies.parse(["[]" if text is None else text for text in columns.selection])
    procedure, outcome = np.array(columns.procedure, dtype=np.object_), np.array(columns.outcome, dtype=np.object_)
    ledger.compare(where, "procedure", procedure, np.full(len(columns), agreed.procedure, dtype=np.object_))
    if isinstance(agreed.levels, Several):
        check_cascades(columns, where, agreed, agreed.levels, classes=classes, ledger=ledger)
        return
    ledger.compare(where, "sigma", columns.sigma, _sigmas(columns, agreed.levels))
    ledger.compare(where, "levels", objects(columns.levels), np.full(len(columns), None, dtype=np.object_))
    ledger.compare(where, "alpha", columns.alpha, agreed.alpha)
    ledger.compare(where, "n0 (spec)", columns.n0, agreed.n0)
    ledger.compare(where, "n (spec)", columns.n, np.minimum(columns.n, agreed.n) if agreed.most else agreed.n)
    ledger.compare(where, "n0 (sum of selection)", columns.n0, selection.total)
    ledger.compare(where, "n (sum of counts)", columns.n, columns.counts.total)
    for tallies, name in ((selection, "classes of selection"), (columns.counts, "classes of counts")):
        beyond = tallies.label >= classes
        if beyond.any():
            ledger.compare(
                _Names(stage, columns.index[tallies.row]), name, tallies.label, np.where(beyond, classes - 1, tallies.label)
            )
    if rests_on is None:
        single = procedure == "single_batch"
        ledger.compare(where, "label", columns.chosen, np.where(single, columns.counts.winner, selection.winner))
        ledger.compare(where, "reused", objects(columns.reused), np.full(len(columns), None, dtype=np.object_))
    else:
        ledger.compare(where, "selection", objects(columns.selection), np.full(len(columns), None, dtype=np.object_))
    lower, radius = _derived(columns, procedure, where, ledger, rests_on)
    ledger.compare(where, "p_a_lower", columns.p_a_lower, lower)
    ledger.compare(where, "radius", columns.radius, radius)
    ledger.compare(where, "outcome", outcome, np.where(radius > 0, "certified", "abstained").astype(np.object_))


def _sigmas(columns: Columns, levels: float | tuple[float, ...] | Within) -> float | Floats:
    """The noise level that each point must have (m,)."""
    match levels:
        case Within(low=low, high=high):
            return np.clip(columns.sigma, low, high)
        case tuple():
            of_cell = np.array(levels)
            inside = (columns.cell >= 0) & (columns.cell < len(of_cell))
            return np.where(inside, of_cell[np.where(inside, columns.cell, 0)], np.nan)
        case _:
            return levels


def check_cascades(
    columns: Columns, where: Sequence[str], agreed: Agreed, levels: Several, *, classes: int, ledger: Ledger
) -> None:
    """The same for certificates of a cascade: level, class, bound and radius follow from the counts of all levels."""
    ledger.compare(where, "procedure", objects(columns.procedure), np.full(len(columns), agreed.procedure, dtype=np.object_))
    ledger.compare(where, "alpha", columns.alpha, agreed.alpha)
    ledger.compare(where, "n0 (spec)", columns.n0, agreed.n0)
    ledger.compare(where, "n (spec)", columns.n, agreed.n)
    for row, text in enumerate(columns.levels):
        if text is None:
            ledger.note(where[row], "levels", None, "the draws of each level")
            continue
        found = level_counts(text, n0=agreed.n0, n=agreed.n)
        ledger.same(where[row], "levels", [one.sigma for one in found], list(levels.sigmas))
        beyond = [
            label
            for one in found
            for tally in (one.selection, one.counts)
            for label, _ in tally.by_class
            if not 0 <= label < classes
        ]
        ledger.same(where[row], "classes of levels", beyond, [])
        if beyond or len(found) != len(levels.sigmas):
            continue
        counts = tuple(one.counts.by_class for one in found)
        labels = tuple(max(one.selection.by_class, key=lambda pair: (pair[1], -pair[0]))[0] for one in found)
        at, radius, lower = _cascade(counts, labels, levels.sigmas, agreed.alpha, classes)
        chosen = found[at]
        derived = {
            "sigma": (float(columns.sigma[row]), chosen.sigma),
            "label": (int(columns.chosen[row]), labels[at]),
            "selection": (columns.selection[row], tally_text(chosen.selection)),
            "counts": (columns.counts.text(row), tally_text(chosen.counts)),
            "p_a_lower": (float(columns.p_a_lower[row]), lower),
            "radius": (float(columns.radius[row]), radius),
            "outcome": (columns.outcome[row], "certified" if radius > 0 else "abstained"),
        }
        for name, (stored, now) in derived.items():
            ledger.same(where[row], name, stored, now)


@lru_cache(maxsize=2**14)
def _cascade(
    tallies: tuple[tuple[tuple[int, int], ...], ...], labels: tuple[int, ...], sigmas: tuple[float, ...], alpha: float, classes: int
) -> tuple[int, float, float]:
    counts = np.zeros((len(tallies), classes), dtype=np.int64)
    for k, tally in enumerate(tallies):
        for label, count in tally:
            counts[k, label] = count
    return cascade_choice(list(counts), labels, sigmas, alpha=alpha)


def _derived(
    columns: Columns, procedure: np.ndarray, where: Sequence[str], ledger: Ledger, rests_on: RestsOn | None
) -> tuple[Floats, Floats]:
    """(lower bound from the counts, radius from the stored bound) of each certificate (m,), as the procedure that it names has them."""
    hits, n, alpha = columns.counts.of(columns.chosen), columns.counts.total, columns.alpha
    lower = columns.p_a_lower.copy()
    possible: Bools = (n >= 1) & (alpha > 0) & (alpha < 1) & (columns.sigma > 0) & np.isfinite(columns.sigma)
    for name in sorted(set(columns.procedure)):
        rows = np.flatnonzero((procedure == name) & possible)
        if name not in BOUNDS or not len(rows):
            continue
        k, draws, level = hits[rows], n[rows], alpha[rows]
        first, group = distinct(k, draws, level)
        lower[rows] = BOUNDS[name](k[first], draws[first], level[first])[group]
    if rests_on is not None:
        lower = rests_on.lower_bounds(columns, where, ledger)
    ledger.compare(where, "settings", possible, np.ones(len(columns), dtype=np.bool_))
    sound = possible & (columns.p_a_lower >= 0) & (columns.p_a_lower <= 1)
    radius = np.zeros(len(columns))
    rows = np.flatnonzero(sound)
    if len(rows):
        first, group = distinct(columns.p_a_lower[rows], columns.sigma[rows])
        radius[rows] = certified_radius(columns.p_a_lower[rows][first], sigma=columns.sigma[rows][first])[group]
    return lower, radius
