"""The charts, as vector SVG that can stand inside a page: one visual language, units on every axis, lines labelled where they run.

A chart record in, a string out; the same record always gives the same bytes (fixed hash salt, no date, text kept as text in the page's own typeface).
Widths are in CSS pixels at full size. Colours are the light ones of `palette`; html.py replaces them by CSS variables for the screen.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from odd_assess.report.legible import fit
from odd_assess.report.palette import LIGHT
from odd_assess.report.view.records import (
    AccuracyChart,
    CalibrationChart,
    CheckChart,
    CurveChart,
    EstimatesChart,
    Floats,
    HeatChart,
    HistogramChart,
    Ints,
    KeptChart,
    LevelsChart,
    MatrixChart,
    PartMark,
    PartsChart,
    RadiiChart,
    ReleasesChart,
    ScatterChart,
    ShiftChart,
    StatesChart,
)

INK, MUTED, PAGE = LIGHT["ink"], LIGHT["muted"], LIGHT["page"]
WIDTH, HEIGHT = 440, 300
TEXT, SMALL = 10.5, 9.5
TYPEFACE = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "odd-assess",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that the layout is the same everywhere; it is also wider than what the page uses
    "font.size": TEXT,
    "text.parse_math": False,  # names come from users: a dollar sign is a dollar sign
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "hatch.linewidth": 0.6,
    "path.simplify": False,
}


def accuracy(chart: AccuracyChart) -> str:
    """Certified accuracy against radius, with its band, the reference curve, the cap and the criteria."""
    with _drawing("accuracy", chart.alt) as (axes, done):
        if chart.lower is not None and chart.upper is not None:
            upper = [
                chart.upper[0],
                *chart.upper[:-1],
            ]  # between two radii of the grid: the lower bound of the right one, the upper of the left
            axes.fill_between(chart.radii, chart.lower, upper, step="pre", color=LIGHT["run-soft"], linewidth=0)
        if chart.reference is not None:
            axes.step(chart.radii, chart.reference, where="pre", color=LIGHT["reference"], linewidth=1.4, dashes=(4, 1.5))
        if chart.same is not None:
            axes.step(chart.radii, chart.same, where="pre", color=LIGHT["reference"], linewidth=1.1, dashes=(1, 1.5))
        if chart.expected is not None:
            axes.plot(chart.radii, chart.expected, color=LIGHT["run"], linewidth=1)
        axes.step(chart.radii, chart.certified, where="pre", color=LIGHT["run"], linewidth=2)
        at_top = _upper_right_is_free(chart)
        _cap(axes, chart.cap, chart.cap_label, top=0.74 if at_top else 1.0)
        _fractions(axes, "share of the ODD certified")
        axes.set_xlim(0, float(chart.radii[-1]))
        axes.set_xlabel("L2 radius (input units)")
        for at, required, label in chart.marks:
            axes.plot([at], [required], marker="v", color=INK, markersize=6, linestyle="none", clip_on=False)
            axes.annotate(label, (at, required), xytext=(6, 5), textcoords="offset points", fontsize=SMALL, gid=_halo(PAGE))
        labels = [(LIGHT["run"], chart.run_label)]
        labels += [(LIGHT["run"], f"thin: {chart.expected_label}")] if chart.expected is not None else []
        labels += [(LIGHT["reference"], chart.reference_label)] if chart.reference is not None else []
        labels += [(LIGHT["reference"], chart.same_label)] if chart.same is not None else []
        labels += [(MUTED, chart.band_label)] if chart.lower is not None else []
        _labels(axes, labels, at_top=at_top)
    return done()


RELEASES = ("reference", "run", "met", "inconclusive", "not-met", "ink")
"""The colours of runs side by side: the old one, the new one, further ones, from the start again where there are more."""


def releases(chart: ReleasesChart) -> str:
    """Certified accuracy of several runs against radius; the first, which the others are compared with, is dashed."""
    with _drawing("releases", chart.alt) as (axes, done):
        labels = []
        for i, (name, certified, lower, upper) in enumerate(
            zip(chart.names, chart.certified, chart.lower, chart.upper, strict=True)
        ):
            colour, dashes = LIGHT[RELEASES[i % len(RELEASES)]], ((4, 1.5) if i == 0 else (None, None))
            if lower is not None and upper is not None:
                edge = [upper[0], *upper[:-1]]
                axes.fill_between(chart.radii, lower, edge, step="pre", color=colour, alpha=0.13, linewidth=0)
            axes.step(chart.radii, certified, where="pre", color=colour, linewidth=1.8, dashes=dashes)
            labels.append((colour, f"{'– – ' if i == 0 else ''}{_short(name, 34)}"))
        _fractions(axes, "share of the ODD certified")
        axes.set_xlim(0, float(chart.radii[-1]))
        axes.set_xlabel("L2 radius (input units)")
        at = int(0.4 * (len(chart.radii) - 1))
        _labels(axes, labels, at_top=all(curve[at] < 0.8 for curve in chart.certified))
    return done()


def shift(chart: ShiftChart, number: int) -> str:
    """Each point's radius in the new run against the old one; below the line it lost."""
    with _drawing(f"shift{number}", chart.alt) as (axes, done):
        top = 1.06 * max(float(np.max(chart.old, initial=0.0)), float(np.max(chart.new, initial=0.0)), 1e-9)
        axes.plot([0, top], [0, top], color=MUTED, linewidth=0.8)
        lost, gained = chart.new < chart.old, chart.new > chart.old
        kinds = (
            ("hatch", ~(lost | gained), "o", "alike"),
            ("run", gained, "^", "▲ larger now"),
            ("not-met", lost, "v", "▼ smaller now"),
        )
        for colour, rows, marker, _ in kinds:
            axes.plot(
                chart.old[rows],
                chart.new[rows],
                linestyle="none",
                marker=marker,
                markersize=4,
                color=LIGHT[colour],
                alpha=0.6,
                markeredgewidth=0,
                clip_on=False,
            )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(f"certified radius, {_short(chart.old_name, 34)} (input units)")
        axes.set_ylabel(f"certified radius, {_short(chart.new_name, 34)}")
        _above(axes, [(colour, f"{name}: {int(rows.sum()):,}") for colour, rows, _, name in kinds], step=0.25)
    return done()


def _above(axes: Axes, names: list[tuple[str, str]], *, step: float) -> None:
    """Names of marks above the axes, where points lie everywhere inside."""
    for place, (colour, name) in enumerate(names):
        axes.annotate(
            name,
            (0.01 + step * place, 1.0),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            color=MUTED if colour == "hatch" else LIGHT[colour],
            fontsize=SMALL + 0.5,
        )


def kept(chart: KeptChart) -> str:
    """Each point's radius under the modified model against that under its baseline, marked by how it was bounded."""
    with _drawing("kept", chart.alt) as (axes, done):
        top = 1.06 * max(max(float(before.max()), float(after.max())) for _, before, after in chart.groups)
        axes.plot([0, top], [0, top], color=MUTED, linewidth=0.8)
        axes.annotate(
            "nothing lost",
            (0.55 * top, 0.55 * top),
            xytext=(-4, 5),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=SMALL,
        )
        kinds = (("run", "o", "●"), ("reference", "D", "◇"), ("met", "s", "□"))
        names = []
        for (name, before, after), (colour, marker, sign) in zip(chart.groups, kinds, strict=False):
            axes.plot(
                before,
                after,
                linestyle="none",
                marker=marker,
                markersize=3.6,
                color=LIGHT[colour],
                alpha=0.55,
                fillstyle="full" if marker == "o" else "none",
                markeredgewidth=0 if marker == "o" else 0.9,
                clip_on=False,
            )
            names.append((colour, f"{sign} {name}"))
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(chart.before_label)
        axes.set_ylabel(chart.after_label)
        _above(axes, names, step=0.5)
    return done()


def calibration(chart: CalibrationChart) -> str:
    """The estimate at each point against its certified lower bound; below the diagonal estimates are too low."""
    with _drawing("calibration", chart.alt, height=340) as (axes, done):
        low, top = chart.low, 1.0
        axes.fill_between([low, top], [low, low], [low, top], color=LIGHT["refuted"], alpha=0.28, linewidth=0)
        axes.plot([low, top], [low, top], color=MUTED, linewidth=0.8)
        axes.annotate(
            "too low: below what is certified",
            (top, low),
            xytext=(-4, 5),
            textcoords="offset points",
            ha="right",
            color=MUTED,
            fontsize=SMALL,
        )
        names = []
        for (name, bounds, estimates), (colour, marker, sign) in zip(
            chart.groups, (("run", "o", "●"), ("reference", "D", "◇")), strict=True
        ):
            axes.plot(
                bounds,
                estimates,
                linestyle="none",
                marker=marker,
                markersize=3.6,
                color=LIGHT[colour],
                alpha=0.6,
                fillstyle="full" if marker == "o" else "none",
                markeredgewidth=0 if marker == "o" else 0.9,
                clip_on=False,
            )
            names.append((colour, f"{sign} {name}"))
        axes.set_xlim(low, top)
        axes.set_ylim(low, top)
        axes.set_xlabel(chart.bound_label)
        axes.set_ylabel(chart.estimate_label)
        _above(axes, names, step=0.5)
    return done()


def states(chart: StatesChart) -> str:
    """Points certified, undecided and refuted against radius, stacked to 100%."""
    with _drawing("states", chart.alt) as (axes, done):
        certified, decided = chart.certified, 1 - chart.refuted
        axes.fill_between(chart.radii, 0, certified, step="pre", color=LIGHT["certified"], linewidth=0)
        axes.fill_between(chart.radii, certified, decided, step="pre", color=LIGHT["undecided"], linewidth=0)
        axes.fill_between(chart.radii, decided, 1, step="pre", color=LIGHT["refuted"], linewidth=0)
        _cap(axes, chart.cap, chart.cap_label, named_above=True)
        _fractions(axes, chart.share_label)
        axes.set_xlim(0, float(chart.radii[-1]))
        axes.set_xlabel("L2 radius asked for (input units)")
        _area_label(axes, chart.radii, np.zeros_like(certified), certified, "certified", LIGHT["certified"])
        _area_label(axes, chart.radii, certified, decided, chart.undecided_label, LIGHT["undecided"])
        _area_label(axes, chart.radii, decided, np.ones_like(certified), "refuted: model-limited", LIGHT["refuted"])
    return done()


def scatter(chart: ScatterChart) -> str:
    """Each point's radius at n against its radius at the reference budget."""
    with _drawing("scatter", chart.alt) as (axes, done):
        top = 1.06 * max(float(np.max(chart.expected, initial=0.0)), float(np.max(chart.measured, initial=0.0)), chart.cap, 1e-9)
        axes.plot([0, top], [0, top], color=MUTED, linewidth=0.8)
        axes.annotate(
            "no loss", (0.8 * top, 0.8 * top), xytext=(-4, 5), textcoords="offset points", ha="right", color=MUTED, fontsize=SMALL
        )
        axes.axhline(chart.cap, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(chart.cap_label, (0, chart.cap), xytext=(4, 3), textcoords="offset points", color=MUTED, fontsize=SMALL)
        axes.plot(
            chart.expected,
            chart.achieved,
            linestyle="none",
            marker="o",
            markersize=3.4,
            color=LIGHT["run"],
            alpha=0.45,
            markeredgewidth=0,
        )
        if len(chart.measured):
            axes.plot(
                chart.measured,
                chart.achieved_measured,
                linestyle="none",
                marker="D",
                markersize=4.6,
                color=LIGHT["reference"],
                fillstyle="none",
            )
        if chart.theory is not None:
            axes.plot(*chart.theory, color=MUTED, linewidth=1.1, dashes=(4, 2))
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(chart.reference_label)
        axes.set_ylabel(chart.n_label)
        labels = [(LIGHT["run"], "● expected from the counts")]
        labels += [(LIGHT["reference"], "◇ measured")] if len(chart.measured) else []
        labels += [(MUTED, f"– – {chart.theory_label}")] if chart.theory is not None else []
        _labels(axes, labels, at_top=False, left=False)
    return done()


def curve(chart: CurveChart) -> str:
    """Mean radius against the number of draws, with this run, the reference, the theory and a guide."""
    with _drawing("curve", chart.alt) as (axes, done):
        axes.set_xscale("log")
        axes.set_xlim(float(chart.draws[0]), float(chart.draws[-1]))
        heights = [chart.run[1], float(chart.expected.max()), *(chart.measured or ())]
        axes.set_ylim(0, 1.12 * max(*heights, 1e-9))
        axes.axhline(chart.guide, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            chart.guide_label,
            (0, chart.guide),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            color=MUTED,
            fontsize=SMALL,
        )
        axes.plot(chart.draws, chart.theory, color=MUTED, linewidth=1.1, dashes=(4, 2))
        axes.plot(chart.draws, chart.expected, color=LIGHT["run"], linewidth=2)
        axes.plot(
            *chart.run, marker="o", markersize=8, color=LIGHT["run"], markeredgecolor=PAGE, markeredgewidth=1.4, linestyle="none"
        )
        line = float(np.interp(np.log(chart.run[0]), np.log(chart.draws), chart.expected))
        _beside(axes, chart.run, chart.run_label, LIGHT["run"], above=chart.run[1] > 1.01 * line)
        if chart.measured is None:
            axes.plot(*chart.reference, marker="D", markersize=6, color=LIGHT["reference"], fillstyle="none", linestyle="none")
        else:
            value, low, high = chart.measured
            axes.errorbar(
                [chart.reference[0]],
                [value],
                yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
                marker="D",
                markersize=6,
                color=LIGHT["reference"],
                fillstyle="none",
                linewidth=1.2,
                capsize=3,
            )
        axes.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}")
        axes.set_xlabel("draws a point, n (logarithmic)")
        axes.set_ylabel("mean certified radius (input units)")
        _labels(
            axes,
            [
                (LIGHT["run"], chart.expected_label),
                (LIGHT["reference"], f"◇ {chart.reference_label}"),
                (MUTED, f"– – {chart.theory_label}"),
            ],
            at_top=False,
            left=False,
        )
    return done()


def histogram(chart: HistogramChart) -> str:
    """How many points lose how much of their radius."""
    with _drawing("histogram", chart.alt, height=220) as (axes, done):
        _bars(axes, chart.edges, chart.counts)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_xlabel("radius lost to the budget, per point")
        _mark(axes, chart.mean, chart.mean_label, left=chart.mean < 0.6)
    return done()


def radii(chart: RadiiChart) -> str:
    """How many points have which certified radius; those without one stand beside it, to the left of zero."""
    with _drawing("radii", chart.alt, height=220) as (axes, done):
        _bars(axes, chart.edges, chart.counts)
        width = float(chart.edges[1] - chart.edges[0])
        left = 3 * width if chart.none else 0.0
        if chart.none:
            axes.bar([-left + 0.5 * width], [chart.none], width=width, align="edge", color=LIGHT["hatch"], linewidth=0)
            axes.set_ylim(0, 1.18 * max(chart.none, int(chart.counts.max(initial=0))))
            axes.annotate(
                chart.none_label,
                (-left + width, chart.none),
                xytext=(0, 3),
                textcoords="offset points",
                ha="left" if chart.none > 0.4 * axes.get_ylim()[1] else "center",
                color=MUTED,
                fontsize=SMALL,
                gid=_halo(PAGE),
            )
        axes.set_xlim(-left, float(chart.edges[-1]))
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= chart.edges[-1]])
        axes.set_xlabel("certified radius, L2 (input units)")
        for place, (at, label) in enumerate(chart.marks):
            axes.axvline(at, color=LIGHT["reference"], linewidth=1.2)
            axes.annotate(
                label,
                (at, 1),
                xycoords=("data", "axes fraction"),
                xytext=(4, -11 - 13 * (place % 3)),
                textcoords="offset points",
                color=LIGHT["reference"],
                fontsize=SMALL,
                gid=_halo(PAGE),
            )
    return done()


def _bars(axes: Axes, edges: Floats, counts: Ints) -> None:
    """How many points (b,) lie between edges (b + 1,), with room above for a label."""
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=LIGHT["run"], edgecolor=PAGE, linewidth=0.8)
    axes.set_ylabel("points")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1.18 * max(1, int(counts.max(initial=0))))


def _mark(axes: Axes, at: float, label: str, *, left: bool) -> None:
    """A vertical line with its label beside it: on its right where it lies on the left."""
    axes.axvline(at, color=LIGHT["reference"], linewidth=1.4)
    axes.annotate(
        label,
        (at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5 if left else -5, -11),
        textcoords="offset points",
        color=LIGHT["reference"],
        ha="left" if left else "right",
        fontsize=SMALL,
    )


def levels(chart: LevelsChart) -> str:
    """How many points have which noise level."""
    with _drawing("levels", chart.alt, height=220) as (axes, done):
        axes.set_xscale("log")
        _bars(axes, chart.edges, chart.counts)
        low, high = float(chart.edges[0]), float(chart.edges[-1])
        axes.set_xlim(low / 1.03, high * 1.03)
        axes.set_xticks([float(tick) for tick in np.unique([float(f"{edge:.2g}") for edge in np.geomspace(low, high, 6)])])
        axes.xaxis.set_major_formatter(lambda sigma, _: f"{sigma:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("noise level σ (input units, logarithmic)")
        _mark(axes, chart.median, chart.median_label, left=chart.median < (low * high) ** 0.5 * (high / low) ** 0.1)
    return done()


def matrix(chart: MatrixChart) -> str:
    """Visits of every pair of levels of two attributes: rows against columns, darker where more points fell, gaps outlined, infeasible pairs hatched.

    Rows are the levels of all attributes but the first, columns those of all but the last; each attribute's name stands before its levels.
    """
    rows, height = _offsets(chart, range(1, len(chart.names)))
    columns, width = _offsets(chart, range(len(chart.names) - 1))
    size = 24.0
    margin = 0.6 + max(_breadth(_short(text)) for texts in (chart.names, *chart.levels) for text in texts) * 0.58 * SMALL / size
    with _drawing("matrix", chart.alt, width=size * (width + margin), height=size * (height + margin), full=True) as (axes, done):
        axes.set_xlim(-margin, width)
        axes.set_ylim(height, -margin)
        axes.axis("off")
        most = max((int(block.max(initial=0)) for _, _, block in chart.blocks), default=0)
        for i, j, block in chart.blocks:
            _block(axes, block, rows[i], columns[j], most)
        for i, top in rows.items():
            _names(axes, chart.names[i], chart.levels[i], top, upright=False)
        for j, left in columns.items():
            _names(axes, chart.names[j], chart.levels[j], left, upright=True)
    return done()


def heat(chart: HeatChart, number: int) -> str:
    """The mean of each pair of levels, stronger where it is lower; pairs that are shown to be weak are framed, infeasible ones hatched."""
    rows, columns = ([_short(name, most) for name in names] for names, most in ((chart.rows, 24), (chart.columns, 16)))
    heading = _short(chart.row_name, 30)
    longest = max(_breadth(name) for name in (*rows, heading))
    size = (max(1.25, 0.2 + 0.098 * max(_breadth(name) for name in columns)), 0.62)
    margin, top, unit = 0.25 + 0.092 * longest, 0.95, 58.0
    across, down = margin + size[0] * len(columns), top + size[1] * len(rows)
    with _drawing(f"heat{number}", chart.alt, width=unit * across, height=unit * down, full=True) as (axes, done):
        axes.set_xlim(-margin, across - margin)
        axes.set_ylim(down - top, -top)
        axes.axis("off")
        for row, column in np.ndindex(chart.mean.shape):
            _heat_cell(axes, chart, row, column, size)
        for column, name in enumerate(columns):
            axes.text((column + 0.5) * size[0], -0.14, name, ha="center", va="bottom", fontsize=SMALL)
        for row, name in enumerate(rows):
            axes.text(-0.12, (row + 0.5) * size[1], name, ha="right", va="center", fontsize=SMALL)
        axes.text(0, -0.52, _short(chart.column_name, 48), ha="left", va="bottom", fontsize=SMALL, color=MUTED)
        axes.text(-0.12, -0.14, heading, ha="right", va="bottom", fontsize=SMALL, color=MUTED)
    return done()


def _heat_cell(axes: Axes, chart: HeatChart, row: int, column: int, size: tuple[float, float]) -> None:
    width, height = size
    corner, points, mean = (
        (column * width + 0.02, row * height + 0.02),
        int(chart.points[row, column]),
        float(chart.mean[row, column]),
    )
    box = (width - 0.04, height - 0.04)
    if points < 0:
        axes.add_patch(Rectangle(corner, *box, facecolor="none", edgecolor=LIGHT["hatch"], linewidth=0.6, hatch="////"))
        return
    centre = (corner[0] + box[0] / 2, corner[1] + box[1] / 2)
    if points == 0:
        axes.add_patch(Rectangle(corner, *box, facecolor="none", edgecolor=LIGHT["rule"], linewidth=0.8))
        axes.text(*centre, "no point", ha="center", va="center", fontsize=SMALL - 1, color=MUTED)
        return
    strength = 0.06 + 0.5 * min(1.0, max(0.0, (chart.high - mean) / max(chart.high - chart.low, 1e-9)))
    axes.add_patch(Rectangle(corner, *box, facecolor=LIGHT["not-met"], alpha=strength, linewidth=0))
    if chart.weak[row, column]:
        axes.add_patch(Rectangle(corner, *box, facecolor="none", edgecolor=LIGHT["not-met"], linewidth=1.8))
    axes.text(centre[0], centre[1] - 0.07, f"{mean:.2f}", ha="center", va="center", fontsize=TEXT + 0.5)
    axes.text(centre[0], centre[1] + 0.16, f"{points:,}", ha="center", va="center", fontsize=SMALL - 1.5, color=MUTED)


def parts(chart: PartsChart) -> str:
    """Means with their intervals, one part a line, and the mean over the whole as a line through all."""
    lines = sum(1 + len(marks) for _, marks in chart.groups)
    with _drawing("parts", chart.alt, height=18 * lines + 52) as (axes, done):
        at, ticks = 0.0, []
        ends = [mark.mean if mark.lower is None else mark.lower for _, marks in chart.groups for mark in marks]
        left = max(0.0, float(np.floor(10 * min([chart.whole, *(end for end in ends if end is not None)])) / 10))
        axes.axvline(chart.whole, color=LIGHT["reference"], linewidth=1.2)
        axes.annotate(
            chart.label,
            (chart.whole, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=LIGHT["reference"],
            fontsize=SMALL,
        )
        for title, marks in chart.groups:
            axes.annotate(
                _short(title, 40),
                (0, at),
                xycoords=("axes fraction", "data"),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                color=MUTED,
                fontsize=SMALL,
                gid=_halo(PAGE),
            )
            for mark in marks:
                at += 1
                ticks.append((at, _short(mark.name, 26)))
                _part(axes, mark, at, left)
            at += 1
        axes.set_yticks([place for place, _ in ticks], labels=[name for _, name in ticks])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(at - 0.4, -0.6)
        axes.set_xlim(left, 1)
        axes.set_xlabel("estimated probability that the answer stays")
    return done()


def _part(axes: Axes, mark: PartMark, at: float, left: float) -> None:
    if mark.mean is None:
        axes.text(left, at, " no point", va="center", fontsize=SMALL - 0.5, color=MUTED)
        return
    colour = LIGHT["not-met"] if mark.weak else LIGHT["run"]
    if mark.lower is not None and mark.upper is not None:
        axes.plot([mark.lower, mark.upper], [at, at], color=colour, linewidth=5, alpha=0.32, solid_capstyle="butt")
    axes.plot([mark.mean], [at], marker="D" if mark.weak else "o", markersize=5, color=colour, linestyle="none", clip_on=False)


def estimated(chart: EstimatesChart) -> str:
    """How many points have which estimate."""
    with _drawing("estimated", chart.alt, height=220) as (axes, done):
        _bars(axes, chart.edges, chart.counts)
        axes.set_xlim(0, 1)
        axes.set_xlabel("estimated probability that the answer stays")
        _mark(axes, chart.mean, chart.mean_label, left=chart.mean < 0.5)
    return done()


def checked(chart: CheckChart) -> str:
    """Each checked point's estimate against what Monte Carlo found there."""
    with _drawing("checked", chart.alt) as (axes, done):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        axes.annotate("equal", (0.5, 0.5), xytext=(-4, 5), textcoords="offset points", ha="right", color=MUTED, fontsize=SMALL)
        axes.plot(
            chart.monte_carlo,
            chart.estimate,
            linestyle="none",
            marker="o",
            markersize=4.6,
            color=LIGHT["run"],
            alpha=0.55,
            markeredgewidth=0,
            clip_on=False,
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel(chart.x_label)
        axes.set_ylabel("estimate")
    return done()


# ---------------------------------------------------------------- pieces


@contextmanager
def _drawing(
    name: str, alt: str, *, width: float = WIDTH, height: float = HEIGHT, full: bool = False
) -> Iterator[tuple[Axes, Callable[[], str]]]:
    """Axes to draw on in our style, and a function that gives the finished SVG after the block."""
    finished: list[str] = []
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]  # every key is one of matplotlib's
        warnings.filterwarnings(
            "ignore", "Glyph .* missing", UserWarning
        )  # text stays text: who reads the page draws it with fonts that have it
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout=None if full else "constrained")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0)) if full else figure.add_subplot()
        yield axes, lambda: finished[0]
        stream = io.StringIO()
        figure.savefig(
            stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}, transparent=True
        )
        finished.append(_embedded(stream.getvalue(), name, alt, natural=width if full else None))


def _embedded(svg: str, name: str, alt: str, *, natural: float | None) -> str:
    """The drawing as an element of a page: no prologue, own ids, a title that is read aloud, as wide as its place.

    With ``natural`` it is at most a bit wider than that many pixels.
    """
    own = f"chart-{name}"
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\n?\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = _HALO.sub(_with_halo, svg)
    svg = re.sub(r'id="([^"]+)"', rf'id="{own}-\1"', svg)
    svg = svg.replace("url(#", f"url(#{own}-").replace('xlink:href="#', f'xlink:href="#{own}-')
    svg = svg.replace("font-family: 'DejaVu Sans'", f"font-family: {TYPEFACE}")
    svg = svg.replace('<style type="text/css">*{', f'<style type="text/css">.{own} *{{')
    title = f'<title id="{own}-title">{escape(alt)}</title>'
    opening = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')
    found = opening.match(svg)
    assert found, "matplotlib writes a viewBox"
    size = "" if natural is None else f' style="width: {1.2 * natural:.0f}px; max-width: 100%"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="chart {own}" '
        f'viewBox="{found.group(1)}" role="img" aria-labelledby="{own}-title"{size}>{title}'
    )
    return head + svg[found.end() :].rstrip()


_HALO = re.compile(r'<g id="halo(#\w+)">(.*?)<text style="([^"]*)"(.*?</text>)', flags=re.DOTALL)


def _halo(ground: str) -> str:
    """The mark of a text that keeps clear of the lines behind it, by a rim in the colour of its ground."""
    return f"halo{ground}"


def _with_halo(found: re.Match[str]) -> str:
    """The text twice: first as the rim. Matplotlib's own rim would turn text into outlines."""
    ground, before, style, rest = found.groups()
    rim = f'<text class="rim" style="{style}; fill: {ground}; stroke: {ground}; stroke-width: 3; stroke-linejoin: round"{rest}'
    return f'<g>{before}{rim}<text style="{style}"{rest}'


def _beside(axes: Axes, at: tuple[float, float], text: str, colour: str, *, above: bool) -> None:
    """A mark's name, below it to the right: a rising curve leaves that side free; above it to the left where it lies ``above`` the curve."""
    axes.annotate(
        text,
        at,
        xytext=(-7, 6) if above else (7, -13),
        ha="right" if above else "left",
        textcoords="offset points",
        color=colour,
        fontsize=SMALL + 0.5,
        gid=_halo(PAGE),
    )


def _fractions(axes: Axes, label: str) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel(label)


def _cap(axes: Axes, cap: float, label: str, *, top: float = 1.0, named_above: bool = False) -> None:
    """The largest radius that this n can certify: a dotted line up to ``top``, its name along it, at its foot where nothing asks for its head."""
    above = named_above or top < 1
    if cap > 0:
        axes.axvline(cap, ymax=top, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            label,
            (cap, top - 0.01 if above else 0.03),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            rotation=90,
            va="top" if above else "bottom",
            color=MUTED,
            fontsize=SMALL,
        )


def _labels(axes: Axes, labels: list[tuple[str, str]], *, at_top: bool, left: bool = True) -> None:
    """Coloured names of the lines, in a corner that falling curves leave free: upper right, else lower left."""
    left = left and not at_top
    for line, (colour, text) in enumerate(labels if at_top else labels[::-1]):
        axes.annotate(
            text,
            (0.03 if left else 0.99, 0.99 if at_top else 0.04),
            xycoords="axes fraction",
            xytext=(0, (-14 if at_top else 14) * line),
            textcoords="offset points",
            ha="left" if left else "right",
            va="top" if at_top else "bottom",
            color=colour,
            fontsize=SMALL + 0.5,
        )


def _upper_right_is_free(chart: AccuracyChart) -> bool:
    """Whether the curves and their band have left the upper right corner by 40% of the axis, or all but a band that is nearly everywhere."""
    curves = [curve for curve in (chart.certified, chart.expected, chart.reference) if curve is not None]
    at = int(0.4 * (len(chart.radii) - 1))
    everywhere = chart.upper is not None and chart.upper[-1] > 0.8
    return all(curve[at] < 0.8 for curve in curves) and (chart.upper is None or bool(chart.upper[at] < 0.8) or everywhere)


def _area_label(axes: Axes, x: Floats, low: Floats, high: Floats, text: str, ground: str) -> None:
    """An area's name: inside, where the area is tallest over the width of the name; beside it with a line where it does not fit; none for no area."""
    span = int(len(x) * 0.021 * len(text))
    floors = np.array([low[i : i + span].max() for i in range(len(x) - span)])
    ceilings = np.array([high[i : i + span].min() for i in range(len(x) - span)])
    best = int(np.argmax(ceilings - floors))
    if ceilings[best] - floors[best] >= 0.07:
        axes.text(
            float(x[best + span // 2]),
            float((floors[best] + ceilings[best]) / 2),
            text,
            ha="center",
            va="center",
            fontsize=SMALL,
            gid=_halo(ground),
        )
        return
    thick = int(np.argmax(high - low))
    if high[thick] > low[thick]:
        axes.annotate(
            text,
            (float(x[thick]), float((low[thick] + high[thick]) / 2)),
            xytext=(0.98, min(0.92, float(high[thick]) + 0.14)),  # above falling areas there is room on the right
            textcoords="axes fraction",
            ha="right",
            fontsize=SMALL,
            gid=_halo(PAGE),
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.7, "shrinkB": 0},
        )


def _offsets(chart: MatrixChart, attributes: range) -> tuple[dict[int, int], int]:
    """Where each attribute's first level stands, in cells, with one cell before it for its name; and where all end."""
    starts, at = {}, 0
    for attribute in attributes:
        starts[attribute] = at + 1
        at += 1 + len(chart.levels[attribute])
    return starts, at


def _block(axes: Axes, block: Ints, top: float, left: float, most: int) -> None:
    for row, line in enumerate(block):
        for column, visits in enumerate(line):
            corner, value = (left + column + 0.04, top + row + 0.04), int(visits)
            if value < 0:
                axes.add_patch(
                    Rectangle(corner, 0.92, 0.92, facecolor="none", edgecolor=LIGHT["hatch"], linewidth=0.6, hatch="////")
                )
                continue
            if value == 0:
                axes.add_patch(Rectangle(corner, 0.92, 0.92, facecolor="none", edgecolor=LIGHT["not-met"], linewidth=1.4))
            else:
                strength = 0.12 + 0.55 * value / most
                axes.add_patch(Rectangle(corner, 0.92, 0.92, facecolor=LIGHT["run"], alpha=strength, linewidth=0))
            colour = LIGHT["not-met"] if value == 0 else INK
            axes.text(
                left + column + 0.5,
                top + row + 0.5,
                str(value),
                ha="center",
                va="center",
                fontsize=9 if value < 1000 else 6.5,
                color=colour,
            )


def _names(axes: Axes, name: str, levels: tuple[str, ...], start: float, *, upright: bool) -> None:
    """An attribute's name and its levels beside its rows, or turned above its columns."""
    turned: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "bottom"} if upright else {"ha": "right", "va": "center"}
    for offset, text in enumerate((name, *levels)):
        at = start + offset - 0.5
        colour = MUTED if offset == 0 else INK
        axes.text(*((at, -0.25) if upright else (-0.25, at)), _short(text), fontsize=SMALL, color=colour, **turned)


def _short(text: str, most: int = 24) -> str:
    text = " ".join(fit(text).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _breadth(text: str) -> float:
    """How broad a text is, in letters of common breadth."""
    return sum(
        1.75 if letter in "MW@%" or east_asian_width(letter) in "FW" else 1.27 if letter.isupper() or letter in "mw" else 1.0
        for letter in text
    )
