"""The budget in words: how many draws each point took and why, and how far they can reach."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from odd_assess.criteria import bound_levels
from odd_assess.criteria.asked import asked_radii
from odd_assess.policies import Cascade, PerCell
from odd_assess.records import Assessment, Recertified, Results, Route
from odd_assess.report.view import formats, levels
from odd_assess.stats import (
    anytime_radius_cap,
    certified_radius,
    radius_cap,
    radius_caps,
)


def draws_in_words(results: Results, *, of: str = "all") -> str:
    """The draws per point in words: one number, or a range where points differ; ``of``: whose points they are."""
    low, high = int(results.n.min()), int(results.n.max())
    least, most = formats.count(low, of=f"{of}/n/min"), formats.count(high, of=f"{of}/n/max")
    return most if low == high else f"{least} to {most}"


def draws_a_point(assessment: Assessment) -> str:
    """The draws that one point took, in a few words: those that chose the class, and those that bounded it."""
    budget, results = assessment.spec.certification.budget, assessment.results
    if assessment.recertified is not None:
        told = (
            f": median {median_draws(results)}, at most {formats.count(most_draws(assessment), of='draws/most')}"
            if is_sequential(assessment)
            else ""
        )
        return f"{draws_in_words(results)} (recertified{', until decided' if told else ''}){told}"
    chose = "" if budget.n0 == 0 else f"{formats.count(budget.n0, of='spec/n0')} + "
    kind = budget.kind.replace("_", " ")
    if budget.kind == "sequential":
        return f"{chose}{draws_in_words(results)} ({kind}): median {median_draws(results)}, at most {formats.count(budget.n, of='spec/n')}"
    if budget.kind == "tolerance" and budget.tolerance is not None:
        kind = f"tolerance {formats.required(budget.tolerance, '1', of='spec/tolerance')}: n by pilot"
    if (tries := levels.tries(assessment)) > 1:
        return f"{chose}{draws_in_words(results)} ({kind}) at each of {formats.count(tries, of='policy/tries')} noise levels"
    return f"{chose}{draws_in_words(results)} ({kind})"


def median_draws(results: Results) -> str:
    """The median over the points of the draws that bounded the class."""
    return formats.count(float(np.median(results.n)), of="all/n/median")


def draws_in_all(assessment: Assessment) -> str:
    """Every draw that is in the evidence: for the points, for the reference subsample, for the pilot, for the choice and the comparison of noise levels."""
    tries, noise = levels.tries(assessment), assessment.noise
    told = [formats.count(tries * _all(assessment.results), of="draws/all")]
    if assessment.recertified is not None:
        told.append(f"{formats.count(assessment.recertified.base_draws, of='recertified/base_draws')} before, for its baseline")
    if assessment.reference is not None and len(assessment.reference):
        told.append(f"{formats.count(tries * _all(assessment.reference), of='draws/reference')} more for the reference")
    if (pilot := _pilot(assessment)) is not None:
        told.append(f"{formats.count(int(pilot['points']) * int(pilot['draws']), of='draws/pilot')} for the pilot")
    if noise is not None and isinstance(noise.policy, PerCell):
        chosen = noise.policy
        told.append(
            f"{formats.count(len(chosen.grid) * chosen.points * chosen.draws, of='policy/choosing')} to choose the noise levels"
        )
    if levels.remembers(assessment):
        told.append("those of the search for levels, which are not kept")
    if noise is not None and noise.single:
        told.append(
            f"{formats.count(sum(_all(part) for part in noise.single), of='single/draws')} at single noise levels, to compare"
        )
    return "; ".join(told)


def ties_in_words(assessment: Assessment) -> str:
    """How many draws rounding decided, of all that certificates count; "none" where it decided none."""
    parts = [assessment.results] if assessment.reference is None else [assessment.results, assessment.reference]
    ties = sum(int(part.ties.sum()) for part in parts)
    return (
        f"{formats.count(ties, of='draws/ties')} of "
        f"{formats.count(levels.tries(assessment) * sum(_all(part) for part in parts), of='draws/counted')}"
        if ties
        else "none"
    )


def _all(results: Results) -> int:
    return int((results.n0 + results.n).sum())


def _pilot(assessment: Assessment) -> Mapping[str, float] | None:
    pilot = assessment.manifest.get("pilot")
    return pilot if isinstance(pilot, Mapping) else None


def is_sequential(assessment: Assessment) -> bool:
    """Whether draws stopped at each point when the radii asked for were decided."""
    if assessment.recertified is not None:
        return bool(assessment.results.anytime.any())
    return assessment.spec.certification.budget.kind == "sequential"


def most_draws(assessment: Assessment) -> int:
    """The draws that bound the class at a point, at most."""
    return assessment.spec.certification.budget.n if assessment.recertified is None else assessment.recertified.plan.draws


def asked_in_words(assessment: Assessment) -> str:
    """The radii that a sequential budget decides: "0.25", "0.1 and 0.25"."""
    asked = asked_radii(finding.criterion for finding in assessment.findings)
    return formats.listed([formats.plain(radius, of=f"asked/stopping/{k}") for k, radius in enumerate(asked, start=1)])


def how_chosen(assessment: Assessment) -> str:
    """How the number of draws came about, in a sentence or two."""
    budget, results = assessment.spec.certification.budget, assessment.results
    n = draws_in_words(results)
    if assessment.recertified is not None:
        return _on_the_baseline(assessment, n)
    if (tries := levels.tries(assessment)) > 1:
        each = formats.count(budget.n0, of="spec/n0")
        return (
            f"At every point, at each of the {formats.count(tries, of='policy/tries')} noise levels, {each} draws chose a class and {n} fresh draws "
            "counted the answers."
        )
    match budget.kind:
        case "single_batch":
            return f"At every point one batch of {n} draws chose the class and bounded it."
        case "sequential":
            spent = int((results.n >= budget.n).sum())
            return (
                f"At every point {formats.count(budget.n0, of='spec/n0')} draws chose the class. Fresh draws then came until every radius that the criteria "
                f"ask for ({asked_in_words(assessment)}) was decided there: {n}, median {median_draws(results)}; "
                f"{formats.plural(spent, 'point', of='all/n/spent') if spent else 'no point'} took all of the {formats.count(budget.n, of='spec/n')} allowed."
            )
        case "tolerance":
            return _by_pilot(assessment)
        case _:
            return f"At every point {formats.count(budget.n0, of='spec/n0')} draws chose the class and {n} fresh draws bounded it."


def _on_the_baseline(assessment: Assessment, n: str) -> str:
    """How many of the baseline's copies the modified model was asked about."""
    start = "At every point the class is the one that the baseline's draws chose. The modified model was asked about"
    if not is_sequential(assessment):
        return (
            f"{start} the first {n} of the noisy copies that bounded the baseline. Its bound rests on both models' answers, or on its own alone where these "
            "were expected to show more."
        )
    most = most_draws(assessment)
    spent = int((assessment.results.n >= most).sum())
    return (
        f"{start} the noisy copies that bounded the baseline, in blocks, until every radius that the criteria ask for ({asked_in_words(assessment)}) was "
        f"decided there: {n}, median {median_draws(assessment.results)}; "
        f"{formats.plural(spent, 'point', of='draws/all of them') if spent else 'no point'} took all "
        f"of the {formats.count(most, of='draws/most')} allowed. Its bound rests on both models' answers."
    )


def _by_pilot(assessment: Assessment) -> str:
    budget, pilot = assessment.spec.certification.budget, _pilot(assessment)
    n, each = draws_in_words(assessment.results), formats.count(budget.n0, of="spec/n0")
    if pilot is None:
        return f"At every point {each} draws chose the class and n = {n} fresh draws, a number chosen by a pilot, bounded it."
    tolerated, expected = (formats.percent(pilot[key], of=f"manifest/pilot/{key}") for key in ("tolerance", "expected_reduction"))
    points = formats.plural(int(pilot["points"]), "point", of="manifest/pilot/points")
    how = f"a pilot of {points} × {formats.count(int(pilot['draws']), of='manifest/pilot/draws')} draws"
    if pilot["expected_reduction"] > pilot["tolerance"]:
        return (
            f"n = {n} is the most that was allowed. By {how} it was expected to lose {expected} of the mean radius, which is more than the {tolerated} "
            "tolerated: no n that was allowed is expected to do."
        )
    return (
        f"n = {n} was chosen by {how}: the smallest with which at most {tolerated} of the mean radius is expected to be lost (expected then: {expected}). "
        f"At every point {each} draws chose the class and n fresh draws bounded it; the pilot's draws were not used again."
    )


def largest_cap(assessment: Assessment) -> float:
    """The largest radius that the draws of this run can certify at any point; all that are allowed, where points stop when decided."""
    results, budget = assessment.results, assessment.spec.certification.budget
    if assessment.recertified is not None:
        return _recertified_cap(assessment.recertified, results, stopped=is_sequential(assessment))
    if (noise := assessment.noise) is not None and isinstance(noise.policy, Cascade):  # alpha is shared by the bounds at all levels
        alpha = float(results.alpha.max()) / (2 * len(noise.policy.sigmas) - 1)
        return radius_cap(int(results.n.max()), alpha=alpha, sigma=noise.policy.largest)
    if is_sequential(assessment):
        return anytime_radius_cap(budget.n, alpha=float(results.alpha.max()), sigma=float(results.sigma.max()))
    return float(radius_caps(results.n, alpha=bound_levels(results), sigma=results.sigma).max())


def _recertified_cap(found: Recertified, results: Results, *, stopped: bool) -> float:
    """The largest radius that could be shown if every copy was answered with the baseline's class, then and now."""
    n, base_n = found.plan.draws, int(found.base_n.max())
    terms = found.terms
    routes: tuple[Route, ...] = ("both",) if stopped else ("incremental", "fresh")
    possible = [route for route in routes if terms.rule in ("auto", "gamma", route)]
    shown = max(terms.lower_bound(route, base_hits=base_n, base_n=base_n, head=n, lost=0, hits=n, n=n) for route in possible)
    return float(certified_radius(shown, sigma=float(results.sigma.max())))


def cap_label(assessment: Assessment) -> str:
    """The name of `largest_cap`."""
    n = formats.count(most_draws(assessment), of="draws/most") if is_sequential(assessment) else draws_in_words(assessment.results)
    if assessment.noise is None or levels.one_level(assessment.results):
        return f"cap of n = {n}"
    return f"cap of n = {n}, largest σ"
