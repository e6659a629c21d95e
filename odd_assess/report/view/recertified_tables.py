"""The numbers of a recertified run: draws and times beside other ways to certify the model, how its points were bounded, and where radius went."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from odd_assess.odd.attributes import Attribute
from odd_assess.records import Assessment, Bools, Floats, Recertified, Results
from odd_assess.report.view import curve, formats, weighing
from odd_assess.report.view.budgets import asked_in_words, is_sequential
from odd_assess.report.view.domain import with_unit
from odd_assess.report.view.points import value_text
from odd_assess.report.view.records import Cell, Column, Table
from odd_assess.report.view.traced import number, quoted
from odd_assess.stats import (
    anytime_lower_bound,
    anytime_upper_bound,
    certified_radius,
    proportion_lower_bound,
    proportion_upper_bound,
)
from odd_assess.stats.arrays import distinct

ROUTES = {
    "incremental": "bound by what changed",
    "fresh": "counted afresh",
    "both": "both at once, stopped when decided",
}
"""The ways to bound a point, in words."""

CLASSES = (0.0, 0.005, 0.01, 0.02, 0.05, 1.0)
"""Shares of lost copies up to which points are counted together."""

MOST_WEAK = 10
"""Points in the table of those that lost most radius."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """The same points under the baseline (``before``) and under the modified model (``after``)."""

    assessment: Assessment
    found: Recertified
    before: Results
    after: Results


def ratio(more: float, less: float, *, of: str = "") -> str:
    """How many times more, to two digits; ``of``: its source.

    >>> ratio(10.1, 1.0), ratio(3.04, 1), ratio(180.0, 1.0)
    ('10', '3.0', '180')
    """
    times = more / less
    return number(f"{times:.1f}" if times < 9.95 else formats.count(float(f"{times:.2g}")), times, of)


def probability(alpha: float, *, of: str = "") -> str:
    """A part of a failure probability, to four digits: shares of it need not be round; ``of``: its source.

    >>> probability(0.0005), probability(0.002 / 3)
    ('0.0005', '0.0006667')
    """
    return number(formats.plain(float(f"{alpha:.4g}")), alpha, of)


def combined(found: Recertified) -> bool:
    """Whether what is known of the baseline and what was drawn now are combined by Fisher's method."""
    return found.terms.combines(base_n=int(found.base_n.max(initial=0)), n=found.plan.draws)


def zeta_upper(found: Recertified, after: Results) -> Floats:
    """The upper bound (m,) on the probability that a copy is lost, each except with probability alpha_z."""
    return _upper(found.lost, after, found.terms.alpha_z)


def _upper(hits: np.ndarray, after: Results, alpha: float) -> Floats:
    fixed = np.atleast_1d(proportion_upper_bound(hits, after.n, alpha=alpha))
    if not after.anytime.any():
        return fixed
    return np.where(after.anytime, np.atleast_1d(anytime_upper_bound(hits, after.n, alpha=alpha)), fixed)


def unchanged(pair: Pair) -> Floats | None:
    """The radius (m,) that a model which answers as the baseline does would show with the draws of this run; None where what was found told when to stop.

    The same bounds as at each point, for no lost copy and the baseline's own answers. So what is missing to the baseline's radius is the price of fewer draws,
    and what this run shows less is what the model lost.
    """
    found, n = pair.found, pair.after.n
    if pair.after.anytime.any():
        return None
    columns = (found.base_hits, found.base_n, found.head, n)
    first, group = distinct(*columns, (found.route == "fresh").astype(np.int64))
    cases = zip(found.route[first].tolist(), *(column[first].tolist() for column in columns), strict=True)
    shown = np.array(
        [
            found.terms.lower_bound(route, base_hits=hits, base_n=base_n, head=head, lost=0, hits=head, n=draws)
            for route, hits, base_n, head, draws in cases
        ]
    )[group]
    return np.atleast_1d(certified_radius(shown, sigma=pair.after.sigma))


# ---------------------------------------------------------------- what it cost


def from_scratch(pair: Pair) -> Floats:
    """The radius (m,) that the very draws of this run would show without the baseline: for its classes, at the whole level of a certificate."""
    after = pair.after
    fixed = np.atleast_1d(proportion_lower_bound(after.hits, after.n, alpha=after.alpha))
    shown = (
        np.where(after.anytime, np.atleast_1d(anytime_lower_bound(after.hits, after.n, alpha=after.alpha)), fixed)
        if after.anytime.any()
        else fixed
    )
    return np.atleast_1d(certified_radius(shown, sigma=after.sigma))


def saved(pair: Pair) -> str:
    """Draws and time beside the baseline's and beside certification from scratch, in a few sentences."""
    found, m = pair.found, len(pair.after)
    times = ratio(found.base_draws, found.draws, of="recertified/times/draws")
    text = f"Repeating the baseline's certification on the modified model would take {times} times the draws of this run"
    if found.seconds and found.base_seconds:
        times = ratio(found.base_seconds, found.seconds, of="recertified/times/seconds")
        text += f"; measured, the baseline's draws took {times} times the time"
    if is_sequential(pair.assessment):
        return f"{text}. It would show larger radii, too: here draws stopped once the radii asked for ({asked_in_words(pair.assessment)}) were decided."
    text += ". It would show more radius, too, so that the fair question is how many draws from scratch show as much. "
    same = curve.draws_for(pair.assessment, float(pair.after.radius.mean()))
    if same is None:
        if not pair.after.radius.any():
            return text + "Nothing is certified here, so that there is nothing to be matched."
        return (
            text
            + f"More than {formats.count(pair.assessment.reduction.n_ref, of='reduction/n_ref')} a point would be expected to be needed."
        )
    whole = m * same + found.base_selection
    if whole <= found.draws:
        about = formats.count(same, of="recertified/scratch")
        return (
            text
            + f"About {about} a point would be expected to do, no more than this run took: on this model the baseline saved nothing."
        )
    about = number(formats.count(float(f"{same:.2g}")), same, "recertified/scratch/two digits")
    return text + (
        f"About {about} a point would be expected to do, and as many to choose the class as the baseline took: "
        f"{ratio(whole, found.draws, of='recertified/times/scratch')} times the draws of this run. That is an estimate from the counts of this run."
    )


def cost(pair: Pair) -> Table:
    """Draws, radius and time of this run, of its baseline, and of certification from scratch with as many draws or as much radius."""
    found, m = pair.found, len(pair.after)
    alone = from_scratch(pair)
    spent = int(pair.after.n.sum())
    rows = [
        _cost("This run", spent, spent, float(pair.after.radius.mean()), found.draws, found.seconds),
        _cost("Its baseline", spent, found.base_draws, float(pair.before.radius.mean()), found.base_draws, found.base_seconds),
        _cost("From scratch, the same draws to bound", spent, found.base_selection + spent, float(alone.mean()), spent, None),
    ]
    if not is_sequential(pair.assessment) and (same := curve.draws_for(pair.assessment, float(pair.after.radius.mean()))):
        rows.append(
            _cost(
                "From scratch, the same mean radius (estimate)",
                spent,
                found.base_selection + m * same,
                float(pair.after.radius.mean()),
                spent,
                None,
            )
        )
    sources = ("this", "baseline", "draws", "radius")
    timed = found.seconds is not None or found.base_seconds is not None
    titles = {"Draws a point": "each", "Draws in all": "draws", "This run takes": "share", "Mean radius": "mean"}
    titles |= {"Time": "", "Draws a second": "rate"} if timed else {}
    rows = [row if timed else row[:-2] for row in rows]
    return Table(
        id="recertified-cost-table",
        caption="What it took, beside other ways",
        columns=(
            Column(title="Certification"),
            *(Column(title=title, number=True, source=source) for title, source in titles.items()),
        ),
        rows=tuple(_with_mean_draws(row, m) for row in rows),
        sources=tuple(f"recertified/cost/{source}" for source in sources[: len(rows)]),
        note="Mean radius over the points, whatever class is certified. From scratch, the same draws: what this run's own answers show without the "
        "baseline, whose "
        "draws then have to choose the class as well. "
        + weighing.plain(pair.assessment)
        + (
            "Times are those of the draws alone, by the rate that each run measured."
            if timed
            else "The manifest holds no times, so that only draws are compared."
        ),
    )


def _cost(name: str, spent: int, draws: int, mean: float, timed_draws: int, seconds: float | None) -> tuple[Cell, ...]:
    rate = None if seconds is None else timed_draws / seconds
    return (
        Cell(text=name, mark="strong" if name == "This run" else ""),
        Cell(text="", value=draws),
        Cell(text=formats.count(draws), value=draws),
        Cell(text=formats.percent(spent / draws, side="up"), value=spent / draws),
        Cell(text=formats.radius(mean), value=mean),
        Cell(
            text=formats.NOTHING if seconds is None else _time(seconds, "this" if name == "This run" else "baseline"), value=seconds
        ),
        Cell(text=formats.NOTHING if rate is None else formats.count(rate), value=rate),
    )


def _with_mean_draws(row: tuple[Cell, ...], m: int) -> tuple[Cell, ...]:
    each = (row[1].value or 0.0) / m
    return (row[0], Cell(text=formats.count(each), value=each), *row[2:])


def _time(seconds: float, of: str) -> str:
    """Seconds, minutes or hours with as many digits as a measurement has; ``of``: the run that took them."""
    digits, unit, size = (
        (1, "s", 1) if seconds < 100 else (0, "s", 1) if seconds < 600 else (0, "min", 60) if seconds < 6000 else (1, "h", 3600)
    )
    return f"{number(f'{seconds / size:.{digits}f}', seconds / size, f'recertified/cost/{of}/{unit}')} {unit}"


# ---------------------------------------------------------------- what changed


def answers(pair: Pair) -> str:
    """Copies that were lost or changed, and the bounds on zeta."""
    found, asked = pair.found, int(pair.after.n.sum())
    zeta = zeta_upper(found, pair.after)
    lost, changed = int(found.lost.sum()), int(found.changed.sum())
    digits = 2 if changed < asked / 10 else 1

    def of_asked(copies: int, name: str) -> str:
        share = formats.percent(copies / asked, digits=digits, of=f"recertified/copies/{name}/share")
        return f"{formats.count(copies, of=f'recertified/copies/{name}')} ({share})"

    mean, most = (
        formats.percent(float(zeta.mean()), side="up", digits=2, of="recertified/mean/zeta"),
        formats.percent(float(zeta.max()), side="up", of="recertified/max/zeta"),
    )
    untouched = formats.plural(int((found.lost == 0).sum()), "point", of="recertified/untouched")
    return (
        f"Of {formats.count(asked, of='recertified/copies/n')} copies that were asked again, {of_asked(changed, 'changed')} are answered "
        f"otherwise than by the baseline, and {of_asked(lost, 'lost')} lost the baseline's class. "
        f"The upper bounds on ζ, one a point, each false with probability at most {probability(found.terms.alpha_z, of='recertified/terms/alpha_z')}, are "
        f"{mean} on average and {most} at most. "
        + (
            "They show what changed; the certificates weigh the lost copies in another way (see “Method”). "
            if combined(found)
            else ""
        )
        + f"{untouched} of {formats.count(len(zeta), of='points')} lost no copy: there the bound is what so few draws leave "
        "open."
    )


def routes(pair: Pair) -> Table:
    """Points, lost copies and radius by how the points were bounded."""
    found = pair.found
    groups = [(f"routes/{route}", name, np.asarray(found.route == route)) for route, name in ROUTES.items()]
    note = ""
    if (found.route == "fresh").any():
        note = " Points that are counted afresh make no use of ζ: next to pA = 1 the counts of the modified model alone show more."
    return _by_group(pair, groups, name="recertified-routes-table", caption="How points were bounded", first="Way", note=note)


def spread(pair: Pair) -> Table:
    """Points, bounds and radius by the share of copies that were lost."""
    share = pair.found.lost / pair.after.n
    groups = [("spread/0", "none", np.asarray(share <= 0))]
    for k, (low, high) in enumerate(pairwise(CLASSES), start=1):
        end = (
            formats.required(high, "1", of=f"method/lost/{k}")
            if high < 1
            else formats.required(low, "1", of=f"method/lost/{k - 1}")
        )
        groups.append((f"spread/{k}", f"up to {end}" if high < 1 else f"above {end}", (share > low) & (share <= high)))
    caption = "Points by the share of copies that they lost"
    return _by_group(pair, groups, name="recertified-spread-table", caption=caption, first="Copies lost", note="")


def _by_group(pair: Pair, groups: list[tuple[str, str, Bools]], *, name: str, caption: str, first: str, note: str) -> Table:
    alike = unchanged(pair)
    titles = {
        "Points": "points",
        "Share of the points": "share",
        "Copies lost in all": "lost",
        "ζ at most, mean": "zeta",
        "Mean radius before": "before",
    }
    titles |= {"Had nothing changed": "alike"} if alike is not None else {}
    titles |= {"Mean radius now": "now", "Kept": "kept"}
    groups = [group for group in groups if group[-1].any()]
    return Table(
        id=name,
        caption=caption,
        columns=(Column(title=first), *(Column(title=title, number=True, source=source) for title, source in titles.items())),
        rows=tuple(_line(pair, alike, group, rows) for _, group, rows in groups),
        sources=tuple(f"recertified/{source}" for source, _, _ in groups),
        note=weighing.plain(pair.assessment)
        + "Radius whatever class is certified."
        + (" Had nothing changed: of a model that answers as the baseline does, with the same draws." if alike is not None else "")
        + note,
    )


def _line(pair: Pair, alike: Floats | None, name: str, rows: Bools) -> tuple[Cell, ...]:
    found, m, points = pair.found, len(pair.after), int(rows.sum())
    before, after = (float(results.radius[rows].mean()) for results in (pair.before, pair.after))
    zeta, lost = float(zeta_upper(found, pair.after)[rows].mean()), int(found.lost[rows].sum())
    radii = [before, *([] if alike is None else [float(alike[rows].mean())]), after]
    return (
        Cell(text=name),
        Cell(text=formats.count(points), value=points),
        Cell(text=formats.percent(points / m, digits=formats.decimals(m)), value=points / m),
        Cell(text=formats.count(lost), value=lost),
        Cell(text=formats.percent(zeta, side="up", digits=2), value=zeta),
        *(Cell(text=formats.radius(radius), value=radius) for radius in radii),
        _kept(before, after),
    )


def _kept(before: float, after: float) -> Cell:
    if before <= 0:
        return Cell(text=formats.NOTHING)
    return Cell(text=formats.percent(after / before, side="down"), value=after / before)


def weakest(pair: Pair) -> Table | None:
    """The points that lost most radius; None where none did."""
    alike = unchanged(pair)
    drop = (pair.before.radius if alike is None else alike) - pair.after.radius
    order = np.argsort(-drop, kind="stable")[:MOST_WEAK]
    worst = order[drop[order] > 0]
    if not len(worst):
        return None
    attributes: tuple[Attribute, ...] = pair.assessment.spec.domain.attributes
    zeta = zeta_upper(pair.found, pair.after)
    names = pair.assessment.class_names
    rows, sources = [], []
    for at in worst.tolist():
        point, label, chosen = pair.assessment.points[at], int(pair.after.label[at]), int(pair.after.chosen[at])
        before, after = float(pair.before.radius[at]), float(pair.after.radius[at])
        its = f"points/{point.index}"
        true = quoted(names[label], f"{its}/label")
        sources.append(its)
        kept = () if alike is None else (Cell(text=formats.radius(float(alike[at])), value=float(alike[at])),)
        rows.append(
            (
                Cell(text=str(point.index), value=float(point.index)),
                Cell(text=true if chosen == label else f"{quoted(names[chosen], f'{its}/chosen')} (true: {true})"),
                Cell(
                    text=f"{formats.count(int(pair.found.lost[at]), of=f'{its}/baseline/lost')} of {formats.count(int(pair.after.n[at]), of=f'{its}/n')}",
                    value=float(pair.found.lost[at]),
                ),
                Cell(text=formats.percent(float(zeta[at]), side="up"), value=float(zeta[at])),
                Cell(text=ROUTES[str(pair.found.route[at])].split(",")[0].removeprefix("bound ").removeprefix("counted ")),
                Cell(text=formats.radius(before), value=before),
                *kept,
                Cell(text=formats.radius(after) if pair.after.certified[at] else "abstained", value=after),
                *(Cell(text=value_text(point.values[a.id], getattr(a, "unit", "1"))) for a in attributes),
            )
        )
    fixed = {"Point": "index", "Class": "", "Copies lost": "", "ζ at most": "zeta", "Bounded": "", "Radius before": "before"}
    fixed |= {} if alike is None else {"Had nothing changed": "alike"}
    fixed |= {"Radius now": "radius"}
    return Table(
        id="recertified-weakest-table",
        caption="The points at which the model lost most radius" if alike is not None else "The points that lost most radius",
        columns=(
            *(Column(title=title, number=title not in {"Class", "Bounded"}, source=source) for title, source in fixed.items()),
            *(Column(title=with_unit(a), source=f"values/{a.id}") for a in attributes),
        ),
        rows=tuple(rows),
        sources=tuple(sources),
        note=f"{formats.plural(int((drop > 0).sum()), 'point', of='recertified/smaller')} of {formats.count(len(drop), of='points')} show less than "
        + (
            "before, by what the model lost or because draws stopped once the radii asked for were decided."
            if alike is None
            else "a model that answers as the baseline does would show with the same draws (“had nothing changed”). What is missing from there to the radius "
            "before is the price of fewer draws."
        ),
        sortable=True,
    )


# ---------------------------------------------------------------- the budget of errors


def errors(found: Recertified, *, stopped: bool) -> Table:
    """The failure probability of a certificate by its parts, and of all models at a point."""
    now = (
        "the bound on ζ, or the bound on fresh counts"
        if not stopped
        else "the larger of two bounds, from lost copies and from fresh counts, each at half of it; at any time"
    )
    together = combined(found)
    parts = [
        ("Bound of the baseline on its own pA", "alpha", "spent once, however many models are recertified on it"),
        ("What was drawn now", "alpha_z", f"{now}; spent for each model"),
    ]
    what = "the α of this report" + (
        ": the baseline's draws and the lost copies, combined by Fisher's method, or fresh counts" if together else ""
    )
    rows = [*([] if together else parts), ("One certificate of this run", "whole_alpha", what)]
    if found.plan.models > 1:
        rows.append(
            (
                f"Some certificate of {formats.count(found.plan.models, of='recertified/plan/models')} models at a point",
                "joint_alpha",
                "the levels are such that all of them hold together at this probability"
                if together
                else "α of the baseline's bound + models × α of what was drawn",
            )
        )
    return Table(
        id="recertified-errors-table",
        caption="The probability, at most, that something is false",
        columns=(Column(title="Part"), Column(title="α at most", number=True), Column(title="What it covers")),
        rows=tuple((Cell(text=name), _level(found, part), Cell(text=what)) for name, part, what in rows),
        note=(
            "No part of α is set aside for either test."
            if together
            else "The baseline's bound is taken anew at its part of α, from the baseline's own counts."
        )
        + _fresh(found, stopped=stopped),
    )


def _level(found: Recertified, part: str) -> Cell:
    alpha: float = getattr(found.terms, part)
    return Cell(text=probability(alpha, of=f"recertified/terms/{part}"), value=alpha)


def _fresh(found: Recertified, *, stopped: bool) -> str:
    """At which level fresh counts are bounded, and why that is sound; begins with a space."""
    if stopped or found.plan.route == "incremental":
        return ""
    level = probability(found.terms.fresh_alpha, of="recertified/terms/fresh_alpha")
    why = {
        "auto": "draws of the baseline beside these copies decide which points those are",
        "gamma": "the baseline's own bound decides which points those are",
        "fresh": "these are all points",
    }[found.plan.route]
    return f" At points that are counted afresh, the counts have the level {level}: {why}."
