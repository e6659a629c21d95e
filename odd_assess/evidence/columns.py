"""Certificates and their points as columns, straight from the evidence file; a million rows take seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from odd_assess.errors import RunFolderError
from odd_assess.evidence.reused import base_draws, upper_bounds
from odd_assess.evidence.tallies import Tallies
from odd_assess.odd.domain import Domain
from odd_assess.records import ANYTIME_PROCEDURES, AverageCasePlan, Floats, Ints, PointEstimates, Results, SigmaPolicy
from odd_assess.stats import Terms

QUERY = (
    "SELECT p.idx, p.cell, p.label, p.clean, c.procedure, c.outcome, c.label, c.n0, c.n, c.selection, c.counts, c.ties, c.sigma, c.alpha, c.p_a_lower, "
    "c.radius, c.levels, c.reused FROM certificates c JOIN points p USING (idx) WHERE c.stage = ? AND c.idx >= ? AND c.idx < ? ORDER BY c.idx"
)
"""One row a certificate, in the order of `Columns`' fields."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Certificates of one stage with what is known of their points, arrays (m,) in design order.

    ``label`` is the true class, ``chosen`` the one that the procedure tried. ``selection`` holds texts as stored, None at points whose one batch both
    chose and bounded: few need its counts. ``levels``: texts, None where the certificate is of one noise level. ``reused``:
    texts, None where a certificate takes nothing from a baseline.
    """

    index: Ints
    cell: Ints
    label: Ints
    clean: Ints
    procedure: Sequence[str]
    outcome: Sequence[str]
    chosen: Ints
    n0: Ints
    n: Ints
    selection: Sequence[str | None]
    counts: Tallies
    ties: Ints
    sigma: Floats
    alpha: Floats
    p_a_lower: Floats
    radius: Floats
    levels: Sequence[str | None]
    reused: Sequence[str | None]

    @classmethod
    def of(cls, records: Sequence[tuple[Any, ...]]) -> Columns:
        """From rows of `QUERY`.

        Raises: ValueError where a value is not of its column's kind.
        """
        columns: Sequence[Any] = list(zip(*records, strict=True)) if records else [()] * 18
        (
            idx,
            cell,
            label,
            clean,
            procedure,
            outcome,
            chosen,
            n0,
            n,
            selection,
            counts,
            ties,
            sigma,
            alpha,
            p_a_lower,
            radius,
            levels,
            reused,
        ) = columns
        return cls(
            index=_ints(idx),
            cell=_ints(cell),
            label=_ints(label),
            clean=_ints(clean),
            procedure=procedure,
            outcome=outcome,
            chosen=_ints(chosen),
            n0=_ints(n0),
            n=_ints(n),
            selection=selection,
            counts=Tallies.parse(counts),
            ties=_ints(ties),
            sigma=_floats(sigma),
            alpha=_floats(alpha),
            p_a_lower=_floats(p_a_lower),
            radius=_floats(radius),
            levels=levels,
            reused=reused,
        )

    def __len__(self) -> int:
        return len(self.index)


def results(parts: Iterable[Columns], domain: Domain, policy: SigmaPolicy | None = None, terms: Terms | None = None) -> Results:
    """What the checker and the report read, from the stored columns, a part after another; before any memory.

    ``policy`` chose their noise levels; by ``terms`` a modified model was bounded that rests on its baseline.

    Raises: RunFolderError where a point's cell is none of the domain's.
    """
    return replace(Results.joined([_results(part, domain, terms) for part in (Columns.of(()), *parts)]), policy=policy)


def _results(columns: Columns, domain: Domain, terms: Terms | None) -> Results:
    cells = len(domain.cells)
    if len(columns) and not (columns.cell.min() >= 0 and columns.cell.max() < cells):
        raise RunFolderError(
            f"the evidence must hold points in cells 0 to {cells - 1} of its domain, found {columns.cell.min()} to {columns.cell.max()}"
        )
    certified = np.array([outcome == "certified" for outcome in columns.outcome], dtype=np.bool_)
    return Results(
        index=columns.index,
        cell=columns.cell,
        level=domain.layout.levels[columns.cell],
        label=columns.label,
        clean=columns.clean,
        chosen=columns.chosen,
        certified=certified,
        hits=columns.counts.of(columns.chosen),
        label_hits=columns.counts.of(columns.label),
        n0=columns.n0,
        n=columns.n,
        sigma=columns.sigma,
        alpha=columns.alpha,
        p_a_lower=columns.p_a_lower,
        radius=np.where(certified, columns.radius, 0.0),
        anytime=np.array([procedure in ANYTIME_PROCEDURES for procedure in columns.procedure], dtype=np.bool_),
        ties=columns.ties,
        base_n=base_draws(columns.reused),
        p_upper=_upper_bounds(columns, terms),
    )


def _upper_bounds(columns: Columns, terms: Terms | None) -> Floats:
    """The upper bounds (m,) on the true class's probability that rest on a baseline: where that class was taken from it; NaN elsewhere."""
    found = np.full(len(columns), np.nan)
    texts = [
        text if terms is not None and same else None
        for text, same in zip(columns.reused, columns.chosen == columns.label, strict=True)
    ]
    rows = np.flatnonzero([text is not None for text in texts])
    if terms is not None and len(rows):
        hits = columns.counts.of(columns.chosen)
        found[rows] = upper_bounds([text for text in texts if text is not None], terms, hits=hits[rows], n=columns.n[rows])
    return found


def estimates_of(plan: AverageCasePlan, records: Sequence[tuple[Any, ...]]) -> PointEstimates:
    """Estimates by ``plan`` from rows (index, clean, value, low, high, cdf_error, dead_gradient).

    Raises: ValueError where a value is not of its column's kind.
    """
    columns: Sequence[Any] = list(zip(*records, strict=True)) if records else [()] * len(PointEstimates.columns())
    index, clean, value, low, high, cdf_error, dead = columns
    if set(dead) - {0, 1}:
        raise ValueError("whether a gradient is dead must be 0 or 1")
    return PointEstimates(
        plan=plan,
        index=_ints(index),
        clean=_ints(clean),
        value=_floats(value),
        low=_floats(low),
        high=_floats(high),
        cdf_error=_floats(cdf_error),
        dead_gradient=_ints(dead).astype(np.bool_),
    )


def _ints(values: Sequence[Any]) -> Ints:
    if set(map(type, values)) - {int}:
        raise ValueError("a column of whole numbers must hold nothing else")
    return np.array(values, dtype=np.int64)


def _floats(values: Sequence[Any]) -> Floats:
    if set(map(type, values)) - {int, float}:
        raise ValueError("a column of numbers must hold nothing else")
    return np.array(values, dtype=np.float64)
