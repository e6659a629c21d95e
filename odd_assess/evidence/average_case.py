"""The estimates of average-case robustness that a run made at its points, or why it made none."""

from __future__ import annotations

from odd_assess.errors import RunFolderError
from odd_assess.evidence.store import EvidenceStore
from odd_assess.records import PointEstimates, Spec

LEFT_OUT = "average_case_left_out"
"""The entry of `meta` that says why a modified model was not estimated."""


def left_out(store: EvidenceStore) -> str:
    """Why the estimates that the spec asks for were left out; empty where they were not."""
    return store.meta().get(LEFT_OUT, "")


def point_estimates(store: EvidenceStore, spec: Spec, below: int | None = None) -> PointEstimates | None:
    """The estimates at the points of a run, in design order, the first ones where ``below`` says how many; None where there are none to be.

    Raises: RunFolderError where the evidence is damaged.
    """
    if spec.average_case is None or left_out(store):
        return None
    found = store.estimates(spec.average_case, below=below)
    if not len(found):
        raise RunFolderError(f"{store.path}: must hold an estimate at every point, as its spec asks by average_case, found none")
    return found
