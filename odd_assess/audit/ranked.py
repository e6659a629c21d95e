"""The points of a ranked design follow from the domain, the seed and the estimates of the candidates that the evidence keeps.

That these estimates are the model's is for `odd_assess.replay` to show.
"""

from __future__ import annotations

import numpy as np

from odd_assess.audit.ledger import Ledger
from odd_assess.audit.load import FinishedRun
from odd_assess.evidence import MANIFEST, candidate_estimates
from odd_assess.odd import candidate_points, chosen_points, selection_digest
from odd_assess.records import OddPoints, RankedSets


def check_candidates(run: FinishedRun, points: OddPoints, ledger: Ledger) -> None:
    """The certified ``points`` are the candidates that the design chooses; no other design has candidates.

    Raises: RunFolderError where estimates of candidates are missing.
    """
    ranked, said = run.spec.sampling.ranked, run.manifest.get("ranked")
    if ranked is None:
        ledger.same(MANIFEST, "ranked", said, None)
        ledger.same("candidates", "estimates", len(run.store.candidates_known(1)), 0)
        return
    _check_chosen(run, ranked, said if isinstance(said, dict) else {}, points, ledger)


def _check_chosen(run: FinishedRun, ranked: RankedSets, said: dict[str, object], points: OddPoints, ledger: Ledger) -> None:
    seed, domain = run.spec.sampling.seed, run.spec.domain
    estimates = candidate_estimates(run.store, ranked)
    place = ranked.chosen(estimates, seed)
    candidates = candidate_points(domain, ranked, seed)
    if not ledger.slack:  # elsewhere conditions may round otherwise; they are compared one by one
        ledger.same(MANIFEST, "digest of the points", run.manifest["identity"].get("points"), candidates.digest)
    ledger.same(MANIFEST, "ranked.candidates", said.get("candidates"), len(candidates))
    ledger.same(MANIFEST, "ranked.selection", said.get("selection"), selection_digest(place))
    wrong = ~np.isnan(estimates) & ~((estimates >= 0) & (estimates <= 1))
    for point, j in np.argwhere(wrong).tolist():
        ledger.note(f"point {point}, candidate {j}", "estimate", float(estimates[point, j]), "a number in [0, 1]")
    chosen = chosen_points(candidates, ranked, place)
    if not np.array_equal(points.indices, chosen.indices):
        return  # told by the number of certificates
    for attribute, old, new in zip(domain.attributes, points.codes.T, chosen.codes.T, strict=True):
        names = [f"point {index}, chosen candidate" for index in points.indices.tolist()]
        ledger.compare(names, attribute.id, old, new)
    ledger.compare([f"point {index}, chosen candidate" for index in points.indices.tolist()], "cell", points.cell, chosen.cell)
