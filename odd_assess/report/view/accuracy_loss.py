"""Certified accuracy lost to the budget: what this run certified at each radius, and what the reference budget would be expected to."""

from __future__ import annotations

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.inference import point_weights
from odd_assess.criteria.loss import certified_share_at_reference
from odd_assess.records import Assessment, Floats
from odd_assess.report.view import formats
from odd_assess.report.view.budgets import draws_in_words, is_sequential
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.records import Cell, Column, Table
from odd_assess.stats import theory_accuracy_drop


def expected_accuracy(assessment: Assessment, radii: Floats) -> Floats:
    """The share of the ODD that the reference budget would be expected to certify at each of the radii, given the counts of this run. An estimate."""
    results, spec = assessment.results, assessment.spec
    weights = point_weights(spec.sampling, spec.domain, results)
    return certified_share_at_reference(results, radii, weights, n_ref=assessment.reduction.n_ref)


def table(assessment: Assessment) -> Table:
    """At radius 0 and at the radii asked for: certified here, expected at the reference, the difference, and what the theory allows."""
    results, spec, n_ref = assessment.results, assessment.spec, assessment.reduction.n_ref
    radii = np.array(sorted({0.0, *radii_asked(assessment)}))
    weights = point_weights(spec.sampling, spec.domain, results)
    now = np.array([float(weights @ certified_at(results, float(radius))) for radius in radii])
    then = expected_accuracy(assessment, radii)
    fixed = assessment.recertified is None and not is_sequential(assessment) and int(results.n.min()) == int(results.n.max())
    limit = theory_accuracy_drop(int(results.n.max()), alpha=float(results.alpha.max())) if fixed else None
    titles = [
        "Radius",
        f"At n = {draws_in_words(results)}",
        f"Expected at n = {formats.count(n_ref, of='reduction/n_ref')}",
        "Lost",
    ]
    titles += [] if limit is None else ["Theory: at most"]
    return Table(
        id="accuracy-loss-table",
        caption="Certified accuracy lost to the budget",
        columns=tuple(Column(title=title, number=True) for title in titles),
        rows=tuple(
            _row(assessment, place, *numbers, limit)
            for place, numbers in enumerate(zip(radii.tolist(), now.tolist(), then.tolist(), strict=True))
        ),
        note=_note(assessment, limit),
    )


def _row(assessment: Assessment, place: int, radius: float, now: float, then: float, limit: float | None) -> tuple[Cell, ...]:
    digits = formats.decimals(len(assessment.results))
    its = {"share": now, "expected": then, "lost": then - now}
    cells = (
        Cell(text=formats.plain(radius, of=f"asked/0/{place}"), value=radius),
        *(
            Cell(text=formats.percent(share, digits=digits, of=f"alone/{at(radius)}/{name}"), value=share)
            for name, share in its.items()
        ),
    )
    return (
        cells
        if limit is None
        else (*cells, Cell(text=formats.percent(limit, side="up", of="reduction/accuracy drop"), value=limit))
    )


def _note(assessment: Assessment, limit: float | None) -> str:
    text = (
        "Share of the ODD certified for the true class. Expected: for each point the probability that so many draws would certify the radius, given its "
        "count; an estimate."
    )
    if is_sequential(assessment):
        text += (
            " At the radii that the criteria ask for, draws went on until each point was decided, so hardly anything is lost there; what is lost at other "
            "radii was not pursued."
        )
    if limit is not None:
        text += (
            " Theory: z / √n, z two-sided at α, for a model whose votes are spread (Seferis et al. 2024). A model that is sure of many "
            "points loses more near the cap, because they reach it together."
        )
    return text
