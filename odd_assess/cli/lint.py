"""``odd-assess lint``: is the file sound? No model, no data, no torch."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def lint(files: tuple[Path, ...]) -> None:
    """Check spec, criteria and training FILES. Prints every problem as file:line:column: key: message; exit status 2 if there is any."""
    from odd_assess.spec import lint as problems_of

    problems = [problem for file in files for problem in problems_of(file)]
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        raise SystemExit(2)
    click.echo(f"{', '.join(str(file) for file in files)}: no problems found")
