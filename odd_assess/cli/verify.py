"""``odd-assess verify``: is what a run stored what follows from its counts? And, with the model at hand: are the counts what it answers?

The first needs no model, no data and no torch.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from odd_assess.assessment import Replay
    from odd_assess.audit import Disagreement


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was looked at and every disagreement that is told as JSON.")
@click.option("--replay", "points", type=click.IntRange(min=1), help="Realise and draw so many random points again; needs --model.")
@click.option(
    "--model",
    "spec",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The spec file that declares the run's model and inputs, for --replay; of a recertified run the file that was given to --model there, too.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Chooses the points of --replay; default: a new one, which is printed.")
@click.option("--device", help="For --replay: cpu, cuda, cuda:1 ...; default: a GPU when there is one.")
@click.option(
    "--trust-pickle", is_flag=True, help="For --replay: load weights that are a pickled module, which runs code of whoever made it."
)
def verify(
    run: Path,
    as_json: bool,
    points: int | None,
    spec: Path | None,
    seed: int | None,
    device: str | None,
    trust_pickle: bool,
) -> None:
    """Derive every bound, radius, finding and the verdict in the folder RUN again from its counts, and compare; with --replay, some of the counts too.

    Exit status: 0 all agree, 1 something disagrees (a line each), 2 RUN is no run folder, or not of this model and data, 4 the run is not finished.
    """
    if (points is None) != (spec is None):
        raise click.UsageError(
            "--replay and --model go together: how many points, and the spec file that declares the run's model and inputs"
        )
    if points is None and (seed is not None or device is not None or trust_pickle):
        raise click.UsageError("--seed, --device and --trust-pickle are for --replay")
    from odd_assess import audit

    found = audit.verify(run)
    again = None
    if points is not None and spec is not None and found.agrees:
        again = _replayed(run, spec, points, secrets.randbits(32) if seed is None else seed, device, trust_pickle, quiet=as_json)
    agrees = found.agrees and (again is None or again.agrees)
    if as_json:
        data = {"run": str(run), **found.as_data()}
        click.echo(json.dumps(data | ({} if again is None else {"agrees": agrees, "replay": again.as_data()}), indent=2))
        raise SystemExit(0 if agrees else 1)
    _tell(found.disagreements, found.count)
    for line in found.lock:
        click.echo(f"lock: {line}")
    estimates = f"{found.estimates:,} estimates, " if found.estimates else ""
    looked_at = f"{found.certificates:,} certificates, {estimates}{found.findings} findings, {found.documents} documents"
    how = "to the last bit" if found.exact else "to one part in 1e11 (other libraries or another machine than the run's)"
    click.echo(f"{run}: {looked_at} agree {how}" if found.agrees else f"{run}: {found.count:,} disagreements in {looked_at}")
    if points is not None and again is None:
        click.echo(f"{run}: no point was drawn again, because the evidence disagrees with itself")
    if again is not None:
        _tell_replay(run, again)
    raise SystemExit(0 if agrees else 1)


def _replayed(run: Path, spec: Path, points: int, seed: int, device: str | None, trust_pickle: bool, *, quiet: bool) -> Replay:
    from odd_assess.audit import declared_by
    from odd_assess.cli.console import console_progress

    declared = declared_by(run, spec)
    with console_progress(quiet=quiet) as progress:
        sys.path.insert(0, str(declared.path.parent))  # "package.module:factory" may lie beside the spec
        from odd_assess.assessment import replay  # torch comes in here

        return replay(run, declared, points=points, seed=seed, device=device, trust_pickle=trust_pickle, progress=progress)


def _tell(disagreements: tuple[Disagreement, ...], count: int) -> None:
    for disagreement in disagreements:
        click.echo(str(disagreement))
    if (more := count - len(disagreements)) > 0:
        click.echo(f"... and {more:,} more")


def _tell_replay(run: Path, again: Replay) -> None:
    for line in again.rounding:
        click.echo(f"rounding: {line}")
    _tell(again.disagreements, again.count)
    estimates = f", {again.estimates} estimates" if again.estimates else ""
    what = f"{again.certificates} certificates, {again.draws:,} draws{estimates}; --seed {again.seed}"
    drawn = f"{len(again.points)} points drawn again ({what})"
    click.echo(f"{run}: {drawn}: {'inputs and counts agree' if again.agrees else f'{again.count:,} disagreements'}")
