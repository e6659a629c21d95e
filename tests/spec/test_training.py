"""Training files: what they may hold, and one clear problem for each mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from odd_assess.errors import SpecError
from odd_assess.examples.residual import network
from odd_assess.spec import lint, load_training
from odd_assess.training_plan import (
    AdamW,
    Augmentation,
    Consistency,
    DataDependentTraining,
    Fixed,
    InstanceWiseTraining,
    Macer,
    Schedule,
    Sgd,
    SmoothAdv,
    Validation,
)

FILE = """\
odd_assess_training: 1
id: mine
title: Mine
inputs: {dataset: digits, split: train}
model: {architecture: "odd_assess.examples.digits:network"}
noise: {sigma: 0.25}
epochs: 4
"""
ODD = """\
odd:
  attributes:
    light: {range: "[20 .. 2000] lux", realise: {transform: low_light}}
    heat: {range: "[-10 .. 40] C", unrealisable: no transform models it}
"""


def written(folder: Path, *lines: str, without: str = "") -> Path:
    """A training file with these lines too, and without the line that begins with a word."""
    path = folder / "train.yaml"
    kept = [line for line in FILE.splitlines() if not without or not line.startswith(without)]
    path.write_text("\n".join([*kept, *lines]) + "\n")
    return path


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    """The shortest file: Gaussian noise, SGD along a cosine, a tenth of the examples held out."""
    plan = load_training(written(tmp_path))
    assert (plan.id, plan.epochs, plan.batch_size, plan.repeat, plan.seed) == ("mine", 4, 256, 1, 0)
    assert (plan.noise, plan.loss.kind, plan.consistency) == (Fixed(sigma=0.25), "gaussian", None)
    assert (plan.optimiser, plan.schedule, plan.validation) == (Sgd(), Schedule(kind="cosine"), Validation())
    assert plan.path == tmp_path / "train.yaml"
    assert lint(plan.path) == ()


def test_every_section_reaches_its_record(tmp_path: Path) -> None:
    """Keys that are given stand in the records, the others have the defaults of these."""
    plan = load_training(
        written(
            tmp_path,
            "noise: {policy: instance_wise, starts: [0.5, 0.1], from_epoch: 2}",
            "loss: {kind: macer, draws: 4, lambda: 6, from_epoch: 1}",
            "consistency: {lambda: 5}",
            "optimiser: {kind: adamw, rate: 0.003}",
            "schedule: {kind: step, every: 2, factor: 0.5, warmup: 1}",
            "augment: {flip: true, crop: 4, shift: 0.3}",
            "validation: {share: 0.2, points: 30, radii: [0.2, 0.1], sigma: 0.12}",
            "{batch_size: 64, repeat: 3}"[1:-1].replace(", ", "\n"),
            "precision: bfloat16\nchannels_last: true\nema: 0.99\nclip: 1\nseed: 7",
            ODD + "odd_share: 0.5\nodd_epochs: 2",
            without="noise",
        )
    )
    assert plan.noise == InstanceWiseTraining(starts=(0.1, 0.5), from_epoch=2)
    assert plan.loss == Macer(draws=4, lambda_=6.0, from_epoch=1)
    assert plan.consistency == Consistency(lambda_=5.0)
    assert plan.optimiser == AdamW(rate=0.003)
    assert plan.schedule == Schedule(kind="step", every=2, factor=0.5, warmup=1.0)
    assert plan.augmentation == Augmentation(flip=True, crop=4, shift=0.3)
    assert plan.validation == Validation(share=0.2, points=30, radii=(0.1, 0.2), sigma=0.12)
    assert (plan.batch_size, plan.repeat, plan.precision, plan.channels_last) == (64, 3, "bfloat16", True)
    assert (plan.ema, plan.clip, plan.seed) == (0.99, 1.0, 7)
    assert plan.conditions is not None
    assert [realisation.attribute for realisation in plan.conditions.realisations] == ["light"]
    assert (plan.conditions.share, plan.conditions.epochs) == (0.5, 2)


def test_other_losses_and_levels(tmp_path: Path) -> None:
    """SmoothAdv with levels that climb; validation on examples of their own, or none."""
    lines = [
        "noise: {policy: data_dependent, start: 0.12, from_epoch: 2}",
        "loss: {kind: smoothadv, epsilon: 0.5, steps: 3, warmup: 2}",
    ]
    plan = load_training(written(tmp_path, *lines, "validation: {inputs: {dataset: digits}}", without="noise"))
    assert plan.noise == DataDependentTraining(start=0.12, from_epoch=2)
    assert plan.loss == SmoothAdv(epsilon=0.5, steps=3, warmup=2)
    assert plan.sigma == 0.12
    assert plan.validation is not None
    assert plan.validation.inputs is not None
    assert plan.validation.inputs.split == "test"
    assert load_training(written(tmp_path, "validation: none")).validation is None


@pytest.mark.parametrize(
    ("line", "place", "problem"),
    [
        ("noise: 0.25", "6:8", "noise: must be a mapping such as {sigma: 0.25}, found the number 0.25"),
        ("noise: {sigma: 0}", "6:16", "noise.sigma: must be >= 0.0001, found the number 0"),
        ("noise: {policy: datadependent}", "6:17", "did you mean 'data_dependent'?"),
        ("noise: {policy: data_dependent, sigma: 1}", "6:33", "noise.sigma: is not a known key; did you mean 'start'?"),
        ("noise: {policy: data_dependent, start: 2}", "6:40", "noise.start: must lie within [low, high] = [0.05, 1], found 2.0"),
        ("noise: {policy: data_dependent, clamp: [0.9, 0.1]}", "6:40", "noise.clamp: must be two rising probabilities"),
        ("loss: {kind: trades}", "8:14", "loss.kind: must be one of gaussian, smoothadv, macer"),
        ("loss: {draws: 2}", "8:1", "loss.kind: is required: one of gaussian, smoothadv, macer"),
        ("loss: {kind: macer, lamda: 2}", "8:21", "did you mean 'lambda'?"),
        ("loss: {kind: smoothadv, steps: 0}", "8:32", "loss.steps: must be >= 1"),
        ("consistency: {draws: 1}", "8:22", "consistency.draws: must be >= 2"),
        ("optimiser: {kind: sgd, lr: 0.1}", "8:24", "optimiser.lr: is not a known key; did you mean 'rate'?"),
        ("optimiser: {kind: sgd, momentum: 0, nesterov: true}", "8:34", "optimiser.momentum: must be above 0 beside nesterov"),
        ("optimizer: {kind: sgd}", "8:1", "optimizer: is not a known key; did you mean 'optimiser'?"),
        ("schedule: {kind: step}", "8:1", "schedule.every: is required: epochs between two drops, for example 30"),
        ("schedule: {kind: cosine, warmup: 4}", "8:34", "schedule.warmup: must be less than the 4 epochs, found 4"),
        ("loss: {kind: macer, from_epoch: 4}", "8:33", "loss.from_epoch: must be less than the 4 epochs, found 4"),
        ("loss: {kind: smoothadv}", "8:1", "loss.warmup: must be less than the 4 epochs, but is 10 where nothing is said"),
        ("validation: some", "8:13", "validation: must be none or a mapping such as {points: 100"),
        ("validation: {n: 5}", "8:17", "validation.n: must be at least"),
        ("validation: {radii: [0.1, 0.5]}", "8:21", "validation.radii: must be at most 0.4"),
        ("validation: {share: 0.1, inputs: {dataset: digits}}", "8:14", "validation.share: must not stand beside inputs"),
        ("validation: {inputs: {npz: none.npz}}", "8:28", "validation.inputs.npz: must name an existing file"),
        ("odd_share: 0.5", "8:1", "odd_share: needs the section odd"),
        ("epochs: 0", "7:9", "epochs: must be >= 1"),
        ("inputs: {callable: a.b:c}", "4:10", "inputs.callable: makes an image for each condition"),
        ("model: {onnx: model.onnx}", "5:9", "model.onnx: cannot be trained"),
        ("model: {architecture: a.b:c, precision: bfloat16}", "5:30", "model.precision: is for a model that is deployed"),
        ("model: {architecture: a.b:c, expected_clean_accuracy: 0.9}", "5:30", "is for a model that is trained: delete it"),
        ("odd_assess_training: 2", "1:22", "is written for a newer odd-assess"),
    ],
)
def test_a_mistake_is_one_problem(tmp_path: Path, line: str, place: str, problem: str) -> None:
    """With its line and column, what must hold and what was found; load and lint say the same."""
    key = line.split(":", maxsplit=1)[0]
    path = tmp_path / "train.yaml"
    lines = FILE.splitlines()
    at = next((i for i, one in enumerate(lines) if one.startswith(f"{key}:")), len(lines))
    path.write_text("\n".join([*lines[:at], line, *lines[at + 1 :]]) + "\n")
    with pytest.raises(SpecError) as caught:
        load_training(path)
    assert [str(one) for one in caught.value.problems] == [str(one) for one in lint(path)]
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert problem in str(caught.value)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """A mistake in one section hides none in another."""
    path = written(tmp_path, "loss: {kind: x}", "augment: {crop: -1}", ODD.replace("low_light", "low_lihgt"), "schedule: cosine")
    assert [problem.key for problem in lint(path)] == [
        "loss.kind",
        "augment.crop",
        "odd.attributes.light.realise.transform",
        "schedule",
    ]


def test_a_torchvision_architecture_needs_no_weights_to_be_trained(tmp_path: Path) -> None:
    """Where a spec would refuse an untrained network."""
    plan = load_training(
        written(tmp_path, "model: {architecture: torchvision:resnet18, arguments: {num_classes: 10}}", without="model")
    )
    assert (plan.model.kind, plan.model.reference, plan.model.weights) == ("torchvision", "resnet18", None)


def test_columns_of_a_table_are_no_conditions_of_a_training(tmp_path: Path) -> None:
    """A frame has its own value: nothing is drawn."""
    (tmp_path / "frames.csv").write_text("file,class,lux\na.png,0,50\n")
    odd = 'odd:\n  attributes:\n    light: {range: "[20 .. 2000] lux", column: lux}'
    path = written(tmp_path, "inputs: {table: frames.csv, images: file, label: class}", odd, without="inputs")
    assert [problem.key for problem in lint(path)] == ["odd.attributes.light.column"]


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    """A spec is no training file, a training file no spec."""
    (tmp_path / "spec.yaml").write_text("odd_assess: 1\nid: a\n")
    with pytest.raises(SpecError, match="this is a spec; a training file starts with odd_assess_training: 1"):
        load_training(tmp_path / "spec.yaml")
    from odd_assess.spec import load_spec

    with pytest.raises(SpecError, match="this is a training file, for odd-assess train"):
        load_spec(written(tmp_path))


def test_settings_tell_plans_apart_and_nothing_else(tmp_path: Path) -> None:
    """A comment, a title or the folder make no other training; a rate, a transform's range or a file of numbers do."""
    (tmp_path / "other").mkdir()
    before = load_training(written(tmp_path, ODD)).settings
    assert load_training(written(tmp_path / "other", "# a comment", ODD)).settings == before
    assert load_training(written(tmp_path, ODD, "title: Other", without="title")).settings == before
    assert load_training(written(tmp_path, ODD, "optimiser: {kind: sgd, rate: 0.2}")).settings != before
    assert load_training(written(tmp_path, ODD.replace("2000", "1000"))).settings != before
    (tmp_path / "lux.csv").write_text("lux\n50\n60\n")
    measured = ODD.replace('lux", ', 'lux", distribution: {empirical: lux.csv}, ')
    first = load_training(written(tmp_path, measured)).settings
    (tmp_path / "lux.csv").write_text("lux\n50\n61\n")
    assert load_training(written(tmp_path, measured)).settings != first


@pytest.mark.parametrize(("name", "classes"), [("gtsrb", 43), ("cifar10", 10), ("cifar10_resnet110", 10)])
def test_the_recipes_are_sound(repository: Path, tmp_path: Path, name: str, classes: int) -> None:
    """Each file of benchmarks/recipes, where its data lie beside it, has no problem, and its network the classes of its data."""
    path = Path(shutil.copy(repository / "benchmarks" / "recipes" / f"{name}.yaml", tmp_path))
    (tmp_path / "data").mkdir()
    images, labels = np.zeros((classes, 32, 32, 3), dtype=np.uint8), np.arange(classes)
    np.savez(tmp_path / "data" / f"{name}_train.npz", images=images, labels=labels)
    assert lint(path) == ()
    assert load_training(path).model.arguments["classes"] == classes


@pytest.mark.parametrize(("name", "classes"), [("gtsrb", 43), ("cifar10", 10)])
def test_the_weights_of_a_recipe_are_those_of_its_network(repository: Path, name: str, classes: int) -> None:
    """They load, and answer to images of the data's size with a logit for each class."""
    recipes = repository / "benchmarks" / "recipes"
    arguments = yaml.safe_load((recipes / f"{name}.yaml").read_text())["model"]["arguments"]
    module = network(**arguments)
    module.load_state_dict(load_file(recipes / f"{name}.safetensors"))
    assert module.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, classes)
