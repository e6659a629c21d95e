"""``odd-assess run``: the main job."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odd_assess.cli.options import of_the_work

if TYPE_CHECKING:
    from odd_assess.records import Assessment, Execution, Finding


@click.command()
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The run folder; default runs/ID-TIME.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run in --out.")
@click.option(
    "--baseline",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The finished run of the model that this one would replace, in place of the spec's own.",
)
@of_the_work
@click.option("--require-lock", is_flag=True, help="Refuse to begin unless SPEC is locked and nothing changed since.")
@click.option("--quiet", is_flag=True, help="No progress, only the verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and findings as JSON.")
def run(
    spec: Path,
    out: Path | None,
    resume: bool,
    baseline: Path | None,
    device: str | None,
    pdf: bool | None,
    trust_pickle: bool,
    engine: str | None,
    workers: int | None,
    address: str | None,
    require_lock: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Assess the model that SPEC declares over its domain, and write the evidence and the reports."""
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the folder of the interrupted run")
    from odd_assess import spec as specs
    from odd_assess.cli.console import console_progress
    from odd_assess.errors import RunError

    declared = specs.load_spec(spec) if baseline is None else specs.spec_against(spec, baseline.absolute())
    if require_lock:
        specs.require_lock(declared)
    execution = executed_by(declared.execution, engine=engine, workers=workers, address=address)
    folder = out or Path("runs") / f"{declared.id}-{time.strftime('%Y%m%d-%H%M%S')}"
    with console_progress(quiet=quiet or as_json) as progress:
        from odd_assess.cli.reports import with_pdf, write_reports

        pdf = with_pdf(pdf, progress.say)
        sys.path.insert(0, str(declared.path.parent))  # "package.module:factory" may lie beside the spec
        from odd_assess.assessment import assess  # torch comes in here, not at start-up

        try:
            assessment = assess(
                declared,
                folder,
                resume=resume,
                device=device,
                trust_pickle=trust_pickle,
                progress=progress,
                execution=execution,
            )
        except KeyboardInterrupt:
            if (folder / "evidence.sqlite").exists():
                click.echo(f"what is certified is kept; go on with: odd-assess run {spec} --out {folder} --resume", err=True)
            raise
        except SystemExit as error:  # or its status would be taken for a verdict
            raise RunError(f"code that the spec names must not end the process, it called sys.exit({error.code!r})") from error
        write_reports(assessment, folder, pdf=pdf, environment=os.environ)
    click.echo(json.dumps(as_data(assessment, folder), indent=2) if as_json else headline(assessment, folder))
    raise SystemExit(EXIT_STATUS[assessment.verdict.value])


def executed_by(declared: Execution, *, engine: str | None, workers: int | None, address: str | None) -> Execution:
    """Who does the work: as the spec says, but for what the options say.

    Raises: click.UsageError for options of a cluster beside --engine local, or an address that is none.
    """
    from odd_assess.records import Execution
    from odd_assess.spec.execution import address_problem

    given: dict[str, Any] = {name: value for name, value in (("workers", workers), ("address", address)) if value is not None}
    if engine == "local":
        if given:
            raise click.UsageError(f"--{next(iter(given))} is for --engine ray")
        return Execution()
    if address is not None and (problem := address_problem(address)):
        raise click.UsageError(f"--address {problem}")
    return replace(declared, engine="ray", **given) if engine or given else declared


EXIT_STATUS = {"MET": 0, "NOT MET": 1, "INCONCLUSIVE": 3}


def headline(assessment: Assessment, folder: Path) -> str:
    """The verdict and what it rests on, a line for each criterion and each change of one, and where the report lies."""
    from odd_assess.exchange import estimate_words, noise_words, overrides, recertified_words

    lock = assessment.spec.lock
    asides = [*([] if lock is None else [lock.headline]), *([by] if (by := estimate_words(assessment)) else [])]
    lines = [f"{assessment.verdict.value}: {assessment.spec.title}{''.join(f' ({aside})' for aside in asides)}"]
    lines += [] if lock is None else [f"  since the lock: {line}" for line in lock.details]
    lines += [f"  {told}" for told in (recertified_words(assessment), noise_words(assessment)) if told]
    lines += [_finding_line(finding) for finding in assessment.findings]
    lines += [f"  changed: {line}" for line in overrides(assessment)]
    lines += [f"report: {folder / 'report.html'}"]
    return "\n".join(lines)


def _finding_line(finding: Finding) -> str:
    criterion = finding.criterion
    aside = "" if criterion.severity == "blocking" else f" ({criterion.severity}: does not decide the verdict)"
    if finding.kind == "estimate" and not aside:
        aside = " (by an estimate, which proves nothing)"
    head = f"  {finding.state.value:<12} {criterion.id:<12} {criterion.title}{aside}"
    return f"{head}\n{'':15}{finding.message}" + (f" {finding.advice}" if finding.advice else "")


def _noise(assessment: Assessment) -> dict[str, object] | None:
    """What --json says of noise levels that a policy chose; None where one was declared."""
    noise, results = assessment.noise, assessment.results
    if noise is None:
        return None
    return {
        "policy": noise.policy.name,
        **asdict(noise.policy),
        "soundness": noise.soundness,
        "smallest": float(results.sigma.min()),
        "largest": float(results.sigma.max()),
        "cells": dict(noise.cells) or None,
        "lost_to_memory": None if noise.alone is None else int((noise.alone > results.radius).sum()),
    }


def as_data(assessment: Assessment, folder: Path) -> dict[str, object]:
    """What --json prints."""
    return {
        "verdict": assessment.verdict.value,
        "spec": assessment.spec.id,
        "points": len(assessment.results),
        "run": str(folder),
        "report": str(folder / "report.html"),
        "overrides": [asdict(change) for group in assessment.spec.criteria for change in group.overrides],
        "lock": None if (lock := assessment.spec.lock) is None else {**asdict(lock), "state": lock.state},
        "noise": _noise(assessment),
        "recertified": assessment.manifest.get("recertified"),
        "radius_reduction": {"predicted": assessment.reduction.predicted, "measured": assessment.reduction.measured},
        "findings": [
            {
                "criterion": finding.criterion.id,
                "requirement": finding.criterion.requirement,
                "clauses": list(finding.criterion.clauses),
                "severity": finding.criterion.severity,
                "state": finding.state.value,
                "kind": finding.kind,
                "required": f"{finding.criterion.comparator} {finding.criterion.required:g}",
                "observed": finding.observed,
                "lower": finding.lower,
                "upper": finding.upper,
                "points": finding.points,
                "message": finding.message,
                "advice": finding.advice,
                "points_needed": finding.points_needed,
                "draws_needed": finding.draws_needed,
            }
            for finding in assessment.findings
        ],
    }
