"""What a recertified run says of its baseline and of what it took from there: from the certificates of both, which the run keeps, and from its manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from odd_assess.criteria.terms import terms_of
from odd_assess.errors import RunFolderError
from odd_assess.evidence.baseline import kept_baseline
from odd_assess.evidence.columns import Columns
from odd_assess.evidence.reused import what_was_reused
from odd_assess.evidence.store import BASELINE, MAIN, EvidenceStore
from odd_assess.records import Ints, Recertified, Reused, Spec


def recertified(store: EvidenceStore, spec: Spec, manifest: Mapping[str, Any]) -> Recertified | None:
    """What became of a modified model that was certified on what its baseline keeps; None where the spec asks for no such thing.

    ``manifest`` tells under ``recertified`` the ``seconds`` and ``baseline_seconds`` of both, if it does: those of the stage ``main`` and the ``draws`` that
    were made in them. Where these are not all, because the run was interrupted, the rest is taken to be as fast.

    Raises: RunFolderError where the evidence is damaged.
    """
    plan = spec.recertification
    if plan is None:
        return None
    kept = kept_baseline(store)
    if kept is None:
        raise RunFolderError(f"{store.path}: a recertified run must keep its baseline, found none")
    index, draws, found = _reused(store)
    base_n0, base_n = _base_draws(store, index)
    told = manifest.get("recertified")
    return Recertified(
        run=kept.run,
        title=kept.title,
        verdict=kept.verdict,
        finished=kept.finished,
        model=kept.model,
        certificates=kept.certificates,
        plan=plan,
        terms=terms_of(plan, spec.certification.alpha),
        route=np.array([one.route for one in found], dtype=np.str_),
        base_hits=_column(one.base_hits for one in found),
        base_n=_column(one.base_n for one in found),
        head=_column(one.head for one in found),
        lost=_column(one.lost for one in found),
        changed=_column(one.changed for one in found),
        draws=draws,
        base_draws=int((base_n0 + base_n).sum()),
        base_selection=int(base_n0.sum()),
        seconds=_seconds(told, "seconds", draws),
        base_seconds=_seconds(told, "baseline_seconds", int((base_n0 + base_n).sum())),
    )


def _reused(store: EvidenceStore) -> tuple[Ints, int, list[Reused]]:
    """Index and what was reused of each point, and the draws of all."""
    index, draws, found = [np.zeros(0, dtype=np.int64)], 0, list[Reused]()
    try:
        for part in store.columns(MAIN):
            index.append(part.index)
            draws += int((part.n0 + part.n).sum())
            found += [what_was_reused(text or "null") for text in part.reused]
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{store.path}: must say what each certificate takes from the baseline, found {error!r}") from error
    return np.concatenate(index), draws, found


def _base_draws(store: EvidenceStore, index: Ints) -> tuple[Ints, Ints]:
    """The draws of the baseline, n0 and n (m,), at these points."""
    parts: list[Columns] = list(store.columns(BASELINE)) or [Columns.of(())]
    of, n0, n = (np.concatenate([getattr(part, name) for part in parts]) for name in ("index", "n0", "n"))
    rows = np.searchsorted(of, index)
    if not len(of) or not np.array_equal(of[np.minimum(rows, len(of) - 1)], index):
        raise RunFolderError(f"{store.path}: the baseline must have a certificate at every point of the run, but some have none")
    return n0[rows], n[rows]


def _column(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _seconds(told: object, name: str, draws: int) -> float | None:
    """How long so many draws took, by the rate that was measured; None where the manifest tells none."""
    measured = told.get(name) if isinstance(told, Mapping) else None
    if not isinstance(measured, Mapping):
        return None
    seconds, made = measured.get(MAIN), measured.get("draws")
    if not isinstance(seconds, int | float) or not isinstance(made, int) or not (seconds > 0 and made > 0):
        return None
    return float(seconds * draws / made)
