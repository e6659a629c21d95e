"""The plain words of the report: what kind of claim each number is, what it does not say, and what a radius means."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log10, sqrt

from odd_assess.records import Assessment, SamplingPlan
from odd_assess.report.view import formats, levels, noise, recertified, weighing
from odd_assess.report.view.budgets import asked_in_words, is_sequential, ties_in_words
from odd_assess.report.view.extremes import radii_asked
from odd_assess.report.view.points import grey_levels, image_shape
from odd_assess.report.view.records import Cell, Column, Fact, Table


def claims(assessment: Assessment) -> tuple[Fact, ...]:
    """The kinds of claim, so that none is mistaken for another."""
    alpha = formats.plain(assessment.spec.certification.alpha, of="spec/alpha")
    return (
        Fact(
            name="Certificate",
            text=f"Speaks of one point. Except with probability {alpha}, the smoothed classifier gives the same class for every "
            "perturbation of this input whose L2 norm is below the radius, whoever made the perturbation."
            + recertified.certificate_words(assessment)
            + noise.certificate_words(assessment),
        ),
        Fact(
            name="Domain claim",
            text="Speaks of the whole ODD under the declared sampling distribution, with the confidence that is printed beside it. It follows from the "
            "certificates and from how the points were drawn; the chance of false certificates is already subtracted."
            + noise.domain_words(assessment),
        ),
        Fact(
            name="Estimate",
            text="A number with an interval, or none, and no guarantee. The radius reduction is an estimate"
            + (", and so is average-case robustness." if assessment.average_case is not None else "."),
        ),
        Fact(name="Descriptive", text="A count of what was sampled. It holds exactly and says nothing about what was not sampled."),
    )


def limits(assessment: Assessment) -> tuple[Fact, ...]:
    """Assumptions and limits, in plain words."""
    plan, m = assessment.spec.certification, len(assessment.results)
    alpha = plan.alpha
    several = 1 - (1 - alpha) ** m
    return (
        Fact(
            name="The smoothed classifier",
            text=f"Every certificate holds for the smoothed classifier: {levels.smoothed_in_words(assessment)} It does not hold for the model used once "
            "without noise. A product that relies on it must answer by the same vote.",
        ),
        *recertified.limits(assessment),
        *noise.limits(assessment),
        Fact(
            name="The norm and the input space",
            text="Radii are L2 distances in input units: all pixel values of one input in [0, 1], before normalisation. They cover any change of pixels of "
            "that size. They do not cover shifts, rotations, weather or other changes whose L2 size is larger, except where the ODD samples them.",
        ),
        Fact(
            name="Between the points",
            text="A certificate covers the ball around its own input. How the model behaves under natural variation between the sampled points is "
            "covered only by the domain claims, as a fraction of the declared distribution and never as “everywhere”.",
        ),
        *_ties(assessment),
        Fact(
            name="Per point, not all at once",
            text=f"Each certificate may be false with probability {formats.plain(alpha, of='spec/alpha')}. For "
            f"{formats.plural(m, 'point', of='points')} the chance that at least one is "
            f"false is at most {formats.percent(several, side='up', of='all/false at least once')}. Domain claims allow for this; a claim that all "
            f"points hold at once would need "
            f"{formats.plain(alpha, of='spec/alpha')} to be divided by {formats.count(m, of='points')}.",
        ),
        Fact(name="The declared distribution", text=_distribution(assessment.spec.sampling)),
        Fact(name="The base images", text=_base_images(assessment)),
        *_out_of_reach(assessment.coverage.reached),
        *_stopping(assessment),
        Fact(
            name="Transforms are indicative",
            text="Conditions are realised by image transforms with a stated physical mapping. They are indicative of real conditions and no substitute for "
            "data that represents the mission. What no transform realises is listed as untested.",
        ),
        Fact(
            name="Rounding",
            text="Radii and lower bounds are rounded down, upper bounds up, sample values to the nearest. Where there is no evidence the state is "
            "INCONCLUSIVE: there is no number in its place and it is never a pass.",
        ),
    )


def _distribution(sampling: SamplingPlan) -> str:
    within = "the cells" if sampling.groups is None else "two declared groups of cells"
    model = {
        "random": "Points are independent draws from the declared distribution, so domain claims hold with the printed confidence under it",
        "stratified": f"Points are drawn at random within {within}, whose declared weights are known, so domain claims hold with the printed confidence "
        "under the declared distribution",
        "ranked": "Each point is one of several independent draws from the declared distribution, of a rank by their estimates that was drawn before. The "
        "groups of ranks have known weights, whatever the estimates are worth, so domain claims hold with the printed confidence under the declared "
        "distribution",
    }.get(sampling.design)
    if model is None:
        return (
            f"The design “{sampling.design}” fills the domain evenly and has no probability model. Shares of points are descriptive: no confidence can be "
            "stated for them, and criteria that ask for one stay INCONCLUSIVE."
        )
    return f"{model}. If the real use has other weights, the numbers of the cells still hold, the totals do not."


def _base_images(assessment: Assessment) -> str:
    """Which images the claims are about, and how one comes to a point."""
    declared, data = assessment.spec.inputs, assessment.manifest.get("data")
    number = data.get("images") if isinstance(data, Mapping) else None
    if declared.kind == "callable":
        return (
            "Domain claims hold for what the renderer makes, with its mix of classes. It makes an image for each point from the point's own values. "
            "Other images, or another mix of classes, need their own assessment."
        )
    kind = declared.kind if declared.split is None else f"{declared.kind}, split “{declared.split}”"
    source = f"{kind}: {formats.plural(number, 'image', of='manifest/data/images')}" if isinstance(number, int) else kind
    if assessment.points.frame is not None:
        drawn = (
            "The image of a point is the frame of the table that was drawn with it. "
            + {
                "declared": "Cells count by their declared weights (inputs.weights: declared); within one, the frames that fit are equally likely.",
                "frames": "Every frame inside the ODD counts the same (inputs.weights: frames), so the table stands for the declared distribution.",
            }[declared.weights]
        )
    else:
        drawn = "For each point one of them is drawn uniformly, whatever the point's condition."
    return (
        f"Domain claims hold for the base images of this source ({source}) and their mix of classes. {drawn} "
        "Other base images, or another mix of classes, need their own assessment."
    )


def _ties(assessment: Assessment) -> tuple[Fact, ...]:
    """What it means that rounding decided some draws; nothing where it decided none."""
    told = ties_in_words(assessment)
    if told == "none":
        return ()
    text = (
        f"At {told} draws the model rated its two best classes as good as equal, so that only the rounding of its arithmetic decided which one counts. On "
        "another machine, or in batches of another size, these answers may fall the other way. The certificates hold for the answers that were counted."
    )
    return (Fact(name="Draws too close to call", text=text),)


def _out_of_reach(reached: float) -> tuple[Fact, ...]:
    if reached >= 1:
        return ()
    share = formats.percent(1 - reached, side="up", of="coverage/out of reach")
    text = f"{share} of the declared ODD has no frame in the table: no point could be drawn there. That share counts against every domain claim."
    return (Fact(name="Parts without a frame", text=text),)


def _stopping(assessment: Assessment) -> tuple[Fact, ...]:
    """Why draws and points could stop when they did."""
    spec, facts = assessment.spec, []
    budget = spec.certification.budget
    if is_sequential(assessment):
        facts.append(
            Fact(
                name="Stopping the draws when decided",
                text="The draws at a point told when to stop drawing there. Bounds for a number of draws that is fixed beforehand would not hold; the bounds "
                "used come from a test martingale and hold at every moment at once (Ville's inequality), so each certificate is still false with "
                f"probability at most {formats.plain(spec.certification.alpha, of='spec/alpha')}. Draws stopped once the radii asked for "
                f"({asked_in_words(assessment)}) were "
                "decided; certified radii beyond them are valid, but they are smaller than a full budget would show.",
            )
        )
    if budget.kind == "tolerance" and assessment.recertified is None:
        facts.append(
            Fact(
                name="The number of draws from a pilot",
                text="The pilot chose n from its own draws, which no certificate uses: for the certificates n was fixed beforehand. That the loss stays within "
                "the tolerance is an expectation from the pilot's points and no bound; what this run lost is stated under “What the small budget cost”.",
            )
        )
    if spec.sampling.until_decided:
        facts.append(
            Fact(
                name="Stopping the points when decided",
                text="Points were drawn until the blocking criteria were decided, so the results told when to stop. The bounds on the ODD hold at every look "
                "at once (Ville's inequality), because the points are independent draws; they are a little wider than bounds for a fixed number of points. "
                "Plain shares of the points may lean to the side that was decided: rely on the bounds.",
            )
        )
    return tuple(facts)


PATCH = 4
"""Side of the patch, in pixels, that a radius is put in words by."""


def _radii_told(assessment: Assessment) -> list[tuple[str, float]]:
    """The radii asked for, the mean and the largest of this run, with their names."""
    radius, correct = assessment.results.radius, assessment.results.correct
    wanted = [
        (f"asked: {formats.plain(asked, of=f'asked/{k}')}", asked)
        for k, asked in enumerate(radii_asked(assessment), start=1)
        if asked > 0
    ]
    if correct.any():
        wanted += [
            ("mean of the certified points", weighing.mean(radius[correct], weighing.weights(assessment)[correct])),
            ("largest of the run", float(radius[correct].max())),
        ]
    return wanted


def _patch(radius: float, shape: tuple[int, int, int]) -> float | None:
    """Grey levels by which a patch may change if nothing else does; None where the input is no larger than the patch."""
    channels, height, width = shape
    return None if min(height, width) <= PATCH else min(255.0, grey_levels(radius, PATCH * PATCH * channels))


def radius_sentences(assessment: Assessment) -> tuple[str, ...]:
    """Each radius that is asked for, in words: spread over the whole image, as PSNR, spent on a patch."""
    shape = image_shape(assessment)
    if shape is None:
        return ()
    values, told = shape[0] * shape[1] * shape[2], []
    for place, radius in enumerate(radii_asked(assessment), start=1):
        if radius <= 0:
            continue
        patch, its = _patch(radius, shape), f"radius@{radius:.12g}"
        text = (
            f"A radius of {formats.plain(radius, of=f'asked/{place}')} allows every value of the image to change at once by "
            f"{formats.radius(grey_levels(radius, values), digits=1, of=f'{its}/grey levels')} of 255 grey levels "
            f"(a PSNR of {formats.radius(_psnr(radius, values), side='up', digits=1, of=f'{its}/psnr')} dB)"
        )
        if patch is not None:
            text += f", or one patch of {_patch_in_words()} pixels by " + (
                f"{formats.radius(patch, digits=0, of=f'{its}/patch')} grey levels"
                if patch < 255
                else "the whole way from black to white"
            )
        told.append(f"{text}.")
    return tuple(told)


def _patch_in_words() -> str:
    return " × ".join([formats.count(PATCH, of="method/patch")] * 2)


def _psnr(radius: float, values: int) -> float:
    return 20 * log10(sqrt(values) / radius)


def radius_words(assessment: Assessment) -> Table:
    """What an L2 radius means: for the radii asked for, the mean and the largest of this run."""
    shape, wanted = image_shape(assessment), _radii_told(assessment)
    patched = shape is not None and _patch(1.0, shape) is not None
    columns = [Column(title="Radius"), Column(title="L2, input units", number=True)]
    if shape:
        columns += [
            Column(title="All values: grey levels", number=True),
            Column(title="PSNR (dB)", number=True),
            *((Column(title=f"A patch of {_patch_in_words()}: grey levels", number=True),) if patched else ()),
            Column(title="Single values flipped", number=True),
        ]
    return Table(
        id="radius-table",
        caption="What a radius means" if shape is None else f"What a radius means for inputs of {_pixels(shape)}",
        columns=tuple(columns),
        rows=tuple(_meaning(name, value, shape) for name, value in wanted),
        note="Each column spends the whole radius in one way: evenly over all pixel values (in grey levels of 255), over a patch alone, or by turning "
        "single values from one end of the range to the other. PSNR is relative to a peak of 1. A radius covers every mixture of such changes, not only these."
        if shape
        else "The size of the inputs is not in the evidence, so the radius cannot be put in grey levels.",
    )


def _pixels(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    across, down = formats.count(width, of="inputs/width"), formats.count(height, of="inputs/height")
    values = formats.count(channels * height * width, of="inputs/values")
    return f"{across} × {down} pixels, {formats.plural(channels, 'channel', of='inputs/channels')} ({values} values)"


def _meaning(name: str, radius: float, shape: tuple[int, int, int] | None) -> tuple[Cell, ...]:
    its = f"radius@{radius!r}"
    cells = (Cell(text=name), Cell(text=formats.radius(radius, of=f"{its}/radius"), value=radius))
    if shape is None:
        return cells
    values = shape[0] * shape[1] * shape[2]
    levels, psnr = grey_levels(radius, values), _psnr(radius, values)
    patch = _patch(radius, shape)
    flipped = max(0, ceil(radius**2) - 1)  # the ball is open
    return (
        *cells,
        Cell(text=formats.radius(levels, digits=2, of=f"{its}/grey levels"), value=levels),
        Cell(text=formats.radius(psnr, side="up", digits=1, of=f"{its}/psnr"), value=psnr),
        *((Cell(text=formats.radius(patch, digits=1, of=f"{its}/patch"), value=patch),) if patch is not None else ()),
        Cell(text=formats.count(flipped, of=f"{its}/flipped") if flipped else "not one", value=flipped),
    )
