"""A modified model that was certified on what its baseline keeps: what is left of the radius, what it cost, and what the certificates rest on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from odd_assess.criteria import certified_at
from odd_assess.criteria.inference import point_weights
from odd_assess.records import Assessment, Recertified, Results
from odd_assess.report.view import formats, levels, recertified_tables
from odd_assess.report.view.band import accuracy_band
from odd_assess.report.view.budgets import asked_in_words, draws_in_words, is_sequential
from odd_assess.report.view.extremes import at, radii_asked
from odd_assess.report.view.manifest import NOT_RECORDED, moment_text
from odd_assess.report.view.radii import STEPS, axis
from odd_assess.report.view.recertified_tables import ROUTES, Pair, probability
from odd_assess.report.view.records import Cell, Column, Fact, KeptChart, RecertifiedView, ReleasesChart, Table
from odd_assess.report.view.reduction import MOST_MARKERS, evenly
from odd_assess.report.view.traced import quoted

KEPT = "recertified/kept/mean radius"
"""The source of what is left of the mean radius."""

DIGITS = 12
"""Of a digest that stands in a sentence; the manifest has all."""


def recertified(assessment: Assessment) -> RecertifiedView | None:
    """What the page says of it; None where the model was certified from nothing."""
    pair = _pair(assessment)
    if pair is None:
        return None
    found = pair.found
    return RecertifiedView(
        title=f"Recertified from run {_run(found)}",
        lead=_lead(pair),
        facts=_facts(found),
        kept=_kept(pair),
        scatter=_scatter(pair),
        scatter_caption="One mark a point, whatever class is certified. On the line nothing was lost; marks on the bottom line abstain now, or count nothing.",
        curves=_curves(pair),
        curves_caption="Share of the ODD certified for the true class: the baseline (dashed) with its own draws, the modified model with those of this "
        "run. The bands are "
        "pointwise, and each is its own run's; both runs share points and noise, so that they are no test of the difference.",
        saved=recertified_tables.saved(pair),
        cost=recertified_tables.cost(pair),
        answers=recertified_tables.answers(pair),
        routes=recertified_tables.routes(pair),
        spread=recertified_tables.spread(pair),
        errors=recertified_tables.errors(found, stopped=is_sequential(assessment)),
        weakest=recertified_tables.weakest(pair),
        holds=(*_holds(found), *_several(found)),
        words=_words(pair),
    )


def head(assessment: Assessment) -> tuple[Fact, ...]:
    """The baseline's name, for the head of the page."""
    found = assessment.recertified
    return () if found is None else (Fact(name="Recertified from", text=_named(found)),)


def _named(found: Recertified) -> str:
    """The baseline's run: its id is often that of this run too, so that its day stands beside it."""
    day = moment_text(found.finished).split(",", maxsplit=1)[0]
    return f"run {_run(found)} of {quoted(day, 'recertified/day')}" if day != NOT_RECORDED else f"run {_run(found)}"


def _run(found: Recertified) -> str:
    return quoted(found.run, "recertified/run")


def _start(found: Recertified, name: str) -> str:
    """The beginning of a digest."""
    digest: str = getattr(found, name)
    return f"{quoted(digest[:DIGITS], f'recertified/{name}/start')}…"


def model_words(assessment: Assessment) -> str:
    """The model under test; a modified one also by weights, precision and digest, which tell it from its baseline and from others."""
    model = assessment.spec.model
    name = quoted(Path(model.reference).name, "model/reference")
    if assessment.recertified is None:
        return name
    digest = str(assessment.manifest["identity"].get("model", NOT_RECORDED))[:DIGITS]
    weights = [] if model.weights is None else [quoted(model.weights.name, "model/weights")]
    precision = [quoted(model.precision, "model/precision")] if model.precision else []
    return f"{', '.join([name, *weights, *precision])} ({quoted(digest, 'model/digest')})"


def note(assessment: Assessment) -> str:
    """What must be said of it beside the verdict; empty where the model was certified from nothing."""
    found = assessment.recertified
    if found is None:
        return ""
    return f"Recertified from {_named(found)}: certificates are of the modified model, for its baseline's classes, and rest on the baseline's evidence too."


def certificate_words(assessment: Assessment) -> str:
    """What else a certificate says; begins with a space."""
    found = assessment.recertified
    if found is None:
        return ""
    parts = (
        "what is known of the baseline and what was drawn now are combined at the whole probability."
        if recertified_tables.combined(found)
        else f"{probability(found.terms.alpha, of='recertified/terms/alpha')} of the probability is for what is known of the baseline, "
        f"{probability(found.terms.alpha_z, of='recertified/terms/alpha_z')} for what was drawn now."
    )
    return f" The model is the modified one, the class the one that run {_run(found)} chose for its baseline; {parts}"


def limits(assessment: Assessment) -> tuple[Fact, ...]:
    """What is taken for granted."""
    found = assessment.recertified
    return () if found is None else _holds(found)[-1:]


# ---------------------------------------------------------------- the two runs


def _pair(assessment: Assessment) -> Pair | None:
    found, before = assessment.recertified, assessment.baseline
    if found is None or before is None:
        return None
    return Pair(
        assessment=assessment,
        found=found,
        before=before.take(np.isin(before.index, assessment.results.index)),
        after=assessment.results,
    )


def _lead(pair: Pair) -> str:
    old, new = (levels.mean_radius(pair.assessment, results) for results in (pair.before, pair.after))
    if old <= 0:
        return "The baseline certifies the true class at no point, so that there was nothing to keep."
    spent = formats.percent(pair.found.draws / pair.found.base_draws, side="up", of="recertified/cost/baseline/share")
    was, still = int(pair.before.certified.sum()), int((pair.before.certified & pair.after.certified).sum())
    told = (
        "every one still is."
        if was == still
        else f"{formats.count(still, of='recertified/still')} still are and {formats.count(was - still, of='recertified/gone')} abstain now."
    )
    return (
        f"The modified model keeps {formats.percent(new / old, side='down', of=f'{KEPT}/kept')} of the mean certified radius of its baseline "
        f"({formats.radius(new, of=f'{KEPT}/modified')} of {formats.radius(old, of=f'{KEPT}/baseline')}), for {spent} of its draws. "
        f"{_due_to(pair, old, new)} Of {formats.plural(was, 'point', of='recertified/kept/points/baseline')} that were certified, {told}"
    )


def _due_to(pair: Pair, old: float, new: float) -> str:
    """What is not kept, by what the model lost and what fewer draws leave unshown."""
    alike = recertified_tables.unchanged(pair)
    if alike is None:
        return f"Draws stopped once the radii asked for ({asked_in_words(pair.assessment)}) were decided; more was not pursued."
    same = levels.mean_radius(pair.assessment, replace(pair.after, radius=alike, certified=alike > 0))
    return (
        f"A model that answers as the baseline does would show {formats.percent(same / old, of='recertified/due/same')} with these draws: the price of "
        f"fewer draws is {formats.percent(1 - same / old, of='recertified/due/draws')}, and the modification cost "
        f"{formats.percent((same - new) / old, of='recertified/due/model')}."
    )


def _facts(found: Recertified) -> tuple[Fact, ...]:
    rule = {
        "auto": "at each point the bound that is expected to be larger, as the baseline's other draws let expect",
        "gamma": f"fresh counts where the baseline's bound on pA is {formats.plain(found.plan.gamma, of='recertified/plan/gamma')} or more, else "
        f"the bound by what changed (the "
        "published rule)",
        "incremental": "the bound by what changed, at every point",
        "fresh": "fresh counts, at every point",
    }[found.plan.route]
    if found.plan.when_decided:
        rule = "both bounds count at once; draws stop when every radius asked for is decided"
    return (
        Fact(
            name="Baseline",
            text=f"run {_run(found)}, {quoted(found.title, 'recertified/title')}: {found.verdict}, "
            f"{quoted(moment_text(found.finished), 'recertified/finished')}",
        ),
        Fact(name="Model of the baseline", text=quoted(found.model, "recertified/model"), mark="mono"),
        Fact(name="Certificates of the baseline", text=quoted(found.certificates, "recertified/certificates"), mark="mono"),
        Fact(name="Which bound is taken", text=rule),
    )


# ---------------------------------------------------------------- before and after


def _kept(pair: Pair) -> Table:
    assessment, before, after = pair.assessment, pair.before, pair.after
    weights, digits = point_weights(assessment.spec.sampling, assessment.spec.domain, after), formats.decimals(len(after))

    def share(old: float, new: float) -> Cell:
        return Cell(
            text=formats.percent(new / old, side="down") if old > 0 else formats.NOTHING, value=new / old if old > 0 else None
        )

    old, new = (levels.mean_radius(assessment, results) for results in (before, after))
    rows: list[tuple[Cell, ...]] = [
        (
            Cell(text="Mean certified radius of the true class"),
            Cell(text=formats.radius(old), value=old),
            Cell(text=formats.radius(new), value=new),
            share(old, new),
        )
    ]
    sources = ["mean radius"]
    for k, radius in enumerate(sorted({0.0, *radii_asked(assessment)})):
        sources.append(at(radius))
        old, new = (float(weights @ certified_at(results, radius)) for results in (before, after))
        shown = (Cell(text=formats.percent(value, digits=digits), value=value) for value in (old, new))
        rows.append((Cell(text=f"Certified accuracy at {formats.plain(radius, of=f'asked/0/{k}')}"), *shown, share(old, new)))
    rows.append(
        (Cell(text="Points certified, whatever class"), *_counts(before.certified.sum(), after.certified.sum()), share(*_two(pair)))
    )
    rows.append(
        (Cell(text="Points right without noise"), *_counts(_right(before), _right(after)), share(_right(before), _right(after)))
    )
    return Table(
        id="recertified-table",
        caption="Before and after",
        columns=(
            Column(title="Over the ODD"),
            Column(title="Baseline", number=True, source="baseline"),
            Column(title="Modified model", number=True, source="modified"),
            Column(title="Kept", number=True, source="kept"),
        ),
        rows=tuple(rows),
        sources=tuple(f"recertified/kept/{source}" for source in (*sources, "points", "right")),
        note=f"What each run shows with its own draws: {draws_in_words(before, of='baseline')} bounded each point of the baseline, {draws_in_words(after)} of "
        "these were asked again. So what is not kept is what the model lost and what fewer draws leave unshown, together. Plain shares and means.",
    )


def _two(pair: Pair) -> tuple[int, int]:
    return int(pair.before.certified.sum()), int(pair.after.certified.sum())


def _right(results: Results) -> int:
    return int((results.clean == results.label).sum())


def _counts(*values: int) -> tuple[Cell, ...]:
    return tuple(Cell(text=formats.count(int(value)), value=int(value)) for value in values)


def _scatter(pair: Pair) -> KeptChart | None:
    before, after = pair.before.radius, pair.after.radius
    if not before.any():
        return None
    groups = []
    for route, name in ROUTES.items():
        rows = np.flatnonzero(pair.found.route == route)
        shown = rows[evenly(len(rows))]
        if len(rows):
            groups.append(
                (
                    f"{name.split(',')[0]}: {formats.count(len(rows), of=f'recertified/routes/{route}/points')}",
                    before[shown],
                    after[shown],
                )
            )
    some = "" if len(after) <= MOST_MARKERS else f" Of each kind {formats.count(MOST_MARKERS)} points at most are drawn."
    kept = float(after.sum() / before.sum())
    return KeptChart(
        alt=f"Certified radius of each point under the modified model against that under its baseline; together {formats.percent(kept, side='down')} is kept."
        f"{some}",
        groups=tuple(groups),
        before_label=f"radius of the baseline, n = {draws_in_words(pair.before, of='baseline')} (input units)",
        after_label=f"radius now, n = {draws_in_words(pair.after)} (input units)",
    )


def _curves(pair: Pair) -> ReleasesChart:
    assessment = pair.assessment
    top = max(float(axis(assessment)[-1]), 1.06 * float(pair.before.radius.max(initial=0.0)))
    radii = np.linspace(0.0, top, STEPS + 1)
    runs = (replace(assessment, results=pair.before), assessment)
    bands = [accuracy_band(run, radii) for run in runs]
    names = (f"baseline: n = {draws_in_words(pair.before, of='baseline')}", f"modified: n = {draws_in_words(pair.after)}")
    return ReleasesChart(
        alt="Certified accuracy of the baseline and of the modified model against radius. The table gives the numbers at the radii asked for.",
        radii=radii,
        names=names,
        certified=tuple(one.certified for one in bands),
        lower=tuple(one.lower for one in bands),
        upper=tuple(one.upper for one in bands),
    )


# ---------------------------------------------------------------- in plain words


def _holds(found: Recertified) -> tuple[Fact, ...]:
    return (
        Fact(
            name="The modified model",
            text="Every radius and every finding of this report speaks of the smoothed modified model. That the baseline was certified proves nothing for "
            "it by "
            "itself: how far its answers differ was measured at every point.",
        ),
        Fact(
            name="The class is the baseline's",
            text="At each point the class that is certified is the one that the baseline's draws chose. Where the modified model prefers another class it "
            "abstains "
            "here, even if that one could be certified: run it from scratch to see.",
        ),
        Fact(
            name="The same noise",
            text="The modified model was asked about the very copies that the baseline saw, on the same points. The two runs are not independent: two "
            "verdicts that agree are "
            "not two pieces of evidence for the domain.",
        ),
        Fact(
            name="Made without these copies",
            text="Probabilities hold for a model that was fixed before anything was known of what modified models answer to these copies. One that was "
            "picked or changed by such results is certified too often: certify it on a baseline with another seed.",
        ),
        Fact(
            name="Rests on the baseline",
            text=f"Certificates take over what run {_run(found)} found: its answers to these copies (certificates {_start(found, 'certificates')}, model "
            f"{_start(found, 'model')}). They lie in this run's evidence, from which odd-assess verify derives every bound again. "
            "That the baseline's model really "
            "gave these answers is for that run to show: keep it, and replay it.",
        ),
    )


def _several(found: Recertified) -> tuple[Fact, ...]:
    if found.plan.models == 1:
        return ()
    models = formats.count(found.plan.models, of="recertified/plan/models")
    return (
        Fact(
            name="Several models on one baseline",
            text=f"{models} modified models rest on the same answers of the baseline. At a point, some certificate of theirs is false with "
            "probability at most "
            f"{probability(found.terms.joint_alpha, of='recertified/terms/joint_alpha')}. Models that are recertified later, beside these {models}, are not "
            "counted.",
        ),
    )


def _words(pair: Pair) -> tuple[Fact, ...]:
    whole = probability(pair.found.terms.whole_alpha, of="recertified/terms/whole_alpha")
    return (
        Fact(
            name="Noisy copy",
            text="The input of a point with one draw of Gaussian noise. Each copy has an address, so that the same copy can be made again for another model.",
        ),
        Fact(
            name="Lost, changed",
            text="A copy is lost where the baseline answered its class and the modified model does not. It is changed where the two answers differ at all. "
            "Only lost copies "
            "can take radius away.",
        ),
        Fact(
            name="ζ (zeta)",
            text="The probability that a copy is lost. It is bounded from above by the copies that were asked again; the probability that the modified model "
            "answers the class is at least that of the baseline less ζ.",
        ),
        Fact(
            name="Incremental certificate",
            text="A certificate of the modified model from a lower bound on the baseline's pA less an upper bound on ζ (“bound by what changed”), or from the "
            f"counts of the modified model alone (“counted afresh”). Either way it is false with probability at most {whole}.",
        ),
        Fact(
            name="Method",
            text="Ugare, Suresh, Banerjee, Singh and Misailovic, Incremental Randomized Smoothing Certification, ICLR 2024. Other than there, only lost "
            f"copies count. {_method(pair.found)}",
        ),
    )


def _method(found: Recertified) -> str:
    """How the bounds were taken, for those who know the paper."""
    if found.plan.when_decided:
        return (
            "Draws stop when decided: both bounds hold at any time (Ville's inequality), each at half of what is for the draws of now, "
            "and the larger counts."
        )
    if found.plan.route == "gamma":
        return "Which bound is taken is decided by the published rule, with fresh counts at the baseline's part of the probability."
    by_tail = (
        " Which bound is taken is decided by draws of the baseline that ζ does not rest on." if found.plan.route == "auto" else ""
    )
    if not recertified_tables.combined(found):
        return f"The two bounds are subtracted as there.{by_tail}"
    return (
        "The baseline's draws beyond these copies and the copies that were lost are two independent tests, combined by Fisher's method: the bound is the "
        f"smallest difference of their bounds over all ways to split the probability.{by_tail}"
    )
