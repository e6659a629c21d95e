"""What a policy of noise levels gained: the run against single levels, on a subsample that was certified at each of them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.inference import Inference, inference_for, point_weights
from odd_assess.criteria.regression import Change, change
from odd_assess.policies import Cascade, PerCell
from odd_assess.records import Assessment, NoiseLevels, Results
from odd_assess.report.view import formats, levels
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.records import Cell, Column, ReleasesChart, Table
from odd_assess.report.view.traced import number
from odd_assess.stats import radius_cap

CONFIDENCE = 0.95
"""Of the bounds on what the policy gained."""


STEPS = 160
"""Radii at which the curves of the comparison are evaluated."""


def _subsample(assessment: Assessment, found: NoiseLevels) -> Results:
    """The run's own results at the points that were also certified at single levels."""
    return assessment.results.take(np.isin(assessment.results.index, found.single[0].index))


def _sigma(single: Results) -> float:
    return float(single.sigma[0])


def _best(assessment: Assessment, found: NoiseLevels) -> Results:
    """The single level with the largest mean radius on the subsample; the larger level on a tie."""
    return max(found.single, key=lambda one: (levels.mean_radius(assessment, one), _sigma(one)))


def in_words(assessment: Assessment, found: NoiseLevels) -> str:
    """The policy against the best single level, and what it cost; empty without a comparison."""
    if not found.single:
        return ""
    ours, best = _subsample(assessment, found), _best(assessment, found)
    now, then = levels.mean_radius(assessment, ours), levels.mean_radius(assessment, best)
    share = formats.percent(abs(now / then - 1), digits=0) if then else ""
    said = number(share, abs(now / then - 1), "single/more") if then else ""
    more = "as much as" if share == "0%" else f"{said} {'more' if now > then else 'less'} than".strip()
    level, best_mean = levels.level(_sigma(best), of="single/best/level"), formats.radius(then, of="single/best/mean radius")
    text = (
        f"On a random subsample of {formats.plural(len(ours), 'point', of='single/points')}, each also certified at single noise levels with the "
        f"draws of this run, the policy "
        f"reached a mean certified radius of {formats.radius(now, of='single/run/mean radius')}, {more} the best single level: {level} reached "
        f"{best_mean} there."
    )
    inference = _inference(assessment, ours)
    if inference is not None:
        sure = min(
            _gains(assessment, found, "mean_certified_radius", None, one).lower(inference, beta=1 - CONFIDENCE)
            for one in found.single
        )
        level = formats.percent(CONFIDENCE, digits=0, of="method/confidence")
        text += (
            f" Over the ODD it gains at least {formats.radius(sure, of='single/sure')} over whichever of these levels is best there, with confidence {level}."
            if sure > 0
            else f" So few points do not show, with confidence {level}, that it gains mean radius over the ODD."
        )
    return f"{text} {_cost(assessment, found)}".strip()


def _cost(assessment: Assessment, found: NoiseLevels) -> str:
    """What the policy spent beside the draws that a single level takes."""
    match found.policy:
        case PerCell():
            return "A single level needs no draws to choose it."
        case Cascade():
            return f"The cascade draws at all its levels: {formats.plural(levels.tries(assessment), 'time', of='policy/tries')} the draws of a single level."
        case _:
            return "The draws of the search come on top of those of a single level. What the memory took is taken off the policy's side only."


def _inference(assessment: Assessment, ours: Results) -> Inference | None:
    """The bounds that the design allows on the subsample; none where points stopped when decided, by their results.

    A random subsample of points of equal strata, one in each: by Maclaurin's inequality the betting bound holds for it as for independent points.
    """
    sampling = assessment.spec.sampling
    if sampling.until_decided:
        return None
    return inference_for(sampling, assessment.spec.domain, ours, reached=assessment.coverage.reached)


def _gains(
    assessment: Assessment, found: NoiseLevels, of: str, radius: float | None, one: Results, *, before: bool = False
) -> Change:
    """What the policy gains over one level. The range of radii is that of the levels that could be chosen, never of those that were.

    ``before`` the memory takes its part points are independent draws; what is counted after it is no more, so that it bounds from below only.
    """
    ours = _subsample(replace(assessment, results=levels.alone(assessment)) if before else assessment, found)
    changed = change(of, one, ours, radius=radius)
    if of != "mean_certified_radius":
        return changed
    n = max(int(assessment.results.n.max()), assessment.spec.certification.budget.n if assessment.results.anytime.any() else 1)
    alpha, widest = float(ours.alpha.max()), max(found.policy.largest, *(_sigma(single) for single in found.single))
    return replace(changed, largest=max(changed.largest, radius_cap(n, alpha=alpha, sigma=widest)))


def table(assessment: Assessment, found: NoiseLevels) -> Table | None:
    """The policy against each single level, point by point."""
    if not found.single:
        return None
    ours, best, asked = _subsample(assessment, found), _best(assessment, found), radii_asked(assessment)
    inference = _inference(assessment, ours)
    wanted: list[tuple[str, float | None]] = [
        ("mean_certified_radius", None),
        *(("certified_accuracy", radius) for radius in asked),
    ]
    rows = [
        (
            Cell(
                text=f"{levels.level(_sigma(one), of=f'single/{k}/level')}{' (best)' if one is best else ''}",
                value=_sigma(one),
                mark="strong" * (one is best),
            ),
            *(cell for of, radius in wanted for cell in _against(assessment, found, of, radius, one, inference, f"single/{k}")),
        )
        for k, one in enumerate(found.single, start=1)
    ]
    policy = [cell for of, radius in wanted for cell in (_shown(assessment, ours, radius), Cell(text=formats.NOTHING))]
    rows.append((Cell(text=f"this run ({found.policy.name})", mark="strong"), *policy))
    places = {radius: k for k, radius in enumerate(asked, start=1)}
    titles = [title for _, radius in wanted for title in (_title(radius, places), "Policy gains")]
    bounds = (
        f"Beside each gain its lower and upper bound over the ODD, each one-sided with confidence "
        f"{formats.percent(CONFIDENCE, digits=0, of='method/confidence')} on its own, "
        "paired point by point. Those of mean radii are wide, because any radius up to the cap of the largest level could have come out. "
        if inference is not None
        else "No bounds are stated: the points have no probability model, or stopped when decided. "
    )
    return Table(
        id="single-levels-table",
        caption=f"The policy against single noise levels, on the same {formats.plural(len(ours), 'point', of='single/points')}",
        columns=(Column(title="Noise σ"), *(Column(title=title, number=True) for title in titles)),
        rows=tuple(rows),
        note=f"Estimates on a subsample, drawn at random by the run's seed; no finding rests on them. {bounds}The best level is the best on these very points, "
        "which favours it a little. A policy that is chosen by this table must be assessed again on other points.",
    )


def _title(radius: float | None, places: Mapping[float, int]) -> str:
    return "Mean radius" if radius is None else f"Certified at {formats.plain(radius, of=f'asked/{places[radius]}')}"


def _shown(assessment: Assessment, ours: Results, radius: float | None) -> Cell:
    if radius is None:
        value = levels.mean_radius(assessment, ours)
        return Cell(text=formats.radius(value, of="single/run/mean radius"), value=value, mark="strong")
    spec = assessment.spec
    value = float(point_weights(spec.sampling, spec.domain, ours) @ certified_at(ours, radius))
    return Cell(
        text=formats.percent(value, digits=formats.decimals(len(ours)), of=f"single/run/{at(radius)}/share"),
        value=value,
        mark="strong",
    )


def _against(
    assessment: Assessment, found: NoiseLevels, of: str, radius: float | None, one: Results, inference: Inference | None, its: str
) -> tuple[Cell, Cell]:
    """What the single level shows, and what the policy gains over it; ``its``: the source of its numbers."""
    changed, ours = _gains(assessment, found, of, radius, one), _subsample(assessment, found)
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, ours)
    then, gain = float(weights @ changed.old), float(weights @ changed.difference)

    def told(value: float, side: formats.Side) -> str:
        if changed.counted:
            return formats.percent(value, side=side, digits=formats.decimals(len(ours)))
        return formats.radius(value, side=side)

    what = "mean radius" if radius is None else f"{at(radius)}/share"

    def signed(value: float, side: formats.Side, name: str) -> str:
        return number(_signed(told(value, side)), value, f"{its}/{what}/{name}")

    text = signed(gain, "nearest", "gain")
    if inference is not None:
        lower = changed.lower(inference, beta=1 - CONFIDENCE)
        upper = _gains(assessment, found, of, radius, one, before=True).bounds(inference, beta=1 - CONFIDENCE)[1]
        text += f" ({signed(lower, 'down', 'lower')} to {signed(upper, 'up', 'upper')})"
    shown = number(told(then, "nearest" if changed.counted else "down"), then, f"{its}/{what}")
    return Cell(text=shown, value=then), Cell(text=text, value=gain)


def _signed(text: str) -> str:
    text = text.replace("-", "−")
    return text if text.startswith("−") else f"+{text}"


def curves(assessment: Assessment, found: NoiseLevels) -> ReleasesChart | None:
    """Certified accuracy against radius on the subsample: the best single level, and the policy."""
    if not found.single:
        return None
    ours, best = _subsample(assessment, found), _best(assessment, found)
    largest = max(float(one.radius.max(initial=0.0)) for one in (ours, best))
    if largest == 0:
        return None
    radii = np.linspace(0.0, 1.06 * max(largest, *radii_asked(assessment)), STEPS + 1)
    names = (
        f"best single level, σ = {levels.level(_sigma(best), of='single/best/level')}",
        f"this run: {found.policy.name.replace('_', ' ')}",
    )
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, ours)
    return ReleasesChart(
        alt=f"Certified accuracy against radius of {formats.plural(len(ours), 'point')}: {names[0]}, and {names[1]}. The table gives numbers.",
        radii=radii,
        names=names,
        certified=tuple(np.array([float(weights @ certified_at(one, radius)) for radius in radii]) for one in (best, ours)),
        lower=(None, None),
        upper=(None, None),
    )
