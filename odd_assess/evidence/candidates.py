"""The estimates by which the points of a ranked design were chosen among candidates: that noise leaves the answer at the true class."""

from __future__ import annotations

from odd_assess.evidence.store import EvidenceStore
from odd_assess.records import Floats, Ints, RankedSets, Spec


def candidate_estimates(store: EvidenceStore, ranked: RankedSets) -> Floats:
    """The estimates (m, candidates) of all candidates; NaN where an estimate is no number.

    Raises: RunFolderError unless there is one for each candidate and no other.
    """
    return store.candidates(ranked.total, ranked.candidates)


def chosen_places(store: EvidenceStore, spec: Spec) -> Ints | None:
    """The place (m,) in its set of each point of the run; None where the design is not ranked.

    Raises: RunFolderError as `candidate_estimates`.
    """
    ranked = spec.sampling.ranked
    return None if ranked is None else ranked.chosen(candidate_estimates(store, ranked), spec.sampling.seed)
