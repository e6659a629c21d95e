"""The command group: finds a command's module when it is used, and turns every error into one message and an exit status."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from odd_assess.errors import OddAssessError

COMMANDS = {
    "compare": "Say what new models lost and gained against the first, from their runs.",
    "derive": "Make a modified model (half precision, int8, pruned) of a spec's.",
    "init": "Write a commented, working example into a new folder.",
    "lint": "Check spec, criteria and training files; every problem with its place.",
    "lock": "Fix the criteria of a spec before a run: changes show from then on.",
    "plan": "Say before any draw what a run can show and what it costs.",
    "recertify": "Certify modified models with a fraction of their baseline's draws.",
    "report": "Write the reports of a finished run again, from its folder alone.",
    "run": "Assess a model over its domain; write evidence and reports.",
    "schema": "Print the JSON Schema of spec, criteria or training files.",
    "screen": "Estimate where the model is fragile, before anything is certified.",
    "train": "Train a model for noise, so that it can be certified.",
    "verify": "Derive what a run stored from its counts again, and compare.",
}

BROKEN = 4
INTERRUPTED = 130


class _Commands(click.Group):
    """Imports ``odd_assess.cli.NAME`` when NAME is called. The list with its help texts needs no import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"odd_assess.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with a suggestion for a mistyped command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Commands: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="odd-assess", prog_name="odd-assess")
def cli() -> None:
    """Show whether a perception model is robust across its operational design domain.

    Exit status: 0 met, 1 not met, 2 bad usage or input, 3 inconclusive, 4 the run broke, 130 interrupted.
    """


def main(args: Sequence[str] | None = None) -> Any:
    """Run the command line and exit with its status. No traceback reaches the user for an error that is theirs."""
    try:
        return cli.main(args=None if args is None else list(args), prog_name="odd-assess", standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except OddAssessError as error:
        _fail(str(error), error.exit_status)
    except Exception as error:
        if os.environ.get("ODD_ASSESS_DEBUG"):
            raise
        _fail(
            f"a defect of odd-assess: {type(error).__name__}: {error}\nThe traceback is in {_keep_traceback()}; please report it.",
            BROKEN,
        )


def _fail(message: str, status: int) -> None:
    click.echo(f"odd-assess: {message}" if status != 2 or not _is_located(message) else message, err=True)
    sys.exit(status)


def _keep_traceback() -> Path:
    """Write the traceback of the current exception to a file of its own, and say where."""
    handle, name = tempfile.mkstemp(prefix="odd-assess-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(traceback.format_exc())
    return Path(name)


def _is_located(message: str) -> bool:
    """Whether the message begins with file:line:column, which editors and CI logs pick up only at the line's start."""
    head = message.split(": ", 1)[0].rsplit(":", 2)
    return len(head) == 3 and head[1].isdigit() and head[2].isdigit()
