"""What a memory took: certificates of each point alone, and what of them holds beside all others."""

from __future__ import annotations

from odd_assess.criteria import certified_at
from odd_assess.criteria.inference import point_weights
from odd_assess.records import Assessment, NoiseLevels
from odd_assess.report.view import formats, levels
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.records import Cell, Column, Table


def in_words(assessment: Assessment, found: NoiseLevels) -> str:
    """What the memory did, in two sentences; empty without one."""
    if found.alone is None:
        return ""
    before, after, m = levels.alone(assessment), assessment.results, len(assessment.results)
    touched, gone = before.radius > after.radius, before.certified & ~after.certified
    if not touched.any():
        return (
            f"The memory took nothing: among the {formats.plural(m, 'point', of='points')} balls of different classes are disjoint. More points "
            f"overlap more: what is "
            "lost grows with their number."
        )
    shrunk, other = int((touched & ~gone).sum()), int(gone.sum())
    told = [f"at {formats.plural(shrunk, 'point', of='memory/shrunk')} the radius became smaller"] if shrunk else []
    told += (
        [f"at {formats.plural(other, 'point', of='memory/gone')} it answers with another class, so that nothing counts there"]
        if other
        else []
    )
    old, new = (levels.mean_radius(assessment, results) for results in (before, after))
    share = f", by {formats.percent((old - new) / old, of='memory/share')}" if old > 0 else ""
    return (
        f"The memory touched {formats.count(int(touched.sum()), of='memory/touched')} of {formats.plural(m, 'point', of='points')}: {formats.listed(told)}. "
        f"The mean certified radius fell from {formats.radius(old, of='alone/mean radius')} to {formats.radius(new, of='all/mean radius')}{share}."
    )


def table(assessment: Assessment, found: NoiseLevels) -> Table | None:
    """Mean radius and certified accuracy before and after; None without a memory, or where it took nothing."""
    before, after = levels.alone(assessment), assessment.results
    if found.alone is None or not (before.radius > after.radius).any():
        return None
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, after)
    digits = formats.decimals(len(after))

    def radii(old: float, new: float) -> tuple[Cell, ...]:
        return tuple(Cell(text=formats.radius(value), value=value) for value in (old, new, old - new))

    def shares(old: float, new: float) -> tuple[Cell, ...]:
        return tuple(Cell(text=formats.percent(value, digits=digits), value=value) for value in (old, new, old - new))

    def counts(old: int, new: int) -> tuple[Cell, ...]:
        return tuple(Cell(text=formats.count(value), value=value) for value in (old, new, old - new))

    rows = [
        (
            Cell(text="Mean certified radius of the true class"),
            *radii(*(levels.mean_radius(assessment, r) for r in (before, after))),
        )
    ]
    sources = ["mean radius"]
    for k, radius in enumerate(sorted({0.0, *radii_asked(assessment)})):
        sources.append(at(radius))
        held = [float(weights @ certified_at(results, radius)) for results in (before, after)]
        rows.append((Cell(text=f"Certified accuracy at {formats.plain(radius, of=f'asked/0/{k}')}"), *shares(*held)))
    rows.append((Cell(text="Points certified, whatever class"), *counts(*(int(r.certified.sum()) for r in (before, after)))))
    return Table(
        id="memory-table",
        caption="What was lost to the memory",
        columns=(
            Column(title="Over the ODD"),
            Column(title="Each point alone", number=True, source="alone"),
            Column(title="With the memory", number=True, source="with"),
            Column(title="Lost", number=True, source="lost"),
        ),
        rows=tuple(rows),
        sources=tuple(f"memory/{source}" for source in (*sources, "points")),
        note="Plain shares and means. All findings, charts and other tables of this report count what holds with the memory, except where they say "
        "“before the memory”. More points overlap more: what is lost grows with their number.",
    )
