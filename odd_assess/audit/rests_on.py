"""What follows for the certificates of a modified model from those of its baseline: class, what was reused, the route that was taken, the bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from odd_assess.audit.ledger import Ledger
from odd_assess.errors import RunFolderError
from odd_assess.evidence import BASELINE, Answers, Columns, EvidenceStore, Tallies, what_was_reused
from odd_assess.records import Floats, Ints, Recertification, Reused
from odd_assess.stats import fresh_level, incremental_lower_bound, incremental_route, proportion_lower_bound


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
        lower = np.empty(len(columns))
        routes: list[str | None] = []
        alpha, alpha_z = self.settings.split(self.alpha)
        for row, (k0, n0, first, total, drawn, kept, lost, k) in enumerate(
            _rows(base_hits, base_n, chose, base.n0 + base.n, n, head, reused.lost, hits)
        ):
            possible = 0 <= k0 <= n0 and 1 <= drawn < total and 0 <= lost <= drawn and 0 <= k <= drawn and n0 >= 1
            tail_hits = first + k0 - kept
            if not possible:
                ledger.note(where[row], "counts", (k, drawn, lost), f"counts that can stand beside {(k0, n0)} of the baseline")
                routes.append(reused.route[row])
                lower[row] = columns.p_a_lower[row]
                continue
            route, lower[row] = _bound(self.settings, alpha, alpha_z, k0, n0, tail_hits, total - drawn, drawn, lost, k)
            routes.append(route)
        ledger.compare(where, "route", _objects(reused.route), _objects(routes))
        return lower


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


@lru_cache(maxsize=2**16)
def _bound(
    settings: Recertification,
    alpha: float,
    alpha_z: float,
    base_hits: int,
    base_n: int,
    tail_hits: int,
    tail: int,
    n: int,
    lost: int,
    hits: int,
) -> tuple[str, float]:
    """(route, lower bound) of one case, by the code that certified."""
    base_lower = _base_lower(base_hits, base_n, alpha)
    fresh = fresh_level(settings.route, alpha=alpha, alpha_z=alpha_z, models=settings.models)
    route = incremental_route(
        "both" if settings.when_decided else settings.route,
        base_lower=base_lower,
        tail_hits=tail_hits,
        tail=tail,
        base_n=base_n,
        n=n,
        alpha=alpha,
        alpha_z=alpha_z,
        alpha_fresh=fresh,
        gamma=settings.gamma,
    )
    counts = (0.0, 0, hits) if route == "fresh" else (base_lower, lost, 0 if route == "incremental" else hits)  # what it looks at
    return route, _route_bound(route, *counts, n, alpha_z, fresh)


@lru_cache(maxsize=2**16)
def _route_bound(route: str, base_lower: float, lost: int, hits: int, n: int, alpha_z: float, alpha_fresh: float) -> float:
    return incremental_lower_bound(
        route,  # type: ignore[arg-type]  # one of those that `incremental_route` gives
        base_lower=base_lower,
        lost=lost,
        hits=hits,
        n=n,
        alpha_z=alpha_z,
        alpha_fresh=alpha_fresh,
    )


@lru_cache(maxsize=2**16)
def _base_lower(hits: int, n: int, alpha: float) -> float:
    return float(proportion_lower_bound(hits, n, alpha=alpha))


def _rows(*columns: Ints) -> zip[tuple[int, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


def _objects(values: Sequence[str | None]) -> np.ndarray:
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
    return found
