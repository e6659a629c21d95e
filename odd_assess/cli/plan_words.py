"""The plan of a run as plain text, from the data of `odd_assess.cli.plan`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = tuple[str, ...]


def in_words(data: dict[str, Any]) -> str:
    """The plan as plain text."""
    blocks = [_head(data), _criteria(data)]
    blocks.append(_draws(data) if "draws" in data else _reduction(data))
    blocks.append(_forwards(data))
    return "\n\n".join(blocks)


def _head(data: dict[str, Any]) -> str:
    points, budget = data["points"], data["budget"]
    count = (
        f"{points['number']:,}"
        if "number" in points
        else f"at most {points['at_most']:,}, until every blocking criterion is decided"
    )
    most = {"sequential": "at most ", "tolerance": "at most "}.get(budget["kind"], "")
    n0 = f"{budget['n0']:,} + " if budget["n0"] else ""
    widest = ", the largest level" if budget["policy"] is not None else ""
    rows = [
        ("Points", f"{count}; design {points['design']}, {data['cells']:,} cell{'s' if data['cells'] != 1 else ''}"),
        *(_group_row(group) for group in data["groups"] or ()),
        ("Draws", f"{n0}{most}{budget['n']:,} a point ({budget['kind']})"),
        (
            "Radius",
            f"no more than {_down(budget['largest_radius'])} can be certified at sigma = {budget['sigma']:g}{widest}, alpha = {budget['alpha']:g}",
        ),
    ]
    if budget["policy"] is not None:
        policy = budget["policy"]
        rows.append(("Noise", f"{policy['name']}: {policy['words']}"))
        rows.append(("", f"certificates: {policy['soundness']}"))
    return "\n".join([f"Plan of {data['spec']['title']} ({data['spec']['id']})", "", *aligned(rows, left=2)])


def _group_row(group: dict[str, Any]) -> Row:
    cells = f"{group['cells']:,} cell{'s' if group['cells'] != 1 else ''}"
    return (
        "",
        f"group {group['group']}: {group['points']:,} of them in {cells} of weight {group['weight']:.3f}, by the declared allocation",
    )


def _criteria(data: dict[str, Any]) -> str:
    likely = f"points for {100 * data['power']:g} %"
    rows: list[Row] = [("criterion", "attainable", "fewest draws", "fewest points", likely, "if truly", "asks")]
    rows += [_criterion_row(one) for one in data["criteria"]]
    notes = [
        "fewest: with fewer no model could meet it, each on its own; - where nothing depends on them, or no number would do.",
        f"{likely}: as many meet it with that probability, if it is truly as good as stated ({_assumption(data)}).",
    ]
    if any(one["likely_points"] is not None and not one["exact"] for one in data["criteria"]):
        notes.append(
            "~ is an estimate: means from radii of 0 or the largest (the widest spread), cells (levels, classes) alike or with the points that they expect."
        )
    if any(not one["supported"] for one in data["criteria"]):
        notes.append(f"no confidence: the design {data['points']['design']} supports no claim on the ODD, which ends INCONCLUSIVE.")
    notes += [_part_note(one) for one in data["criteria"] if one["lightest"] is not None]
    return "\n".join(["Criteria", *(f"  {line}" for line in aligned(rows, left=2)), *(f"  {note}" for note in notes)])


def _criterion_row(one: dict[str, Any]) -> Row:
    sure = "" if one["confidence"] is None else f", confidence {100 * one['confidence']:g} %"
    return (
        one["criterion"],
        f"NO: {' and '.join(one['lacks'])}" if not one["attainable"] else "yes" if one["supported"] else "no confidence",
        _count(one["fewest_draws"]),
        _count(one["fewest_points"]),
        ("" if one["exact"] or one["likely_points"] is None else "~") + _count(one["likely_points"]),
        "-" if one["assumed"] is None else f"{one['assumed']:.4g}",
        f"{one['asks']}{sure}",
    )


def _assumption(data: dict[str, Any]) -> str:
    return "halfway between the requirement and the best possible" if data["assume"] is None else f"{data['assume']:g}, as assumed"


def _part_note(one: dict[str, Any]) -> str:
    part = one["lightest"]
    chance = "" if part["chance"] >= 0.995 else f"; the chance that all get enough is {_chance(part['chance'])}"
    if part["part"] == "sub-domain":
        chance = chance.replace("that all get enough", "that it gets enough")
        return f"{one['criterion']}: the sub-domain needs {part['needs']:,} points and expects {part['expects']:.3g}{chance}."
    return f"{one['criterion']}: each {part['part']} needs {part['needs']:,} points, the lightest expects {part['expects']:.3g}{chance}."


def _chance(chance: float) -> str:
    return f"at least {_down(chance, 2)}" if chance >= 0.01 else "small"


def _draws(data: dict[str, Any]) -> str:
    radii = ", ".join(f"{radius:g}" for radius in data["draws"]["radii"])
    rows = [
        (f"{100 * one['agreement']:g} % of copies agree", f"{'' if one['agreement'] == 1 else 'about '}{one['draws']:,}")
        for one in data["draws"]["expected"]
    ]
    head = f"Draws until radius {radii} is decided, at most {data['budget']['n']:,} (after {data['budget']['n0']:,} that choose the class)"
    return "\n".join([head, *(f"  {line}" for line in aligned(rows, left=1))])


def _reduction(data: dict[str, Any]) -> str:
    loss = data["radius_reduction"]
    rows = [
        ("share of agreeing copies spread evenly over 50 to 100 %", _percent(loss["uniform"])),
        ("theory of a typical model (Seferis et al. 2024)", "-" if loss["theory"] is None else _percent(loss["theory"])),
        ("all copies agree everywhere: the cap alone", _percent(loss["agreeing"])),
    ]
    head = f"Radius given up against {loss['n_ref']:,} draws, expected at n = {loss['n']:,}"
    if data["budget"]["kind"] == "tolerance":
        head += f" (which {100 * data['budget']['tolerance']:g} % would take if spread evenly; the pilot of the run decides)"
    return "\n".join([head, *(f"  {line}" for line in aligned(rows, left=1))])


def _forwards(data: dict[str, Any]) -> str:
    forwards = data["forwards"]
    rows: list[Row] = [
        (part["part"], f"{part['points']:,} x {part['draws']:,}", f"{part['forwards']:,}", _rather(part))
        for part in forwards["parts"]
    ]
    rows.append(("in all", "", f"{forwards['total']:,}", "at most" if forwards["at_most"] else ""))
    lines = ["Forward passes", *(f"  {line}" for line in aligned(rows, left=1))]
    if "measured" in data:
        found = data["measured"]
        where = f"on {found['device']}, batches of {found['batch_size']:,}"
        most = "at most " if forwards["at_most"] else ""
        about = "" if found["typical_seconds"] is None else f", about {duration(found['typical_seconds'])} at the draws named"
        lines.append(f"  {found['forwards_per_second']:,.0f} a second {where}: {most}{duration(found['seconds'])}{about}")
    return "\n".join(lines)


def _rather(part: dict[str, Any]) -> str:
    if part["typical_draws"] is None:
        return "at most" if part["at_most"] else ""
    return f"at most; about {part['points'] * part['typical_draws']:,} at {part['typical_draws']:,} a point ({part['typical_of']})"


def aligned(rows: Sequence[Row], *, left: int) -> list[str]:
    """Rows in columns; the first ``left`` and the last to the left, those between to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if i < left or (i == last and i > 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _down(x: float, digits: int = 4) -> str:
    from odd_assess.stats import round_down

    return f"{round_down(x, digits):g}"


def duration(seconds: float) -> str:
    """A time as a person tells it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
