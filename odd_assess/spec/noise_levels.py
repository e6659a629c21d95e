"""The keys certification.sigma and certification.comparison: from the file to the record, and what must fit between them and the other sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from typing import Any

from odd_assess.policies import Bounds, ByInput, Cascade, DataDependent, MultiStart, PerCell
from odd_assess.records import Budget, CertificationPlan, ComparisonPlan, ModelDeclaration, SamplingPlan, SigmaPolicy
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import listed, one_of, shortened, shown

SIGMA: KeyPath = ("certification", "sigma")
COMPARED_POINTS = 25
"""Points of the comparison with single levels where the spec says nothing."""


def declared_sigma(document: Document, data: object) -> float | SigmaPolicy | None:
    """One noise level, or how levels are chosen; None (and a problem) where it is neither."""
    if not isinstance(data, dict):
        one = validated(document, SIGMA[:-1], models.OneSigma, {"sigma": data})
        return None if one is None else one.sigma
    name = data.get("policy")
    if name is None:
        document.add(
            (*SIGMA, "policy"), f"is required: one of {listed(models.SIGMA_POLICIES)}; or write one noise level such as 0.25"
        )
        return None
    if not isinstance(name, str) or name not in models.SIGMA_POLICIES:
        document.add((*SIGMA, "policy"), one_of(name, models.SIGMA_POLICIES))
        return None
    before = len(document.problems)
    match validated(document, SIGMA, models.SIGMA_POLICIES[name], data):
        case models.PerCellSigma() as section:
            _check_order(document, "grid", section.grid, rising=True)
            make: type[SigmaPolicy] = PerCell
            keys: dict[str, Any] = {"grid": tuple(section.grid), "points": section.points, "draws": section.draws}
        case models.CascadeSigma() as section:
            _check_order(document, "sigmas", section.sigmas, rising=False)
            make, keys = Cascade, {"sigmas": tuple(section.sigmas)}
        case models.MultiStartSigma() as section:
            bounds = _bounds(document, section.bounds)
            for i, start in enumerate(section.starts or ()):
                _check_within(document, ("starts", i), start, bounds)
            if section.anchor is not None:
                _check_within(document, ("anchor",), section.anchor, bounds)
            keys = section.model_dump(exclude={"policy"}) | {"starts": tuple(section.starts or _starts(bounds)), "bounds": bounds}
            make = MultiStart
        case models.DataDependentSigma() as section:
            bounds = _bounds(document, section.bounds)
            start = min(max(DataDependent().start, bounds[0]), bounds[1]) if section.start is None else section.start
            _check_within(document, ("start",), start, bounds)
            clamp = (section.clamp[0], section.clamp[1])
            if clamp[0] >= clamp[1]:
                document.add((*SIGMA, "clamp"), f"must be two rising numbers, found {_in_words(section.clamp)}")
            keys = section.model_dump(exclude={"policy"}) | {"start": start, "clamp": clamp, "bounds": bounds}
            make = DataDependent
        case _:
            return None
    return make(**keys) if len(document.problems) == before else None


def _check_order(document: Document, key: str, levels: Sequence[float], *, rising: bool) -> None:
    for below, above in pairwise(levels if rising else levels[::-1]):
        if below >= above:
            order = "rise" if rising else "fall, the widest first"
            document.add((*SIGMA, key), f"must {order}, found {_in_words(levels)}")
            return


def _bounds(document: Document, bounds: Sequence[float]) -> Bounds:
    low, high = bounds
    if low >= high:
        document.add((*SIGMA, "bounds"), f"must be two rising levels, found {_in_words(bounds)}")
    return low, high


def _starts(bounds: Bounds) -> tuple[float, ...]:
    """The usual starts within the bounds, or the middle of these."""
    low, high = bounds
    return tuple(start for start in MultiStart().starts if low <= start <= high) or (sqrt(low * high),)


def _check_within(document: Document, key: KeyPath, start: float, bounds: Bounds) -> None:
    low, high = bounds
    if low < high and not low <= start <= high:
        document.add((*SIGMA, *key), f"must lie within the bounds [{low:g}, {high:g}], found {start:g}")


def for_budget(policy: SigmaPolicy, budget: Budget, alpha: float) -> SigmaPolicy:
    """The policy, told what it is to maximise: the radius that this budget certifies."""
    if not isinstance(policy, MultiStart):
        return policy
    return replace(policy, n=budget.n, alpha=alpha / 2 if budget.kind == "single_batch" else alpha)


def declared_comparison(document: Document, data: object, sigma: float | SigmaPolicy | None) -> ComparisonPlan | None:
    """The comparison with single levels; None where there is none, or (and a problem) where it is not one."""
    path: KeyPath = ("certification", "comparison")
    policy = None if isinstance(sigma, float) else sigma
    if data is None or data == "none":
        return None if policy is None or data == "none" else ComparisonPlan(sigmas=single_levels(policy), points=COMPARED_POINTS)
    if isinstance(sigma, float):
        document.add(
            path,
            f"compares a policy with single noise levels, but sigma is the one level {sigma:g}: delete it, or make sigma a policy",
        )
        return None
    if isinstance(data, str):
        document.add(path, f"must be none or a mapping such as {models.Comparison.example}, found {shortened(shown(data))}")
        return None
    section = validated(document, path, models.Comparison, data)
    if section is None or policy is None:
        return None
    return ComparisonPlan(sigmas=tuple(sorted(set(section.sigmas or single_levels(policy)))), points=section.points)


def single_levels(policy: SigmaPolicy) -> tuple[float, ...]:
    """The single levels that a policy is compared with where the spec names none, rising."""
    match policy:
        case PerCell():
            return policy.grid
        case Cascade():
            return policy.sigmas[::-1]
        case MultiStart():
            return policy.starts
        case DataDependent():
            low, high = policy.bounds
            return tuple(sorted({min(max(level, low), high) for level in (policy.start / 2, policy.start, 2 * policy.start)}))


def check_policy(
    document: Document,
    plan: CertificationPlan,
    *,
    sampling: SamplingPlan | None,
    model: ModelDeclaration | None,
    baseline: bool,
) -> None:
    """What a policy cannot do together with other sections. ``baseline``: there is one, or a criterion asks for one."""
    policy, budget = plan.policy, plan.budget
    if policy is None:
        return
    if isinstance(policy, Cascade) and budget.kind not in ("reduced", "fixed"):
        message = f"must be reduced or fixed beside sigma.policy cascade, whose levels take a fixed number of draws each, found {budget.kind}"
        document.add(("certification", "budget", "kind"), message)
    elif budget.kind == "tolerance":
        message = "must not be tolerance beside a policy for sigma: the pilot draws at one noise level; write reduced with its n"
        document.add(("certification", "budget", "kind"), message)
    if isinstance(policy, ByInput) and sampling is not None and sampling.until_decided:
        message = (
            f"must be false beside sigma.policy {_name(policy)}: its certificates count after the memory of the whole run, "
            "so that no look before the end can decide"
        )
        document.add(("sampling", "until_decided"), message)
    gradients = isinstance(policy, DataDependent) or (isinstance(policy, MultiStart) and policy.method == "gradient")
    if gradients and model is not None and model.kind in ("onnx", "exported"):
        key = "policy" if isinstance(policy, DataDependent) else "method"
        document.add(
            (*SIGMA, key),
            f"needs gradients, which a model of kind {model.kind} has none of: use policy multi_start with method bisection",
        )
    if baseline:
        message = (
            "must be one noise level beside a baseline or a regression: a policy finds other levels for each model; "
            "compare two finished runs by odd-assess compare"
        )
        document.add(SIGMA, message)


def _in_words(levels: Sequence[float]) -> str:
    return shortened(f"[{', '.join(f'{level:g}' for level in levels)}]")


def _name(policy: SigmaPolicy) -> str:
    return {PerCell: "per_cell", Cascade: "cascade", MultiStart: "multi_start", DataDependent: "data_dependent"}[type(policy)]
