"""``odd-assess recertify``: certify modified models on what the run of their baseline keeps, with a fraction of its draws."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from odd_assess.cli.options import of_the_work

if TYPE_CHECKING:
    from odd_assess.progress import Progress
    from odd_assess.records import Assessment, Execution, Spec


@click.command()
@click.argument("baseline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--model",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help="A modified model: a file with a section model alone, or a whole spec with criteria of its own. May be given several times.",
)
@click.option(
    "--draws", type=click.IntRange(min=1), help="Draws a point, at most; default: as many as the baseline keeps the answers to."
)
@click.option(
    "--route",
    type=click.Choice(["auto", "gamma", "incremental", "fresh"]),
    default="auto",
    show_default=True,
    help="The bound that is taken at a point: the one that is expected to be larger; by --gamma, as published; or the same everywhere.",
)
@click.option(
    "--gamma", type=float, default=0.99, show_default=True, help="From which bound of the baseline on --route gamma counts afresh."
)
@click.option(
    "--share",
    type=float,
    default=0.5,
    show_default=True,
    help="Of alpha, what goes to the draws of now, where the two parts are added; the rest to the baseline's.",
)
@click.option(
    "--when-decided/--all-draws",
    default=None,
    help="Stop at each point when the radii that the criteria ask about are decided; default: as the budget of a whole spec says.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The run folder; of several models, the folder of their run folders.",
)
@click.option("--resume", is_flag=True, help="Go on with what was interrupted in --out.")
@of_the_work
@click.option("--quiet", is_flag=True, help="No progress, only the verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and findings as JSON; of several models a list.")
def recertify(
    baseline: Path,
    files: tuple[Path, ...],
    draws: int | None,
    route: Literal["auto", "gamma", "incremental", "fresh"],
    gamma: float,
    share: float,
    when_decided: bool | None,
    out: Path | None,
    resume: bool,
    device: str | None,
    pdf: bool | None,
    trust_pickle: bool,
    engine: str | None,
    workers: int | None,
    address: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Certify modified models (quantised, pruned, fine-tuned) at the points of the finished run BASELINE, on the noise whose answers it keeps.

    The run must have kept them (certification.cache). Each certificate is for the baseline's class, and holds for the modified model.

    Exit status: as run; of several models 1 where one is not met, else 3 where one is inconclusive.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the folder of what was interrupted")
    if not 0 < share < 1:
        raise click.UsageError(f"--share must lie between 0 and 1, found {share:g}")
    source = click.get_current_context().get_parameter_source("gamma")
    if route != "gamma" and source is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError(f"--gamma is for --route gamma, found --route {route}")
    if not 0.5 < gamma <= 1:
        raise click.UsageError(f"--gamma must lie in (1/2, 1], found {gamma:g}")
    from odd_assess import audit
    from odd_assess.cli.console import console_progress
    from odd_assess.cli.run import EXIT_STATUS, as_data, executed_by, headline

    specs = [
        audit.recertification(
            baseline, file, draws=draws, share=share, route=route, gamma=gamma, models=len(files), when_decided=when_decided
        )
        for file in files
    ]
    execution = executed_by(specs[0].execution, engine=engine, workers=workers, address=address)
    folder = out or Path("runs") / f"{specs[0].id}-recertified-{time.strftime('%Y%m%d-%H%M%S')}"
    folders = [folder] if len(files) == 1 else [folder / name for name in _names(files)]
    with console_progress(quiet=quiet or as_json) as progress:
        found = _assessed(specs, folders, resume, device, trust_pickle, execution, pdf, progress)
    if as_json:
        data = [as_data(assessment, where) for assessment, where in zip(found, folders, strict=True)]
        click.echo(json.dumps(data if len(files) > 1 else data[0], indent=2))
    else:
        click.echo("\n\n".join(headline(assessment, where) for assessment, where in zip(found, folders, strict=True)))
        if len(files) > 1:
            joint = found[0].manifest["recertified"]["joint_alpha"]
            click.echo(
                f"\nof these {len(files)} models on one baseline, some certificate at a point is false with probability at most {joint:.3g}"
            )
    statuses = {EXIT_STATUS[assessment.verdict.value] for assessment in found}
    raise SystemExit(1 if 1 in statuses else max(statuses))


def _assessed(
    specs: Sequence[Spec],
    folders: Sequence[Path],
    resume: bool,
    device: str | None,
    trust_pickle: bool,
    execution: Execution,
    pdf: bool | None,
    progress: Progress,
) -> list[Assessment]:
    """All that can be refused is refused before the first run begins."""
    from odd_assess.cli.reports import with_pdf, write_reports
    from odd_assess.errors import RunError

    pdf = with_pdf(pdf, progress.say)
    for spec in specs:
        sys.path.insert(0, str(spec.path.parent))  # "package.module:factory" may lie beside the file
    from odd_assess.assessment import assess, check_baseline  # torch comes in here, not at start-up

    found = []
    try:
        for spec in specs if len(specs) > 1 else ():
            check_baseline(spec, device=device, trust_pickle=trust_pickle)
        for spec, folder in zip(specs, folders, strict=True):
            going_on = resume and (len(specs) == 1 or (folder / "evidence.sqlite").exists())
            assessment = assess(
                spec, folder, resume=going_on, device=device, trust_pickle=trust_pickle, progress=progress, execution=execution
            )
            write_reports(assessment, folder, pdf=pdf, environment=os.environ)
            found.append(assessment)
    except KeyboardInterrupt:
        if any((folder / "evidence.sqlite").exists() for folder in folders):
            click.echo("what is certified is kept; go on with the same command and --out, --resume", err=True)
        raise
    except SystemExit as error:  # or its status would be taken for a verdict
        raise RunError(f"code that the spec names must not end the process, it called sys.exit({error.code!r})") from error
    return found


def _names(files: Sequence[Path]) -> list[str]:
    """A folder for each of several models: the name of its file, or of the folder that it lies in where file names do not tell them apart.

    Raises: click.UsageError where neither does.
    """
    resolved = [file.resolve() for file in files]
    for names in ([file.stem for file in resolved], [file.parent.name for file in resolved]):
        if len(set(names)) == len(names) and all(names):
            return names
    raise click.UsageError("several models must lie in files or folders with different names, or their runs cannot be told apart")
