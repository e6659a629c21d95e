"""The curve of certified accuracy over the ODD and the band around it, by the very bounds that decide the criteria.

The line is the weighted share of points certified for the true class. The band's lower edge bounds, at each radius on its own, the fraction of the ODD that is
truly certified there; the upper edge follows in the same way from the points that are not refuted. The band is pointwise: it holds at any one radius that
was chosen beforehand, not at all radii at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.claims import FractionClaim
from odd_assess.criteria.inference import inference_for, point_weights
from odd_assess.criteria.point_states import largest_label_radius
from odd_assess.records import Assessment, Floats
from odd_assess.report.view import formats
from odd_assess.report.view.levels import is_cascade

CONFIDENCE = 0.95
"""Used for the band where no criterion on certified accuracy names a confidence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Fractions of the ODD at some radii. ``lower`` and ``upper`` are None where the design has no probability model."""

    certified: Floats
    lower: Floats | None
    upper: Floats | None
    level: str
    label: str
    meaning: str


def accuracy_band(assessment: Assessment, radii: Floats) -> Band:
    """Certified accuracy at each radius with its bounds."""
    results, sampling, domain = assessment.results, assessment.spec.sampling, assessment.spec.domain
    inference, confidence = inference_for(sampling, domain, results, reached=assessment.coverage.reached), _confidence(assessment)
    weights = point_weights(sampling, domain, results)
    limit, alpha = largest_label_radius(results), float(results.alpha.max())
    held = [certified_at(results, radius) for radius in radii]
    claims = [FractionClaim(low=low, high=(limit >= radius) | low, alpha=alpha) for low, radius in zip(held, radii, strict=True)]
    certified = np.array([float(weights @ claim.values) for claim in claims])
    level = formats.required(confidence, "1", of="band/confidence")
    if inference is None:
        meaning = f"There is no band: the design “{sampling.design}” has no probability model, so the shares are descriptive."
        return Band(certified=certified, lower=None, upper=None, level=level, label="", meaning=meaning)
    wide = "wide above the line where more draws a point would tell"
    if is_cascade(assessment):
        wide = "wide above the line: no upper bound on the radius of a cascade is known"
    bounds = np.array([claim.bounds(inference, beta=1 - confidence) for claim in claims])
    return Band(
        certified=certified,
        lower=bounds[:, 0],
        upper=bounds[:, 1],
        level=level,
        label=f"band: {level} bounds, pointwise",
        meaning=(
            f"Band: one-sided {level} bounds ({inference.fraction_words}) on the fraction of the ODD, under the declared distribution, at each radius on its "
            f"own (pointwise, not for all radii at once). The lower bound counts the certified points, the upper bound those not refuted: it is {wide}."
        ),
    )


def _confidence(assessment: Assessment) -> float:
    criteria = [finding.criterion for finding in assessment.findings if finding.criterion.metric == "certified_accuracy"]
    return next((criterion.confidence for criterion in criteria if criterion.confidence), CONFIDENCE)
