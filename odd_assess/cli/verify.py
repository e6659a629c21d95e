"""``odd-assess verify``: is what a run stored what follows from its counts? No model, no data, no torch."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was looked at and every disagreement that is told as JSON.")
def verify(run: Path, as_json: bool) -> None:
    """Derive every bound, radius, finding and the verdict in the folder RUN again from its counts, and compare.

    Exit status: 0 all agree, 1 something disagrees (a line each), 2 RUN is no run folder, 4 the run is not finished.
    """
    from odd_assess import audit

    found = audit.verify(run)
    if as_json:
        click.echo(json.dumps({"run": str(run), **found.as_data()}, indent=2))
    else:
        for disagreement in found.disagreements:
            click.echo(str(disagreement))
        if (more := found.count - len(found.disagreements)) > 0:
            click.echo(f"... and {more:,} more")
        for line in found.lock:
            click.echo(f"lock: {line}")
        looked_at = f"{found.certificates:,} certificates, {found.findings} findings, {found.documents} documents"
        how = "to the last bit" if found.exact else "to one part in 1e11 (other libraries or another machine than the run's)"
        click.echo(f"{run}: {looked_at} agree {how}" if found.agrees else f"{run}: {found.count:,} disagreements in {looked_at}")
    raise SystemExit(0 if found.agrees else 1)
