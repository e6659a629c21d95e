"""``odd-assess train``: a base classifier that lives in noise."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from odd_assess.training import Trained


@click.command()
@click.argument("training", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="The folder of the training; default trained/ID-TIME."
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted training in --out.")
@click.option("--epochs", type=click.IntRange(1, 10_000_000), help="In place of the file's; the schedule ends with them.")
@click.option("--device", help="cpu, cuda, cuda:1 ...; default: a GPU when there is one.")
@click.option(
    "--trust-pickle",
    is_flag=True,
    help="Load first weights that are a pickled module. Unpickling runs code of whoever made the file.",
)
@click.option("--tensorboard", is_flag=True, help="Write the metrics for TensorBoard too, into the folder tensorboard in --out.")
@click.option("--quiet", is_flag=True, help="No progress, only the result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    training: Path,
    out: Path | None,
    resume: bool,
    epochs: int | None,
    device: str | None,
    trust_pickle: bool,
    tensorboard: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train the model that the file TRAINING declares, and write its weights with a file model.yaml that declares it.

    Exit status 0: it is trained; whether it is good enough is for `odd-assess run` to say. 2: bad usage, file, data or model; 4: it broke; 130: interrupted.
    After a kill or Ctrl-C, --resume goes on from the last state that was kept.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the folder of the interrupted training")
    from odd_assess.cli.console import TRAINING, console_progress
    from odd_assess.errors import RunError
    from odd_assess.spec import load_training
    from odd_assess.training_plan import unreached

    plan = load_training(training)
    if epochs is not None:
        for section, key, epoch in unreached(epochs, plan.schedule, plan.noise, plan.loss):
            if section == "schedule":
                raise click.UsageError(f"--epochs must be more than {section}.{key}, {epoch:g}, found {epochs}")
            click.echo(f"warning: in {epochs} epochs {section}.{key}, {epoch:g}, is not reached", err=True)
        plan = replace(plan, epochs=epochs)
    folder = out or Path("trained") / f"{plan.id}-{time.strftime('%Y%m%d-%H%M%S')}"
    with console_progress(quiet=quiet or as_json, words=TRAINING) as progress:
        sys.path.insert(0, str(plan.path.parent))  # "package.module:factory" may lie beside the file
        from odd_assess.training import train as trained_by  # torch comes in here, not at start-up

        try:
            made = trained_by(
                plan,
                folder,
                resume=resume,
                device=device,
                trust_pickle=trust_pickle,
                progress=progress,
                tensorboard=tensorboard,
            )
        except KeyboardInterrupt:
            if (folder / "last" / "state.json").exists():
                more = "" if epochs is None else f" --epochs {epochs}"
                click.echo(
                    f"the last finished epoch is kept; go on with: odd-assess train {training} --out {folder} --resume{more}",
                    err=True,
                )
            raise
        except SystemExit as error:
            raise RunError(f"code that the file names must not end the process, it called sys.exit({error.code!r})") from error
    click.echo(json.dumps(made.as_data(), indent=2) if as_json else summary(made))


def summary(made: Trained) -> str:
    """What was trained and what it looks like, for people."""
    lines = [f"trained: {made.plan.title}, {made.plan.epochs} epochs of {made.examples:,} examples, loss {made.loss:.4f}"]
    for name, look in (("last", made.last), ("best", made.best)):
        if look is not None:
            certified = ", ".join(f"{share:.3f} at {radius}" for radius, share in look["certified"].items())
            lines.append(
                f"  {name} look, epoch {look['epoch']}: accuracy {look['accuracy']:.3f}, certified {certified}, ACR {look['acr']:.3f} "
                f"({look['points']} held-out points, at most {look['n']} draws, sigma {look['sigma']:g}; estimates)"
            )
    lines += [
        f"declared in: {made.model}",
        "how good it is over your domain says: odd-assess run, with this model section in a spec",
    ]
    return "\n".join(lines)
