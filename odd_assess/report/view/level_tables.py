"""Which noise level served what: cells of the ODD, points of a cascade, the points that a search looked at."""

from __future__ import annotations

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.policies import Cascade, PerCell
from odd_assess.records import Assessment, Bools, Floats, NoiseLevels, Results
from odd_assess.report.view import formats, levels, weighing
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.records import Cell, Column, LevelsChart, Table
from odd_assess.report.view.traced import quoted

MOST_CELLS = 150
"""Rows of the map of cells; the rest is counted."""


BINS = 20
"""Classes of the histogram of levels, even in log sigma."""


SPREAD = 1.05
"""Levels whose largest is less than so many times their smallest are told, not drawn."""


def by_level(assessment: Assessment, found: NoiseLevels) -> Table | None:
    """How many points each level served, where there are few levels."""
    match found.policy:
        case PerCell():
            return _levels_of_cells(assessment, found)
        case Cascade():
            return _levels_of_cascade(assessment, found.policy)
        case _:
            return None


def _levels_of_cells(assessment: Assessment, found: NoiseLevels) -> Table:
    results, asked = assessment.results, radii_asked(assessment)
    share = {cell.name: cell.weight for cell in assessment.spec.domain.cells}
    weights, rows = weighing.weights(assessment), []
    for sigma in sorted({sigma for _, sigma in found.cells}):
        names = [name for name, of_cell in found.cells if of_cell == sigma]
        its = f"noise/{sigma:.12g}"
        weight, inside = sum(share.get(name, 0.0) for name in names), results.sigma == sigma
        rows.append(
            (
                Cell(text=levels.level(sigma, of=f"{its}/level"), value=sigma, mark="strong"),
                Cell(text=formats.count(len(names), of=f"{its}/cells"), value=len(names)),
                Cell(text=formats.percent(weight, of=f"{its}/weight"), value=weight),
                *_numbers(results.take(inside), weights[inside], asked, its),
            )
        )
    return Table(
        id="noise-levels-table",
        caption="The noise levels and the cells that they serve",
        columns=(
            *(Column(title=title, number=True) for title in ("Noise σ", "Cells", "Share of the ODD")),
            *_number_columns(asked),
        ),
        rows=tuple(rows),
        note=weighing.beside(assessment)
        + "Other cells are other conditions: these lines do not compare levels, the table of single levels does."
        * bool(found.single),
    )


def _levels_of_cascade(assessment: Assessment, policy: Cascade) -> Table:
    results, weights = assessment.results, weighing.weights(assessment)
    rows = [
        _cascade_row(
            levels.level(sigma, of=f"policy/sigmas/{k}"), sigma, results, weights, results.certified & (results.sigma == sigma)
        )
        for k, sigma in enumerate(policy.sigmas, start=1)
    ]
    rows.append(_cascade_row("none: abstained", None, results, weights, ~results.certified))
    return Table(
        id="noise-levels-table",
        caption="How often each level of the cascade gave the radius",
        columns=tuple(
            Column(title=title, number=True, source=source)
            for title, source in (
                ("Noise σ", ""),
                ("Points", "points"),
                ("Share of the points" if weighing.alike(assessment) else "Share of the ODD", "share"),
                ("Of the true class", "right"),
                ("Mean radius", "mean radius"),
                ("Largest radius", "largest radius"),
            )
        ),
        rows=tuple(rows),
        sources=tuple(f"cascade/{k}" for k in range(1, len(rows) + 1)),
        note=weighing.beside(assessment) + "Mean and largest radius of the points in the line, whatever class is certified.",
    )


def _cascade_row(name: str, sigma: float | None, results: Results, weights: Floats, rows: Bools) -> tuple[Cell, ...]:
    points, radius, share = int(rows.sum()), results.radius[rows], weighing.share(rows, weights)
    nothing = Cell(text=formats.NOTHING)
    shown = (
        (Cell(text=formats.radius(value), value=value) for value in (weighing.mean(radius, weights[rows]), float(radius.max())))
        if points and sigma is not None
        else (nothing, nothing)
    )
    right = int((results.correct & rows).sum())
    return (
        Cell(text=name, value=sigma, mark="strong"),
        Cell(text=formats.count(points), value=points),
        Cell(text=formats.percent(share, digits=formats.decimals(len(results))), value=share),
        nothing if sigma is None else Cell(text=formats.count(right), value=right),
        *shown,
    )


def cells(assessment: Assessment, found: NoiseLevels) -> Table | None:
    """The map from cell to level, in the order of the domain."""
    if not found.cells:
        return None
    results, asked = assessment.results, radii_asked(assessment)
    in_cells = weighing.weights_in_cells(assessment)
    cells = {cell.name: (index, cell.weight) for index, cell in enumerate(assessment.spec.domain.cells)}
    rows = []
    for name, sigma in found.cells[:MOST_CELLS]:
        index, weight = cells.get(name, (-1, 0.0))
        its = f"cells/{index}"
        rows.append(
            (
                Cell(text=quoted(name, f"{its}/name")),
                Cell(text=levels.level(sigma, of=f"{its}/noise"), value=sigma, mark="strong"),
                Cell(text=formats.percent(weight, of=f"{its}/weight"), value=weight),
                *_numbers(results.take(results.cell == index), in_cells[results.cell == index], asked, its),
            )
        )
    left = len(found.cells) - len(rows)
    return Table(
        id="noise-cells-table",
        caption="The noise level of each cell of the ODD",
        columns=(
            Column(title="Cell"),
            Column(title="Noise σ", number=True),
            Column(title="Weight", number=True),
            *_number_columns(asked),
        ),
        rows=tuple(rows),
        note="In use, an input must be smoothed with the level of the cell that its metadata name. Certified at r: share (number) of the cell's points of this "
        "run certified for the true class with radius r or more. Mean radius counts 0 where the true class is not certified."
        + (f" {formats.plural(left, 'more cell', of='tables/cell/unlisted')} in the evidence file." if left > 0 else ""),
        sortable=True,
    )


def _number_columns(asked: tuple[float, ...]) -> tuple[Column, ...]:
    titles = (
        "Points",
        *(f"Certified at {formats.plain(radius, of=f'asked/{k}')}" for k, radius in enumerate(asked, start=1)),
        "Mean radius",
    )
    return tuple(Column(title=title, number=True) for title in titles)


def _numbers(results: Results, weights: Floats, asked: tuple[float, ...], of: str) -> tuple[Cell, ...]:
    points = len(results)
    if not points:
        return (
            Cell(text=formats.count(0, of=f"{of}/points"), value=0, mark="gap"),
            *(Cell(text=formats.NOTHING) for _ in range(len(asked) + 1)),
        )
    held = [certified_at(results, radius) for radius in asked]
    shares = [weighing.share(one, weights) for one in held]
    mean = weighing.mean(np.where(results.correct, results.radius, 0.0), weights)
    return (
        Cell(text=formats.count(points, of=f"{of}/points"), value=points),
        *(
            Cell(
                text=f"{formats.percent(share, digits=0, of=f'{of}/{at(radius)}/share')} "
                f"({formats.count(int(one.sum()), of=f'{of}/{at(radius)}/count')})",
                value=share,
            )
            for one, share, radius in zip(held, shares, asked, strict=True)
        ),
        Cell(text=formats.radius(mean, of=f"{of}/mean radius"), value=mean),
    )


def spread(assessment: Assessment) -> LevelsChart | None:
    """The levels that a search chose, where they differ."""
    sigma = assessment.results.sigma
    if not levels.remembers(assessment) or sigma.max() < SPREAD * sigma.min():
        return None
    edges = np.geomspace(float(sigma.min()), float(sigma.max()), BINS + 1)
    edges[0], edges[-1] = sigma.min(), sigma.max()
    counts, _ = np.histogram(sigma, bins=edges)
    middle = float(np.median(sigma))
    return LevelsChart(
        alt=f"Histogram of the noise levels of {formats.plural(len(sigma), 'point')}: {levels.range_in_words(assessment.results)}, median "
        f"{levels.level(middle)}.",
        edges=edges,
        counts=counts.astype(np.int64),
        median=middle,
        median_label=f"median {levels.median(assessment.results)}",
    )
