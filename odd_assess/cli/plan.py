"""``odd-assess plan``: can the criteria be met, by how many points and draws, and what will the run cost? Before any draw, without torch."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odd_assess.assessment.planning import Timing
    from odd_assess.criteria.outlook import Prospect
    from odd_assess.records import CertificationPlan, Spec

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

    Exit status 0 if no criterion is beyond these points and draws; 2, with the problems that lint and run report, if one is. Claims that the
    design does not support are marked.
    """
    from odd_assess.cli.plan_words import in_words
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
        "groups": _groups(spec),
        "cells": len(spec.domain.cells),
        "budget": {
            "kind": budget.kind,
            "n0": budget.n0,
            "n": budget.n,
            "tolerance": budget.tolerance,
            "sigma": certification.sigma,
            "policy": _policy(certification),
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


def _groups(spec: Spec) -> list[dict[str, Any]] | None:
    """The two groups of a declared allocation; None where points are not divided so."""
    groups = spec.sampling.groups
    if groups is None:
        return None
    each = zip((1, 2), groups.points, groups.weights(spec.domain.layout.weight), strict=True)
    return [{"group": one, "points": points, "cells": groups.of_cell.count(one), "weight": weight} for one, points, weight in each]


def _policy(plan: CertificationPlan) -> dict[str, Any] | None:
    """The policy that will choose noise levels; None where one is declared."""
    policy = plan.policy
    return None if policy is None else {"name": policy.name, "words": policy.in_words, "soundness": policy.soundness}


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

    criterion, part = found.criterion, found.lightest
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
        "lightest": None
        if part is None
        else {"part": part.one, "needs": part.needed, "expects": part.expected, "chance": part.chance},
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
