"""A screening as plain text, from the data of `odd_assess.evidence.screening`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from odd_assess.cli.plan_words import Row, aligned, duration
from odd_assess.criteria.words import about, at_least, at_most, off

MOST_REGIONS = 12
"""Fragile regions that are listed on the terminal; all are in the page and in the JSON."""


def in_words(data: dict[str, Any], *, allocation: str = "", steps: Sequence[str] = ()) -> str:
    """The screening as plain text. ``allocation``: what the spec would call the file, empty where there is none; ``steps``: the commands that come next."""
    blocks = [
        _head(data),
        _warnings(data),
        _regions(data),
        _bias(data),
        _forecast(data),
        _allocation(data, allocation),
        _ranked(data),
        _next(steps),
    ]
    blocks.append(
        f"Page: {next(name for name in data['files'] if name.endswith('.html'))}\nA screening is no gate: the exit status is 0 whatever it found."
    )
    return "\n\n".join(block for block in blocks if block)


def interval(part: dict[str, Any]) -> str:
    """The two bounds of an estimate, rounded to their safe sides."""
    if part["lower"] is None or part["upper"] is None:
        return "no interval"
    return f"{at_least(part['lower'])} to {at_most(part['upper'])}"


def _head(data: dict[str, Any]) -> str:
    plan, whole = data["plan"], data["whole"]
    rows: list[Row] = [
        (
            "Estimate",
            f"{whole['mean']:.3f} ({interval(whole)}): how likely noise of sigma = {plan['sigma']:g} leaves the clean answer as it is, on average",
        ),
        (
            "Method",
            f"{data['method']}; {data['points']:,} random points in {duration(data['seconds']['estimates'])} on {data['device']}",
        ),
        ("Self-check", _check(data)),
        ("Clean", f"{100 * round(data['clean_accuracy'], 3):.1f} % of the points are answered rightly without noise"),
    ]
    if (region := data["leading_region"]) is not None:
        rows.append(("Regions", f"the weakest is {region['name']}: {region['mean']:.3f} ({interval(region)})"))
    weak = [
        part
        for part in data["classes"]
        if part["upper"] is not None and whole["lower"] is not None and part["upper"] < whole["lower"]
    ]
    if weak:
        worst = min(weak, key=lambda part: float(part["mean"]))
        rows.append(("Classes", f"the weakest is {worst['name']}: {worst['mean']:.3f} ({interval(worst)})"))
    if data["dead_gradients"]:
        rows.append(
            ("Gradients", f"zero at {data['dead_gradients']:,} points for some class: there the sign of the margin decides alone")
        )
    if data["reached"] < 1:
        rows.append(
            (
                "Reached",
                f"{100 * data['reached']:.1f} % of the ODD; the rest has no frame in the table, and the intervals allow for it",
            )
        )
    title = f"Screening of {data['spec']['title']} ({data['spec']['id']})"
    return "\n".join([title, data["note"], "", *aligned(rows, left=2)])


def _warnings(data: dict[str, Any]) -> str:
    return "\n".join(["Beware", *(f"  {warning}" for warning in data["warnings"])]) if data["warnings"] else ""


def _next(steps: Sequence[str]) -> str:
    return "\n".join(["What to do next", *(f"  {step}" for step in steps)]) if steps else ""


def _check(data: dict[str, Any]) -> str:
    check = data["check"]
    if check is None:
        return "none was asked for"
    bias, error, rank = check["bias"], check["absolute_error"], check["rank_correlation"]
    ranks = "" if rank is None else f", rank correlation {rank:.2f}"
    return (
        f"on average {off(bias['mean'])} ({bias['lower']:+.3f} to {bias['upper']:+.3f}) against Monte Carlo "
        f"({check['points']:,} points, {check['draws']:,} draws); mean absolute difference {error['mean']:.3f}, {check['monte_carlo_noise']:.3f} "
        f"of it from the draws{ranks}"
    )


def _regions(data: dict[str, Any]) -> str:
    sure = f"{100 * data['confidence']:g} %"
    found = data["fragile_regions"]
    if not found:
        none = f"Fragile regions\n  none stands out: no region is shown to be weaker than the ODD as a whole (confidence {sure})"
        if (more := data["more_points"]) is None:
            return none
        return f"{none}\n  more points would tell more: about {about(more['points'])} (--points), if {more['would_show']} is as weak as it looks, roughly"
    rows: list[Row] = [("estimate", "interval", "points", "of the ODD", "region")]
    rows += [
        (f"{one['mean']:.3f}", interval(one), f"{one['points']:,}", f"{100 * one['weight']:.1f} %", one["name"])
        for one in found[:MOST_REGIONS]
    ]
    lines = [f"  {line}" for line in aligned(rows, left=0)]
    more = len(found) - MOST_REGIONS
    lines += [f"  and {more:,} more"] if more > 0 else []
    return "\n".join([f"Fragile regions, the weakest first: all weaker than the ODD as a whole (confidence {sure})", *lines])


def _bias(data: dict[str, Any]) -> str:
    if not data["bias"]:
        return ""
    rows: list[Row] = [("of", "difference", "interval", "best", "worst")]
    rows += [
        (
            one["of"],
            "-" if one["observed"] is None else f"{one['observed']:.3f}",
            interval(one),
            _level(one["best"], one["of"]),
            _level(one["worst"], one["of"]),
        )
        for one in data["bias"]
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(["Robustness bias: best against worst", *lines])


def _level(name: str, of: str) -> str:
    return name.removeprefix(f"{of} ")


def _forecast(data: dict[str, Any]) -> str:
    forecast = data["forecast"]
    if forecast["reason"]:
        return f"Predicted for the run\n  nothing: {forecast['reason']}"
    draws = f"{forecast['draws_a_point']:,.0f} draws a point on average"
    most = f", {forecast['draws_a_point_at_most']:,} at most" if forecast["sequential"] else " (the budget is fixed)"
    lines = [f"  {draws}{most}"]
    lines += [
        f"  {one['criterion']} ({one['severity']}): {one['predicted']:.3f} of the ODD certified at radius {one['radius']:g}, required {one['required']:g}"
        for one in forecast["claims"]
    ]
    return "\n".join(["Predicted for the run", *lines])


def _allocation(data: dict[str, Any], named: str) -> str:
    found = data["allocation"]
    if not named:
        gone = [
            f"  {name}, which an earlier screening left there, was removed: a spec that names it, locked or not, no longer finds it"
            for name in data.get("removed", ())
        ]
        return "\n".join(["Allocation", f"  none is written: {found['reason']}", *gone])
    (first, second), (cells, others) = found["points"], found["cells"]
    weak = f"group 1, weaker: {first:,} points in {cells:,} cells ({100 * found['weights'][0]:.0f} % of the ODD)"
    return "\n".join(
        [
            f"Allocation for {found['steering']}",
            f"  {weak}; group 2: {second:,} points in {others:,} cells",
            f"  predicted to save {100 * found['saving']:.0f} % of the points at equal width of the bound; in the spec:",
            f"    sampling: {{design: stratified, allocation: {named}, points: {first + second}}}",
        ]
    )


def _ranked(data: dict[str, Any]) -> str:
    found = data["ranked"]
    if found["reason"]:
        return f"Points by rank\n  none are proposed: {found['reason']}"
    low, candidates = found["low"], found["candidates"]
    sets = f"candidates: {candidates}, low: {{ranks: {low['ranks']}, points: {low['points']}}}"
    said = (
        f"  {candidates} candidates for each point, ranked by their estimates: predicted to save {100 * found['saving']:.0f} % of the points at equal width of "
        f"the bound, {100 * found['net_saving']:.0f} % of the draws with the estimates counted; in the spec, beside average_case as here:"
    )
    line = f"    sampling: {{design: ranked, points: {found['points']}, {sets}}}"
    return "\n".join([f"Points by rank for {found['steering']}", said, line])
