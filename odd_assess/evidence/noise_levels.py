"""What the evidence says of a policy that chooses noise levels: everything that follows from the counts, the points and the distances of their inputs.

per_cell                     stages ``calibration SIGMA``: the points on which the level of each cell was chosen; the map itself is an entry of `meta`
multi_start, data_dependent  the table ``pairs``: the inputs whose balls may meet, from which the memory's radii follow
any                          stages ``single SIGMA``: the subsample that was certified at single levels too
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from odd_assess.criteria.terms import terms_of
from odd_assess.errors import RunFolderError
from odd_assess.evidence.columns import results
from odd_assess.evidence.store import MAIN, EvidenceStore
from odd_assess.policies import ByInput, PerCell
from odd_assess.records import CertificationPlan, Ints, NoiseLevels, Results, Soundness, Spec
from odd_assess.stats.balls import Pairs, resolved

CELL_LEVELS = "cell_levels"
"""The entry of `meta` that holds the level of each cell."""
MEMORY = "memory"
"""The entry of `meta` that says of how many points the pairs are kept."""


def calibration_stage(sigma: float) -> str:
    """The stage of the points on which the levels of cells are chosen, at one level of the grid."""
    return f"calibration {sigma!r}"


def single_stage(sigma: float) -> str:
    """The stage of the subsample that is certified at a single level too."""
    return f"single {sigma!r}"


def calibration_stages(plan: CertificationPlan) -> tuple[str, ...]:
    """All of them, in rising order of the level."""
    return tuple(calibration_stage(sigma) for sigma in plan.policy.grid) if isinstance(plan.policy, PerCell) else ()


def soundness_of(plan: CertificationPlan) -> Soundness:
    """What the certificates of the points speak of."""
    if isinstance(plan.policy, ByInput):
        return "memory (later queries, order dependent)"
    return "per-cell (metadata)" if isinstance(plan.policy, PerCell) else "stateless"


def chosen_levels(store: EvidenceStore, spec: Spec) -> tuple[float, ...]:
    """The level of each cell (cells,) that follows from the counts of the calibration.

    Raises: RunFolderError where the calibration is not that of the spec.
    """
    from odd_assess.stats import level_of_cells  # scipy comes in here, where a policy needs it

    plan, policy = spec.certification, spec.certification.policy
    assert isinstance(policy, PerCell)  # the callers have made sure
    parts = [results(store.columns(stage), spec.domain) for stage in calibration_stages(plan)]
    first = parts[0]
    if not len(first) or any(not np.array_equal(part.index, first.index) for part in parts):
        raise RunFolderError(
            f"{store.path}: the levels of cells must have been chosen on the same points at each level, but they differ"
        )
    try:
        places = level_of_cells(
            np.array([part.label_hits for part in parts]),
            policy.draws,
            first.cell,
            policy.grid,
            cells=len(spec.domain.cells),
            n=plan.budget.n,
            alpha=plan.alpha / 2 if plan.budget.kind == "single_batch" else plan.alpha,
        )
    except ValueError as error:
        raise RunFolderError(f"{store.path}: its calibration must be that of a run, but it is damaged: {error}") from error
    return tuple(policy.grid[place] for place in places)


def note_levels(store: EvidenceStore, levels: tuple[float, ...]) -> None:
    """Keep the level of each cell.

    Raises: RunError when the disk refuses.
    """
    store.note(CELL_LEVELS, json.dumps(levels))


def noted_levels(store: EvidenceStore, cells: int) -> tuple[float, ...]:
    """The level of each cell, as it is kept.

    Raises: RunFolderError where it is not kept, or damaged.
    """
    try:
        levels = tuple(float(level) for level in json.loads(store.meta()[CELL_LEVELS]))
    except (KeyError, ValueError, TypeError) as error:
        raise RunFolderError(f"{store.path}: must hold the noise level of each cell, found {error!r}") from error
    if len(levels) != cells:
        raise RunFolderError(f"{store.path}: must hold the noise level of each of {cells} cells, found {len(levels)}")
    return levels


def after_memory(alone: Results, pairs: Pairs) -> tuple[Results, Ints]:
    """What counts of certificates whose level was chosen by looking at the input, and the label (m,) that the memory of all of them answers with.

    The radius is the smaller of the two, before and after; nothing counts where the memory answers with another class.

    Raises: ValueError for pairs of other points.
    """
    labels, radii = resolved(alone.chosen, alone.radius, pairs)
    certified = alone.certified & (labels == alone.chosen) & (radii > 0)
    return replace(alone, certified=certified, radius=np.where(certified, np.minimum(alone.radius, radii), 0.0)), labels


def remembered(alone: Results, store: EvidenceStore) -> tuple[Results, Ints | None]:
    """What counts, and the labels of the memory where there is one.

    Raises: RunFolderError where the pairs are damaged or of other points.
    """
    if not isinstance(alone.policy, ByInput):
        return alone, None
    if (noted := store.meta().get(MEMORY)) != str(len(alone)):
        raise RunFolderError(f"{store.path}: the memory must be one of {len(alone)} points, found {noted or 'none'}")
    try:
        return after_memory(alone, store.pairs())
    except ValueError as error:
        raise RunFolderError(
            f"{store.path}: the distances of its inputs must be those of a run, but they are damaged: {error}"
        ) from error


def noise_levels(store: EvidenceStore, spec: Spec, alone: Results) -> NoiseLevels | None:
    """What became of the policy; ``alone``: the points of the run before any memory. None where there is no policy.

    Raises: RunFolderError where something of it is damaged.
    """
    plan = spec.certification
    if plan.policy is None:
        return None
    cells: tuple[tuple[str, float], ...] = ()
    if isinstance(plan.policy, PerCell):
        levels = noted_levels(store, len(spec.domain.cells))
        cells = tuple((cell.name, level) for cell, level in zip(spec.domain.cells, levels, strict=True))
    by_input = isinstance(plan.policy, ByInput)
    single = () if plan.comparison is None else plan.comparison.sigmas
    return NoiseLevels(
        policy=plan.policy,
        soundness=soundness_of(plan),
        cells=cells,
        alone=alone.radius if by_input else None,
        label_alone=alone.chosen if by_input else None,
        single=tuple(results(store.columns(single_stage(sigma)), spec.domain) for sigma in single),
    )


def found_points(store: EvidenceStore, spec: Spec, below: int | None = None) -> tuple[Results, NoiseLevels | None]:
    """The points of a run as they count, and what became of its policy; the first ones where ``below`` says how many.

    Raises: RunFolderError where the evidence is damaged.
    """
    settings, plan = spec.recertification, spec.certification
    terms = None if settings is None else terms_of(settings, plan.alpha)
    alone = results(store.columns(MAIN, below=below), spec.domain, plan.policy, terms)
    return remembered(alone, store)[0], noise_levels(store, spec, alone)
