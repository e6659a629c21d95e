"""The ODD as declared, what of it was visited, and what was not tested."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from odd_assess.odd.attributes import Attribute, Boolean, Categorical, Continuous, Integer, Ordinal
from odd_assess.odd.catalogue import TRANSFORMS, TransformInfo
from odd_assess.odd.constraints import Statement
from odd_assess.odd.domain import Domain
from odd_assess.odd.levels import Level
from odd_assess.records import Assessment, Gap, RankedSets, Realisation, Spec, State
from odd_assess.report.view import formats
from odd_assess.report.view.records import Cell, Column, DomainView, Fact, MatrixChart, Table, Untested
from odd_assess.report.view.traced import number, quoted

MOST_GAPS = 60
"""Gaps listed by name; the heaviest come first, the rest is counted."""

MOST_CLASSES = 40
"""Classes without a point listed by name; the rest is counted."""

MOST_LEVELS = 60
"""Levels of all attributes together up to which the coverage matrix can be read."""

MOST_LETTERS = 24
"""Levels with longer names may be broken over lines."""


def domain(assessment: Assessment) -> DomainView:
    """The declared attributes, statements and design, and the coverage of cells and pairs."""
    spec, declared = assessment.spec, assessment.spec.domain
    return DomainView(
        facts=(
            Fact(name="Taxonomy", text=spec.taxonomy),
            Fact(name="Mode", text=_mode(declared.mode)),
            Fact(
                name="Inside the ODD",
                text=f"{formats.percent(declared.volume, of='spec/volume')} of the declared ranges (by the declared distributions)",
            ),
            Fact(
                name="Cells",
                text=f"{formats.plural(len(declared.cells), 'feasible cell', of='cells')} (one bucket or label of every attribute)",
            ),
        ),
        attributes=_attributes(spec),
        realised=tuple(_realised(spec, attribute) for attribute in declared.attributes),
        statements=_statements(spec),
        design=_design(assessment),
        coverage=_coverage(assessment),
        matrix=_matrix(assessment),
    )


def _mode(mode: str) -> str:
    return {
        "permissive": "permissive: a condition is inside unless a statement excludes it",
        "restrictive": "restrictive: a condition is inside only where a statement includes it",
    }.get(mode, mode)


def _attributes(spec: Spec) -> Table:
    rows = [
        _attribute(attribute, place, _realisation(spec, attribute.id)) for place, attribute in enumerate(spec.domain.attributes)
    ]
    rows += [
        (
            Cell(text=lost.attribute),
            Cell(text=quoted(lost.declared, f"spec/unrealisable/{k}/declared")),
            Cell(text=formats.NOTHING),
            Cell(text=formats.NOTHING),
            Cell(text=f"not tested: {lost.reason}", mark="gap"),
        )
        for k, lost in enumerate(spec.unrealisable, start=1)
    ]
    titles = ("Attribute", "Declared", "Distribution", "Levels (declared share)", "Realised by")
    return Table(
        id="attributes-table",
        caption="Attributes of the ODD",
        columns=tuple(Column(title=title) for title in titles),
        rows=tuple(rows),
    )


def _share_of_level(source: str, level: Level) -> str:
    return f"{quoted(level.name, f'{source}/name')} ({formats.percent(level.probability, digits=0, of=f'{source}/probability')})"


def _attribute(attribute: Attribute, place: int, realisation: Realisation | None) -> tuple[Cell, ...]:
    levels = attribute.levels
    names = (
        "; ".join(_share_of_level(f"levels/{place}.{k}", level) for k, level in enumerate(levels))
        if len(levels) > 1
        else "not divided"
    )
    return (
        Cell(text=quoted(attribute.id, f"attributes/{place}/id"), mark="strong"),
        Cell(text=_declared(attribute, place)),
        Cell(text=quoted(_distribution(attribute), f"attributes/{place}/distribution")),
        Cell(text=names),
        Cell(text=_realiser(realisation)),
    )


def _realisation(spec: Spec, attribute: str) -> Realisation | None:
    return next((realisation for realisation in spec.realisations if realisation.attribute == attribute), None)


def _realiser(realisation: Realisation | None) -> str:
    """What brings the attribute into the image, in a word."""
    if realisation is not None and realisation.column is not None:
        return f"column “{realisation.column}”"
    return "the renderer" if realisation is None or realisation.transform is None else realisation.transform


def unit_of(attribute: Attribute) -> str:
    """The attribute's unit as it is printed; empty for labels and plain fractions."""
    match attribute:
        case Continuous() | Integer():
            return "" if attribute.unit == "1" else attribute.unit
        case _:
            return ""


def _declared(attribute: Attribute, place: int) -> str:
    match attribute:
        case Continuous() | Integer():
            low, high = (
                formats.plain(attribute.low, of=f"attributes/{place}/low"),
                formats.plain(attribute.high, of=f"attributes/{place}/high"),
            )
            return f"{low} to {high} {unit_of(attribute)}".strip()
        case Ordinal():
            return "ordered: " + " < ".join(
                quoted(str(label), f"levels/{place}.{k}/label") for k, label in enumerate(attribute.labels)
            )
        case Categorical():
            return ", ".join(quoted(str(label), f"levels/{place}.{k}/label") for k, label in enumerate(attribute.labels))
        case Boolean():
            return "yes or no"


def _distribution(attribute: Attribute) -> str:
    match attribute:
        case Continuous():
            return str(attribute.distribution)
        case Integer():
            return "uniform"
        case _:
            return "by the shares of its labels"


def _realised(spec: Spec, attribute: Attribute) -> Fact:
    """How the attribute is brought into the image, with every setting in force, so that it can be done again."""
    realisation = _realisation(spec, attribute.id)
    if realisation is not None and realisation.column is not None:
        return Fact(name=attribute.id, text=f"the frames' own values in the column “{realisation.column}”")
    if realisation is None or realisation.transform is None:
        return Fact(name=attribute.id, text="handed to the renderer, which realises it")
    info = TRANSFORMS[realisation.transform]
    order = sorted((TRANSFORMS[r.transform].stage, r.transform) for r in spec.realisations if r.transform is not None)
    its = f"realised/{attribute.id}"
    step = order.index((info.stage, realisation.transform)) + 1
    return Fact(
        name=attribute.id,
        text=f"{quoted(f'{info.name} (version {info.version})', f'{its}/transform')}, step {formats.count(step, of=f'{its}/step')} of "
        f"{formats.count(len(order), of='realised/steps')}. {quoted(info.mapping, f'{its}/mapping')}",
        items=(
            _converted(realisation, unit_of(attribute), info, its),
            f"changes nothing at {_quantity(info.neutral_given(realisation.parameters), info.unit, f'{its}/neutral')}",
            *(
                f"{name} = {_quantity(value, info.parameters[name].unit, f'{its}/settings/{name}')}"
                f"{'' if name in realisation.parameters else ' (default)'}: {quoted(info.parameters[name].meaning, f'{its}/meaning/{name}')}"
                for name, value in info.settings(realisation.parameters).items()
            ),
        ),
    )


def _converted(realisation: Realisation, unit: str, info: TransformInfo, its: str) -> str:
    """How the transform's value follows from the attribute's."""
    if realisation.levels is not None:
        taken = [
            f"{quoted(_word(label), f'{its}/label/{k}')} = {_quantity(value, info.unit, f'{its}/level/{k}')}"
            for k, (label, value) in enumerate(realisation.levels.items(), start=1)
        ]
        return f"labels stand for {', '.join(taken)}"
    if realisation.scale == 1 and realisation.offset == 0:
        return f"takes the attribute's value{'' if info.unit == '1' else f' in {info.unit}'}"
    ours, theirs = (f" in {unit}" if unit else ""), ("" if info.unit == "1" else f" in {info.unit}")
    scale, offset = (formats.plain(getattr(realisation, name), of=f"{its}/{name}") for name in ("scale", "offset"))
    return f"value{theirs} = {scale} × attribute's value{ours} + {offset}"


def _quantity(value: float, unit: str, of: str) -> str:
    told = formats.plain(value, of=of)
    return told if unit == "1" else f"{told} {unit}"


def _word(label: object) -> str:
    return {True: "yes", False: "no"}.get(label, str(label)) if isinstance(label, bool) else str(label)


def _statements(spec: Spec) -> tuple[str, ...]:
    declared = spec.domain
    return (
        *(f"Excluded{_where(one)}: {told}" for one, told in zip(declared.exclude, excluded(spec), strict=True)),
        *(f"Included{_where(one)}: {quoted(_bare(one), f'spec/include/{k}')}" for k, one in enumerate(declared.include, start=1)),
        *(
            f"If {quoted(_bare(rule.when), f'spec/when/{k}')}, then {quoted(_bare(rule.then), f'spec/then/{k}')}"
            for k, rule in enumerate(declared.conditionals, start=1)
        ),
    )


def excluded(spec: Spec) -> tuple[str, ...]:
    """The conditions that are excluded, as they were declared."""
    return tuple(quoted(_bare(one), f"spec/exclude/{k}") for k, one in enumerate(spec.domain.exclude, start=1))


def _where(statement: Statement) -> str:
    return " where all of this holds" if len(statement.conditions) > 1 else ""


def _bare(statement: Statement) -> str:
    return statement.text.removeprefix("{").removesuffix("}")


def _design(assessment: Assessment) -> str:
    plan, m = assessment.spec.sampling, len(assessment.points)
    how = {
        "random": "independent random draws from the declared distribution",
        "stratified": _stratified(assessment),
        "ranked": _ranked(plan.ranked),
        "sobol": "a Sobol sequence (even filling, no probability model)",
        "lhs": "a Latin hypercube (even filling, no probability model)",
        "grid": "every feasible cell in turn (no probability model)",
        "pairwise": "a covering array over pairs of levels (no probability model)",
    }[plan.design]
    seed = formats.plain(plan.seed, of="spec/seed").replace(",", "")
    return f"{formats.plural(m, 'point', of='points')} by {how}, seed {seed}.{_until_decided(assessment)}"


def _ranked(sets: RankedSets | None) -> str:
    if sets is None:
        return "rank among random candidates"
    low, high = sets.points
    return (
        f"rank among {formats.count(sets.candidates, of='ranked/candidates')} independent random candidates each, by their estimates of "
        f"average-case robustness: "
        f"{formats.plural(low, 'point', of='ranked/points/1')} of the {formats.plural(sets.low_ranks, 'lowest rank', of='ranked/low_ranks')} "
        f"(weight {number(f'{sets.weights[0]:.3f}', sets.weights[0], 'ranked/weights/1')}) and {formats.plural(high, 'point', of='ranked/points/2')} of the "
        f"others (weight {number(f'{sets.weights[1]:.3f}', sets.weights[1], 'ranked/weights/2')}), the rank drawn uniformly"
    )


def _stratified(assessment: Assessment) -> str:
    plan, declared = assessment.spec.sampling, assessment.spec.domain
    if plan.groups is None:
        return f"stratified random draws, {plan.allocation} allocation over the cells"
    each = zip(plan.groups.points, (1, 2), plan.groups.weights(declared.layout.weight), strict=True)
    words = [
        f"{formats.plural(points, 'point', of=f'groups/{one}/points')} in "
        f"{formats.plural(plan.groups.of_cell.count(one), 'cell', of=f'groups/{one}/cells')} of weight "
        f"{number(f'{weight:.3f}', weight, f'groups/{one}/weight')}"
        for points, one, weight in each
    ]
    return f"independent random draws in each of two declared groups of cells ({' and '.join(words)})"


def points_in_words(assessment: Assessment) -> str:
    """The number of points and their design; where they stopped when decided, out of how many."""
    plan, m = assessment.spec.sampling, len(assessment.results)
    if not plan.until_decided:
        return f"{formats.count(m, of='points')}, {plan.design}"
    most = plan.points or m
    at_most = formats.count(most, of="spec/points")
    how = f"stopped when decided (at most {at_most})" if m < most else "all that were allowed"
    return f"{formats.count(m, of='points')}, {plan.design}, {how}"


def _until_decided(assessment: Assessment) -> str:
    plan, m = assessment.spec.sampling, len(assessment.points)
    if not plan.until_decided:
        return ""
    most = plan.points or m
    open_ = [
        quoted(f.criterion.id, f"findings/{k}/id")
        for k, f in enumerate(assessment.findings, start=1)
        if f.criterion.severity == "blocking" and f.state is State.INCONCLUSIVE
    ]
    allowed = formats.count(most, of="spec/points")
    if m < most:
        which = "every blocking criterion that more points can decide" if open_ else "every blocking criterion"
        return f" They came one look after another and stopped when {which} was decided; at most {allowed} were allowed."
    if open_:
        return f" All {allowed} points that were allowed were drawn; not decided by them: {formats.listed(open_, of='verdict/blocking/inconclusive')}."
    return f" They came one look after another; the last look, at all {allowed} that were allowed, decided the blocking criteria."


def _coverage(assessment: Assessment) -> Table:
    found, declared = assessment.coverage, assessment.spec.domain
    pairs = sum(int((block >= 0).sum()) for block in found.pairs.values())
    levels = sum(len(attribute.levels) for attribute in declared.attributes)
    rows = [
        ("Levels of single attributes", "level", found.level_coverage, levels),
        ("Pairs of levels of two attributes", "pairwise", found.pairwise_coverage, pairs),
        ("Cells", "cell", found.cell_coverage, len(declared.cells)),
    ]
    return Table(
        id="coverage-table",
        caption="Coverage of what is feasible",
        columns=(Column(title="Of all feasible"), Column(title="Number", number=True), Column(title="Visited", number=True)),
        rows=tuple(
            (
                Cell(text=name),
                Cell(text=formats.count(total, of=f"coverage/{kind}/feasible"), value=total),
                Cell(text=formats.percent(share, side="down", of=f"coverage/{kind}/visited"), value=share),
            )
            for name, kind, share, total in rows
        ),
    )


def _matrix(assessment: Assessment) -> MatrixChart | None:
    declared, pairs = assessment.spec.domain.attributes, assessment.coverage.pairs
    divided = [index for index, attribute in enumerate(declared) if len(attribute.levels) > 1]
    if len(divided) < 2 or sum(len(declared[index].levels) for index in divided) > MOST_LEVELS:
        return None
    place = {attribute: position for position, attribute in enumerate(divided)}
    blocks = tuple((place[j], place[i], block.T) for (i, j), block in sorted(pairs.items()) if i in place and j in place)
    unvisited = sum(int((block == 0).sum()) for _, _, block in blocks)
    return MatrixChart(
        alt=f"Visits of every pair of levels of {len(divided)} attributes; {formats.plural(unvisited, 'feasible pair')} not visited. "
        "Gaps are listed under “What was not tested”.",
        names=tuple(with_unit(declared[index]) for index in divided),
        levels=tuple(
            tuple(
                quoted(level_name(level.name, declared[index]), f"levels/{index}.{k}/short")
                for k, level in enumerate(declared[index].levels)
            )
            for index in divided
        ),
        blocks=blocks,
        printed=tuple(
            number(str(visits), int(visits), f"pairs/{divided[column]}.{k},{divided[row]}.{j}/points")
            for row, column, block in blocks
            for (j, k), visits in np.ndenumerate(block)
            if visits >= 0
        ),
    )


def short(attribute: str) -> str:
    """The last part of an attribute's id, as words.

    >>> short("illumination.sun_elevation")
    'sun elevation'
    """
    return attribute.rsplit(".", 1)[-1].replace("_", " ")


def cell_in_words(declared: Domain, index: int) -> str:
    """A cell by the levels of the attributes that are divided, under short names where these tell them apart."""
    cell, names = declared.cells[index], [short(attribute.id) for attribute in declared.attributes]
    names = names if len(set(names)) == len(names) else [attribute.id for attribute in declared.attributes]
    told = [
        f"{names[place]} {quoted(attribute.levels[level].name, f'levels/{place}.{level}/name')}"
        for place, (attribute, level) in enumerate(zip(declared.attributes, cell.levels, strict=True))
        if len(attribute.levels) > 1
    ]
    return ", ".join(told) or quoted(cell.name, f"cells/{index}/name")


def with_unit(attribute: Attribute) -> str:
    """An attribute's short name with its unit, for headings."""
    name, unit = short(attribute.id), unit_of(attribute)
    return f"{name} ({unit})" if unit else name


def level_name(name: str, attribute: Attribute) -> str:
    """A level's name without the unit, for places whose heading has it."""
    unit = unit_of(attribute)
    return name.removesuffix(f" {unit}") if unit else name


def unbroken(name: str) -> str:
    """The mark of a level's cell: a name that is not too long stays on one line."""
    return "whole" if len(name) <= MOST_LETTERS else ""


# ---------------------------------------------------------------- what was not tested


def untested(assessment: Assessment) -> tuple[Untested, ...]:
    """Everything declared or possible that the points say nothing about."""
    spec, mode = assessment.spec, assessment.spec.domain.mode
    told = []
    if spec.unrealisable:
        told.append(
            Untested(
                title="Declared, but nothing can produce it",
                text="These attributes belong to the ODD. No transform, column or renderer realises them, so no number in this report depends on them.",
                items=tuple(
                    f"{lost.attribute} ({quoted(lost.declared, f'spec/unrealisable/{k}/declared')}): {lost.reason}"
                    for k, lost in enumerate(spec.unrealisable, start=1)
                ),
            )
        )
    if missing := classes_without_a_point(assessment):
        told.append(
            Untested(
                title="Classes without a point",
                text=f"{formats.count(len(missing), of='classes/absent')} of {formats.plural(len(assessment.class_names), 'class', 'classes', of='classes')} "
                f"had no point, so no number in this report depends on them: {formats.listed(missing, most=MOST_CLASSES, of='classes/absent')}.",
            )
        )
    gaps = _unvisited(assessment)
    told.append(Untested(title="Feasible, but not visited", text=_gap_text(gaps)))
    left_out = "outside the ODD" if mode == "restrictive" else "inside the ODD, although nothing here varies it"
    told.append(
        Untested(
            title="Not listed at all",
            text=f"The mode is {mode}. An attribute that the declaration does not list is {left_out}; whatever the base images happen to show of it "
            "was tested, and nothing else.",
        )
    )
    if spec.domain.exclude or spec.domain.conditionals:
        told.append(
            Untested(
                title="Excluded",
                text="Conditions that the statements exclude were never drawn. The model's behaviour there is unknown.",
                items=_statements(spec),
            )
        )
    return tuple(told)


def classes_without_a_point(assessment: Assessment) -> tuple[str, ...]:
    """The names of the classes that are the true class of no point."""
    seen = set(assessment.results.label.tolist())
    return tuple(quoted(name, f"classes/{label}/name") for label, name in enumerate(assessment.class_names) if label not in seen)


def _unvisited(assessment: Assessment) -> tuple[Gap, ...]:
    """The gaps, without the attributes that nothing can realise: those are told separately."""
    lost = {unrealisable.attribute for unrealisable in assessment.spec.unrealisable}
    return tuple(gap for gap in assessment.coverage.gaps if gap.kind != "attribute" or gap.name not in lost)


def _gap_text(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return "Every feasible level, pair of levels and cell was visited by at least one point."
    names = (
        ("level", "level", "levels"),
        ("pair", "pair of levels", "pairs of levels"),
        ("cell", "cell", "cells"),
        ("attribute", "attribute", "attributes"),
    )
    tally = [
        formats.plural(sum(gap.kind == kind for gap in gaps), one, many, of=f"gaps/{kind}")
        for kind, one, many in names
        if any(gap.kind == kind for gap in gaps)
    ]
    weight = sum(gap.weight or 0.0 for gap in gaps if gap.kind == "cell")
    heavy = (
        f" The cells carry {formats.percent(weight, side='up', of='gaps/cell/weight')} of the declared distribution."
        if weight
        else ""
    )
    return f"No point visited {formats.listed(tally)}.{heavy} They are listed below."


def gaps(assessment: Assessment) -> Table | None:
    """The gaps by name, cells first, the heaviest first."""
    found = _unvisited(assessment)
    if not found:
        return None
    order = {"attribute": 0, "level": 1, "cell": 2, "pair": 3}
    ranked = sorted(found, key=lambda gap: (order[gap.kind], -(gap.weight or 0.0)))
    left, reasons = len(ranked) - MOST_GAPS, {gap.reason for gap in ranked}
    notes = [f"{formats.plural(left, 'further gap', of='gaps/unlisted')} in the evidence file."] if left > 0 else []
    notes += [f"For all of them: {reasons.pop()}."] if len(reasons) == 1 else []
    titles = {"Kind": "", "Part": "name", "Weight": "weight"} | ({"Why": "reason"} if reasons else {})
    place = {id(gap): k for k, gap in enumerate(assessment.coverage.gaps, start=1)}
    return Table(
        id="gaps-table",
        caption="Gaps: feasible parts of the ODD that no point visited",
        columns=tuple(Column(title=title, number=title == "Weight", source=source) for title, source in titles.items()),
        rows=tuple(_gap(gap)[: len(titles)] for gap in ranked[:MOST_GAPS]),
        sources=tuple(f"gap/{place[id(gap)]}" for gap in ranked[:MOST_GAPS]),
        note=" ".join(notes),
        sortable=True,
    )


def _gap(gap: Gap) -> tuple[Cell, ...]:
    weight = formats.NOTHING if gap.weight is None else formats.percent(gap.weight, digits=2)
    return Cell(text=gap.kind), Cell(text=gap.name), Cell(text=weight, value=gap.weight), Cell(text=gap.reason)
