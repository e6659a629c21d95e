"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

_OF_THE_WORK = (
    click.option("--device", help="cpu, cuda, cuda:1 ...; default: a GPU when there is one."),
    click.option(
        "--pdf/--no-pdf", default=None, help="Insist on report.pdf, or leave it out; default: write it where WeasyPrint works."
    ),
    click.option(
        "--trust-pickle",
        is_flag=True,
        help="Load weights that are a pickled module. Unpickling runs code of whoever made the file.",
    ),
    click.option(
        "--engine", type=click.Choice(["local", "ray"]), help="Who does the work, in place of the spec's execution section."
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Workers of the Ray cluster; implies --engine ray."),
    click.option("--address", help="The Ray cluster: auto, local or HOST:PORT; implies --engine ray."),
)


def of_the_work(command: Command) -> Command:
    """Where a run computes, who does the work and what it writes: --device, --pdf, --trust-pickle, --engine, --workers, --address."""
    return reduce(lambda made, option: option(made), reversed(_OF_THE_WORK), command)
