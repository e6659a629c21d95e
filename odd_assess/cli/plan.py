"""``odd-assess plan``: can the criteria be met, by how many points and draws, and what will the run cost? Before any draw, without torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odd_assess.assessment.planning import Timing
    from odd_assess.criteria.outlook import Prospect
    from odd_assess.records import CertificationPlan, Spec

Row = tuple[str, ...]
TYPICAL = 0.95
"""The share of agreeing copies at which a sequential budget is quoted."""
_COST = {"sequential": "draws"} | dict.fromkeys(("fixed", "reduced", "single_batch", "tolerance"), "radius_reduction")


@click.command()
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--assume",
    type=click.FloatRange(0, 1),
    help="The share of the ODD that comes out well; default: halfway between each requirement and the best possible.",
)
@click.option(
    "--power",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="The probability of MET to plan for, if the assumption is true.",
)
@click.option("--measure", is_flag=True, help="Load the model and time a few batches: forward passes a second, time of the run.")
@click.option("--device", help="With --measure: cpu, cuda, cuda:1 ...; default: a GPU when there is one.")
@click.option("--trust-pickle", is_flag=True, help="With --measure: as for run.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    spec: Path, assume: float | None, power: float, measure: bool, device: str | None, trust_pickle: bool, as_json: bool
) -> None:
    """Say before any draw what the run that SPEC declares can show, and what it costs.

    Exit status 0 if some model could meet every criterion; 2, with the problems that lint and run report, if not.
    """
    from odd_assess.spec.load import draft_spec

    declared, problems = draft_spec(spec)
    for problem in problems:
        click.echo(str(problem), err=True)
    data = planned(declared, assume=assume, power=power)
    if measure:
        data["measured"] = timed(data, _measured(declared, device=device, trust_pickle=trust_pickle))
    data["problems"] = [str(problem) for problem in problems]
    click.echo(json.dumps(data, indent=2) if as_json else in_words(data))
    raise SystemExit(2 if problems else 0)


def _measured(spec: Spec, *, device: str | None, trust_pickle: bool) -> Timing:
    from odd_assess.errors import RunError

    sys.path.insert(0, str(spec.path.parent))  # "package.module:factory" may lie beside the spec
    from odd_assess.assessment.planning import measure_rate  # torch comes in here, not at start-up

    try:
        return measure_rate(spec, device=device, trust_pickle=trust_pickle)
    except SystemExit as error:
        raise RunError(f"code that the spec names must not end the process, it called sys.exit({error.code!r})") from error


# ---------------------------------------------------------------- as data


def planned(spec: Spec, *, assume: float | None, power: float) -> dict[str, Any]:
    """The plan of a run as data: the run, the criteria, the expected loss of radius (or draws, for a sequential budget), the forward passes."""
    from odd_assess.criteria.asked import asked_radii
    from odd_assess.criteria.attainability import Setting, best_radius
    from odd_assess.criteria.outlook import costs, prospect

    criteria = [criterion for group in spec.criteria for criterion in group.criteria]
    certification, budget = spec.certification, spec.certification.budget
    asked = asked_radii(criteria)
    setting = Setting(
        domain=spec.domain,
        sampling=spec.sampling,
        certification=certification,
        asked=asked,
        weights_known=spec.inputs.kind != "table",
    )
    parts = costs(certification, setting.points, until_decided=spec.sampling.until_decided)
    data: dict[str, Any] = {
        "spec": {"id": spec.id, "title": spec.title, "path": str(spec.path)},
        "points": {"at_most" if spec.sampling.until_decided else "number": setting.points, "design": spec.sampling.design},
        "cells": len(spec.domain.cells),
        "budget": {
            "kind": budget.kind,
            "n0": budget.n0,
            "n": budget.n,
            "tolerance": budget.tolerance,
            "sigma": certification.sigma,
            "alpha": certification.alpha,
            "largest_radius": best_radius(certification, asked, budget.n),
        },
        "power": power,
        "assume": assume,
        "criteria": [_criterion(prospect(criterion, setting, assume=assume, power=power)) for criterion in criteria],
    }
    typical, typical_of, data[_COST[budget.kind]] = _outlook(certification, asked)
    data["forwards"] = {
        "at_most": any(part.at_most for part in parts),
        "total": sum(part.forwards for part in parts),
        "parts": [
            {
                **asdict(part),
                "forwards": part.forwards,
                "typical_draws": typical if part.part == "points" else None,
                "typical_of": typical_of,
            }
            for part in parts
        ],
    }
    return data


def _outlook(plan: CertificationPlan, asked: tuple[float, ...]) -> tuple[int | None, str, dict[str, Any]]:
    """(draws at a typical point where the run itself finds how many it needs, typical of what, the expected draws or the expected loss of radius)."""
    from odd_assess.criteria.outlook import expected_loss, expected_stops, tolerated_draws

    budget = plan.budget
    if budget.kind == "sequential":
        stops = expected_stops(plan, asked)
        typical = next(stop.draws for stop in stops if stop.p == TYPICAL)
        expected = [{"agreement": stop.p, "draws": stop.draws} for stop in stops]
        return budget.n0 + typical, f"{TYPICAL:.0%} of copies agree", {"radii": list(asked), "expected": expected}
    n = tolerated_draws(plan) if budget.kind == "tolerance" else budget.n
    loss = asdict(expected_loss(plan, n))
    return (budget.n0 + n, "shares spread evenly", loss) if budget.kind == "tolerance" else (None, "", loss)


def _criterion(found: Prospect) -> dict[str, Any]:
    from odd_assess.criteria.words import required, subject

    criterion, cell = found.criterion, found.lightest_cell
    return {
        "criterion": criterion.id,
        "severity": criterion.severity,
        "asks": f"{subject(criterion)} {required(criterion).removeprefix('required ')}",
        "confidence": criterion.confidence,
        "attainable": found.attainable,
        "supported": found.supported,
        "lacks": [short.lacks for short in found.shortfalls],
        "fewest_draws": found.fewest_draws,
        "fewest_points": found.fewest_points,
        "assumed": found.assumed,
        "likely_points": found.likely_points,
        "exact": found.exact,
        "lightest_cell": None if cell is None else {"needs": cell.needed, "expects": cell.expected, "chance": cell.chance},
    }


def timed(data: dict[str, Any], timing: Timing) -> dict[str, Any]:
    """What was measured, and the time that the forward passes of the plan take at that rate."""
    parts = data["forwards"]["parts"]
    return {
        "device": timing.device,
        "batch_size": timing.batch_size,
        "forwards": timing.forwards,
        "forwards_per_second": timing.rate,
        "seconds": data["forwards"]["total"] / timing.rate,
        "typical_seconds": _typical_forwards(data) / timing.rate if any(part["typical_draws"] for part in parts) else None,
    }


def _typical_forwards(data: dict[str, Any]) -> int:
    return sum(part["points"] * (part["typical_draws"] or part["draws"]) for part in data["forwards"]["parts"])


# ---------------------------------------------------------------- in words


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
    rows = [
        ("Points", f"{count}; design {points['design']}, {data['cells']:,} cell{'s' if data['cells'] != 1 else ''}"),
        ("Draws", f"{n0}{most}{budget['n']:,} a point ({budget['kind']})"),
        (
            "Radius",
            f"no more than {_down(budget['largest_radius'])} can be certified at sigma = {budget['sigma']:g}, alpha = {budget['alpha']:g}",
        ),
    ]
    return "\n".join([f"Plan of {data['spec']['title']} ({data['spec']['id']})", "", *_aligned(rows, left=2)])


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
            "~ is an estimate: means from radii of 0 or the largest (the widest spread), cells that are alike or get the points that they expect."
        )
    if any(not one["supported"] for one in data["criteria"]):
        notes.append(f"no confidence: the design {data['points']['design']} supports no claim on the ODD, which ends INCONCLUSIVE.")
    notes += [_cell_note(one) for one in data["criteria"] if one["lightest_cell"] is not None]
    return "\n".join(["Criteria", *(f"  {line}" for line in _aligned(rows, left=2)), *(f"  {note}" for note in notes)])


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


def _cell_note(one: dict[str, Any]) -> str:
    cell = one["lightest_cell"]
    chance = "" if cell["chance"] >= 0.995 else f"; the chance that all get enough is {_chance(cell['chance'])}"
    return f"{one['criterion']}: each cell needs {cell['needs']:,} points, the lightest expects {cell['expects']:.3g}{chance}."


def _chance(chance: float) -> str:
    return f"at least {_down(chance, 2)}" if chance >= 0.01 else "small"


def _draws(data: dict[str, Any]) -> str:
    radii = ", ".join(f"{radius:g}" for radius in data["draws"]["radii"])
    rows = [
        (f"{100 * one['agreement']:g} % of copies agree", f"{'' if one['agreement'] == 1 else 'about '}{one['draws']:,}")
        for one in data["draws"]["expected"]
    ]
    head = f"Draws until radius {radii} is decided, at most {data['budget']['n']:,} (after {data['budget']['n0']:,} that choose the class)"
    return "\n".join([head, *(f"  {line}" for line in _aligned(rows, left=1))])


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
    return "\n".join([head, *(f"  {line}" for line in _aligned(rows, left=1))])


def _forwards(data: dict[str, Any]) -> str:
    forwards = data["forwards"]
    rows: list[Row] = [
        (part["part"], f"{part['points']:,} x {part['draws']:,}", f"{part['forwards']:,}", _rather(part))
        for part in forwards["parts"]
    ]
    rows.append(("in all", "", f"{forwards['total']:,}", "at most" if forwards["at_most"] else ""))
    lines = ["Forward passes", *(f"  {line}" for line in _aligned(rows, left=1))]
    if "measured" in data:
        found = data["measured"]
        where = f"on {found['device']}, batches of {found['batch_size']:,}"
        most = "at most " if forwards["at_most"] else ""
        about = "" if found["typical_seconds"] is None else f", about {_duration(found['typical_seconds'])} at the draws named"
        lines.append(f"  {found['forwards_per_second']:,.0f} a second {where}: {most}{_duration(found['seconds'])}{about}")
    return "\n".join(lines)


def _rather(part: dict[str, Any]) -> str:
    if part["typical_draws"] is None:
        return "at most" if part["at_most"] else ""
    return f"at most; about {part['points'] * part['typical_draws']:,} at {part['typical_draws']:,} a point ({part['typical_of']})"


def _aligned(rows: Sequence[Row], *, left: int) -> list[str]:
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


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
