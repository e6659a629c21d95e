"""``odd-assess schema``: the JSON Schema of our files, for editors that complete and check YAML."""

from __future__ import annotations

import json
from typing import Literal

import click


@click.command()
@click.argument("kind", type=click.Choice(["spec", "criteria", "training"]), default="spec")
def schema(kind: Literal["spec", "criteria", "training"]) -> None:
    """Print the JSON Schema of KIND (spec, criteria or training) files.

    In VS Code's YAML extension or any other editor with JSON Schema support: save it to a file and refer to it by
    "# yaml-language-server: $schema=FILE" in the first line of the spec.
    """
    from odd_assess.spec import json_schema

    click.echo(json.dumps(json_schema(kind), indent=2))
