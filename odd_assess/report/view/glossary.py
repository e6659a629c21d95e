"""The words of the report, each in a sentence or two: those that this run needs."""

from __future__ import annotations

from odd_assess.records import Assessment
from odd_assess.report.view import levels
from odd_assess.report.view.records import Fact

ALWAYS = (
    (
        "Abstain",
        "The draws at a point do not show that any class has more than half of the noisy copies. It counts as not certified, never as right.",
    ),
    (
        "Acceptance criterion",
        "A requirement on one number, declared before the run: metric, comparison, value, confidence and severity.",
    ),
    (
        "Average certified radius (ACR)",
        "The mean of the radii certified for the true class; a point without one counts as zero.",
    ),
    ("Base classifier", "The model under test as it is used on one input, without noise."),
    ("Blocking, warning, info", "What a criterion's state does to the verdict. Only blocking criteria decide it."),
    ("Bound", "A value that the true one exceeds (lower bound) or stays below (upper bound), with the stated confidence."),
    (
        "Budget-limited, model-limited",
        "A point that is not certified because there were too few draws to tell; one that no number of draws would certify.",
    ),
    (
        "Cap",
        "The largest radius that a number of draws can show: what is certified when every single noisy copy gives the same class.",
    ),
    ("Cell", "One box of the ODD: one level of every attribute. Its weight is its share of the declared distribution."),
    (
        "Certified, refuted, undecided",
        "What the draws show of a point at a radius: that it is certified there; that no number of draws would certify it; neither.",
    ),
    (
        "Certified accuracy at r",
        "The share of the ODD where the smoothed classifier gives the true class everywhere within L2 distance r of the input.",
    ),
    ("Clean accuracy", "The share of the ODD where the model is right without noise."),
    ("Certified radius", "The L2 distance up to which the smoothed classifier's class cannot change, whatever the perturbation."),
    (
        "Confidence",
        "How often, at least, a bound made in this way holds over repeated assessments. 95% means that it fails in at most 5 of 100.",
    ),
    (
        "Draw",
        "One copy of an input with fresh Gaussian noise, classified once. n0 draws choose a class, n further ones bound its probability.",
    ),
    ("Feasible", "Allowed by the declared ranges and statements, so that a point could fall there."),
    (
        "Holm",
        "A way to ask several questions at one confidence: the most certain answer first, each at the share of the error that is left.",
    ),
    ("Input units", "The scale of radii and of noise: pixel values in [0, 1], before normalisation."),
    ("Level", "One bucket, or one label, of an attribute."),
    (
        "MET, NOT MET, INCONCLUSIVE",
        "The bounds show that a criterion holds; that it does not; neither. Inconclusive is never a pass.",
    ),
    (
        "ODD",
        "Operational design domain: the conditions under which the product is meant to work, declared as attributes and statements.",
    ),
    ("Point", "One condition drawn from the ODD, with the image that it gives."),
    ("Radius reduction", "The share of the mean certified radius that this budget gives up against the reference budget."),
    (
        "Reference budget",
        "The larger number of draws that this run is compared with; still more draws would enlarge radii further.",
    ),
    ("Robustness bias", "How far certified accuracy in the best level of an attribute is above that in the worst."),
    (
        "Smoothed classifier",
        "The class that the base classifier answers most often under noise. It is what every certificate speaks of.",
    ),
    (
        "Verdict",
        "MET where all blocking criteria are met; NOT MET where one is shown not to hold; INCONCLUSIVE otherwise.",
    ),
    ("α (alpha)", "The probability that one certificate is false."),
    ("σ (sigma)", "The standard deviation of the noise, in input units: larger allows larger radii, and costs accuracy."),
)


def glossary(assessment: Assessment) -> tuple[Fact, ...]:
    """Terms in alphabetical order, with those that only some runs have."""
    terms = dict(ALWAYS)
    if assessment.average_case is not None:
        terms["Average-case robustness"] = (
            "The probability that Gaussian noise leaves the answer as it is, estimated: it orders and explains, and proves nothing."
        )
    if assessment.recertified is not None:
        terms["Baseline"] = "The run of another model whose answers to noisy copies this run's certificates rest on."
    if levels.differ(assessment):
        terms["Soundness"] = (
            "What the certificates hold for where noise levels differ: which memory, or which map, must be kept in use."
        )
    if assessment.spec.sampling.design in {"stratified", "ranked"}:
        terms["Stratum, group"] = "Points that were drawn apart from others, with a known weight in the ODD."
    if any(finding.criterion.scope != "odd" for finding in assessment.findings):
        terms["Each cell, level or class"] = (
            "The criterion asks of the worst part what others ask of the whole; the bounds allow for having looked at all."
        )
    return tuple(Fact(name=name, text=terms[name]) for name in sorted(terms, key=str.casefold))
