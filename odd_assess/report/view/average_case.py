"""Average-case robustness that was estimated at the points of the run: how, beside the certificates, by part of the ODD, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from odd_assess.criteria.calibration import Calibration, calibration, spending
from odd_assess.criteria.fragility import CONFIDENCE, Fragility, PartEstimate, Sampled, fragility
from odd_assess.criteria.point_states import alone
from odd_assess.records import Assessment, AverageCasePlan, PointEstimates
from odd_assess.report.view import average_case_tables as tables
from odd_assess.report.view import formats
from odd_assess.report.view.records import AverageCaseView, CalibrationChart, Fact
from odd_assess.report.view.reduction import MOST_MARKERS, evenly
from odd_assess.report.view.traced import number, quoted

SOURCE = "Han, Srinivas and Lakkaraju, Characterizing Data Point Vulnerability via Average-Case Robustness, UAI 2024"


def average_case(assessment: Assessment) -> AverageCaseView | None:
    """What the page says of the estimates; None where the spec asks for none."""
    found = assessment.average_case
    if found is None:
        return _left_out(assessment)
    seed = assessment.spec.sampling.seed
    beside = calibration(assessment.results, found, seed=seed)
    sampled = Sampled(
        domain=assessment.spec.domain, sampling=assessment.spec.sampling, points=assessment.results, coverage=assessment.coverage
    )
    parts = fragility(found.value, sampled, label=assessment.results.label, class_names=assessment.class_names)
    return AverageCaseView(
        lead=_lead(found.plan, parts.whole),
        facts=(*_method(found), *_took(assessment, found)),
        calibration=_chart(assessment, found, beside),
        calibration_caption=_caption(assessment, beside),
        agreement=tables.agreement(assessment, found, beside),
        bias=_bias(parts),
        parts=tables.parts(assessment, parts),
        robust=tables.robust(assessment, found),
        draws=_draws(assessment, found),
        limits=_limits(found),
    )


def _left_out(assessment: Assessment) -> AverageCaseView | None:
    """Why there are none, where there should be some."""
    said = assessment.manifest.get("average_case")
    if assessment.spec.average_case is None or not isinstance(said, Mapping):
        return None
    return AverageCaseView(
        lead=f"The spec asks for estimates, but they were left out for the modified model: {said.get('left_out', 'no reason is recorded')}. Criteria that "
        "rest on them are inconclusive.",
        facts=(),
        calibration=None,
        calibration_caption="",
        agreement=None,
        bias="",
        parts=(),
        robust=None,
        draws="",
        limits=(),
    )


# ---------------------------------------------------------------- what and how


def _lead(plan: AverageCasePlan, whole: PartEstimate) -> str:
    mean = formats.percent(whole.mean or 0.0, of="estimates/whole/mean")
    interval = (
        ""
        if whole.lower is None or whole.upper is None
        else f" ({formats.percent(CONFIDENCE, digits=0, of='method/confidence')} interval "
        f"{formats.percent(whole.lower, side='down', of='estimates/whole/lower')} to "
        f"{formats.percent(whole.upper, side='up', of='estimates/whole/upper')} for what the sampling leaves open)"
    )
    return (
        f"On average over the ODD, noise of standard deviation {formats.plain(plan.sigma, of='estimates/sigma')} leaves the model's answer as it is "
        f"with an estimated probability of "
        f"{mean}{interval}. Estimates order and explain; they are neither certificates nor bounds."
    )


_METHODS = {
    "mc": "Monte Carlo: the share of noisy copies that are answered as the input is",
    "taylor": "Taylor: the margins of the model linearised at the input; the probability that they all stay positive under noise",
    "mmse": "MMSE: the margins of the model linearised on average over noisy copies; the probability that they all stay positive under noise",
    "moments": "moments: mean and covariance of the margins over noisy copies; the probability that normal margins like these all stay positive",
    "softmax": "softmax: the probability that the model itself gives its answer; it knows nothing of the noise",
}
_VARIANTS = {
    "mvs": "; through a multivariate sigmoid in place of the normal probability",
    "probit": "; through a multivariate sigmoid at the scale nearest to the normal probability",
    "curved": "; with the variance that a quadratic margin has",
}


def _method(found: PointEstimates) -> tuple[Fact, ...]:
    plan = found.plan
    kind, *variant = plan.method.split("_")
    how = _METHODS[kind] + (_VARIANTS[variant[-1]] if variant else "")
    settings = [f"noise σ {formats.plain(plan.sigma, of='estimates/sigma')}"]
    if kind in ("mc", "mmse", "moments"):
        pairs = f",{plan.pairs_words.removeprefix(',')}" if plan.pairs_words else ""
        settings.append(
            f"{formats.plural(plan.samples, 'noisy copy', 'noisy copies', of='estimates/samples')} of each input{pairs}"
        )
    if plan.top is not None:
        settings.append(
            f"the {formats.plural(plan.top, 'least margin', of='estimates/top')} alone, so that estimates are rather too high"
        )
    facts = [
        Fact(name="Method", text=f"{plan.method}. {how} ({SOURCE})."),
        Fact(name="Settings", text="; ".join(settings)),
    ]
    if kind not in ("mc", "softmax"):
        dead, m = int(found.dead_gradient.sum()), len(found)
        of = "spread" if kind == "moments" else "gradient"
        none = f"at none of {formats.plural(m, 'point', of='points')}"
        facts.append(
            Fact(
                name=f"Margins without a {of}",
                text=f"{none}"
                if not dead
                else f"at {formats.count(dead, of='estimates/dead')} of {formats.plural(m, 'point', of='points')}: noise does not move them, as far "
                f"as the method "
                "sees, and they count by their sign alone",
            )
        )
    if found.cdf_error.any():
        facts.append(
            Fact(
                name="Error of the normal probability",
                text=f"at most {formats.radius(float(found.cdf_error.max()), side='up', digits=5, of='estimates/cdf error')} at any point; what the "
                f"margins err "
                "by is not in it",
            )
        )
    return tuple(facts)


def _took(assessment: Assessment, found: PointEstimates) -> tuple[Fact, ...]:
    """What the manifest tells of the time; no number is made up where it does not."""
    said, certified = assessment.manifest.get("average_case"), assessment.manifest.get("seconds")
    if not isinstance(said, Mapping) or not isinstance(said.get("seconds"), int | float) or not said.get("estimated"):
        return ()
    text = f"{_seconds(said['seconds'], 'estimates/seconds')} for {formats.plural(int(said['estimated']), 'point', of='points')}"
    if isinstance(certified, Mapping) and isinstance(certified.get("main"), int | float) and said["estimated"] == len(found):
        text += f"; the certificates of the points took {_seconds(certified['main'], 'estimates/seconds of certificates')}"
    return (Fact(name="Time", text=text),)


def _seconds(value: float, of: str) -> str:
    return f"{number(f'{value:,.1f}' if value < 100 else f'{value:,.0f}', value, of)} s"


# ---------------------------------------------------------------- beside the certificates


def _chart(assessment: Assessment, found: PointEstimates, beside: Calibration) -> CalibrationChart | None:
    if not beside.same.any():
        return None
    results = alone(assessment.results)
    groups = []
    for name, mask in (("certified", results.certified), ("abstained", ~results.certified)):
        rows = np.flatnonzero(beside.same & mask)
        shown = rows[evenly(len(rows))]
        groups.append(
            (f"{name}: {formats.count(len(rows), of=f'estimates/compared/{name}')}", results.p_a_lower[shown], found.value[shown])
        )
    least = min(float(np.min(one, initial=1.0)) for _, *both in groups for one in both)
    return CalibrationChart(
        alt=f"The estimate at each point against the certified lower bound of the probability of its class. {_below(beside)} The table gives the numbers.",
        groups=tuple(groups),
        low=float(np.floor(10 * min(least, 0.9)) / 10),
        bound_label="certified lower bound of the class's probability",
        estimate_label=f"estimate ({found.plan.method})",
    )


def _below(beside: Calibration) -> str:
    m = formats.plural(int(beside.same.sum()), "point", of="estimates/compared")
    return (
        f"{formats.count(beside.too_low, of='estimates/too_low')} of {m} lie below the diagonal."
        if beside.too_low
        else f"None of {m} lies below the diagonal."
    )


def _caption(assessment: Assessment, beside: Calibration) -> str:
    left = [
        *(
            [f"{formats.plural(beside.other_class, 'point', of='estimates/other_class')} where another class was tried"]
            if beside.other_class
            else []
        ),
        *(
            [f"{formats.plural(beside.other_level, 'point', of='estimates/other_level')} with another noise level"]
            if beside.other_level
            else []
        ),
    ]
    drawn = formats.count(MOST_MARKERS, of="method/markers")
    many = f" Of each kind {drawn} points at most are drawn." if len(assessment.results) > MOST_MARKERS else ""
    return (
        "On the diagonal, and somewhat above it, an estimate is as large as what was certified: the bound lies below the probability by what the draws leave "
        f"open. Below the diagonal it is too low, except with the probability α of the certificate. {_below(beside)}"
        + (f" Left out: {formats.listed(left)}." if left else "")
        + many
    )


def _draws(assessment: Assessment, found: PointEstimates) -> str:
    """Predicted against spent draws."""
    spec = assessment.spec
    criteria = [finding.criterion for finding in assessment.findings]
    if assessment.recertified is not None:
        return ""
    told = spending(assessment.results, found, spec.certification, criteria, seed=spec.sampling.seed)
    if told is None:
        return ""
    order = (
        ""
        if told.order is None
        else f" Point by point, the order of the two has a rank correlation of {tables.correlation_in_words(told.order, 'estimates/spending/order')}."
    )
    predicted, spent = (formats.count(getattr(told, name), of=f"estimates/spending/{name}") for name in ("predicted", "spent"))
    return (
        f"Draws stop at a point once its radii are decided. As the estimates predict, the points would have taken about {predicted} draws; they took {spent}, "
        f"which is {formats.percent(told.spent / told.predicted, of='estimates/spending/share')} of that.{order}"
    )


# ---------------------------------------------------------------- where, and what not


def _bias(parts: Fragility) -> str:
    seen = [one for one in parts.biases if one.observed is not None]
    if not seen:
        return "No two levels or classes have points, so that nothing can be compared."
    worst = max(seen, key=lambda one: one.observed or 0.0)
    bounds = (
        ""
        if worst.lower is None or worst.upper is None
        else f" ({formats.percent(CONFIDENCE, digits=0, of='method/confidence')} interval "
        f"{formats.percent(worst.lower, side='down', of='estimates/bias/lower')} to "
        f"{formats.percent(worst.upper, side='up', of='estimates/bias/upper')})"
    )
    of = "classes" if worst.of == "class" else f"levels of {worst.of}"
    observed = worst.observed or 0.0
    points = f"{number(formats.percent(observed).removesuffix('%'), 100 * observed, 'estimates/bias/points')} percentage points"
    best, least = quoted(worst.best, "estimates/bias/best"), quoted(worst.worst, "estimates/bias/worst")
    return (
        f"The largest difference is between {of}: “{best}” is estimated {points} above “{least}”{bounds}. The estimate "
        "is of the answer, be it right or wrong; certified accuracy counts right answers alone. A part that is low in both is fragile; one that is high in the "
        "estimate and low in certified accuracy is firmly wrong, or short of draws."
    )


def _limits(found: PointEstimates) -> tuple[Fact, ...]:
    method = found.plan.method
    linear = method not in ("mc", "softmax")
    facts = [
        Fact(
            name="No certificate",
            text="An estimate says nothing for certain about any input, and no radius follows from it. No finding but those that say “estimate” rests on it.",
        ),
        Fact(
            name="The average, not the worst case",
            text="It is about random noise. An input that bears nearly all noise can still have an adversarial example close by; of that the certificates "
            "speak.",
        ),
        Fact(
            name="The answer, right or wrong",
            text="It is the probability that the answer stays as it is without noise. A wrong answer that is firm has a high estimate.",
        ),
    ]
    if linear:
        facts.append(
            Fact(
                name="The model as if it were linear" if method != "moments" else "Margins as if they were normal",
                text="The normal probability is exact for a linear model. What a model that bends errs by is not told by the method; the comparison with the "
                "certificates above shows it at these points."
                if method != "moments"
                else "The normal probability is exact for normal margins. What others err by is not told by the method; the comparison with the certificates "
                "above shows it at these points.",
            )
        )
    facts.append(
        Fact(
            name="Intervals",
            text="Those beside means tell what the sampling of points leaves open. They do not hold the error of the estimator, and no confidence in the model "
            "follows from them.",
        )
    )
    return tuple(facts)
