"""Noise levels that a policy chose: how, what its certificates speak of, what a memory took, and what the policy gained over single levels."""

from __future__ import annotations

import numpy as np

from odd_assess.policies import MEANING, Cascade, DataDependent, MultiStart, PerCell, SigmaPolicy
from odd_assess.records import Assessment, NoiseLevels
from odd_assess.report.view import formats, level_tables, levels, memory_loss, single_levels
from odd_assess.report.view.records import Fact, NoiseView
from odd_assess.report.view.traced import number, quoted


def noise(assessment: Assessment) -> NoiseView | None:
    """What the page says of noise levels; None where all points have one that was declared."""
    found = assessment.noise
    if found is None:
        return None
    return NoiseView(
        lead=_lead(found.policy),
        facts=(
            Fact(name="What it is called", text=quoted(f"{found.policy.name}: {found.policy.in_words}", "policy/in words")),
            Fact(name="Soundness of its certificates", text=f"{found.soundness}: {MEANING[found.soundness]}."),
            *_used(assessment, found),
        ),
        warnings=_warnings(found),
        by_level=level_tables.by_level(assessment, found),
        spread=level_tables.spread(assessment),
        cells=level_tables.cells(assessment, found),
        lost=memory_loss.in_words(assessment, found),
        memory=memory_loss.table(assessment, found),
        gain=single_levels.in_words(assessment, found),
        single=single_levels.table(assessment, found),
        curves=single_levels.curves(assessment, found),
    )


# ---------------------------------------------------------------- how the levels were chosen


def _lead(policy: SigmaPolicy) -> str:
    apart = "Noise of its own chose the levels; the certificates are made with fresh noise."
    match policy:
        case PerCell():
            return (
                f"Each cell of the ODD has a noise level of its own: the one of {_listed(policy, 'grid')} at which the budget of this run was expected to "
                f"certify the largest mean radius for the true class. That was decided on "
                f"{formats.plural(policy.points, 'further point', of='policy/points')} of the domain, "
                f"with {formats.plural(policy.draws, 'noisy copy', 'noisy copies', of='policy/draws')} at each level; no number of this report is "
                f"about these points. {apart}"
            )
        case Cascade():
            return (
                f"The classifier is a cascade of the noise levels {_listed(policy, 'sigmas')}, the widest first: it answers at the first level at which a "
                "class has more than half of the noisy copies, with that class, and abstains where there is none. Every level was drawn at every point, "
                f"and the one that shows the largest radius gives the certificate. All "
                f"{formats.count(2 * len(policy.sigmas) - 1, of='policy/statements')} bounds of a certificate share its α."
            )
        case MultiStart():
            low, high = (levels.level(bound, of=f"policy/bounds/{k}") for k, bound in enumerate(policy.bounds, start=1))
            return (
                "The noise level of each point was chosen by looking at its input: a multiple-start search (after Insta-RS) for the level at which the "
                f"budget of this run would certify the largest radius, from {_listed(policy, 'starts')} within {low} to {high}. "
                f"{apart}"
            )
        case DataDependent():
            low, high = (levels.level(bound, of=f"policy/bounds/{k}") for k, bound in enumerate(policy.bounds, start=1))
            return (
                "The noise level of each point was chosen by looking at its input: data-dependent smoothing (DDS) climbs from "
                f"{levels.level(policy.start, of='policy/start')}, in {formats.plural(policy.steps, 'step', of='policy/steps')} and within {low} to "
                f"{high}, towards "
                f"the largest radius that the mean softmax of the noisy copies promises. {apart}"
            )


def _used(assessment: Assessment, found: NoiseLevels) -> tuple[Fact, ...]:
    """The options that a search had, and the levels that it chose."""
    policy, sigma = found.policy, assessment.results.sigma
    match policy:
        case MultiStart():
            how = (
                f"{policy.method}, for the class that most copies answer at {formats.plain(policy.decides, of='policy/decides')}: "
            )
            how += (
                f"{_plain(policy, 'draws')} noisy copies at each level, {formats.plural(policy.steps, 'step', of='policy/steps')}"
            )
            how += (
                f" of rate {formats.plain(policy.rate, of='policy/rate')} from each start"
                if policy.method == "gradient"
                else " beside the best start"
            )
            options = (
                f"{how}; the best {_plain(policy, 'shortlist')} compared on {_plain(policy, 'trial')} fresh copies"
                if policy.shortlist > 1
                else f"{how}; the best of them counts"
            )
        case DataDependent():
            low, high = (formats.plain(one, of=f"policy/clamp/{k}") for k, one in enumerate(policy.clamp, start=1))
            options = (
                f"{_plain(policy, 'draws')} noisy copies a step, steps of {formats.plain(policy.step, of='policy/step')}, probabilities clamped to {low} to "
                f"{high}"
            )
        case _:
            return ()
    ends = [
        f"{formats.plural(count, 'point', of=f'policy/points at bound/{k}')} at the {name} bound {levels.level(bound, of=f'policy/bounds/{k}')}"
        for k, (name, bound) in enumerate(zip(("lower", "upper"), policy.bounds, strict=True), start=1)
        if (count := int(np.isclose(sigma, bound, rtol=1e-6, atol=0).sum()))
    ]
    used = levels.range_in_words(assessment.results)
    text = f"{used}, median {levels.median(assessment.results)}" if " to " in used else f"{used} at every point"
    return (Fact(name="Options", text=options), Fact(name="Levels chosen", text="; ".join([text, *ends])))


# ---------------------------------------------------------------- what certificates speak of


def _warnings(found: NoiseLevels) -> tuple[Fact, ...]:
    if found.soundness != "memory (later queries, order dependent)":
        return ()
    return (
        Fact(
            name="Why a memory",
            text="Inputs beside each other may get other noise levels, so that a certificate alone would speak of a classifier that its neighbours never "
            "meet. The classifier that these certificates hold for keeps a ball for every input that it has certified and answers each later input inside "
            "a ball with the class of that ball. Balls of different classes are disjoint.",
        ),
        Fact(
            name="Later queries only",
            text="A ball says nothing of what was asked before it was kept. There is no guarantee against an attack that is seen before the clean input: "
            "if a perturbed copy comes first and is certified as another class, its ball stays and the ball of the clean input gives way.",
        ),
        Fact(
            name="The order counts",
            text="In use, another order of the same inputs gives other radii, and where balls would overlap other answers. The radii of this report are "
            "those of all its points at once, where overlapping balls share the distance in proportion: no order favours a point.",
        ),
        Fact(
            name="A memory that grows",
            text="Every certified input is kept and compared with every later one. A product must keep it, and keep it whole: a memory that is lost or begun "
            "anew takes its guarantees with it.",
        ),
        Fact(
            name="Not without it",
            text="Without a memory, a noise level that follows the input may vary by a few per cent only at the dimension of images (Súkeník et al. 2022). "
            "Nothing near the spread of levels here would be sound.",
        ),
    )


def note(assessment: Assessment) -> str:
    """What must be said of it beside the verdict; empty where certificates stand by themselves."""
    found = assessment.noise
    if found is None or found.soundness == "stateless":
        return ""
    if found.soundness == "per-cell (metadata)":
        return "Noise levels belong to the cells of the ODD: certificates hold where the cell is known from metadata."
    return (
        "The noise level of each point was chosen by looking at its input: certificates hold for a classifier with a memory, for later queries, and depend "
        "on the order of queries."
    )


def certificate_words(assessment: Assessment) -> str:
    """What else a certificate says where levels differ; begins with a space."""
    found = assessment.noise
    if found is None:
        return ""
    return f" Soundness: {found.soundness}; {MEANING[found.soundness]}."


def domain_words(assessment: Assessment) -> str:
    """What else a domain claim says where there is a memory; begins with a space."""
    if not levels.remembers(assessment):
        return ""
    return (
        " It speaks of a point that meets a fresh memory. Counted at each point is the smaller of the radius alone and the radius beside all other points, "
        "which can only lower what is shown; “refuted” is judged by the point's own counts."
    )


def limits(assessment: Assessment) -> tuple[Fact, ...]:
    """What is taken for granted where levels differ."""
    found = assessment.noise
    if found is None:
        return ()
    match found.policy:
        case PerCell():
            text = (
                "The noise level follows from the cell of the ODD, which is told beside the input: no change of pixels alters it, so within a cell the "
                "classifier is fixed and its certificates are as sound as with one level. Whoever can change what is told about the conditions can change "
                "the level; and a cell that is told wrongly is another classifier than the one that was certified."
            )
        case Cascade():
            text = (
                "The cascade keeps no state: each certificate stands by itself. Within the radius the class keeps its majority at the level that answers, "
                "and no other class gets one at any wider level."
            )
        case _:
            text = f"{MEANING[found.soundness].capitalize()}. See “Noise levels” for what this leaves open."
    return (Fact(name="Noise levels that differ", text=text),)


def _listed(policy: SigmaPolicy, name: str) -> str:
    sigmas: tuple[float, ...] = getattr(policy, name)
    return formats.listed([levels.level(sigma, of=f"policy/{name}/{k}") for k, sigma in enumerate(sigmas, start=1)], most=12)


def _plain(policy: SigmaPolicy, name: str) -> str:
    value: int = getattr(policy, name)
    return number(str(value), value, f"policy/{name}")
