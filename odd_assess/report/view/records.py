"""What the page says, ready to be printed: every number is already a string, rounded to its safe side.

A template loops over these records and computes nothing. ``Cell.value`` keeps the number behind a printed one, for sorting; texts know the sources of
their numbers (traced.py). Charts get plain arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One table cell. ``mark`` is a style class ("gap", "mono", "strong"), ``state`` a verdict word to be shown with its shape.

    ``shows``: keys of the points that the cell speaks of; the page links it to them, ``told`` says in words which they are.
    """

    text: str
    value: float | None = None
    mark: str = ""
    state: str = ""
    shows: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's heading; ``number`` aligns it to the right. ``source``: what of a row's source stands in it, where it stands there alone."""

    title: str
    number: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption. ``note`` stands below it: what was left out, what a column means.

    ``keys``: for each row the words by which it is found, where other tables and charts point at rows of this one. ``headed``: the first cell of
    a row is its heading. ``sources``: for each row what it is of ("points/17"); with the source of a column it is that of a cell, which spares long tables a
    source in each.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    sortable: bool = False
    keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    headed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and what it is, for the short lists of facts; ``items`` stand below the text, one a line."""

    name: str
    text: str
    mark: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A criterion drawn on one line, in percent of the axis: what is required, what was observed, and the bounds around it."""

    required: float
    observed: float | None
    lower: float | None
    upper: float | None
    axis: tuple[str, str]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One block of the findings table.

    ``needed`` says how many points or draws would decide or meet it, ``tally`` counts the states of its parts, which stand in the section
    ``tally_at``; ``bounds_of_parts`` are their bounds, where they stand nowhere else.
    """

    anchor: str
    state: str
    criterion: str
    title: str
    asks: str
    requirement: str
    severity: str
    required: str
    observed: str
    lower: str
    upper: str
    confidence: str
    points: str
    needed: str
    kind: str
    message: str
    advice_title: str
    advice: str
    clauses: tuple[str, ...]
    source: str
    interval: Interval | None
    tally: str
    tally_at: str
    bounds_of_parts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """The verdict with its reason in one sentence, and what else must be said at once."""

    state: str
    reason: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AccuracyChart:
    """Certified accuracy against radius: fractions of the ODD at each of ``radii``.

    ``lower``/``upper``: the pointwise band, None where the design has no probability model. ``reference``: the
    subsample at the reference budget, ``same`` the same points at the run's. ``expected``: all points at the reference budget, as their counts let expect.
    ``marks``: (radius, required fraction, label) of criteria.
    """

    alt: str
    radii: Floats
    certified: Floats
    lower: Floats | None
    upper: Floats | None
    run_label: str
    cap: float
    cap_label: str
    band_label: str
    reference: Floats | None
    reference_label: str
    same: Floats | None
    same_label: str
    expected: Floats | None
    expected_label: str
    marks: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasesChart:
    """Certified accuracy of several runs at each of ``radii``, with pointwise bands (None without a probability model)."""

    alt: str
    radii: Floats
    names: tuple[str, ...]
    certified: tuple[Floats, ...]
    lower: tuple[Floats | None, ...]
    upper: tuple[Floats | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftChart:
    """The certified radius of each point (m,) in two runs; 0 where the true class is not certified."""

    alt: str
    old: Floats
    new: Floats
    old_name: str
    new_name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptChart:
    """The certified radius of each point under the baseline and under the modified model: (name, before, after) for each way to bound it."""

    alt: str
    groups: tuple[tuple[str, Floats, Floats], ...]
    before_label: str
    after_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatChart:
    """A mean in [0, 1] for each pair of levels of two attributes: ``mean`` and ``points`` (rows, columns).

    Without a point they are NaN and 0; where no condition is feasible, ``points`` is -1. ``weak`` (rows, columns): pairs that are shown to be weaker than the
    whole. ``low``, ``high``: the means that have the strongest and the faintest colour.
    """

    alt: str
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    mean: Floats
    points: Ints
    weak: NDArray[np.bool_]
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMark:
    """One part in a chart of parts: its name, mean and interval; None where there is none."""

    name: str
    mean: float | None
    lower: float | None
    upper: float | None
    weak: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsChart:
    """Means with intervals by part, in titled groups, beside the mean over the whole ODD."""

    alt: str
    groups: tuple[tuple[str, tuple[PartMark, ...]], ...]
    whole: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EstimatesChart:
    """How many points (b,) have an estimate between ``edges`` (b + 1,), and the mean."""

    alt: str
    edges: Floats
    counts: Ints
    mean: float
    mean_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CheckChart:
    """Estimates (c,) against what Monte Carlo found at the same points (c,)."""

    alt: str
    estimate: Floats
    monte_carlo: Floats
    x_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationChart:
    """The estimate at each point against the certified lower bound there: (name, bounds, estimates) for points that are certified and that abstained.

    ``low``: where both axes begin.
    """

    alt: str
    groups: tuple[tuple[str, Floats, Floats], ...]
    low: float
    bound_label: str
    estimate_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StatesChart:
    """Fractions of the points, or of the ODD (``share_label``), that are certified, undecided and refuted at each of ``radii``."""

    alt: str
    radii: Floats
    share_label: str
    certified: Floats
    undecided: Floats
    undecided_label: str
    refuted: Floats
    cap: float
    cap_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScatterChart:
    """Radius at n against the radius at the reference budget: expected from the counts (all points), measured (the subsample).

    ``theory``: the same two radii as a formula has them, from small to large; None where points have no common n.
    """

    alt: str
    expected: Floats
    achieved: Floats
    measured: Floats
    achieved_measured: Floats
    theory: tuple[Floats, Floats] | None
    theory_label: str
    cap: float
    cap_label: str
    n_label: str
    reference_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveChart:
    """Mean certified radius (input units) against the number of draws a point.

    ``run`` and ``reference``: (draws, mean radius). ``measured``: mean radius and its interval at the reference. ``theory`` is NaN where it has no value.
    ``guide``: a mean radius below the reference's, for the eye.
    """

    alt: str
    draws: Ints
    expected: Floats
    expected_label: str
    run: tuple[float, float]
    run_label: str
    reference: tuple[float, float]
    reference_label: str
    measured: tuple[float, float, float] | None
    theory: Floats
    theory_label: str
    guide: float
    guide_label: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistogramChart:
    """Points per class of reduction; ``edges`` are fractions."""

    alt: str
    edges: Floats
    counts: Ints
    mean: float
    mean_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadiiChart:
    """How many points (b,) have a certified radius between ``edges`` (b + 1,); ``none``: points without one; ``marks``: (radius, label) asked for."""

    alt: str
    edges: Floats
    counts: Ints
    none: int
    none_label: str
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelsChart:
    """Points per class of noise level; ``edges`` are levels, in input units, even in their logarithm."""

    alt: str
    edges: Floats
    counts: Ints
    median: float
    median_label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixChart:
    """Levels of attributes against levels of other attributes. ``blocks`` maps (row attribute, column attribute) to numbers.

    A negative number marks a pair of levels that the ODD does not contain. ``names``: attributes; ``levels``: the levels of each. ``printed``: the
    other numbers as they are printed, block by block and row by row.
    """

    alt: str
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    blocks: tuple[tuple[int, int, Ints], ...]
    printed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionView:
    """What the small budget cost, in sentences and numbers; the charts are None where nothing certifies. ``budget``: how n came about."""

    sentence: str
    change: str
    budget: str
    facts: Table
    accuracy: Table | None
    budgets: Table | None
    curve: CurveChart | None
    scatter: ScatterChart | None
    histogram: HistogramChart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseView:
    """Noise levels that a policy chose. ``warnings``: what certificates leave open. ``lost``: what a memory took. ``gain``: against single levels.

    ``by_level``: a line for each of few levels; ``spread``: the histogram of many. ``cells``: the map from cell to level.
    """

    lead: str
    facts: tuple[Fact, ...]
    warnings: tuple[Fact, ...]
    by_level: Table | None
    spread: LevelsChart | None
    cells: Table | None
    lost: str
    memory: Table | None
    gain: str
    single: Table | None
    curves: ReleasesChart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecertifiedView:
    """A modified model that was certified on what its baseline keeps. ``kept``: before and after; ``cost``: what it took, beside other ways.

    ``answers``: copies whose answer changed; ``spread``: points by how many were lost. ``words``: what the terms mean, and the method.
    """

    title: str
    lead: str
    facts: tuple[Fact, ...]
    kept: Table
    scatter: KeptChart | None
    scatter_caption: str
    curves: ReleasesChart
    curves_caption: str
    saved: str
    cost: Table
    answers: str
    routes: Table
    spread: Table
    errors: Table
    weakest: Table | None
    holds: tuple[Fact, ...]
    words: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageCaseView:
    """Estimates of average-case robustness beside the certificates. Where they were left out, the lead says why and all else is empty.

    ``agreement``: what was found where both can be compared. ``parts``: estimates by level, class and cell. ``robust``: what they call robust beside what is
    certified. ``draws``: predicted and spent.
    """

    lead: str
    facts: tuple[Fact, ...]
    calibration: CalibrationChart | None
    calibration_caption: str
    agreement: Table | None
    bias: str
    parts: tuple[Table, ...]
    robust: Table | None
    draws: str
    limits: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainView:
    """The ODD as declared, and what of it the points visited."""

    facts: tuple[Fact, ...]
    attributes: Table
    realised: tuple[Fact, ...]
    statements: tuple[str, ...]
    design: str
    coverage: Table
    matrix: MatrixChart | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyView:
    """Certified accuracy: the curve, what its band is, and the table at the radii that matter."""

    chart: AccuracyChart
    caption: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesView:
    """Budget-limited against model-limited points."""

    chart: StatesChart
    caption: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesView:
    """What became of the points: how many are certified, wrong and abstained, with the draws and noise levels used, and the histogram of their radii."""

    table: Table
    radii: RadiiChart
    radii_caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The answer to one of the questions that a reader comes with. ``at``: the section that says more."""

    question: str
    answer: str
    at: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that this run rests on, what it is used for, and the numbers of its references."""

    name: str
    text: str
    references: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that checks or makes again what the report says."""

    line: str
    does: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture as a data URI. ``pixelated``: small enough that its pixels should be seen as squares."""

    source: str
    title: str
    alt: str
    pixelated: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakPoint:
    """A weak point with its pictures and its story."""

    title: str
    outcome: str
    condition: tuple[Fact, ...]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untested:
    """Something declared, or possible, that this run says nothing about."""

    title: str
    text: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A line to be signed and dated."""

    role: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A titled list of facts."""

    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole report."""

    title: str
    spec_id: str
    run_id: str
    version: str
    finished: str
    finished_iso: str
    digests: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    verdict: VerdictView
    brief: tuple[Brief, ...]
    findings: tuple[FindingView, ...]
    changes: Table | None
    clauses_note: str
    reduction: ReductionView
    noise: NoiseView | None
    recertified: RecertifiedView | None
    average_case: AverageCaseView | None
    domain: DomainView
    accuracy: AccuracyView
    outcomes: OutcomesView
    states: StatesView
    by_level: Table | None
    apart: Table | None
    pairs: tuple[Table, ...]
    pairs_note: str
    cells: Table
    classes: Table
    points: Table
    weakest: tuple[WeakPoint, ...]
    weakest_note: str
    untested: tuple[Untested, ...]
    gaps: Table | None
    claims: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    radius_words: Table
    radius_sentences: tuple[str, ...]
    glossary: tuple[Fact, ...]
    methods: tuple[Method, ...]
    references: tuple[str, ...]
    commands: tuple[Command, ...]
    manifest: tuple[Group, ...]
    signatures: tuple[Signature, ...] = field(default=())
