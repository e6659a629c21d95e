"""How the noise level of a point is chosen: data, checked when it is made. ``odd_assess.certify`` carries them out (search.py, sigma.py, procedures.py).

PerCell         one level for each cell of the ODD, chosen on points of their own: the cell is metadata, so every certificate stands as it is
Cascade         several levels one after another: a classifier without state, sound as it stands
MultiStart      a level for each input, found by looking at it: its certificates hold only as far as a memory of all of them lets them
DataDependent   likewise, by the gradient ascent of DDS
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, Literal

SMALLEST_SIGMA = 1e-4
"""Images and noise are float32: at sigma 1e-7 rounding ate the noise and six certificates of ten were false; at 1e-6 none of 200 was."""

Bounds = tuple[float, float]

Soundness = Literal["stateless", "per-cell (metadata)", "memory (later queries, order dependent)"]
"""What a certificate speaks of: a fixed classifier; one that is told the cell; one that remembers what it has certified."""

MEANING: Mapping[Soundness, str] = MappingProxyType(
    {
        "stateless": "each certificate stands by itself, whatever else is asked",
        "per-cell (metadata)": "each certificate stands by itself where the cell of the ODD is known from metadata, not from pixels",
        "memory (later queries, order dependent)": "certificates hold for a classifier that remembers what it has certified, for later queries, and depend on "
        "the order of queries",
    }
)
"""Each class of soundness in a few words."""


def _check_bounds(bounds: Bounds, *levels: float) -> None:
    low, high = bounds
    if not SMALLEST_SIGMA <= low < high < float("inf"):
        raise ValueError(f"bounds must be two levels, {SMALLEST_SIGMA:g} <= low < high, got {bounds!r}")
    for level in levels:
        if not low <= level <= high:
            raise ValueError(f"every start and anchor must lie within the bounds [{low:g}, {high:g}], got {level!r}")


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count!r}")


def _check_levels(*levels: float) -> None:
    for level in levels:
        if not SMALLEST_SIGMA <= level < float("inf"):
            raise ValueError(f"every noise level must be a number of at least {SMALLEST_SIGMA:g} in input units, got {level!r}")


def _listed(levels: Sequence[float]) -> str:
    *before, last = (f"{level:g}" for level in levels)
    return f"{', '.join(before)} and {last}" if before else last


@dataclass(frozen=True, slots=True, kw_only=True)
class PerCell:
    """One level of ``grid`` for each cell of the ODD: the one at which the budget is expected to certify the largest mean radius for the true class.

    Decided on ``points`` points of their own, which are never reported on, with ``draws`` noisy copies at each level of the grid.

    Raises: ValueError for levels that do not rise, fewer than two of them, or counts below 1.
    """

    name: ClassVar[str] = "per_cell"
    soundness: ClassVar[Soundness] = "per-cell (metadata)"

    grid: tuple[float, ...]
    points: int = 100
    draws: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(float(level) for level in self.grid))
        _check_levels(*self.grid)
        if len(self.grid) < 2 or any(below >= above for below, above in pairwise(self.grid)):
            raise ValueError(f"grid must hold at least two rising levels, got {self.grid!r}")
        _check_counts(points=self.points, draws=self.draws)

    @property
    def in_words(self) -> str:
        """What it does, in a few words."""
        return f"one level for each cell of the ODD, of {_listed(self.grid)}"

    @property
    def largest(self) -> float:
        """The largest level that it can choose."""
        return self.grid[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """The levels ``sigmas``, the widest first: the answer is that of the first at which a class has a majority.

    Raises: ValueError for levels that do not fall, or none.
    Source: `odd_assess.stats.cascade`.
    """

    name: ClassVar[str] = "cascade"
    soundness: ClassVar[Soundness] = "stateless"

    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", tuple(float(sigma) for sigma in self.sigmas))
        _check_levels(*self.sigmas)
        if not self.sigmas or any(below >= above for above, below in pairwise(self.sigmas)):
            raise ValueError(f"sigmas must fall, the widest first, got {self.sigmas!r}")

    @property
    def in_words(self) -> str:
        """What it does, in a few words."""
        return f"the levels {_listed(self.sigmas)} one after another, until a class has a majority"

    @property
    def largest(self) -> float:
        """The largest of its levels."""
        return self.sigmas[0]

    @property
    def bounds_at_once(self) -> int:
        """The kinds of bounds that share alpha: one on the majority at each level, one on the other classes at each but the last."""
        return 2 * len(self.sigmas) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiStart:
    """Multiple-start search (Insta-RS): from each start the level climbs; the best few are compared on fresh draws by what the budget would certify.

    All of it for one class, that which most of ``draws`` copies answer at the level ``anchor`` (None: the middle start, the lower of two): the noise that the
    model was trained with suits best. At noise that is too much for it a network answers one class whatever it sees; without an anchor the search takes that
    for robustness, and certifies it.

    ``method`` gradient: ascent in log sigma on s / 2 (Phi^-1 v1 - Phi^-1 v2), v1 the mean softmax of the class over ``draws`` noisy copies, v2 the largest of
    another (reparametrised, common random numbers), ``steps`` Adam steps of ``rate`` from each start; of the levels passed, those where the budget is
    expected to certify most go on. bisection: hard counts of ``draws`` copies at each start, then ``steps`` golden sections beside the best: no gradients,
    any model. ``shortlist`` levels are tried on ``trial`` fresh draws. ``n``, ``alpha``: the budget of the certificate. ``clamp`` keeps v where Phi^-1 is
    finite.

    Decision, 2026-11-21, 48 conditions of the traffic sign reader (trained with noise .25; n = 1000; shares measured by 256 draws, searches simulated): mean
    radius of the right class .212 at the best single level, .266 at the best level of each input; found without anchor .039, with the anchor at .06 .231, at
    .12 .247, at .25 .252, at .35 as much with these starts, less (.228) with finer ones. More draws or steps moved it by .005 at most.

    Raises: ValueError for starts or an anchor outside the bounds, or counts below 1.
    Source: Chen et al. 2021, arXiv 2103.04436 (the search; starts and steps are not public and are ours); QCRS, AAAI 2024 (quasi-concavity).
    """

    name: ClassVar[str] = "multi_start"
    soundness: ClassVar[Soundness] = "memory (later queries, order dependent)"

    starts: tuple[float, ...] = (0.06, 0.12, 0.25, 0.5, 0.75, 1.0)
    bounds: Bounds = (0.05, 1.5)
    method: Literal["gradient", "bisection"] = "bisection"
    draws: int = 64
    steps: int = 4
    rate: float = 0.1
    shortlist: int = 2
    trial: int = 128
    n: int = 1000
    alpha: float = 0.001
    clamp: Bounds = (0.001, 0.999)
    anchor: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(sorted({float(start) for start in self.starts})))
        if not self.starts:
            raise ValueError("starts must hold at least one level")
        _check_bounds(self.bounds, *self.starts, *([] if self.anchor is None else [self.anchor]))
        _check_counts(draws=self.draws, shortlist=self.shortlist, trial=self.trial, n=self.n)

    @property
    def in_words(self) -> str:
        """What it does, in a few words."""
        return f"a level for each input, by a search from {_listed(self.starts)} within {self.bounds[0]:g} to {self.bounds[1]:g}"

    @property
    def largest(self) -> float:
        """The largest level that it can choose."""
        return self.bounds[1]

    @property
    def decides(self) -> float:
        """The level that decides the class."""
        return self.starts[(len(self.starts) - 1) // 2] if self.anchor is None else self.anchor

    @property
    def search_draws(self) -> int:
        """The noisy copies that the search takes for one input, at most; by gradients, each goes back through the model too."""
        if self.method == "gradient":
            tried = len(self.starts) * (self.steps + 1) + 1
        else:
            tried = len({self.decides, *self.starts}) + self.steps + 1
        return tried * self.draws + self.shortlist * self.trial

    def neighbours(self, start: float) -> Bounds:
        """The starts on either side, or the bounds."""
        levels = (self.bounds[0], *self.starts, self.bounds[1])
        at = levels.index(start, 1)
        return levels[at - 1], levels[at + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDependent:
    """Data-dependent smoothing (DDS) as published: ``steps`` gradient steps of size ``step`` on s from ``start``, fresh noise in each.

    The objective is that of `MultiStart`, over ``draws`` copies, v clamped to ``clamp``. The published updates can leave the positive numbers:
    ``bounds`` is our guard. The defaults are those of the paper's scripts; its package has step .04, steps 900, draws 100, clamp (.001, .999).

    Those of the scripts hardly leave the start (100 steps of 1e-4): they gain what it gains. Measured here (``benchmarks.noise_levels``) with step .02,
    steps 8, draws 32, bounds a quarter to twice the noise of the training: mean radius .272 against .253 of the best single level on digits (start .12), .296
    against .238 on traffic signs (.12), .233 against .141 on CIFAR-10 (.25). The start matters and has to be tried: .25 on digits gave .215, .12 on CIFAR-10
    .124. Twice the steps gained nothing on digits (.251).

    Raises: ValueError for a start outside the bounds, or counts below 1.
    Source: Alfarra, Bibi, Torr, Ghanem, UAI 2022, algorithm 1.
    """

    name: ClassVar[str] = "data_dependent"
    soundness: ClassVar[Soundness] = "memory (later queries, order dependent)"

    start: float = 0.12
    step: float = 1e-4
    steps: int = 100
    draws: int = 64
    clamp: Bounds = (0.02, 0.98)
    bounds: Bounds = (0.05, 1.5)

    def __post_init__(self) -> None:
        _check_bounds(self.bounds, self.start)
        _check_counts(draws=self.draws)

    @property
    def in_words(self) -> str:
        """What it does, in a few words."""
        return (
            f"a level for each input, by gradient steps (DDS) from {self.start:g} within {self.bounds[0]:g} to {self.bounds[1]:g}"
        )

    @property
    def largest(self) -> float:
        """The largest level that it can choose."""
        return self.bounds[1]

    @property
    def search_draws(self) -> int:
        """The noisy copies that the ascent takes for one input; each goes back through the model too."""
        return self.steps * self.draws


SigmaPolicy = PerCell | Cascade | MultiStart | DataDependent
ByInput = (MultiStart, DataDependent)
"""The policies that look at the input."""
