"""``odd-assess compare``: what did the new model lose and gain? From the folders of finished runs; no model, no data, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odd_assess.audit import Comparison, Difference
    from odd_assess.records import Criterion

MOST_LISTED = 10
"""Lost points that are listed on the terminal; all are in the page and in the JSON."""


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--criteria",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A criteria file: its regression criteria decide.",
)
@click.option("--of", help="Or one criterion: the metric that is compared, such as certified_accuracy.")
@click.option("--radius", type=float, help="Its radius, where the metric takes one.")
@click.option("--require", help='What the change must be, such as ">= -0.02".')
@click.option("--confidence", type=float, default=0.95, show_default=True, help="The confidence of that criterion.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the comparison as one page, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(
    runs: tuple[Path, ...],
    criteria: Path | None,
    of: str | None,
    radius: float | None,
    require: str | None,
    confidence: float,
    html: Path | None,
    as_json: bool,
) -> None:
    """Compare the finished RUNS of new models with the first, on the same points and noise: OLD NEW [NEW2 ...].

    Exit status: by the regression criteria that are given, or else that each run's own spec holds: 0 met (or none), 1 not met, 3 inconclusive; 2 where the runs
    cannot be compared, all that differs is named.
    """
    if len(runs) < 2:
        raise click.UsageError("compare takes two runs at least: OLD NEW [NEW2 ...]")
    if criteria is not None and of is not None:
        raise click.UsageError("give --criteria or --of, not both")
    if (of is None) != (require is None) or (of is None and radius is not None):
        raise click.UsageError("--of, --require (and --radius, where the metric takes one) go together")
    from odd_assess.audit import compare_runs

    found = compare_runs(runs, _asked(criteria, of=of, radius=radius, require=require, confidence=confidence))
    if html is not None:
        from odd_assess.report import write_comparison

        write_comparison(found, html)
    click.echo(json.dumps(as_data(found), indent=2) if as_json else told(found))
    raise SystemExit(0 if found.verdict is None else {"MET": 0, "NOT MET": 1, "INCONCLUSIVE": 3}[found.verdict.value])


def _asked(
    file: Path | None, *, of: str | None, radius: float | None, require: str | None, confidence: float
) -> Sequence[Criterion] | None:
    """The criteria that the options give; None where they give none."""
    from odd_assess.spec import given_criterion, load_criteria

    if file is not None:
        return load_criteria(file).criteria
    if of is None:
        return None
    entry = {"id": "CHANGE", "metric": "regression", "of": of, "radius": radius, "require": require, "confidence": confidence}
    return [given_criterion({key: value for key, value in entry.items() if value is not None})]


def told(found: Comparison) -> str:
    """The comparison for people."""
    lines = [
        f"{one.name}: {one.assessment.verdict.value}, model {one.model[:12]}, {one.assessment.spec.title}" for one in found.releases
    ]
    lines += [found.budgets] if found.budgets else []
    first = found.releases[0]
    for one, differences in zip(found.releases[1:], found.differences, strict=True):
        lines += ["", f"{one.name} against {first.name}, {len(one.assessment.results)} points"]
        for difference in differences:
            lines += _told(first.shows(difference.quantity), one.shows(difference.quantity), difference)
        lines += _lost(found, differences)
    if found.verdict is not None:
        lines += ["", f"{found.verdict.value}"]
    return "\n".join(lines)


def _told(old: float, new: float, difference: Difference) -> list[str]:
    change, title = difference.change, difference.quantity.title
    less, more = change.less_and_more
    head = f"  {title}: {old:.3f} -> {new:.3f} ({difference.observed:+.3f}), {change.lost} {less}, {change.gained} {more}, {difference.both} in both"
    if difference.lower is None or difference.upper is None:
        return [head, "    no confidence can be stated: the design has no probability model"]
    from odd_assess.criteria.words import at_least, at_most

    lines = [head]
    if not difference.findings:
        sure = f"{100 * difference.confidence:g} %"
        lines.append(
            f"    change at least {at_least(difference.lower)}, at most {at_most(difference.upper)}, each with confidence {sure}"
        )
    for finding in difference.findings:
        aside = "" if finding.criterion.severity == "blocking" else f" ({finding.criterion.severity})"
        lines.append(f"    {finding.state.value:<12} {finding.criterion.id}{aside}: {finding.message} {finding.advice}".rstrip())
    return lines


def _lost(found: Comparison, differences: Sequence[Difference]) -> list[str]:
    """The points that were lost in the first quantity that is counted."""
    counted = next((one for one in differences if one.change.counted and len(one.lost)), None)
    if counted is None:
        return []
    points = found.releases[0].assessment.points
    lines = [f"  lost in {counted.quantity.title.lower()}:"]
    for row in counted.lost[:MOST_LISTED].tolist():
        point = points[row]
        lines.append(f"    point {point.index}: " + ", ".join(f"{name} {_plain(value)}" for name, value in point.values.items()))
    more = len(counted.lost) - MOST_LISTED
    return [*lines, f"    and {more:,} more"] if more > 0 else lines


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_data(found: Comparison) -> dict[str, Any]:
    """What --json prints."""
    return {
        "verdict": None if found.verdict is None else found.verdict.value,
        "runs": [
            {
                "run": str(one.folder),
                "spec": one.assessment.spec.id,
                "model": one.model,
                "verdict": one.assessment.verdict.value,
                "points": len(one.assessment.results),
                "shows": [{"of": q.of, "radius": q.radius, "value": one.shows(q)} for q in found.quantities],
            }
            for one in found.releases
        ],
        **({"budgets": found.budgets} if found.budgets else {}),
        "differences": [
            {
                "old": str(found.releases[0].folder),
                "new": str(one.folder),
                "of": difference.quantity.of,
                "radius": difference.quantity.radius,
                "less": difference.change.lost,
                "more": difference.change.gained,
                "both": difference.both,
                "observed": difference.observed,
                "lower": difference.lower,
                "upper": difference.upper,
                "confidence": difference.confidence,
                "lost_points": one.assessment.results.index[difference.lost].tolist(),
                "criteria": [
                    {
                        "criterion": finding.criterion.id,
                        "severity": finding.criterion.severity,
                        "required": f"{finding.criterion.comparator} {finding.criterion.required:g}",
                        "state": finding.state.value,
                        "message": finding.message,
                        "advice": finding.advice,
                    }
                    for finding in difference.findings
                ],
            }
            for one, row in zip(found.releases[1:], found.differences, strict=True)
            for difference in row
        ],
    }
