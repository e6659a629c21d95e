"""What follows for the certificates of a modified model from those of its baseline: class, what was reused, the route that was taken, the bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from odd_assess.audit.ledger import Ledger, objects
from odd_assess.criteria.terms import terms_of
from odd_assess.errors import RunFolderError
from odd_assess.evidence import BASELINE, Answers, Columns, EvidenceStore, Tallies, what_was_reused
from odd_assess.records import Bools, Floats, Ints, Recertification, Reused
from odd_assess.stats import (
    anytime_modified_lower_bound,
    proportion_lower_bound,
)
from odd_assess.stats.arrays import distinct


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestsOn:
    """The baseline of some points, row by row: its certificates and the answers that it keeps. ``alpha``: of one certificate of the modified model."""

    settings: Recertification
    alpha: float
    baseline: Columns
    answers: Mapping[int, Answers]

    def lower_bounds(self, columns: Columns, where: Sequence[str], ledger: Ledger) -> Floats:
        """The lower bound on pA (m,) that follows from counts, baseline and kept answers; what does not fit together is noted.

        Raises: ValueError, KeyError or TypeError where what was reused cannot be read.
        """
        base = self.baseline
        base_hits, base_n = base.counts.of(base.chosen), base.counts.total
        selection = Tallies.parse(["[]" if text is None else text for text in base.selection])
        chose = selection.of(base.chosen)
        reused = _Columns.of([None if text is None else what_was_reused(text) for text in columns.reused])
        hits, n = columns.counts.of(base.chosen), columns.n
        head = np.array(
            [_head(self.answers.get(i), draws, a) for i, draws, a in _rows(columns.index, n, base.chosen)], dtype=np.int64
        )
        gained = hits - (head - reused.lost)
        ledger.compare(where, "label", columns.chosen, base.chosen)
        ledger.compare(where, "hits of the baseline", reused.base_hits, base_hits)
        ledger.compare(where, "n of the baseline", reused.base_n, base_n)
        ledger.compare(where, "head", reused.head, head)
        ledger.compare(where, "lost", reused.lost, np.clip(reused.lost, np.maximum(0, head - hits), np.minimum(head, n)))
        ledger.compare(where, "hits", hits, np.clip(hits, head - reused.lost, n - reused.lost))
        ledger.compare(
            where, "changed", reused.changed, np.clip(reused.changed, reused.lost + gained, np.maximum(reused.lost + n - head, 0))
        )
        possible: Bools = (base_hits <= base_n) & (n >= 1) & (n < base.n0 + base.n) & (base_n >= 1)
        possible &= (reused.lost >= 0) & (reused.lost <= n) & (hits <= n)
        ledger.compare(where, "counts that can stand beside the baseline's", possible, np.ones(len(columns), dtype=np.bool_))
        rows = np.flatnonzero(possible)
        lower, route = columns.p_a_lower.copy(), objects(reused.route)
        tail_hits, tail = chose + base_hits - head, base.n0 + base.n - n
        if len(rows):
            cases = (base_hits, base_n, tail_hits, tail, n, head, reused.lost, hits)
            route[rows], lower[rows] = self._bounds(*(column[rows] for column in cases))
        ledger.compare(where, "route", objects(reused.route), route)
        return lower

    def _bounds(
        self, base_hits: Ints, base_n: Ints, tail_hits: Ints, tail: Ints, n: Ints, head: Ints, lost: Ints, hits: Ints
    ) -> tuple[np.ndarray, Floats]:
        """(route, lower bound) of some points (m,), each different case once, by the code that certified."""
        terms = terms_of(self.settings, self.alpha)
        first, group = distinct(base_hits, base_n, tail_hits, n, head, lost, hits)
        if self.settings.when_decided:
            base_lower = np.atleast_1d(proportion_lower_bound(base_hits[first], base_n[first], alpha=terms.alpha))
            lower = anytime_modified_lower_bound(lost[first], hits[first], n[first], base_lower=base_lower, alpha_z=terms.alpha_z)
            return objects(["both"] * len(group)), lower[group]
        routes: list[str | None] = []
        bounds = []
        columns = (base_hits, base_n, tail_hits, tail, n, head, lost, hits)
        for k, base, of_tail, others, drawn, agreed, gone, hit in _rows(*(column[first] for column in columns)):
            route = terms.route(base_hits=k, base_n=base, tail_hits=of_tail, tail=others, n=drawn)
            routes.append(route)
            bounds.append(terms.lower_bound(route, base_hits=k, base_n=base, head=agreed, lost=gone, hits=hit, n=drawn))
        return objects(routes)[group], np.array(bounds)[group]


def rests_on(store: EvidenceStore, columns: Columns, settings: Recertification, alpha: float) -> RestsOn:
    """The baseline of the points of ``columns``.

    Raises: RunFolderError where it does not have all of them, or is damaged.
    """
    first, last = (int(columns.index[0]), int(columns.index[-1])) if len(columns) else (0, -1)
    parts = list(store.columns(BASELINE, first=first, below=last + 1))
    if len(parts) != 1 or not np.array_equal(parts[0].index, columns.index):
        raise RunFolderError(f"{store.path}: the baseline must have a certificate at each point of a model that is certified on it")
    return RestsOn(settings=settings, alpha=alpha, baseline=parts[0], answers=store.answers(columns.index.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Columns:
    """What was reused, row by row; -1 where a certificate says nothing."""

    route: list[str | None]
    base_hits: Ints
    base_n: Ints
    head: Ints
    lost: Ints
    changed: Ints

    @classmethod
    def of(cls, reused: Sequence[Reused | None]) -> _Columns:
        numbers = {
            name: np.array([-1 if one is None else getattr(one, name) for one in reused], dtype=np.int64)
            for name in ("base_hits", "base_n", "head", "lost", "changed")
        }
        return cls(route=[None if one is None else one.route for one in reused], **numbers)


def _head(kept: Answers | None, draws: int, label: int) -> int:
    """How many of the first draws were answered ``label``."""
    return 0 if kept is None else int(np.count_nonzero(kept[:draws] == label))


def _rows(*columns: Ints) -> zip[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)
