"""``odd-assess lock``: fix the criteria before anything is drawn."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a lock that does not fit any more.")
def lock(spec: Path, force: bool) -> None:
    """Write the lock of SPEC beside it (spec.lock.json for spec.yaml): digests of the spec and its criteria files, and what each criterion asks.

    A run says whether the criteria are still those that were locked; with --require-lock it refuses any others. Exit status 2 where another lock is there.
    """
    from odd_assess.spec import lock_spec

    path, locked, written = lock_spec(spec, force=force)
    count = f"{len(locked.criteria)} {'criterion' if len(locked.criteria) == 1 else 'criteria'}"
    click.echo(f"{path}: {count} locked {'now' if written else 'already'}, on {locked.locked}")
