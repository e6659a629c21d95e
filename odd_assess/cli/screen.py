"""``odd-assess screen``: where is the model fragile? Estimates over the ODD in minutes, before a draw is certified."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from odd_assess.policies import SMALLEST_SIGMA
from odd_assess.records import COPIES, AverageCasePlan, EstimationMethod, kind_of

if TYPE_CHECKING:
    from odd_assess.records import Spec

MOST_POINTS, MOST_COPIES, LARGEST_SEED, SIGMAS = 10**7, 10**4, 2**63 - 1, (SMALLEST_SIGMA, 1000.0)
"""What the options take: what the spec's keys of the same names do."""


@click.command()
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write; default: SPEC's name with -screening, here.")
@click.option("--force", is_flag=True, help="Replace the files of a screening that lies in the folder; no other files.")
@click.option("--points", type=click.IntRange(2, MOST_POINTS), help="Random points of the ODD to estimate, in place of the spec's.")
@click.option("--method", type=click.Choice(get_args(EstimationMethod)), help="How to estimate, in place of the spec's.")
@click.option("--samples", type=click.IntRange(1, MOST_COPIES), help="Noisy copies of a point, in place of the spec's.")
@click.option("--sigma", type=float, help="Noise level in input units, in place of the spec's.")
@click.option("--seed", type=click.IntRange(0, LARGEST_SEED), help="Draw other points, in place of those of the spec's seed.")
@click.option("--device", help="cpu, cuda, cuda:1 ...; default: a GPU when there is one.")
@click.option("--trust-pickle", is_flag=True, help="As for run.")
@click.option("--quiet", is_flag=True, help="No progress, only what was found.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def screen(
    spec: Path,
    out: Path | None,
    force: bool,
    points: int | None,
    method: EstimationMethod | None,
    samples: int | None,
    sigma: float | None,
    seed: int | None,
    device: str | None,
    trust_pickle: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Estimate how often noise leaves the model's answers as they are over the ODD that SPEC declares, and where it does least.

    Estimates, not certificates. Writes screening.html, screening.json, screening.csv and, where it saves points, allocation.csv, which a spec may name at
    sampling.allocation. Exit status 0 whatever is found (a screening is no gate), 2 for input that cannot be used.
    """
    from odd_assess import spec as specs
    from odd_assess.cli.console import ESTIMATING, console_progress
    from odd_assess.cli.screen_words import in_words
    from odd_assess.errors import RunError
    from odd_assess.evidence.screening import ALLOCATION_CSV, ScreeningFolder, screening_data

    folder = ScreeningFolder.checked(out or Path(f"{spec.stem}-screening"), force=force)
    declared = specs.load_spec(spec)
    plan = planned(declared, points=points, method=method, samples=samples, sigma=sigma)
    with console_progress(quiet=quiet or as_json, words=ESTIMATING) as progress:
        sys.path.insert(0, str(declared.path.parent))  # "package.module:factory" may lie beside the spec
        from odd_assess.assessment.screening import screen as screened  # torch comes in here, not at start-up
        from odd_assess.report import screening_html
        from odd_assess.report.screening import steps

        try:
            found = screened(declared, plan=plan, seed=seed, device=device, trust_pickle=trust_pickle, progress=progress)
        except SystemExit as error:  # or its status would be taken for the command's
            raise RunError(f"code that the spec names must not end the process, it called sys.exit({error.code!r})") from error
        allocation, removed = _beside(declared, folder.path / ALLOCATION_CSV), folder.obsolete(found)
        written = folder.write(found, page=screening_html(found, allocation=allocation))
    absolute = out is not None and out.is_absolute()
    named = [str(path) if absolute else os.path.relpath(path) for path in written]
    data: dict[str, Any] = {**screening_data(found), "files": named, **({"removed": removed} if removed else {})}
    follow = steps(str(spec), allocated=found.allocated)
    text = in_words(data, allocation=allocation if found.allocated else "", steps=follow)
    click.echo(json.dumps(data, indent=2) if as_json else text)


def planned(
    spec: Spec, *, points: int | None, method: EstimationMethod | None, samples: int | None, sigma: float | None
) -> AverageCasePlan:
    """The plan of the screening: the spec's, or the defaults, but for what the options say.

    Raises: click.UsageError for a noise level that is none, or copies for a method that looks at none.
    """
    plan = spec.average_case or AverageCasePlan(sigma=spec.certification.sigma)
    if sigma is not None and not SIGMAS[0] <= sigma <= SIGMAS[1]:
        raise click.UsageError(f"--sigma must be a number from {SIGMAS[0]:g} to {SIGMAS[1]:g}, found {sigma:g}")
    plan = replace(
        plan,
        sigma=plan.sigma if sigma is None else sigma,
        method=plan.method if method is None else method,
        samples=samples or (plan.samples if method in (None, plan.method) else COPIES.get(kind_of(method), 1)),
        points=plan.points if points is None else points,
    )
    if samples is not None and not plan.noisy:
        raise click.UsageError(f"--samples is for mc, mmse and moments, the method {plan.method} looks at no noisy copies")
    return replace(plan, check_points=min(plan.check_points, plan.points))


def _beside(spec: Spec, path: Path) -> str:
    """A file as the spec would name it, in quotes where YAML needs them."""
    named = Path(os.path.relpath(path, spec.path.parent)).as_posix()
    return named if re.fullmatch(r"[\w.][\w./-]*", named) else json.dumps(named, ensure_ascii=False)
