"""``odd-assess derive``: a modified model (half precision, 8-bit integers, pruned) from the one that a spec declares."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from odd_assess.derive import Derived, Recipe, Sample
    from odd_assess.records import Spec

KINDS = ("fp16", "bf16", "int8", "int8-static", "onnx-int8", "prune")
CALIBRATED = ("int8-static", "onnx-int8")
CALIBRATION, AMOUNT = 256, 0.1
CHECKED = 200
"""Inputs on which the model and what is derived from it are compared."""


@click.command()
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "kind", type=click.Choice(KINDS), required=True, help="What is made of the model.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new folder of the derived model.")
@click.option(
    "--amount",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help=f"For prune: the share of weights that becomes zero; {AMOUNT:g} if left out.",
)
@click.option(
    "--calibration",
    type=click.IntRange(1, 100_000),
    help=f"For int8-static and onnx-int8: inputs that show the ranges of activations, with and without noise; {CALIBRATION} if left out.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Chooses inputs and noise; the spec's if left out. The run's own points are never used.",
)
@click.option("--device", help="cpu, cuda, cuda:1 ...; default: a GPU when there is one.")
@click.option(
    "--trust-pickle", is_flag=True, help="Load weights that are a pickled module. Unpickling runs code of whoever made the file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the record, derived.json, instead of the summary.")
def derive(
    spec: Path,
    kind: str,
    out: Path,
    amount: float | None,
    calibration: int | None,
    seed: int | None,
    device: str | None,
    trust_pickle: bool,
    as_json: bool,
) -> None:
    """Make a modified model of the one that SPEC declares, and write it with a file model.yaml that declares it.

    Exit status 0: it is another model, with other answers, and derived.json says by how much; 2: it cannot be made, or nothing would change, and nothing is
    written.
    """
    if amount is not None and math.isnan(amount):
        raise click.UsageError("--amount must lie between 0 and 1, found nan")
    if amount is not None and kind != "prune":
        raise click.UsageError(f"--amount is for --as prune, found {kind}")
    if calibration is not None and kind not in CALIBRATED:
        raise click.UsageError(f"--calibration is for --as {' and '.join(CALIBRATED)}, found {kind}")
    from odd_assess.errors import RunError
    from odd_assess.spec import spec_alone

    declared = spec_alone(spec)
    sys.path.insert(0, str(declared.path.parent))  # "package.module:factory" may lie beside the spec
    from odd_assess.derive import Recipe, derive_model  # torch comes in here

    recipe = Recipe(kind=kind, amount=(AMOUNT if amount is None else amount) if kind == "prune" else None)  # type: ignore[arg-type] # a choice
    seed = declared.sampling.seed if seed is None else seed
    try:
        sample = sample_of(declared, recipe, calibration or CALIBRATION, seed=seed, device=device, trust_pickle=trust_pickle)
        made = derive_model(
            declared.model, recipe, out, sample, device=device, trust_pickle=trust_pickle, home=declared.path.parent
        )
    except SystemExit as error:
        raise RunError(f"code that the spec names must not end the process, it called sys.exit({error.code!r})") from error
    click.echo(json.dumps(made.as_data(), indent=2, default=str) if as_json else summary(made))


def sample_of(declared: Spec, recipe: Recipe, calibration: int, *, seed: int, device: str | None, trust_pickle: bool) -> Sample:
    """Inputs of the spec's domain for calibration and for comparing answers, none of them a point of its run."""
    from odd_assess.derive import Sample
    from odd_assess.execution import set_up

    bench = set_up(declared, device=device, trust_pickle=trust_pickle)
    count = CHECKED + (calibration if recipe.calibrated else 0)
    points = bench.further_points(replace(declared, sampling=replace(declared.sampling, seed=seed)), count)
    batch = bench.realiser.realise(list(points))
    return Sample(
        images=batch.images[:CHECKED],
        labels=batch.labels[:CHECKED],
        calibration=batch.images[CHECKED:],
        sigma=declared.certification.sigma,
        seed=seed,
    )


def summary(made: Derived) -> str:
    """What was made and what changed, for people."""
    weights, answers = made.weights, made.answers
    name = f"{made.recipe.kind}{'' if made.recipe.amount is None else f' {made.recipe.amount:.3g}'}"
    before = "" if made.source_bytes is None else f", the source's has {made.source_bytes:,}"
    model = next(name for name in made.files if name != "model.yaml")
    lines = [
        f"{name}: {made.folder / model}, {made.files[model]['bytes']:,} bytes{before}",
        f"  weights: {weights.share:.1%} of {weights.weights:,} changed, the furthest by {weights.largest:.3g}; {weights.zeros:,} are zero",
    ]
    if weights.int8_layers:
        layers = ", ".join(f"{count} {kind}" for kind, count in weights.int8_layers.items())
        lines.append(f"  layers in int8: {layers}; in floating point: {weights.float_layers}")
    if made.calibration_images:
        lines.append(f"  calibrated on {made.calibration_images:,} inputs, with and without noise of std {answers.sigma:g}")
    if made.integer_kernels is False:
        lines.append(
            "  this processor has no exact integer kernels (VNNI): it computes the same whole numbers in floating point, or with 7 bits, and slower"
        )
    clean, noise = (
        f"{answers.clean_changed:.1%} of {answers.images:,} inputs",
        f"{answers.noisy_changed:.1%} of {answers.copies:,} noisy copies",
    )
    lines += [
        f"  answers: changed for {clean}, {noise} (std {answers.sigma:g})",
        f"  accuracy: {_pair(answers.clean_accuracy)} without noise, {_pair(answers.noisy_accuracy)} in noise (estimates)",
        f"declared in: {made.folder / 'model.yaml'}",
    ]
    return "\n".join(lines)


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:.3f} -> {values[1]:.3f}"
