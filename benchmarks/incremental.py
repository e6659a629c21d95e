"""What does certifying a modified model on its baseline's noise save, against certifying it from nothing?

``python -m benchmarks.incremental [--points N] [--answers N] [--models NAME ...] [--cache DIR] [--part speed|rules|gate|time ...]``

On GTSRB and CIFAR-10 (the maintainers' data, in ``shared`` beside the checkout): independent points of the ODDs in sample_reports, the shared networks
(trained at sigma .25) as baselines with 10,000 draws a point, and modified models as ``odd-assess derive`` makes them: ``int8`` (calibrated), ``bf16``,
``fp16``, ``prune05``, ``prune10``, ``prune20``. Every model answers once to the same addressed noise (``--cache`` keeps what it answered); all the rest is
computed from the answers. Every certificate, by either way, is false with probability at most .002.

speed   For 1, 2, 5 and 10 % of the baseline's draws: the mean certified radius of the incremental certificates, the draws that certifying from nothing takes
        for the same mean radius (found on a grid, with interpolation), and their ratio: beside n0 = 100 as published; as if the class were known for nothing
        (no n0); and beside the best n0 of 10, 32 and 100 where a point may also be given up after its n0 draws. Expected over random orders of the answers;
        the intervals are 95 % ones of a bootstrap over points. ``paper``: zeta of all changed answers, subtracted, .001 for each bound, fresh from gamma =
        .99 on, at .002. ``ours``: `odd_assess.stats.Terms` by its rule "auto". ``skipping``: the same, without draws at points that abstain whatever is
        answered. --more adds points, asked of the same modified models.
rules   Some other rules, ranked by their mean over all models and draws.
gate    "certified accuracy at r >= q" at 95 %, points and draws until decided (points are drawn again and again from those that were measured, 300 at most):
        the draws of the gate by either way, each with at most so many draws a point. Points are read as the criteria read them, in several orders of
        their copies (beyond --answers in their own).
time    Seconds of one cell, by both ways, side by side.

A radius counts where the certified class is the true one (``--any-class``: whichever it is).

Found (40 points, 2,000 answers; 1.1 to 1.5 % of them changed, .35 to .6 % lost). Ratio of draws at equal mean radius, range over int8, bf16 and prune10; in
brackets the least where n0 is not counted, and beside the best way from nothing:

                        1 %                     2 %                     5 %                     10 % of the baseline's draws
    GTSRB     paper     2.06-2.08 (1.06, .79)   1.57-1.60 (1.07, .74)   1.24-1.32 (1.04, .70)   1.05-1.14 (.95, .62)
              ours      2.10      (1.10, .81)   1.65-1.67 (1.15, .80)   1.42-1.45 (1.22, .82)   1.30-1.35 (1.20, .79)
              skipping  3.36-3.37 (1.76, 1.30)  2.64-2.67 (1.84, 1.28)  2.19-2.24 (1.88, 1.26)  2.01-2.07 (1.85, 1.22)
    CIFAR-10  paper     2.18-2.30 (1.18, 1.07)  1.66-1.81 (1.16, 1.01)  1.27-1.40 (1.07, .89)   1.03-1.15 (.93, .75)
              ours      2.36-2.43 (1.36, 1.22)  2.09-2.17 (1.59, 1.36)  1.92-2.05 (1.72, 1.40)  1.67-1.71 (1.57, 1.25)
              skipping  3.50-3.60 (2.02, 1.81)  2.70-2.80 (2.05, 1.76)  2.33-2.48 (2.09, 1.70)  2.02-2.07 (1.90, 1.51)

Ours is nowhere slower than n0 = 100 from nothing, nor where n0 is free. Next to pA = 1 only the n0 draws are saved. Where many points have no certificate
(GTSRB), giving up early from nothing beats everything that asks at each point. To expect a loss of .2 % in the route would add 1.5 % on average.

With 24 further points (int8 and prune10) ours is 2.09-2.10, 1.65, 1.43-1.44 and 1.33-1.34 on GTSRB, 2.47-2.48, 2.28-2.30, 2.15-2.17 and 1.83-1.90 on CIFAR-10.

Gates (int8, prune10; r = sigma / 2 and sigma; one to be met, one not; four orders of the copies): part of the draws of a fresh gate that the recertified one
takes. Median of 16 gates, range, how many are at most half:

    beside at most          n0 = 100                n0 = 32
    1,000, ours 1,000       .42 (.21-.60) 14        .45 (.23-.66) 10
    2,000, ours 2,000       .44 (.18-.65) 10        .43 (.19-.70) 10
    10,000, ours 2,000      .25 (.19-.73) 14        .26 (.15-.82) 15

Of a point whose baseline chose a class next to a tie (.40, the true one .37) a few draws refute that class and then say nothing of the true one: it stays
undecided, and what a gate that is not met has to wait for.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from benchmarks.modified import BASE_N, N0, NOT_ASKED, SETTING, SIGMA, Asked, Labels, Subjects, asked, asked_further, further, read
from benchmarks.radius_reduction import REAL, SHARED, place_real
from odd_assess.assessment.gate import looks
from odd_assess.certify import (
    IncrementalPlan,
    ReducedPlan,
    SequentialPlan,
    certify,
    certify_baseline,
    certify_incremental,
    procedure,
)
from odd_assess.certify.procedures import Draw, incremental
from odd_assess.criteria.point_states import certified_at, refuted_at
from odd_assess.evidence import MAIN, EvidenceStore, Row, results
from odd_assess.odd.attributes import Ordinal
from odd_assess.odd.domain import Domain
from odd_assess.records import Abstained, Bools, Certificate, Counts, Floats, Ints, OddPoint
from odd_assess.stats import (
    Terms,
    anytime_lower_bound,
    proportion_lower_bound,
    proportion_upper_bound,
    true_fraction_lower,
    true_fraction_upper,
)
from odd_assess.stats.search import smallest

TOTAL = 0.002
SHARES = (0.01, 0.02, 0.05, 0.10)
GAMMA = 0.99
ORDERS = 16
BOOTSTRAP = 1_000
SELECTIONS = (10, 32, 100)
SLOWER = 0.95
KEPT = (1_000, 2_000)
"""Answers of the baseline that the gates may use."""
GATE_SELECTIONS = (100, 32)
GATE_ORDERS = 4
MOST_POINTS = 300


# ---------------------------------------------------------------- label arrays


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """A baseline and a modified model at the same P points and copies, as counts of random orders of the copies.

    ``chosen`` (P,): the class that the baseline's draws chose (``base_selected`` of N0); ``base_hits`` (P,) of its ``base_n`` draws. ``own`` (P,) by n0: the
    class that so many draws of the modified model choose, and how many did (``own_selected``). The counts (R, P, N + 1) of the first 0, 1, 2 ... copies:
    ``head``, the baseline answered its class; ``hits``, the modified model answered it; ``lost``, ``gained``, ``changed``. ``own_hits`` by n0: the modified
    model answered the class of its own.
    """

    label: Ints
    chosen: Ints
    base_hits: Ints
    base_selected: Ints
    base_n: int
    own: dict[int, Ints]
    own_selected: dict[int, Ints]
    head: NDArray[np.int32]
    hits: NDArray[np.int32]
    lost: NDArray[np.int32]
    gained: NDArray[np.int32]
    changed: NDArray[np.int32]
    own_hits: dict[int, NDArray[np.int32]]

    @property
    def most(self) -> int:
        """The copies that both models answered to."""
        return self.hits.shape[2] - 1


def modes(labels: Labels) -> Ints:
    """The most frequent label of each row, the smallest where several are."""
    return np.array([int(np.bincount(row).argmax()) for row in labels])


def pair_of(base: Asked, modified: Asked, *, orders: int = ORDERS, seed: int = 0) -> Pair:
    """Counts of two models' answers over ``orders`` orders of the copies that both answered: their own, then random ones."""
    n = min(base.bound.shape[1], modified.bound.shape[1])
    generator = np.random.default_rng(seed)
    order = np.array([np.arange(n), *(generator.permutation(n) for _ in range(orders - 1))])
    chosen = modes(base.select)
    own = {n0: modes(modified.select[:, :n0]) for n0 in SELECTIONS}
    before, after = base.bound[:, :n], modified.bound[:, :n]

    def counted(flags: Bools) -> NDArray[np.int32]:
        ordered = flags[:, order].transpose(1, 0, 2)
        return np.concatenate([np.zeros((*ordered.shape[:2], 1), np.int32), np.cumsum(ordered, axis=2, dtype=np.int32)], axis=2)

    was, is_ = before == chosen[:, None], after == chosen[:, None]
    return Pair(
        label=base.label,
        chosen=chosen,
        base_hits=(base.bound == chosen[:, None]).sum(axis=1),
        base_selected=(base.select == chosen[:, None]).sum(axis=1),
        base_n=base.bound.shape[1],
        own=own,
        own_selected={n0: (modified.select[:, :n0] == own[n0][:, None]).sum(axis=1) for n0 in SELECTIONS},
        head=counted(was),
        hits=counted(is_),
        lost=counted(was & ~is_),
        gained=counted(~was & is_),
        changed=counted(before != after),
        own_hits={n0: counted(after == own[n0][:, None]) for n0 in SELECTIONS},
    )


def joined(first: Asked, second: Asked) -> Asked:
    """The points of both."""
    names = ("label", "select", "bound")
    return Asked(**{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names})


@lru_cache(maxsize=2**12)
def lower_of(n: int, alpha: float) -> Floats:
    """The lower bound of each count 0 ... n."""
    return np.asarray(proportion_lower_bound(np.arange(n + 1), n, alpha=alpha))


@lru_cache(maxsize=2**8)
def upper_of(n: int, alpha: float) -> Floats:
    """The upper bound of each count 0 ... n."""
    return np.asarray(proportion_upper_bound(np.arange(n + 1), n, alpha=alpha))


def radii(p_a_lower: Floats) -> Floats:
    """The radii of lower bounds."""
    return SIGMA * np.maximum(ndtri(np.clip(p_a_lower, 0.5, 1 - 1e-16)), 0.0)


# ---------------------------------------------------------------- rules


BY_TAIL = Terms(rule="auto", alpha=TOTAL / 2, alpha_z=TOTAL / 2)
AS_PUBLISHED = replace(BY_TAIL, rule="gamma", gamma=GAMMA)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to certify from n copies.

    ``terms``: how `odd_assess.stats.incremental` bounds and routes. ``published``: all changed answers count as lost, and fresh counts are bounded at alpha +
    alpha_z, as in the paper (the package gives them alpha under this route). ``assumed``: the share of lost copies that is expected when the tail decides the
    route. ``skip``: no copy is asked for at a point that the route makes incremental and where even no lost copy would leave more than 1/2: it abstains
    whatever is answered.
    """

    name: str
    terms: Terms = BY_TAIL
    published: bool = False
    assumed: float = 0.0
    skip: bool = False

    def fresh(self, pair: Pair, n: int) -> Bools:
        """Where fresh counts are taken (R, P)."""
        known: dict[str, int] = {"base_n": pair.base_n, "tail": N0 + pair.base_n - n, "n": n}
        if self.assumed:
            limit = limit_of(self.terms, assumed=self.assumed, **known)
            return np.asarray(self._tail(pair, n) >= limit)

        def is_fresh(base_hits: int, tail_hits: int) -> bool:
            return self.terms.route(base_hits=base_hits, tail_hits=tail_hits, **known) == "fresh"

        return each(is_fresh, pair.base_hits, self._tail(pair, n)).astype(np.bool_)

    def bounds(self, pair: Pair, n: int) -> Floats:
        """Lower bounds (R, P)."""
        lost = pair.changed if self.published else pair.lost
        level = TOTAL if self.published else self.terms.fresh_alpha
        counted = lower_of(n, level)[pair.hits[:, :, n]]
        return np.where(self.fresh(pair, n), counted, self._by_base(pair, n, lost[:, :, n]))

    def draws(self, pair: Pair, n: int) -> Floats:
        """The copies that each point takes (P,), on average over the orders."""
        if not self.skip:
            return np.full(len(pair.label), float(n))
        hopeless = self._by_base(pair, n, np.zeros_like(pair.lost[:, :, n])) <= 0.5
        return np.asarray(n * (1.0 - (hopeless & ~self.fresh(pair, n)).mean(axis=0)))

    def _tail(self, pair: Pair, n: int) -> NDArray[Any]:
        return np.asarray(pair.base_selected + pair.base_hits - pair.head[:, :, n])

    def _by_base(self, pair: Pair, n: int, lost: NDArray[np.int32]) -> Floats:
        def bound(base_hits: int, head: int, count: int) -> float:
            return self.terms.lower_bound(
                "incremental", base_hits=base_hits, base_n=pair.base_n, head=head, lost=count, hits=0, n=n
            )

        return each(bound, pair.base_hits, pair.head[:, :, n], lost)


def each(function: Callable[..., float], *columns: NDArray[Any]) -> Floats:
    """The function of each entry of the columns, which broadcast."""
    arrays = np.broadcast_arrays(*columns)
    different, back = np.unique(np.stack([array.ravel() for array in arrays]), axis=1, return_inverse=True)
    return np.array([function(*(int(value) for value in entry)) for entry in different.T])[back.ravel()].reshape(arrays[0].shape)


@lru_cache(maxsize=2**6)
def limit_of(terms: Terms, *, base_n: int, tail: int, n: int, assumed: float) -> int:
    """`fresh_from` where this share of copies is expected to be lost, and as many to be gained."""
    lowest, chances = lower_of(n, terms.fresh_alpha), binom.pmf(np.arange(n + 1), n, assumed)
    few = range(int(binom.isf(1e-6, n, assumed)) + 1)

    def fresh_is_better(hits: int) -> bool:
        share = hits / tail
        base_hits, head = round(share * (base_n - n)) + round(share * n), round(share * n)
        by_base = [
            terms.lower_bound("incremental", base_hits=base_hits, base_n=base_n, head=head, lost=k, hits=head, n=n) for k in few
        ]
        return float(binom.pmf(np.arange(n + 1), n, share) @ lowest) > float(chances[: len(few)] @ by_base)

    fewest = smallest(lambda beyond: not fresh_is_better(tail + 1 - beyond), most=tail + 1)
    return 0 if fewest is None else tail + 2 - fewest


PAPER = Rule(name="paper", terms=AS_PUBLISHED, published=True)
OURS = Rule(name="ours")
SKIPPING = replace(OURS, name="ours, skipping", skip=True)
RULES = (
    PAPER,
    Rule(name="paper, lost copies", terms=AS_PUBLISHED),
    OURS,
    Rule(name="ours, .2 % assumed lost", assumed=0.002),
    SKIPPING,
    Rule(name="fresh everywhere", terms=replace(BY_TAIL, rule="fresh")),
)


# ---------------------------------------------------------------- speed-up


def credit(pair: Pair, found: Floats, classes: Ints, *, any_class: bool) -> Floats:
    """Mean radius of each point (P,) over the orders; 0 where the class is not the true one, unless ``any_class``."""
    return radii(found).mean(axis=0) * (any_class | (classes == pair.label))


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A way to certify from nothing, for a grid of n: the radius (P, G) and the draws (P, G) of each point."""

    radius: Floats
    draws: Floats

    def needed(self, target: float, weights: Floats | None = None) -> float:
        """The mean draws for this mean radius, interpolated; infinite beyond the grid."""
        radius = self.radius.mean(axis=0) if weights is None else weights @ self.radius
        draws = self.draws.mean(axis=0) if weights is None else weights @ self.draws
        radius = np.maximum.accumulate(radius)
        return np.inf if target > radius[-1] else float(np.interp(target, radius, draws))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scratch:
    """Certifying from nothing.

    ``plain`` by n0; ``early``, the same where a point is given up when at most half of its n0 draws agree; ``known``, the baseline's class, for nothing.
    """

    plain: dict[int, Curve]
    early: dict[int, Curve]
    known: Curve

    def best(self, target: float) -> float:
        """The draws of the best of them, but for the known class."""
        return min(curve.needed(target) for curve in (*self.plain.values(), *self.early.values()))


def scratch_of(pair: Pair, *, any_class: bool) -> Scratch:
    """The curves of certifying from nothing, over the same orders."""
    grid = np.unique(np.geomspace(10, pair.most, 120).round().astype(np.int64))

    def curve(hits: NDArray[np.int32], classes: Ints, n0: int, goes: Bools) -> Curve:
        radius = np.stack(
            [credit(pair, lower_of(int(n), TOTAL)[hits[:, :, n]], classes, any_class=any_class) for n in grid], axis=1
        )
        return Curve(radius=radius * goes[:, None], draws=n0 + goes[:, None] * grid.astype(np.float64))

    everywhere = np.ones(len(pair.label), dtype=bool)
    return Scratch(
        plain={n0: curve(pair.own_hits[n0], pair.own[n0], n0, everywhere) for n0 in SELECTIONS},
        early={n0: curve(pair.own_hits[n0], pair.own[n0], n0, 2 * pair.own_selected[n0] > n0) for n0 in SELECTIONS},
        known=curve(pair.hits, pair.chosen, 0, everywhere),
    )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One rule for one model and n.

    ``drawn``: the mean draws of a point. The ratios of draws: to n0 = 100, with its interval; to the best way from nothing; to a class known for nothing.
    ``zeta_changed`` and ``zeta_lost``: the mean upper bounds at alpha_z of the share of changed answers and of lost ones.
    """

    rule: str
    n: int
    drawn: float
    radius: float
    ratio: float
    low: float
    high: float
    best: float
    known: float
    zeta_changed: float
    zeta_lost: float
    fresh: float

    def __str__(self) -> str:
        slower = [words for words, ratio in (("n0=100", self.ratio), ("no n0", self.known), ("best", self.best)) if ratio < SLOWER]
        return (
            f"{self.rule:<26} {self.n:5d} {self.drawn:6.0f}  {self.radius:.4f}  {self.ratio:5.2f} [{self.low:4.2f}, {self.high:4.2f}]"
            f"  {self.known:5.2f}  {self.best:5.2f}   {self.zeta_changed:.4f} {self.zeta_lost:.4f}  {self.fresh:5.0%}"
            f"{'  slower than ' + ', '.join(slower) if slower else ''}"
        )


def cell_of(pair: Pair, scratch: Scratch, rule: Rule, n: int, *, any_class: bool, bootstrap: int = BOOTSTRAP) -> Cell:
    """The ratios of one cell."""
    points = credit(pair, rule.bounds(pair, n), pair.chosen, any_class=any_class)
    drawn = rule.draws(pair, n)
    target, mean = float(points.mean()), float(drawn.mean())
    generator = np.random.default_rng(1)
    p = len(points)
    ratios = []
    for _ in range(bootstrap):
        weights = np.bincount(generator.integers(0, p, p), minlength=p) / p
        ratios.append(scratch.plain[N0].needed(float(weights @ points), weights) / float(weights @ drawn))
    low, high = np.quantile(ratios, [0.025, 0.975], method="nearest") if ratios else (np.nan, np.nan)
    return Cell(
        rule=rule.name,
        n=n,
        drawn=mean,
        radius=target,
        ratio=scratch.plain[N0].needed(target) / mean,
        low=float(low),
        high=float(high),
        best=scratch.best(target) / mean,
        known=scratch.known.needed(target) / mean,
        zeta_changed=float(upper_of(n, TOTAL / 2)[pair.changed[:, :, n]].mean()),
        zeta_lost=float(upper_of(n, TOTAL / 2)[pair.lost[:, :, n]].mean()),
        fresh=float(rule.fresh(pair, n).mean()),
    )


HEADING = f"{'':<26} {'n':>5}  drawn  radius  n0=100 [95 %]         no n0   best   zeta all/lost  fresh"


# ---------------------------------------------------------------- sequential


def base_certificate(base: Asked, point: int) -> Certificate:
    """The certificate of the baseline at one point, with its answers."""
    selection = Counts.from_array(np.bincount(base.select[point]))
    label = int(np.bincount(base.select[point]).argmax())
    counts = Counts.from_array(np.bincount(base.bound[point]))
    return Abstained(  # the procedure looks at its counts alone
        label=label,
        p_a_lower=0.0,
        n0=base.select.shape[1],
        n=base.bound.shape[1],
        sigma=SIGMA,
        alpha=TOTAL,
        procedure="fixed",
        counts=counts,
        selection=selection,
        answers=base.bound[point],
    )


class NotAskedError(Exception):
    """The procedure asks for answers that were not measured."""


def replayed(asked_for: Generator[Draw, Any, Certificate], select: Labels, bound: Labels, classes: int) -> Certificate:
    """The certificate that a procedure finds from labels instead of a model.

    Raises: NotAskedError where it asks for more of them.
    """
    request = next(asked_for)
    while True:
        source = select if request.stage == "select" else bound
        labels = source[request.start : request.start + request.n]
        if len(labels) < request.n or (labels == NOT_ASKED).any():
            raise NotAskedError
        counts = np.bincount(labels, minlength=classes)
        if request.against is not None:
            counts = np.stack([counts, np.bincount(labels[labels == request.against], minlength=classes)])
        try:
            request = asked_for.send(counts)
        except StopIteration as done:
            found: Certificate = done.value
            return found


UNTIL_DECIDED = IncrementalPlan(n=BASE_N, alpha=TOTAL / 2, alpha_z=TOTAL / 2, radii=(SIGMA,))


def sequential_certificates(base: Asked, modified: Asked, *, radius: float, most: int) -> list[Certificate]:
    """The recertification of each point, until ``radius`` is decided."""
    plan = replace(UNTIL_DECIDED, n=most, radii=(radius,))
    classes = classes_of(base, modified)
    return [
        replayed(incremental(plan, base_certificate(base, i)), modified.select[i], modified.bound[i], classes)
        for i in range(len(base.label))
    ]


class FreshReplays:
    """The same from nothing, ``most`` draws at most: for several n0, replayed once for each class that they choose."""

    def __init__(self, modified: Asked, *, radius: float, most: int) -> None:
        self.modified = modified
        self.plan = SequentialPlan(n0=N0, max_draws=most, sigma=SIGMA, alpha=TOTAL, radii=(radius,))
        self.classes = classes_of(modified)
        self._found: dict[tuple[int, int], Certificate | None] = {}

    def certificates(self, n0: int) -> list[Certificate | None]:
        """The certificate of each point; None where answers are missing."""
        return [self._certificate(i, int(chosen), n0) for i, chosen in enumerate(modes(self.modified.select[:, :n0]))]

    def _certificate(self, i: int, chosen: int, n0: int) -> Certificate | None:
        if (i, chosen) not in self._found:
            try:
                found = replayed(procedure(self.plan), np.full(N0, chosen, np.uint8), self.modified.bound[i], self.classes)
            except NotAskedError:
                found = None
            self._found[i, chosen] = found
        certificate = self._found[i, chosen]
        return certificate and replace(certificate, n0=n0, selection=None)


def classes_of(*models: Asked) -> int:
    """A number of classes that holds all answers."""
    return 1 + max(int(part[part != NOT_ASKED].max()) for model in models for part in (model.select, model.bound))


@dataclass(frozen=True, kw_only=True, eq=False)
class States:
    """What is known of each point at a radius, and what it took: ``shown`` and ``refuted`` (P,), each wrong with probability <= alpha, ``draws`` (P,)."""

    shown: Bools
    refuted: Bools
    draws: Ints
    alpha: float = TOTAL


ONE_CELL = Domain(attributes=(Ordinal(id="any", labels=("a", "b")),))


def states_of(certificates: Sequence[Certificate], label: Ints, radius: float) -> States:
    """As the criteria read certificates that a run has kept (`odd_assess.criteria.point_states`)."""
    with tempfile.TemporaryDirectory() as place, EvidenceStore.create(Path(place) / "evidence.sqlite", {}) as store:
        for i, (certificate, y) in enumerate(zip(certificates, label.tolist(), strict=True)):
            point = OddPoint(index=i, values={}, cell=0)
            store.add(MAIN, Row(point=point, base=None, label=y, clean=y, input_sha256=""), certificate)
        found = results(store.columns(MAIN), ONE_CELL, terms=UNTIL_DECIDED.terms)
    return States(
        shown=certified_at(found, radius),
        refuted=refuted_at(found, radius),
        draws=found.n0 + found.n,
        alpha=float(found.alpha.max()),
    )


# ---------------------------------------------------------------- gate


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate that was decided on points in random order, on average over orders: draws, points, and how often each verdict came."""

    draws: float
    points: float
    met: float
    not_met: float

    def __str__(self) -> str:
        return f"{self.draws:9,.0f} draws, {self.points:4.0f} points, MET {self.met:4.0%} NOT MET {self.not_met:4.0%}"


def gate(
    states: States, required: float, *, confidence: float = 0.95, orders: int = 200, most: int = MOST_POINTS, seed: int = 0
) -> Gate:
    """The gate "certified accuracy >= required": points until decided, ``most`` of them at most, drawn again and again from those that were measured."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(orders):
        order = generator.integers(0, len(states.shown), most)
        lower, upper = domain_bounds(states.shown[order], states.refuted[order], beta=1 - confidence, alpha=states.alpha)
        spent = np.cumsum(states.draws[order])
        for size in looks(most, until_decided=True):
            met, not_met = lower[size - 1] >= required, upper[size - 1] < required
            if met or not_met or size == most:
                found.append((spent[size - 1], size, met, not_met and not met))
                break
    draws, points, met, not_met = np.mean(np.array(found, dtype=np.float64), axis=0)
    return Gate(draws=float(draws), points=float(points), met=float(met), not_met=float(not_met))


def domain_bounds(shown: Bools, refuted: Bools, *, beta: float, alpha: float) -> tuple[Floats, Floats]:
    """The bounds of "certified accuracy" after 1, 2 ... points, at any time (`odd_assess.criteria.claims.FractionClaim`, by test)."""
    m, table = np.arange(len(shown)), anytime_bounds(len(shown), beta)
    lower = np.maximum.accumulate(table[m, np.cumsum(shown)])
    upper = 1 - np.maximum.accumulate(table[m, np.cumsum(refuted)])
    return np.asarray(true_fraction_lower(lower, alpha=alpha)), np.asarray(true_fraction_upper(upper, alpha=alpha))


@lru_cache(maxsize=4)
def anytime_bounds(most: int, beta: float) -> Floats:
    """(most, most + 1): the lower bound after 1 to ``most`` points of which 0, 1, 2 ... are shown."""
    m, successes = np.arange(1, most + 1)[:, None], np.arange(most + 1)[None]
    return np.asarray(anytime_lower_bound(np.minimum(successes, m), np.broadcast_to(m, (most, most + 1)), alpha=beta))


def required_values(base: Asked, radius: float) -> tuple[float, float]:
    """A value that is meant to be met and one that is not: .2 below and above what the baseline's own draws certify at this radius.

    Fixed before the modified model is asked.
    """
    chosen = modes(base.select)
    hits = (base.bound == chosen[:, None]).sum(axis=1)
    certified = (radii(lower_of(base.bound.shape[1], TOTAL)[hits]) >= radius) & (chosen == base.label)
    share = float(certified.mean())
    return round(max(share - 0.2, 0.02), 2), round(min(share + 0.2, 0.98), 2)


# ---------------------------------------------------------------- parts


@dataclass(frozen=True, kw_only=True)
class Run:
    """The options of one call, and the place of the data."""

    folder: Path
    cache: Path
    points: int
    more: int
    answers: int
    models: tuple[str, ...]
    data: tuple[str, ...]
    any_class: bool

    def subjects(self, data: str, more: int = 0) -> Subjects:
        """The points of a data set, or so many further ones."""
        return _subjects(self.folder / data, self.points, more)

    def base(self, data: str, more: int = 0) -> Asked:
        """What the baseline answered."""
        return asked(self.subjects(data, more), "base", BASE_N, cache=self.cache)

    def modified(self, data: str, name: str, more: int = 0) -> Asked:
        """What a modified model answered."""
        return asked(self.subjects(data, more), name, self.answers, cache=self.cache)

    def pairs(self) -> Iterator[tuple[str, str, Pair]]:
        """Every data set and model, with the further points."""
        for data in self.data:
            for name in self.models:
                base, modified = self.base(data), self.modified(data, name)
                if self.more:
                    base = joined(base, self.base(data, self.more))
                    modified = joined(modified, self.modified(data, name, self.more))
                yield data, name, pair_of(base, modified)


@lru_cache(maxsize=4)
def _subjects(home: Path, points: int, more: int) -> Subjects:
    return Subjects(home, points, more=more)


def sizes(pair: Pair) -> list[int]:
    """The draws of the incremental certificates."""
    return [round(share * pair.base_n) for share in SHARES]


def print_speed(run: Run) -> None:
    """The table of speed-up."""
    least: dict[str, list[tuple[float, float, float]]] = {}
    for data, name, pair in run.pairs():
        changed, lost = pair.changed[0, :, -1].mean() / pair.most, pair.lost[0, :, -1].mean() / pair.most
        print(f"\n{data} {name}: {len(pair.label)} points, {pair.most:,} answers, {changed:.2%} changed, {lost:.2%} lost")
        print(HEADING)
        scratch = scratch_of(pair, any_class=run.any_class)
        for n in sizes(pair):
            for rule in (PAPER, OURS, SKIPPING):
                cell = cell_of(pair, scratch, rule, n, any_class=run.any_class)
                print(cell, flush=True)
                least.setdefault(rule.name, []).append((cell.ratio, cell.known, cell.best))
    print(f"\nleast ratio of all cells   {'n0=100':>8} {'no n0':>8} {'best':>8}")
    for rule_name, ratios in least.items():
        print(f"{rule_name:<26} " + " ".join(f"{ratio:8.2f}" for ratio in np.min(ratios, axis=0)))


def print_rules(run: Run) -> None:
    """Rules by their mean ratio, for each n and over all."""
    found: dict[str, list[list[float]]] = {}
    worst: dict[str, float] = {}
    for _, _, pair in run.pairs():
        scratch = scratch_of(pair, any_class=run.any_class)
        for rule in RULES:
            cells = [cell_of(pair, scratch, rule, n, any_class=run.any_class, bootstrap=0) for n in sizes(pair)]
            found.setdefault(rule.name, []).append([cell.ratio for cell in cells])
            worst[rule.name] = min([worst.get(rule.name, np.inf), *(cell.ratio for cell in cells)])
    print(f"\n{'rule':<26} {'mean':>6}  by n ({', '.join(f'{share:.0%}' for share in SHARES)})    least")
    means = {name: np.array(ratios) for name, ratios in found.items()}
    for name, ratios in sorted(means.items(), key=lambda item: -item[1].mean()):
        by_n = "  ".join(f"{ratio:5.2f}" for ratio in ratios.mean(axis=0))
        print(f"{name:<26} {ratios.mean():6.3f}  {by_n}    {worst[name]:.2f}")


def print_gate(run: Run) -> None:
    """The gates, and the draws of each point."""
    for data in run.data:
        base = run.base(data)
        for name in run.models:
            modified = fully_asked(run, data, name)
            for radius in (SIGMA / 2, SIGMA):
                required = required_values(base, radius)
                print(f"\n{data} {name}, r = {radius:g}: gates >= {required[0]:.2f} and >= {required[1]:.2f}")
                reused: dict[int, list[Gate]] = {}
                orders = list(reordered(base, modified, first=run.answers))
                for most in KEPT:
                    states = states_of_all(
                        (sequential_certificates(was, is_, radius=radius, most=most) for was, is_ in orders), modified.label, radius
                    )
                    reused[most] = [gate(states, value) for value in required]
                    print(_line(f"recertified, n <= {most:,}", states, reused[most]), flush=True)
                for most in (*KEPT, BASE_N):
                    one_or_all = orders if most in KEPT else [(base, modified)]
                    replays = [FreshReplays(is_, radius=radius, most=most) for _, is_ in one_or_all]
                    for n0 in GATE_SELECTIONS:
                        fresh = states_of_all((one.certificates(n0) for one in replays), modified.label, radius)
                        found = [gate(fresh, value) for value in required]
                        like = {most: reused[most]} if most in reused else reused
                        print(_line(f"fresh, n0 {n0}, n <= {most:,}", fresh, found, like), flush=True)


def reordered(base: Asked, modified: Asked, *, first: int) -> Iterator[tuple[Asked, Asked]]:
    """Both models with the first ``first`` copies in random orders: what a gate takes does not hang on one order of them."""
    generator = np.random.default_rng(3)
    for _ in range(GATE_ORDERS):
        order = np.arange(BASE_N)
        order[:first] = generator.permutation(first)
        yield replace(base, bound=base.bound[:, order]), replace(modified, bound=modified.bound[:, order])


def states_of_all(found: Iterable[Sequence[Certificate | None]], label: Ints, radius: float) -> States:
    """The states of the points in every order, one after another.

    Raises: NotAskedError where answers are missing.
    """
    every = [states_of(_complete(certificates), label, radius) for certificates in found]
    columns = {name: np.concatenate([getattr(states, name) for states in every]) for name in ("shown", "refuted", "draws")}
    return States(**columns, alpha=max(states.alpha for states in every))


def _complete(certificates: Sequence[Certificate | None]) -> list[Certificate]:
    there = [certificate for certificate in certificates if certificate is not None]
    if len(there) < len(certificates):
        raise NotAskedError
    return there


def _line(words: str, states: States, found: Sequence[Gate], reused: Mapping[int, Sequence[Gate]] | None = None) -> str:
    """``reused``: the recertified gates, of whose draws the parts are printed, by the answers that they may use."""
    decided = (states.shown | states.refuted).mean()
    parts = [
        "".join(f"; {ours[i].draws / one.draws:.2f} of it at {most:,}" for most, ours in (reused or {}).items())
        for i, one in enumerate(found)
    ]
    each_gate = " | ".join(f"{one}{part}" for one, part in zip(found, parts, strict=True))
    return f"{words:<26} {states.draws.mean():7.1f} draws a point, {decided:4.0%} decided | {each_gate}"


def fully_asked(run: Run, data: str, name: str) -> Asked:
    """The answers of a modified model, further ones where a fresh gate of 10,000 draws asks for them."""
    known = run.modified(data, name)
    if (kept := further(run.subjects(data), name, known, cache=run.cache)).exists():
        return read(kept)
    missing = {
        i
        for radius in (SIGMA / 2, SIGMA)
        for replays in [FreshReplays(known, radius=radius, most=BASE_N)]
        for n0 in GATE_SELECTIONS
        for i, found in enumerate(replays.certificates(n0))
        if found is None
    }
    which = np.array(sorted(missing), dtype=np.int64)
    return asked_further(run.subjects(data), name, known, which, cache=run.cache)


def print_time(run: Run, *, n: int, fresh_n: int, points: int = 20) -> None:
    """Seconds of one cell by both ways, one after the other and again in the opposite order."""
    for data in run.data:
        for name in run.models[:1]:
            subjects = run.subjects(data)
            model, images = subjects.model(name), subjects.images[:points]
            alpha = TOTAL / 2
            base = certify_baseline(
                subjects.model("base"), images, ReducedPlan(n0=N0, n=n, sigma=SIGMA, alpha=alpha), seed=1, keep=n, setting=SETTING
            )

            def reused(base: Any = base, model: Any = model, images: Any = images, alpha: float = alpha) -> None:
                certify_incremental(model, images, base, IncrementalPlan(n=n, alpha=alpha, alpha_z=alpha), seed=1, setting=SETTING)

            def fresh(model: Any = model, images: Any = images) -> None:
                certify(model, images, ReducedPlan(n0=N0, n=fresh_n, sigma=SIGMA, alpha=TOTAL), seed=1, setting=SETTING)

            seconds = [timed(call) for call in (reused, fresh, fresh, reused)]
            ours, theirs = min(seconds[0], seconds[3]), min(seconds[1], seconds[2])
            print(
                f"{data} {name}: n = {n} in {ours:.2f} s, {N0} + {fresh_n} in {theirs:.2f} s: {theirs / ours:.2f} times, "
                f"draws {(N0 + fresh_n) / n:.2f} times",
                flush=True,
            )


def timed(call: Callable[[], None]) -> float:
    """Seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Measure what the cache lacks, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--more", type=int, default=0, help="further points for speed and rules, asked of the same modified models")
    parser.add_argument("--answers", type=int, default=2_400, help="answers of each modified model to bound a point")
    parser.add_argument("--data", nargs="+", default=list(REAL), choices=list(REAL))
    parser.add_argument("--models", nargs="+", default=["int8", "bf16", "prune10"])
    parser.add_argument("--cache", type=Path, help="folder that keeps data and answers")
    parser.add_argument("--part", nargs="+", default=["speed", "rules", "gate", "time"], choices=["speed", "rules", "gate", "time"])
    parser.add_argument(
        "--time-n",
        type=int,
        nargs=2,
        default=[1_000, 1_500],
        help="n, and that of certifying from nothing, of the cell that is timed",
    )
    parser.add_argument("--any-class", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.cache or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        if not all((folder / name / "spec.yaml").exists() for name in REAL):
            if not (SHARED / "data").is_dir():
                sys.exit("the data of this benchmark must lie in shared/data beside the checkout")
            place_real(folder)
        run = Run(
            folder=folder,
            cache=folder,
            points=options.points,
            more=options.more,
            answers=options.answers,
            models=tuple(options.models),
            data=tuple(options.data),
            any_class=options.any_class,
        )
        for part in options.part:
            match part:
                case "speed":
                    print_speed(run)
                case "rules":
                    print_rules(run)
                case "gate":
                    print_gate(run)
                case "time":
                    print_time(run, n=options.time_n[0], fresh_n=options.time_n[1])


if __name__ == "__main__":
    main()
