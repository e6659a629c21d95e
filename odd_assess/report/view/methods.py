"""What this run rests on: its methods, each with what it is used for, their references, and the commands that check it."""

from __future__ import annotations

from odd_assess.records import Assessment
from odd_assess.report.view import levels
from odd_assess.report.view.budgets import is_sequential
from odd_assess.report.view.records import Command, Method

REFERENCES = {
    "alfarra": "M. Alfarra, A. Bibi, P. Torr, B. Ghanem: Data dependent randomized smoothing. UAI 2022.",
    "berger": "R. L. Berger: Multiparameter hypothesis testing and acceptance sampling. Technometrics 24, 1982.",
    "buehler": "R. J. Buehler: Confidence intervals for the product of two binomial parameters. JASA 52, 1957.",
    "chen": "C. Chen et al.: Insta-RS, instance-wise randomized smoothing. arXiv 2103.04436, 2021 (later withdrawn).",
    "clopper": "C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial. Biometrika 26, 1934.",
    "cohen": "J. Cohen, E. Rosenfeld, J. Z. Kolter: Certified adversarial robustness via randomized smoothing. ICML 2019.",
    "david": "H. A. David, H. N. Nagaraja: Order Statistics, 3rd edition, 2003, section 7.1.",
    "han": "T. Han, S. Srinivas, H. Lakkaraju: Characterizing data point vulnerability via average-case robustness. UAI 2024.",
    "hesterberg": "T. C. Hesterberg: What teachers should know about the bootstrap. The American Statistician 69, 2015, section 5.2.",
    "hoeffding": "W. Hoeffding: On the distribution of the number of successes in independent trials. Ann. Math. Stat. 27, 1956, theorem 4.",
    "holm": "S. Holm: A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6, 1979.",
    "howard": "S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon: Time-uniform, nonparametric, nonasymptotic confidence sequences. Ann. Stat. 49, 2021.",
    "robbins": "H. Robbins: Statistical methods related to the law of the iterated logarithm. Ann. Math. Stat. 41, 1970.",
    "seferis": "E. Seferis, S. Kollias, C.-H. Cheng: Estimating the robustness radius for randomized smoothing with 100× sample efficiency. "
    "arXiv 2404.17371, 2024.",
    "ugare": "S. Ugare et al.: Incremental randomized smoothing certification. ICLR 2024.",
    "ville": "J. Ville: Étude critique de la notion de collectif. 1939.",
    "waudby": "I. Waudby-Smith, A. Ramdas: Estimating means of bounded random variables by betting. J. R. Stat. Soc. B 86, 2024.",
}


def methods(assessment: Assessment) -> tuple[Method, ...]:
    """The methods in the order of the argument, from a certificate to the verdict."""
    order = list(references_used(assessment))
    return tuple(
        Method(name=name, text=text, references=tuple(sorted(order.index(key) + 1 for key in keys)))
        for name, text, keys in _used(assessment)
    )


def references(assessment: Assessment) -> tuple[str, ...]:
    """The references in the order in which the methods name them first."""
    return tuple(REFERENCES[key] for key in references_used(assessment))


def references_used(assessment: Assessment) -> tuple[str, ...]:
    """Their keys."""
    return tuple(dict.fromkeys(key for *_, keys in _used(assessment) for key in keys))


Used = tuple[str, str, tuple[str, ...]]


def _used(assessment: Assessment) -> list[Used]:
    sampling, metrics = assessment.spec.sampling, {finding.criterion.metric for finding in assessment.findings}
    used: list[Used] = [
        (
            "Certificates",
            "Randomized smoothing: the radius is σ times the normal quantile of a lower bound on the probability of the most likely class.",
            ("cohen",),
        ),
        *_bounds_at_a_point(assessment),
        (
            "Few draws",
            "What fewer draws cost in radius and in certified accuracy, and the theory lines beside it.",
            ("seferis",),
        ),
    ]
    if assessment.reduction.measured is not None:
        used.append(
            ("Radius reduction", "Measured on a random subsample; its interval is a bootstrap over the points.", ("hesterberg",))
        )
    used += _policy(assessment)
    if assessment.recertified is not None:
        used.append(
            (
                "Recertification",
                "The modified model is bounded by what the baseline's counts show and by how many answers changed.",
                ("ugare",),
            )
        )
    used += _claims(sampling.design, until_decided=sampling.until_decided, by_groups=sampling.groups is not None)
    if "mean_certified_radius" in metrics:
        used.append(("Mean radius", "A bound on the mean of bounded values, by betting.", ("waudby",)))
    if "radius_quantile" in metrics:
        used.append(("Quantiles of the radius", "Bounds by order statistics.", ("david",)))
    used.append(
        (
            "Parts of the ODD",
            "A claim on the worst part needs every part to pass its own test; bounds of parts that hold at once are corrected for their number.",
            ("berger", "holm"),
        )
    )
    if assessment.average_case is not None:
        used.append(("Average-case robustness", f"Estimated by the method “{assessment.average_case.plan.method}”.", ("han",)))
    return used


def _bounds_at_a_point(assessment: Assessment) -> list[Used]:
    if is_sequential(assessment):
        text = (
            "A mixture of test martingales: the bound holds at every moment at once, so that draws may stop when they have decided."
        )
        return [("Bound at a point", text, ("ville", "robbins", "howard"))]
    return [
        (
            "Bound at a point",
            "The exact binomial (Clopper-Pearson) lower bound for a number of draws that is fixed beforehand.",
            ("clopper",),
        )
    ]


def _policy(assessment: Assessment) -> list[Used]:
    if assessment.noise is None:
        return []
    text = f"Levels chosen by the policy “{assessment.noise.policy.name}”."
    keys = {"multi_start": ("chen",), "data_dependent": ("alfarra",)}.get(assessment.noise.policy.name, ("cohen",))
    return [("Noise levels", text, (*keys, *(("alfarra",) if levels.remembers(assessment) else ())))]


def _claims(design: str, *, until_decided: bool, by_groups: bool) -> list[Used]:
    """How claims on the ODD are bounded, by the design of the points."""
    if design not in {"random", "stratified", "ranked"}:
        return [("Claims on the ODD", f"None: the design “{design}” has no probability model, so that shares are descriptive.", ())]
    if until_decided:
        return [
            (
                "Claims on the ODD",
                "Test martingales over the points: the bounds hold at every look at once.",
                ("ville", "howard", "waudby"),
            )
        ]
    if by_groups or design == "ranked":
        text = "An exact bound for independent points of two groups with known weights."
        return [("Claims on the ODD", text, ("buehler",))]
    if design == "stratified":
        text = "Bounds for points drawn apart in cells of known weight, from their total and from a mixture of bets."
        return [("Claims on the ODD", text, ("hoeffding", "howard", "waudby"))]
    text = "The exact binomial bound for independent points, less the chance that certificates are false."
    return [("Claims on the ODD", text, ("clopper",))]


def commands(assessment: Assessment) -> tuple[Command, ...]:
    """What to type to check the run, where RUN is its folder."""
    spec = assessment.spec.path.name
    again = (
        f"odd-assess run {spec} --out AGAIN"
        if assessment.recertified is None
        else "odd-assess recertify BASELINE --model MODEL --out AGAIN"
    )
    return (
        Command(
            line="odd-assess verify RUN",
            does="Compares all digests, and derives every bound, radius, finding and the verdict again from the stored counts. "
            "It needs neither the model nor the data.",
        ),
        Command(
            line=f"odd-assess verify RUN --replay 20 --model {spec}",
            does="Draws the noise of 20 points, chosen at random, again: are the counts what the model answers?",
        ),
        Command(line="odd-assess report RUN", does="Writes this report again from the evidence alone."),
        Command(
            line=again,
            does=f"Does the whole assessment again; with seed {assessment.spec.sampling.seed} the points and their noise are the same.",
        ),
    )
