"""Every frozen record that crosses a border between rooms. Read this file first.

Declared (what the files say):   Spec = Domain + Realisation* + SamplingPlan + InputDeclaration + ModelDeclaration
                                        + CertificationPlan + CriteriaSet* + Execution
Found (what a run produces):     Results (one row a point) + Reference -> Coverage, Reduction, Finding* -> Verdict
All together:                    Assessment, which the report quotes and the evidence store keeps.

Arrays are numpy, one entry a point, in design order. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from odd_assess.errors import Location
from odd_assess.odd.constraints import Statement
from odd_assess.odd.coverage import Coverage as Coverage
from odd_assess.odd.coverage import Gap as Gap
from odd_assess.odd.domain import Domain
from odd_assess.odd.groups import Groups as Groups
from odd_assess.odd.points import OddPoint as OddPoint
from odd_assess.odd.points import OddPoints as OddPoints
from odd_assess.odd.points import Value as Value
from odd_assess.odd.ranked import RankedSets as RankedSets
from odd_assess.policies import SigmaPolicy as SigmaPolicy
from odd_assess.policies import Soundness as Soundness

if TYPE_CHECKING:
    from odd_assess.stats import Terms

# ---------------------------------------------------------------- one point


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each class was answered among ``n`` noisy copies: (class, count) for the classes that occurred."""

    n: int
    by_class: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.n < 0 or sum(count for _, count in self.by_class) != self.n or any(count < 1 for _, count in self.by_class):
            raise ValueError(f"counts must be positive and sum to n = {self.n}, got {self.by_class!r}")

    def of(self, label: int) -> int:
        """The draws that answered ``label``."""
        return dict(self.by_class).get(label, 0)

    @classmethod
    def from_array(cls, counts: NDArray[np.int64]) -> Counts:
        """From dense class counts (num_classes,)."""
        present = np.flatnonzero(counts)
        return cls(n=int(counts.sum()), by_class=tuple((int(c), int(counts[c])) for c in present))


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCounts:
    """The draws of one noise level of a cascade."""

    sigma: float
    selection: Counts
    counts: Counts


Route = Literal["incremental", "fresh", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """What a certificate of a modified model takes from the baseline's at the same point, which chose the class: ``base_hits`` of its ``base_n`` draws hit it.

    The first of these draws are those that the modified model was asked about: the baseline answered the class to ``head`` of them; the modified model
    answers otherwise to ``lost`` of these, and to ``changed`` of all. ``route``: which bound was taken (`odd_assess.stats.incremental`).
    """

    route: Route
    base_hits: int
    base_n: int
    head: int
    lost: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """Except with probability ``alpha``: g(x + d) == label for every ||d||_2 < radius.

    ``radius`` is in input units and rounded down. ``selection`` holds the n0 draws that chose the class (None where one batch does
    both), ``counts`` the n draws that bound it. ``ties`` counts the draws of both whose two top logits tie within rounding: with another batch size
    they may fall otherwise. ``levels`` (cascade) holds the draws of every
    noise level, ``sigma`` and ``counts`` are then those of the one that gives the radius. ``reused`` (incremental): what was taken from the baseline.
    ``answers``: those to the first draws that bound the class, where a later run is to reuse them.
    """

    label: int
    radius: float
    p_a_lower: float
    n0: int
    n: int
    sigma: float
    alpha: float
    procedure: str
    counts: Counts
    selection: Counts | None = None
    ties: int = 0
    levels: tuple[LevelCounts, ...] = ()
    reused: Reused | None = None
    answers: NDArray[np.integer[Any]] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """The draws do not show that any class has more than half of the noisy copies. ``label`` is the class that was tried."""

    label: int
    p_a_lower: float
    n0: int
    n: int
    sigma: float
    alpha: float
    procedure: str
    counts: Counts
    selection: Counts | None = None
    ties: int = 0
    levels: tuple[LevelCounts, ...] = ()
    reused: Reused | None = None
    answers: NDArray[np.integer[Any]] | None = field(default=None, compare=False, repr=False)


Certificate = Certified | Abstained

ANYTIME_PROCEDURES = frozenset({"sequential", "incremental_sequential"})
"""Procedures that choose n while they draw: their counts are bounded at any time (`odd_assess.stats.sequential`), not by the bound for a fixed n."""


# ---------------------------------------------------------------- declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Realisation:
    """How one ODD attribute reaches the image.

    ``transform`` names an entry of ``odd_assess.odd.catalogue.TRANSFORMS``, or is None when the attribute is read from a table's column
    ``column`` or handed to a renderer. ``scale`` and ``offset`` convert the attribute's unit to the transform's (transform value =
    scale * value + offset); ``levels`` maps labels to transform values. ``parameters`` are the transform's other settings.
    """

    attribute: str
    transform: str | None = None
    column: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    levels: Mapping[Value, float] | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrealisable:
    """An attribute of the ODD that no transform, column or renderer can produce: declared, reported, untested."""

    attribute: str
    declared: str
    reason: str


Design = Literal["random", "stratified", "ranked", "sobol", "lhs", "grid", "pairwise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingPlan:
    """Which points of the ODD are assessed. ``allocation`` is used by the stratified design only; declared: by the two ``groups`` of a file.

    ``until_decided`` (random design only): points are drawn one look after another until every blocking criterion is decided, ``points`` at most.
    ``ranked`` (design ranked only): the sets that each point is chosen from, by the estimates of the section average_case.
    """

    design: Design
    points: int | None
    seed: int
    allocation: Literal["proportional", "equal", "declared"] = "proportional"
    until_decided: bool = False
    groups: Groups | None = None
    ranked: RankedSets | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDeclaration:
    """Where base images and labels come from.

    ``kind`` decides which of the others are used: digits (split), npz (path), folder (path), torchvision (reference = data set name, path = root,
    split, download), table (path, plus ``columns``), callable (reference = "package.module:function").
    """

    kind: Literal["digits", "npz", "folder", "torchvision", "table", "callable"]
    path: Path | None = None
    reference: str | None = None
    split: str | None = None
    download: bool = False
    size: tuple[int, int] | None = None  # (height, width): images are resized to it, needed for folders of mixed sizes
    image_column: str | None = None  # table: column of image paths, relative to the table
    row_column: str | None = None  # table: column of row numbers of ``arrays``
    label_column: str | None = None
    arrays: Path | None = None  # table: npz that row_column points into
    weights: Literal["declared", "frames"] = "declared"


Precision = Literal["float32", "bfloat16", "float16", "int8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeclaration:
    """The model under test.

    ``kind`` and ``reference``: factory ("package.module:factory"), torchvision (architecture name), exported (path of a torch.export file), onnx (path).
    ``arguments`` are passed to the factory. ``precision`` (None: as the weights are) and ``compile`` (torch.compile) say how the model is deployed.
    ``mean``/``std`` (one value or one a channel) are applied inside, after the noise.
    """

    kind: Literal["factory", "torchvision", "exported", "onnx"]
    reference: str
    weights: Path | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    expected_clean_accuracy: float | None = None
    clean_accuracy_tolerance: float = 0.03
    precision: Precision | None = None
    compile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Draws a point: ``n0`` choose the class, ``n`` bound it.

    single_batch   n0 = 0: one batch of n chooses the class and bounds it
    sequential     draws come in blocks until every radius that the criteria ask about is decided at the point; ``n`` at most
    tolerance      the smallest n whose expected radius reduction is at most ``tolerance``, found by a pilot on ``pilot_points`` further points (n0 draws
                   each); ``n`` at most
    """

    kind: Literal["fixed", "reduced", "single_batch", "sequential", "tolerance"]
    n0: int
    n: int
    tolerance: float | None = None
    pilot_points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePlan:
    """A random subsample of ``points`` points certified at the reference budget ``n``, to measure what the small budget cost."""

    n: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPlan:
    """A random subsample of ``points`` points that is also certified at each single noise level of ``sigmas``, with the run's budget: what the policy gains."""

    sigmas: tuple[float, ...]
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificationPlan:
    """Noise level (input units), failure probability of one certificate, budget and reference.

    ``policy`` (None: the one level ``sigma``) chooses the level of each point; ``sigma`` is then the largest that it can choose.
    """

    sigma: float
    alpha: float
    budget: Budget
    reference: ReferencePlan | None = None
    batch_size: int | None = None  # None: chosen by the engine and recorded
    policy: SigmaPolicy | None = None
    comparison: ComparisonPlan | None = None
    cache: int = 0  # answers that are kept at each point, for modified models to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Recertification:
    """How a modified model is certified on what its baseline keeps: ``draws`` a point (at most, where they stop ``when_decided``), for the baseline's classes.

    ``share`` of the failure probability of a certificate goes to what is drawn now, the rest to the baseline's bound; ``models`` are certified on that
    baseline. ``route`` and ``gamma``: see `odd_assess.certify.IncrementalPlan`.
    """

    draws: int
    share: float = 0.5
    route: Literal["auto", "gamma", "incremental", "fresh"] = "auto"
    gamma: float = 0.99
    models: int = 1
    when_decided: bool = False

    def split(self, alpha: float) -> tuple[float, float]:
        """The failure probability ``alpha`` of a certificate in two: of the baseline's bound, and of what is drawn now."""
        return alpha - self.share * alpha, self.share * alpha


EstimationMethod = Literal[
    "mc",
    "taylor",
    "taylor_mvs",
    "taylor_mvs_probit",
    "mmse",
    "mmse_mvs",
    "mmse_mvs_probit",
    "mmse_curved",
    "moments",
    "softmax",
]
"""How average-case robustness is estimated: see `odd_assess.average_case`."""

COPIES: Mapping[str, int] = MappingProxyType({"mc": 64, "mmse": 10, "moments": 32})
"""The methods that look at noisy copies (by the first part of their names), and how many where nothing else is said."""


def kind_of(method: EstimationMethod) -> str:
    """What a method looks at, whatever it makes of it: "mmse" for mmse_mvs."""
    return method.split("_")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class AverageCasePlan:
    """How average-case robustness is estimated: the probability that noise of level ``sigma`` (input units) leaves the answer as it is. No certificate.

    ``samples``: noisy copies of an input (mc, mmse, moments), in pairs of opposite noise where ``antithetic`` (not mc). ``top``: only so many margins, the
    least ones. Screening estimates ``points`` random points of the ODD, and compares ``check_points`` of them with Monte Carlo of ``check_draws`` draws.
    """

    sigma: float
    method: EstimationMethod = "moments"
    samples: int = COPIES["moments"]
    antithetic: bool = True
    top: int | None = None
    points: int = 1000
    check_points: int = 50
    check_draws: int = 200

    @property
    def noisy(self) -> bool:
        """Whether the method looks at noisy copies."""
        return kind_of(self.method) in COPIES

    @property
    def in_pairs(self) -> bool:
        """Whether these come in pairs of opposite noise."""
        return self.noisy and self.antithetic and self.method != "mc"

    @property
    def copies(self) -> int:
        """The inputs that the model is asked about for one estimate, noisy or not."""
        return self.samples if self.noisy else 1

    @property
    def words(self) -> str:
        """The method in a few words: "mmse, 10 noisy copies in pairs of opposite noise"."""
        copies = f", {self.samples:,} noisy {'copy' if self.samples == 1 else 'copies'}" if self.noisy else ""
        least = f", the {self.top} least margins" if self.top is not None and self.method not in ("mc", "softmax") else ""
        return f"{self.method}{copies}{self.pairs_words}{least}"

    @property
    def pairs_words(self) -> str:
        """How many of the copies come in pairs: " in pairs of opposite noise", or ", all but one in pairs of opposite noise"; empty where none do."""
        if not self.in_pairs or self.samples < 2:
            return ""
        return f"{', all but one' if self.samples % 2 else ''} in pairs of opposite noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Who does the work. No result depends on it, so that it is no part of a run's identity.

    ``address`` (ray): auto (the cluster that runs here), local (one that is started on this machine for the run) or HOST:PORT. ``workers``: None is as many
    as the cluster holds. A worker computes with ``cpus_per_worker`` threads; ``gpus_per_worker``: None is 1 where the run computes on a GPU, else 0.
    """

    engine: Literal["local", "ray"] = "local"
    address: str = "auto"
    workers: int | None = None
    cpus_per_worker: int = 1
    gpus_per_worker: float | None = None


Severity = Literal["blocking", "warning", "info"]
Comparator = Literal[">=", "<="]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subdomain:
    """A part of the ODD that a criterion speaks of: where all conditions of ``statement`` hold, which is a ``share`` of the ODD.

    ``written`` are the conditions as the criteria file writes them, ``text`` quotes them. A criteria file that was read without a domain has no statement.
    """

    name: str
    text: str
    written: Mapping[str, Any] = field(default_factory=dict, hash=False)
    statement: Statement | None = field(default=None, hash=False)
    share: float = 1.0

    @property
    def words(self) -> str:
        """The sub-domain in a sentence: " in night", or " where light: < 50 lux"."""
        return f" in {self.name}" if self.name else f" where {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One acceptance criterion: ``metric`` (at ``radius``, over ``scope``) must be ``comparator`` ``required`` at ``confidence``."""

    id: str
    title: str
    metric: str
    comparator: Comparator
    required: float
    radius: float | None = None
    quantile: float | None = None  # radius_quantile: the share of the ODD that may lie below the required radius
    of: str | None = None  # regression: the metric that is compared with the baseline's
    scope: Literal["odd", "each_cell", "each_level", "each_class"] = "odd"
    attribute: str | None = None  # each_level, level_difference: whose levels
    where: Subdomain | None = None  # scope odd: only this part of it
    confidence: float | None = None
    severity: Severity = "blocking"
    multiplicity: Literal["holm", "bonferroni"] = "holm"
    estimate: Literal["accepted"] | None = None  # an estimate, which carries no guarantee, may decide the verdict
    requirement: str | None = None  # the caller's own requirement id
    clauses: tuple[str, ...] = ()  # clauses of standards that it serves
    location: Location | None = None


Effect = Literal["loosened", "not loosened", "not comparable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one key of a criterion; of the whole criterion where ``key`` is empty: ``before`` is empty where it is new, ``after`` where it is gone.

    ``source`` is the file in which it stood as ``before``, ``reason`` the one that the changing file gives. ``effect`` says whether less is asked than before.
    """

    criterion: str
    key: str
    before: str
    after: str
    effect: Effect
    reason: str = ""
    source: str = ""

    def __str__(self) -> str:
        mark = "" if self.effect == "not loosened" else f" ({self.effect})"
        if self.key:
            return f"{self.criterion}: {self.key} {self.before} -> {self.after}{mark}"
        return f"{self.criterion}: {'dropped' if self.before else 'added'}{mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CriteriaSet:
    """One acceptance criteria file.

    ``base`` is the file that it extends, ``overrides`` what it and its bases changed in the criteria of theirs, the first base first. ``standards``: (key,
    title) of those that it declares itself, for its clauses.
    """

    id: str
    title: str
    path: Path
    sha256: str
    criteria: tuple[Criterion, ...]
    description: str = ""
    base: CriteriaSet | None = None
    overrides: tuple[Change, ...] = ()
    standards: tuple[tuple[str, str], ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of this file and of those that it rests on."""
        return (self.sha256, *(self.base.digests if self.base is not None else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that a run was declared by: its bytes as they were read, its name as the spec writes it (the spec's own: its file name).

    ``kind``: the spec, one of its criteria files, a file of numbers that the spec names, or its lock; of a recertification the model that takes the place of
    the spec's, and how it was asked for. ``sha256`` is the digest of the bytes when they were read.
    """

    kind: Literal["spec", "criteria", "numbers", "lock", "model", "recertification"]
    name: str
    sha256: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What was fixed before the run by `odd-assess lock`, and what is another now.

    ``changes``: of criteria. ``spec_changes``: sections of the spec, and files of numbers. ``files``: those whose bytes are others, or that are new or gone.
    """

    date: str
    version: str
    changes: tuple[Change, ...] = ()
    spec_changes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["locked", "bytes changed", "spec changed", "criteria changed"]:
        """The gravest thing that became of it."""
        if self.changes:
            return "criteria changed"
        return "spec changed" if self.spec_changes else "bytes changed" if self.files else "locked"

    @property
    def headline(self) -> str:
        """The state in a few words: "criteria locked on 2026-11-21"."""
        match self.state:
            case "criteria changed":
                return f"criteria changed after lock of {self.date[:10]}"
            case "locked":
                return f"criteria locked on {self.date[:10]}"
            case state:
                return f"criteria locked on {self.date[:10]}, {state} since"

    @property
    def details(self) -> tuple[str, ...]:
        """What changed, a line each."""
        lines = [*map(str, self.changes), *(f"spec: {name} changed" for name in self.spec_changes)]
        return tuple(lines or [f"bytes of {name} changed, but no criterion and no part of the spec" for name in self.files])

    @property
    def sentence(self) -> str:
        """The headline and what changed, for the places where a verdict is read."""
        return f"{self.headline[0].upper()}{self.headline[1:]}{': ' if self.details else ''}{'; '.join(self.details)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A validated spec file with everything it refers to resolved; paths are absolute."""

    path: Path
    text: str
    sha256: str
    id: str
    title: str
    taxonomy: str
    domain: Domain
    realisations: tuple[Realisation, ...]
    unrealisable: tuple[Unrealisable, ...]
    sampling: SamplingPlan
    inputs: InputDeclaration
    model: ModelDeclaration
    certification: CertificationPlan
    criteria: tuple[CriteriaSet, ...]
    execution: Execution = Execution()
    responsible: tuple[tuple[str, str], ...] = ()  # (role, name) for the signature block
    unattainable: Literal["refuse", "accept"] = (
        "refuse"  # what a criterion is that no model could meet at this budget: an error, or inconclusive
    )
    documents: tuple[SourceFile, ...] = ()  # the files that all this was read from, the spec first
    lock: Lock | None = None  # None: nothing was locked
    average_case: AverageCasePlan | None = None  # None: the run estimates nothing
    baseline: Path | None = None  # the run of the model that this one would replace
    recertification: Recertification | None = None  # the model is certified on what that run keeps; None: from nothing


# ---------------------------------------------------------------- found

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """One row a point, in design order, all arrays of length m. What the checker and the report read.

    ``label`` is the true class, ``clean`` the base classifier's answer without noise, ``chosen`` the class that the procedure tried;
    ``hits`` and ``label_hits`` count the estimation draws (of ``n``) that answered ``chosen`` and ``label``. ``radius`` is 0 where ``certified`` is
    False. ``anytime`` says where n was not fixed beforehand, ``ties`` how many draws rounding decides. ``base_n``: draws of a baseline whose class was
    taken, and that the bound rests on besides (`Reused`); 0 where none are. ``p_upper``: the upper bound of the true class's probability that rests on a
    baseline too; NaN where ``label_hits`` alone bound it.
    ``level`` (m, attributes) holds the bucket of each attribute, ``cell`` the index into ``Domain.cells``.

    ``policy`` (None: one level) chose the noise level ``sigma`` of each point. Where it looks at the input, ``certified`` and ``radius`` are what counts after
    the memory, all other columns what was found at the point alone. For a cascade ``sigma``, ``n``, ``hits`` and ``p_a_lower`` are of the level that gives
    the radius.
    """

    index: Ints
    cell: Ints
    level: Ints
    label: Ints
    clean: Ints
    chosen: Ints
    certified: Bools
    hits: Ints
    label_hits: Ints
    n0: Ints
    n: Ints
    sigma: Floats
    alpha: Floats
    p_a_lower: Floats
    radius: Floats
    anytime: Bools
    ties: Ints
    base_n: Ints
    p_upper: Floats
    policy: SigmaPolicy | None = None

    def __post_init__(self) -> None:
        m = len(self.index)
        for name in self.columns():
            if len(getattr(self, name)) != m:
                raise ValueError(f"every column must have {m} rows, {name} has {len(getattr(self, name))}")

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Ints | Bools) -> Results:
        """The results of some points."""
        return Results(**{name: getattr(self, name)[rows] for name in self.columns()}, policy=self.policy)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The names of all that holds one entry a point."""
        return tuple(name for name in cls.__slots__ if name != "policy")

    @classmethod
    def joined(cls, parts: Sequence[Results]) -> Results:
        """The rows of all parts, of which there must be one at least, one after another."""
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in cls.columns()}
        return cls(**joined, policy=parts[0].policy)

    @property
    def correct(self) -> Bools:
        """Certified, and of the true class."""
        return np.asarray(self.certified & (self.chosen == self.label), dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduction:
    """What the small budget cost in radius, against the reference budget ``n_ref``. Reductions are fractions of the reference mean radius.

    ``expected_reference`` (m,) is each point's expected reference radius given its counts. ``predicted`` is over all points; ``predicted_subsample``
    over the points that were also certified at the reference budget, beside ``measured`` with its two-sided bootstrap interval. None without a reference.
    ``cap_share``, ``width_share``, ``multiplicity_share``: parts of the predicted reduction due to the cap of n draws, to the width of the bound, and to using
    draws twice (one batch that chooses and bounds; stopping when decided). They sum to it.
    """

    n_ref: int
    expected_reference: Floats
    predicted: float | None
    predicted_subsample: float | None = None
    measured: float | None = None
    measured_lower: float | None = None
    measured_upper: float | None = None
    confidence: float = 0.95
    measured_points: int = 0
    per_point_median: float | None = None
    cap_share: float | None = None
    width_share: float | None = None
    multiplicity_share: float | None = None
    theory: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointEstimates:
    """Estimates (m,) of average-case robustness at points of the ODD, ``index`` their numbers. None of them is a certificate.

    ``value`` is the estimate that the answer ``clean``, which the model gives without noise, stays under noise; ``low``, ``high``, ``cdf_error`` and
    ``dead_gradient`` say what is known of its error (`odd_assess.average_case.Estimates`).
    """

    plan: AverageCasePlan
    index: Ints
    clean: Ints
    value: Floats
    low: Floats
    high: Floats
    cdf_error: Floats
    dead_gradient: Bools

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The names of all that holds one entry a point."""
        return tuple(name for name in cls.__slots__ if name != "plan")

    def take(self, rows: Ints | Bools) -> PointEstimates:
        """The estimates at some points."""
        return PointEstimates(plan=self.plan, **{name: getattr(self, name)[rows] for name in self.columns()})

    @classmethod
    def joined(cls, parts: Sequence[PointEstimates]) -> PointEstimates:
        """The rows of all parts, of which there must be one at least, one after another."""
        return cls(plan=parts[0].plan, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in cls.columns()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseLevels:
    """What became of a policy that chooses the noise level of each point.

    ``cells``: (name, level) of each cell, where the cell decides. ``alone``, ``label_alone`` (m,): radius and class of each point before the memory, where
    there is one; `Results` hold what counts: the smaller of the two radii, 0 where the memory answers with another class. ``single``: the subsample that was
    certified at single levels too, the same rows at each, in rising order of the level.
    """

    policy: SigmaPolicy
    soundness: Soundness
    cells: tuple[tuple[str, float], ...] = ()
    alone: Floats | None = None
    label_alone: Ints | None = None
    single: tuple[Results, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recertified:
    """A modified model that was certified on the answers that its baseline keeps, for the baseline's classes. Arrays (m,), in design order.

    ``run``, ``title``, ``verdict`` and ``finished`` are the baseline run's, ``model`` and ``certificates`` digests of its model and certificates. ``terms``
    say how points were bounded, and at which levels. ``route``, ``base_hits``, ``base_n``, ``head``,
    ``lost``, ``changed``: see `Reused`. ``draws``: what this run spent on all points, ``base_draws`` what the baseline did, ``base_selection`` of these to
    choose the classes. ``seconds``, ``base_seconds``: what that took; None where the manifest does not tell.
    """

    run: str
    title: str
    verdict: str
    finished: str
    model: str
    certificates: str
    plan: Recertification
    terms: Terms
    route: NDArray[np.str_]
    base_hits: Ints
    base_n: Ints
    head: Ints
    lost: Ints
    changed: Ints
    draws: int
    base_draws: int
    base_selection: int
    seconds: float | None = None
    base_seconds: float | None = None


class State(Enum):
    """The state of a criterion. Each value is the word that reports print."""

    MET = "MET"
    NOT_MET = "NOT MET"
    INCONCLUSIVE = "INCONCLUSIVE"


Verdict = State
"""The verdict of an assessment: MET only when every blocking criterion is met."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """All that a criterion may be judged by: the domain, how its points were chosen, what was found at them and what follows from that.

    ``class_names`` are those of the data, in label order, for criteria on each class. ``baseline``: the same points under the model that this one would
    replace. ``points``: the conditions, row by row, for criteria on a sub-domain. ``average_case``: estimates at the same points, for criteria on these.
    """

    domain: Domain
    sampling: SamplingPlan
    results: Results
    coverage: Coverage
    reduction: Reduction
    class_names: tuple[str, ...] = ()
    baseline: Results | None = None
    points: OddPoints | None = None
    average_case: PointEstimates | None = None


Kind = Literal["domain claim", "estimate", "descriptive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A finding for one part (cell, level or class) of a criterion's scope."""

    name: str
    state: State
    points: int
    observed: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the evidence says about one criterion.

    ``observed`` is the plain sample value, ``lower``/``upper`` the confidence bounds that decide (None: no such bound; the message says why).
    ``advice`` says what would decide or meet it; empty when MET. ``points_needed`` and ``draws_needed`` are its numbers: points at this budget, or
    draws a point at these points, that would decide if what was observed persists (None: none would, or none is known).
    """

    criterion: Criterion
    state: State
    kind: Kind
    points: int
    observed: float | None
    lower: float | None
    upper: float | None
    message: str
    advice: str = ""
    parts: tuple[Part, ...] = ()
    points_needed: int | None = None
    draws_needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """Pictures (PNG bytes) of one point: the base image, the realised input, one noisy copy."""

    index: int
    base: bytes
    realised: bytes
    noisy: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """A finished assessment: all that the report says and the exit status rests on.

    ``points`` are the sampled conditions, row by row as in ``results``. ``reference`` holds the same columns for the reference subsample.
    ``manifest`` is what manifest.json says: digests, environment, seeds, engine, times.
    """

    spec: Spec
    points: OddPoints
    class_names: tuple[str, ...]
    results: Results
    reference: Results | None
    coverage: Coverage
    reduction: Reduction
    findings: tuple[Finding, ...]
    verdict: Verdict
    exhibits: tuple[Exhibit, ...]
    manifest: Mapping[str, Any]
    baseline: Results | None = None  # the same points under the model that this one would replace
    noise: NoiseLevels | None = None  # None: one level for all points
    recertified: Recertified | None = None  # None: certified from nothing
    average_case: PointEstimates | None = None  # at every point of the results; None: nothing was estimated

    @property
    def evidence(self) -> Evidence:
        """What the findings rest on, and what other criteria may be judged by."""
        return Evidence(
            domain=self.spec.domain,
            sampling=self.spec.sampling,
            results=self.results,
            coverage=self.coverage,
            reduction=self.reduction,
            class_names=self.class_names,
            baseline=self.baseline,
            points=self.points,
            average_case=self.average_case,
        )
