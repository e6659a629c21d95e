"""Noise levels that differ from point to point: in a few words, and what was certified before a memory took its part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from odd_assess.criteria.inference import point_weights
from odd_assess.policies import ByInput, Cascade, PerCell
from odd_assess.records import Assessment, Results
from odd_assess.report.view import formats
from odd_assess.report.view.traced import number

DECLARED = 4
"""Decimals that a level has at most where a person declared it; those of a search have no end and are told by three digits."""


def level(sigma: float, *, of: str = "") -> str:
    """A noise level as a person would write it, those of a search to three significant digits.

    >>> level(0.25), level(0.3364215), level(1.5)
    ('0.25', '0.336', '1.5')
    """
    told = formats.plain(float(f"{sigma:.3g}") if round(sigma, DECLARED) != sigma else sigma)
    return number(told, sigma, of)


def differ(assessment: Assessment) -> bool:
    """Whether a policy chose the level of each point."""
    return assessment.noise is not None


def one_level(results: Results) -> bool:
    """Whether all points have the same noise level."""
    return bool(results.sigma.min() == results.sigma.max())


def range_in_words(results: Results, *, of: str = "all") -> str:
    """The levels of some points: "0.12 to 0.5", or the one that all have."""
    least, most = float(results.sigma.min()), float(results.sigma.max())
    low, high = level(least, of=f"{of}/sigma/min"), level(most, of=f"{of}/sigma/max")
    return low if level(least) == level(most) else f"{low} to {high}"


def median(results: Results) -> str:
    """The median of the levels of all points."""
    return level(float(np.median(results.sigma)), of="all/sigma/median")


def _each(policy: Cascade) -> list[str]:
    return [level(sigma, of=f"policy/sigmas/{k}") for k, sigma in enumerate(policy.sigmas, start=1)]


def in_words(assessment: Assessment) -> str:
    """The noise level in a few words, for the head of the page."""
    noise, results = assessment.noise, assessment.results
    if noise is None:
        return f"{formats.plain(assessment.spec.certification.sigma, of='spec/sigma')} input units"
    match noise.policy:
        case PerCell():
            return f"by cell: {range_in_words(results)} input units"
        case Cascade():
            return f"cascade of {formats.listed(_each(noise.policy))} input units"
        case _:
            return f"by input: {range_in_words(results)} input units, median {median(results)}"


def smoothed_in_words(assessment: Assessment) -> str:
    """What the smoothed classifier does, after "Every certificate holds for the smoothed classifier: "."""
    noise, plan = assessment.noise, assessment.spec.certification
    votes = "the class that the model answers most often when Gaussian noise"
    if noise is None:
        return f"{votes} of standard deviation {formats.plain(plan.sigma, of='spec/sigma')} (input units) is added to the input."
    used = f"{range_in_words(assessment.results)}, in input units"
    match noise.policy:
        case PerCell():
            return f"{votes} is added to the input, of the standard deviation that belongs to the input's cell of the ODD ({used})."
        case Cascade():
            levels = formats.listed(_each(noise.policy))
            return (
                f"the class that the model answers to more than half of the copies with Gaussian noise of standard deviation {levels} (input units), tried in "
                "this order until a class has such a majority."
            )
        case _:
            return (
                f"{votes} is added to the input, of a standard deviation that a search chooses for that input ({used}), with a memory of all that was "
                "certified before: inside a remembered ball its class is the answer."
            )


def tries(assessment: Assessment) -> int:
    """The levels that are drawn at each point to certify it: all those of a cascade, else one."""
    noise = assessment.noise
    return len(noise.policy.sigmas) if noise is not None and isinstance(noise.policy, Cascade) else 1


def is_cascade(assessment: Assessment) -> bool:
    """Whether the classifier is a cascade of levels."""
    return assessment.noise is not None and isinstance(assessment.noise.policy, Cascade)


def remembers(assessment: Assessment) -> bool:
    """Whether certificates hold through a memory."""
    return assessment.noise is not None and isinstance(assessment.noise.policy, ByInput)


def alone(assessment: Assessment) -> Results:
    """The results as each point alone gave them, before the memory took its part; without a memory the results themselves."""
    noise, results = assessment.noise, assessment.results
    if noise is None or noise.alone is None or noise.label_alone is None:
        return results
    return replace(results, radius=noise.alone, chosen=noise.label_alone, certified=noise.alone > 0)


def mean_radius(assessment: Assessment, results: Results) -> float:
    """The mean over the ODD of the certified radius of the true class, 0 where it is not certified: a plain estimate."""
    weights = point_weights(assessment.spec.sampling, assessment.spec.domain, results)
    return float(weights @ np.where(results.correct, results.radius, 0.0))
