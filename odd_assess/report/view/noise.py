"""Noise levels that a policy chose: how, what its certificates speak of, what a memory took, and what the policy gained over single levels."""

from __future__ import annotations

import numpy as np

from odd_assess.policies import MEANING, Cascade, DataDependent, MultiStart, PerCell, SigmaPolicy
from odd_assess.records import Assessment, NoiseLevels
from odd_assess.report.view import formats, level_tables, levels, memory_loss, single_levels
from odd_assess.report.view.records import Fact, NoiseView


def noise(assessment: Assessment) -> NoiseView | None:
    """What the page says of noise levels; None where all points have one that was declared."""
    found = assessment.noise
    if found is None:
        return None
    return NoiseView(
        lead=_lead(found.policy),
        facts=(
            Fact(name="What it is called", text=f"{found.policy.name}: {found.policy.in_words}"),
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
                f"Each cell of the ODD has a noise level of its own: the one of {_listed(policy.grid)} at which the budget of this run was expected to "
                f"certify the largest mean radius for the true class. That was decided on {formats.plural(policy.points, 'further point')} of the domain, "
                f"with {formats.plural(policy.draws, 'noisy copy', 'noisy copies')} at each level; no number of this report is about these points. {apart}"
            )
        case Cascade():
            return (
                f"The classifier is a cascade of the noise levels {_listed(policy.sigmas)}, the widest first: it answers at the first level at which a "
                "class has more than half of the noisy copies, with that class, and abstains where there is none. Every level was drawn at every point, "
                f"and the one that shows the largest radius gives the certificate. All {2 * len(policy.sigmas) - 1} bounds of a certificate share its α."
            )
        case MultiStart():
            low, high = policy.bounds
            return (
                "The noise level of each point was chosen by looking at its input: a multiple-start search (after Insta-RS) for the level at which the "
                f"budget of this run would certify the largest radius, from {_listed(policy.starts)} within {levels.level(low)} to {levels.level(high)}. "
                f"{apart}"
            )
        case DataDependent():
            low, high = policy.bounds
            return (
                "The noise level of each point was chosen by looking at its input: data-dependent smoothing (DDS) climbs from "
                f"{levels.level(policy.start)}, in {formats.plural(policy.steps, 'step')} and within {levels.level(low)} to {levels.level(high)}, towards "
                f"the largest radius that the mean softmax of the noisy copies promises. {apart}"
            )


def _used(assessment: Assessment, found: NoiseLevels) -> tuple[Fact, ...]:
    """The options that a search had, and the levels that it chose."""
    policy, sigma = found.policy, assessment.results.sigma
    match policy:
        case MultiStart():
            how = f"{policy.method}, for the class that most copies answer at {formats.plain(policy.decides)}: "
            how += f"{policy.draws} noisy copies at each level, {formats.plural(policy.steps, 'step')}"
            how += (
                f" of rate {formats.plain(policy.rate)} from each start"
                if policy.method == "gradient"
                else " beside the best start"
            )
            options = (
                f"{how}; the best {policy.shortlist} compared on {policy.trial} fresh copies"
                if policy.shortlist > 1
                else f"{how}; the best of them counts"
            )
        case DataDependent():
            low, high = policy.clamp
            options = (
                f"{policy.draws} noisy copies a step, steps of {formats.plain(policy.step)}, probabilities clamped to {formats.plain(low)} to "
                f"{formats.plain(high)}"
            )
        case _:
            return ()
    least, middle, most = (levels.level(float(value)) for value in (sigma.min(), np.median(sigma), sigma.max()))
    ends = [
        f"{formats.plural(count, 'point')} at the {name} bound {levels.level(bound)}"
        for name, bound in zip(("lower", "upper"), policy.bounds, strict=True)
        if (count := int(np.isclose(sigma, bound, rtol=1e-6, atol=0).sum()))
    ]
    text = f"{least} to {most}, median {middle}" if least != most else f"{least} at every point"
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


def _listed(sigmas: tuple[float, ...]) -> str:
    return formats.listed([levels.level(sigma) for sigma in sigmas], most=12)
