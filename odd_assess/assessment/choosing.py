"""Choosing the points of a ranked design: all candidates are estimated, and of each set the one with the declared rank becomes a point of the run.

The estimate is that of the true class: 0 where the answer without noise is another.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from odd_assess.errors import RunError
from odd_assess.evidence import EvidenceStore, candidate_estimates
from odd_assess.execution import Bench, estimate_points, of_true_class
from odd_assess.odd import selection_digest
from odd_assess.odd.points import CANDIDATES
from odd_assess.progress import Progress
from odd_assess.records import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen: its digest, the number of candidates, how many of these were estimated now and the seconds that it took."""

    selection: str
    candidates: int
    estimated: int
    seconds: float


def choose_points(spec: Spec, bench: Bench, store: EvidenceStore, tell: Progress) -> tuple[Bench, Choice | None]:
    """The bench with the points that are to be certified, and how they were chosen; as it is, where the design is not ranked.

    Estimates are committed a chunk at a time; what is in the evidence already is not estimated again.

    Raises: RunError when model, data or disk give way; what is estimated stays.
    """
    ranked, plan, candidates = spec.sampling.ranked, spec.average_case, bench.candidates
    if ranked is None:
        return bench, None
    assert plan is not None  # the spec has made sure
    assert candidates is not None  # the bench was set up for this design
    done = store.candidates_known(ranked.candidates)
    left = candidates.take(~np.isin(candidates.indices, done))
    before = f", {len(done)} are done already" if len(done) else ""
    tell.say(
        f"candidates (no certificates): {len(left):,} to estimate by {plan.method}, {ranked.candidates} for each of {ranked.total:,} points{before}"
    )
    begun = time.perf_counter()
    try:
        for batch, found in estimate_points(bench, plan, left, seed=spec.sampling.seed + CANDIDATES, tell=tell):
            store.add_candidates(found.index // ranked.candidates, found.index % ranked.candidates, of_true_class(batch, found))
    except RunError as error:
        raise RunError(f"{error}. What is estimated is kept; mend the cause and go on with --resume") from error
    place = ranked.chosen(candidate_estimates(store, ranked), spec.sampling.seed)
    choice = Choice(
        selection=selection_digest(place), candidates=len(candidates), estimated=len(left), seconds=time.perf_counter() - begun
    )
    return bench.choosing(spec, place), choice


def choice_of(choice: Choice | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of it: the seconds are of the candidates that were estimated since the run was gone on with."""
    if choice is None:
        return {}
    said = {"candidates": choice.candidates, "selection": choice.selection}
    if choice.estimated:
        return {"ranked": {**said, "estimated": choice.estimated, "seconds": round(choice.seconds, 3)}}
    return {"ranked": before.get("ranked", said)}
