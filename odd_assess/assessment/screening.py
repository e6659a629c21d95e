"""Screening: where does the model look fragile? Estimates at random points of the ODD, checked against Monte Carlo. Nothing is certified.

The points, their base images and the randomness of their transforms have a seed of their own, so that they are independent of the points that a run of the same
spec certifies: what is steered by a screening (`odd_assess.criteria.forecast`) is fixed before a point of the run is drawn.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from scipy.special import stdtrit

from odd_assess.assessment.preflight import fly_before
from odd_assess.criteria.forecast import Forecast, RankedForecast, forecast, ranked_forecast
from odd_assess.criteria.fragility import CONFIDENCE, Sampled, fragile_regions, fragility, pair_maps
from odd_assess.evidence.screening import Bounded, Check, Screening
from odd_assess.execution import Bench, check_estimable, estimate_points, set_up
from odd_assess.odd import coverage_of, reach_of
from odd_assess.progress import Progress, Quiet
from odd_assess.records import AverageCasePlan, Floats, Ints, OddPoints, PointEstimates, SamplingPlan, Spec
from odd_assess.stats.ranks import rank_correlation

SCREENED, CHECKED = 2**66, 2**67
"""What is added to the seed of a run for the screened points, and for the draws of Monte Carlo that check them."""


def plan_of_screening(spec: Spec) -> AverageCasePlan:
    """The spec's section average_case; without one its defaults, at the noise level of the certificates."""
    return spec.average_case or AverageCasePlan(sigma=spec.certification.sigma)


def screened(spec: Spec, plan: AverageCasePlan, *, seed: int | None = None) -> Spec:
    """The spec whose points are those that a screening looks at: random, of the stream that belongs to ``seed`` (None: the spec's own)."""
    own = spec.sampling.seed if seed is None else seed
    return replace(spec, sampling=SamplingPlan(design="random", points=plan.points, seed=own + SCREENED), average_case=plan)


def screen(
    spec: Spec,
    *,
    plan: AverageCasePlan | None = None,
    seed: int | None = None,
    device: str | None = None,
    trust_pickle: bool = False,
    progress: Progress | None = None,
) -> Screening:
    """Estimate the average-case robustness of the model at random points of the spec's ODD, check the estimates, and say what follows from them.

    ``plan``: in place of the spec's section average_case; ``seed``: in place of its sampling seed. No estimate depends on the batches it was made in, beyond
    rounding in the model.

    Raises: DomainError, DataError, ModelError (also where the method needs gradients that the model does not give) before anything is estimated; RunError when
    model, data or memory give way after that.
    """
    tell, chosen = progress or Quiet(), plan or plan_of_screening(spec)
    begun = time.perf_counter()
    looked_at = screened(spec, chosen, seed=seed)
    bench = set_up(looked_at, device=device, trust_pickle=trust_pickle)
    check_estimable(bench, chosen)
    advice = fly_before(looked_at, bench, tell)["model"]["advice"]
    opened = time.perf_counter()
    estimates, label = _estimated(bench, chosen, bench.points, seed=looked_at.sampling.seed, tell=tell)
    done = time.perf_counter()
    check = _checked(looked_at, bench, chosen, estimates, tell)
    checked = time.perf_counter()
    reach = reach_of(spec.domain, frames=bench.source.frames, frames_weighting=spec.inputs.weights)
    where = Sampled(
        domain=spec.domain,
        sampling=looked_at.sampling,
        points=bench.points,
        coverage=coverage_of(spec.domain, bench.points.cell, reach),
    )
    found = fragility(estimates.value, where, label=label, class_names=bench.source.class_names)
    regions = fragile_regions(estimates.value, where)
    seconds = {"opening": opened - begun, "estimates": done - opened, "check": checked - done}
    predicted = forecast(
        estimates.value,
        np.asarray(estimates.clean == label, dtype=np.bool_),
        bench.points.cell,
        sigma=chosen.sigma,
        domain=spec.domain,
        sampling=spec.sampling,
        certification=spec.certification,
        criteria=[criterion for group in spec.criteria for criterion in group.criteria],
        reached=reach.share,
    )
    return Screening(
        spec=spec,
        plan=chosen,
        sampling=looked_at.sampling,
        points=bench.points,
        label=label,
        class_names=bench.source.class_names,
        estimates=estimates,
        check=check,
        reached=reach.share,
        fragility=found,
        regions=regions,
        pairs=pair_maps(estimates.value, where),
        forecast=predicted,
        ranked=_ranked(spec, predicted, estimates, label, check, seconds),
        seconds=seconds,
        device=str(bench.device),
        model=bench.model.digest,
        data=bench.source.digest,
        version=version("odd-assess"),
        advice=advice,
    )


def _ranked(
    spec: Spec, predicted: Forecast, estimates: PointEstimates, label: Ints, check: Check | None, seconds: Mapping[str, float]
) -> RankedForecast:
    """What points chosen by rank are predicted to save, by what Monte Carlo saw at the points of the check. Seconds of both tell what an estimate costs."""
    if spec.inputs.kind == "table":
        return RankedForecast(reason="candidates are drawn from the declared domain, and inputs come from a table")
    if spec.baseline is not None or spec.certification.cache:
        return RankedForecast(reason="points of a baseline, or beside one, must not be chosen by what a model makes of them")
    if check is None:
        return RankedForecast(
            reason="what ranks are worth is told by draws at some points (average_case.check), and none were asked for"
        )
    right = np.asarray(estimates.clean == label, dtype=np.bool_)
    draw = seconds["check"] / (len(check.rows) * check.draws)
    return ranked_forecast(
        predicted,
        np.where(right, estimates.value, 0.0)[check.rows],
        check.value,
        right[check.rows],
        sampling=spec.sampling,
        certification=spec.certification,
        criteria=[criterion for group in spec.criteria for criterion in group.criteria],
        cost=seconds["estimates"] / len(estimates) / max(draw, 1e-12),
    )


def _estimated(bench: Bench, plan: AverageCasePlan, points: OddPoints, *, seed: int, tell: Progress) -> tuple[PointEstimates, Ints]:
    """The estimates at the points, and their true classes."""
    copies = plan.copies
    tell.say(f"{plan.method}: {len(points):,} points to estimate, {copies:,} {'copy' if copies == 1 else 'copies'} each")
    parts, labels = [], []
    for batch, found in estimate_points(bench, plan, points, seed=seed, tell=tell):
        parts.append(found)
        labels.append(batch.labels.numpy())
    return PointEstimates.joined(parts), np.concatenate(labels)


def _checked(spec: Spec, bench: Bench, plan: AverageCasePlan, estimates: PointEstimates, tell: Progress) -> Check | None:
    """Monte Carlo at a random subsample of the points, on noise of its own."""
    if plan.check_points < 1:
        return None
    order = np.random.Generator(np.random.Philox(key=spec.sampling.seed)).permutation(len(estimates))
    rows = np.sort(order[: plan.check_points]).astype(np.int64)
    by_draws = AverageCasePlan(sigma=plan.sigma, method="mc", samples=plan.check_draws)
    found, _ = _estimated(bench, by_draws, bench.points.take(rows), seed=spec.sampling.seed + CHECKED, tell=tell)
    return compared(estimates.value, rows, found.value, draws=plan.check_draws)


def compared(values: Floats, rows: Ints, monte_carlo: Floats, *, draws: int, confidence: float = CONFIDENCE) -> Check:
    """The estimates ``values`` (m,) at the ``rows`` (c,) against Monte Carlo (c,) with so many draws. The intervals are Student's, which is approximate.

    An interval without any assumption (betting) is four times as wide at 50 points: no bias that matters would show.
    """
    signed = values[rows] - monte_carlo
    return Check(
        rows=rows,
        value=monte_carlo,
        draws=draws,
        bias=_student(signed, confidence, least=-1.0),
        error=_student(np.abs(signed), confidence, least=0.0),
        noise=float(np.sqrt(2.0 / np.pi * monte_carlo * (1.0 - monte_carlo) / draws).mean()),
        correlation=rank_correlation(values[rows], monte_carlo),
    )


def _student(values: Floats, confidence: float, *, least: float) -> Bounded:
    """The mean with Student's interval, within [least, 1]; all of that where there is one value."""
    mean = float(values.mean())
    if len(values) < 2:
        return Bounded(mean=mean, lower=least, upper=1.0)
    off = float(stdtrit(len(values) - 1, (1.0 + confidence) / 2.0) * values.std(ddof=1) / np.sqrt(len(values)))
    return Bounded(mean=mean, lower=max(least, mean - off), upper=min(1.0, mean + off))
