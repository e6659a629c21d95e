"""Is the new model worse than the old one? Two runs at the same points, on the same noise, with the same budget.

What is compared is what certification at this budget shows at a point, a property of model and budget together: 1 where the true class is certified at the
radius (or the answer without noise is right, or nothing is certified), else 0; or the certified radius of the true class. The differences new - old
are independent where the points are, whatever the noise that both share, so their mean over the ODD has the bounds below. No correction for false certificates
is made: nothing is claimed about what could be certified.

random, fractions             the points that were lost and gained alone: `odd_assess.stats.discordant`; beyond 5,000 points betting
random and stratified, else   the betting bound of the design on (difference + largest) / 2
other designs                 no probability model: INCONCLUSIVE

The new model is at least as good as required with the criterion's confidence, or it is not: either side errs with probability at most 1 - confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

import numpy as np
from scipy.special import ndtri

from odd_assess.criteria import words
from odd_assess.criteria.advice import MOST_COPIES, Advice
from odd_assess.criteria.inconclusive import inconclusive, unfinished, unsupported
from odd_assess.criteria.inference import Independent, Inference, Reached, inference_for, point_weights, weighted_words
from odd_assess.criteria.loss import bound_levels, largest_levels
from odd_assess.criteria.metrics import REGRESSION
from odd_assess.criteria.point_states import alone, certified_at
from odd_assess.criteria.readings import beta_of, state_of
from odd_assess.odd.domain import Domain
from odd_assess.records import Criterion, Finding, Floats, Results, SamplingPlan, State
from odd_assess.stats import difference_lower_bound, radius_caps
from odd_assess.stats.discordant import MOST_PAIRS

EXACT_WORDS = "bound from the points lost and gained (Buehler), independent points"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """What two runs show of the metric ``of`` at the same points (m,), in [0, ``largest``]."""

    of: str
    old: Floats
    new: Floats
    largest: float

    @property
    def counted(self) -> bool:
        """Whether it is 0 or 1, so that points are lost and gained."""
        return self.of != "mean_certified_radius"

    @property
    def less_and_more(self) -> tuple[str, str]:
        """What is said of points where the new model shows less, and of those where it shows more."""
        if self.of == "abstention_rate":
            return "no longer abstaining", "abstaining now"
        return ("lost", "gained") if self.counted else ("with a smaller radius", "with a larger one")

    @property
    def difference(self) -> Floats:
        """New minus old (m,)."""
        return self.new - self.old

    @property
    def lost(self) -> int:
        """Points where the new model shows less."""
        return int((self.new < self.old).sum())

    @property
    def gained(self) -> int:
        """Points where the new model shows more."""
        return int((self.new > self.old).sum())

    def lower(self, inference: Inference, *, beta: float) -> float:
        """A lower bound on the mean difference over the ODD, with confidence 1 - beta."""
        if self.counted and len(self.old) <= MOST_PAIRS:
            match inference:
                case Independent():
                    return difference_lower_bound(self.lost, self.gained, len(self.old), beta=beta)
                case Reached(inference=Independent(), share=share):  # the rest of the ODD may have lost everything
                    reached = difference_lower_bound(self.lost, self.gained, len(self.old), beta=beta)
                    return share * reached - (1.0 - share)
        return 2.0 * inference.mean_lower((self.difference + self.largest) / 2.0, upper=self.largest, beta=beta) - self.largest

    def bounds(self, inference: Inference, *, beta: float) -> tuple[float, float]:
        """(lower, upper) of the mean difference over the ODD, each with confidence 1 - beta."""
        return self.lower(inference, beta=beta), -self.mirrored.lower(inference, beta=beta)

    @property
    def mirrored(self) -> Change:
        """From the new model to the old one."""
        return Change(of=self.of, old=self.new, new=self.old, largest=self.largest)

    def in_words(self, inference: Inference) -> str:
        """The points that differ, and the bound."""
        exact = self.counted and len(self.old) <= MOST_PAIRS and isinstance(getattr(inference, "inference", inference), Independent)
        less, more = self.less_and_more
        same = len(self.old) - self.lost - self.gained
        return f"{words.plural(self.lost, 'point')} {less}, {self.gained} {more}, {same} alike; {EXACT_WORDS if exact else inference.mean_words}"


def change(of: str, old: Results, new: Results, *, radius: float | None) -> Change:
    """What becomes of ``of`` from the old to the new results, whose points must be the same.

    Where noise levels were fitted to inputs, before any memory: what a memory took from the old results would count as a gain of the new ones.

    Raises: ValueError where they are not, or for a metric that is not compared.
    """
    if not np.array_equal(old.index, new.index):
        raise ValueError(f"two runs must hold the same points to be compared, got {len(old)} and {len(new)}")
    old, new = alone(old), alone(new)
    if of == "mean_certified_radius":
        caps = [radius_caps(run.n, alpha=bound_levels(run), sigma=largest_levels(run)) for run in (old, new)]
        radii = [_radius(run) for run in (old, new)]  # within their caps, unless the evidence was changed
        return Change(of=of, old=radii[0], new=radii[1], largest=float(np.max([*caps, *radii])))
    return Change(of=of, old=_shown(of, old, radius), new=_shown(of, new, radius), largest=1.0)


def _radius(results: Results) -> Floats:
    return np.where(results.correct, results.radius, 0.0)


def _shown(of: str, results: Results, radius: float | None) -> Floats:
    match of:
        case "certified_accuracy" if radius is not None:
            shown = certified_at(results, radius)
        case "smoothed_accuracy":
            shown = results.correct
        case "clean_accuracy":
            shown = results.clean == results.label
        case "abstention_rate":
            shown = ~results.certified
        case _:
            raise ValueError(f"a regression must be of one of the metrics that are compared, got {of!r} at radius {radius!r}")
    return shown.astype(np.float64)


def regression(
    criterion: Criterion, *, domain: Domain, sampling: SamplingPlan, old: Results | None, new: Results, reached: float
) -> Finding:
    """What the two runs say about the criterion. ``reached``: the share of the ODD that could be sampled at all."""
    assert criterion.of is not None  # `check` has made sure
    if old is None:
        message = f"{words.subject(criterion)}: the run has no baseline to be compared with."
        return inconclusive(criterion, len(new), message, "Give one: odd-assess run --baseline RUN.")
    if sampling.until_decided or (sampling.points is not None and len(new) < sampling.points) or len(old) != len(new):
        return unfinished(criterion, len(new), f"{len(new)} of the run's points can be compared")
    changed = change(criterion.of, old, new, radius=criterion.radius)
    weights = point_weights(sampling, domain, new)
    observed = float(weights @ changed.difference)
    inference = inference_for(sampling, domain, new, reached=reached)
    if inference is None:
        return unsupported(criterion, len(new), sampling, f"{observed:+.3f} observed", observed)
    lower, upper = changed.bounds(inference, beta=beta_of(criterion))
    state = state_of(criterion.comparator, criterion.required, lower=lower, upper=upper)
    advised = _advice(criterion, changed, state)
    return Finding(
        criterion=criterion,
        state=state,
        kind="domain claim",
        points=len(new),
        observed=observed,
        lower=lower,
        upper=upper,
        message=_message(
            criterion,
            changed,
            inference,
            state,
            lower=lower,
            upper=upper,
            observed=f"{observed:+.3f} observed{weighted_words(weights)}",
        ),
        advice=advised.text,
        points_needed=advised.points,
    )


def _message(
    criterion: Criterion, changed: Change, inference: Inference, state: State, *, lower: float, upper: float, observed: str
) -> str:
    assert criterion.confidence is not None  # `check` has made sure
    least, most = f"at least {words.at_least(lower)}", f"at most {words.at_most(upper)}"
    good, bad = (least, most) if criterion.comparator == ">=" else (most, least)
    decides = {State.MET: good, State.NOT_MET: bad, State.INCONCLUSIVE: f"{least} and {most} (each on its own)"}[state]
    return (
        f"{words.subject(criterion)}: {decides} with confidence {words.percent(criterion.confidence)}, {words.required(criterion)}; "
        f"{observed} ({changed.in_words(inference)}). It speaks of what certification at this budget shows, new model minus baseline."
    )


# ---------------------------------------------------------------- what would decide


def _advice(criterion: Criterion, changed: Change, state: State) -> Advice:
    if state is State.MET:
        return Advice()
    if state is State.NOT_MET:
        return Advice(
            text="The new model is worse: more points would not change this. odd-assess compare lists the points that were lost."
        )
    most, decided = MOST_COPIES, 1.0
    while (found := _would_be(criterion, changed, decided)) is State.INCONCLUSIVE:
        decided *= 1.1
        if decided > most:
            return Advice(
                text="More points would hardly decide while the observed change persists: it lies too close to the requirement. Allow more, or less."
            )
    points = ceil(len(changed.old) * decided)
    return Advice(
        text=f"If the observed change persists, about {words.about(points)} points of both models would decide ({found.value}).",
        points=points,
    )


def _would_be(criterion: Criterion, changed: Change, copies: float) -> State:
    """About the state if every point had been seen so often: an interval of the score kind that is exact where no point differs."""
    beta, m = beta_of(criterion), len(changed.old) * copies
    z = -float(ndtri(beta))
    d, squares = (float(x.sum()) * copies / changed.largest for x in (changed.difference, changed.difference**2 / changed.largest))
    spread, rest = z * sqrt(squares + z * z / 4), log(1 / beta) - z * z / 2
    lower, upper = ((d - spread - rest) / m * changed.largest, (d + spread + rest) / m * changed.largest)
    return state_of(criterion.comparator, criterion.required, lower=lower, upper=upper)


__all__ = ["REGRESSION", "Change", "change", "regression"]
