"""``odd-assess init``: a commented, working example to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path) -> None:
    """Write a commented, working example (spec, criteria) into DIRECTORY. Existing files are never overwritten."""
    from odd_assess.spec import scaffold

    for path in scaffold(directory):
        click.echo(f"wrote {path}")
    click.echo(f"now: odd-assess run {directory / 'spec.yaml'}")
