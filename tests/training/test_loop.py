"""The loop: it learns, resumes to the bit, refuses what is not the same training, and breaks with one message."""

from __future__ import annotations

import csv
import json
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from odd_assess.errors import MissingLibraryError, ModelError, RunError, RunFolderError
from odd_assess.models import load_model
from odd_assess.spec import declared_model
from odd_assess.training import Trained, loop, train
from odd_assess.training.checkpoint import TrainingFolder
from odd_assess.training.trainee import Trainee
from odd_assess.training_plan import TrainingPlan

from .conftest import ODD, Plans

MACER = "loss: {kind: macer, draws: 4, lambda: 1}"
SMOOTH_ADV = "loss: {kind: smoothadv, epsilon: 0.1, warmup: 2}"
METHODS = {
    "gaussian": (),
    "smoothadv, data-dependent levels, momentum": (
        SMOOTH_ADV,
        "noise: {policy: data_dependent, start: 0.1, from_epoch: 0, draws: 2}",
        "optimiser: {kind: sgd, rate: 0.05, nesterov: true}",
    ),
    "macer, searched levels, conditions, average, clip": (
        MACER,
        "noise: {policy: instance_wise, start: 0.1, from_epoch: 0, search_draws: 4, search_steps: 1, draws: 2}",
        ODD,
        "ema: 0.9",
        "clip: 0.5",
        "schedule: {kind: one_cycle}",
    ),
    "consistency, changes, conditions for two epochs, twice an epoch": (
        "consistency: {lambda: 2}",
        "augment: {flip: true, crop: 1, shift: 0.2}",
        ODD,
        "odd_epochs: 2",
        "repeat: 2",
        "channels_last: true",
    ),
}


class StopError(Exception):
    """What stops a training in a test."""


def stopped_after(plan: TrainingPlan, out: Path, epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that is stopped in the middle of the epoch after so many."""
    step = loop._Work._step

    def stopping(self: Any, batch: Any, epoch: int, number: int) -> Any:
        if (epoch, number) == (epochs, 3):
            raise StopError
        return step(self, batch, epoch, number)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Work, "_step", stopping)
        with pytest.raises(StopError):
            train(plan, out, device="cpu")


@pytest.mark.parametrize("lines", METHODS.values(), ids=METHODS)
def test_a_resumed_training_ends_in_the_same_bits(
    plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
) -> None:
    """Stopped in the middle of the second and then of the third epoch: weights, the best ones, levels, optimiser, and the metrics but for the seconds."""
    plan = plan_of(*lines, "inputs: {dataset: digits, split: test}")
    train(plan, tmp_path / "whole", device="cpu")
    stopped_after(plan, tmp_path / "parts", 1, monkeypatch)
    assert TrainingFolder(path=tmp_path / "parts").last().epochs == 1
    made = train(plan, tmp_path / "parts", resume=True, device="cpu")
    for name in ("weights.safetensors", "model.yaml", "best/weights.safetensors", "last/model.safetensors"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    before, after = (TrainingFolder(path=tmp_path / name).last() for name in ("whole", "parts"))
    assert before.facts == after.facts
    assert set(before.levels) == set(after.levels)
    assert all(torch.equal(before.levels[name], after.levels[name]) for name in before.levels)
    assert _flat(before.optimiser) == _flat(after.optimiser)
    assert _metrics(tmp_path / "parts") == _metrics(tmp_path / "whole")
    assert made.as_data()["epochs"] == 3


def _flat(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _flat(inner) for key, inner in value.items()}
    return [_flat(inner) for inner in value] if isinstance(value, list | tuple) else value


def _metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as lines:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(lines)]


def trained(plan: TrainingPlan, folder: Path) -> Trained:
    """A training from its beginning to its end, on the CPU."""
    return train(plan, folder, device="cpu")


def test_it_learns_and_what_it_writes_loads(plan_of: Plans, tmp_path: Path) -> None:
    """Eight epochs read most digits; the folder's model section loads as it stands; a look was due after epochs 2, 4, ... 8, the metrics hold each epoch."""
    made = trained(plan_of("epochs: 8"), tmp_path / "out")
    assert made.last is not None
    assert made.best is not None
    assert made.last["accuracy"] > 0.6
    assert made.best["acr"] >= made.last["acr"]
    assert 0 < made.last["acr"] < 0.5
    for section in (made.model, made.folder / "best" / "model.yaml"):
        model = load_model(declared_model(section), device="cpu")
        assert model(torch.rand(3, 1, 8, 8)).shape == (3, 10)
    rows = _metrics(made.folder)
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 9)]
    assert [bool(row["acr"]) for row in rows] == [False, True] * 4
    assert float(rows[-1]["acr"]) == made.last["acr"]
    assert float(rows[-1]["certified@0.1"]) == made.last["certified"]["0.1"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 2
    assert {row["sigma"] for row in rows} == {rows[0]["sigma"]}
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "best",
        "last",
        "metrics.csv",
        "model.yaml",
        "weights.safetensors",
    ]


def test_the_seed_decides_and_nothing_else(plan_of: Plans, tmp_path: Path) -> None:
    """The same file gives the same weights, whatever torch's common generator holds; another seed gives others. That generator is as it was."""
    plan = plan_of("epochs: 1", "validation: none")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trained(plan, tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    trained(plan, tmp_path / "b")
    trained(replace(plan, seed=4), tmp_path / "c")
    a, b, c = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_a_training_that_is_over_is_resumed_to_what_it_was(plan_of: Plans, tmp_path: Path) -> None:
    """The same result, without an epoch."""
    plan = plan_of("epochs: 2")
    made = trained(plan, tmp_path / "out")
    weights = made.model.with_name("weights.safetensors").read_bytes()
    again = train(plan, tmp_path / "out", resume=True, device="cpu")
    assert made.model.with_name("weights.safetensors").read_bytes() == weights
    assert {**again.as_data(), "seconds": 0} == {**made.as_data(), "seconds": 0}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("optimiser: {kind: adamw, rate: 0.02}", "optimiser.rate: was 0.01, is 0.02"),
        ("epochs: 4", "epochs: was 3, is 4"),
        ("noise: {sigma: 0.2}", "noise.sigma: was 0.1, is 0.2"),
        ("seed: 4", "seed: was 3, is 4"),
        (MACER, "loss.kind: was gaussian, is macer"),
        ("inputs: {dataset: digits, split: train}", "inputs.split: was test, is train"),
        ("model: {architecture: 'odd_assess.examples.digits:network', arguments: {widths: [8]}}", "model.arguments.widths"),
        ("ema: 0.9", "ema: was None, is 0.9"),
    ],
)
def test_another_training_is_not_gone_on_with(
    plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, named: str
) -> None:
    """The setting that differs is named, and the state stays."""
    stopped_after(plan_of(), tmp_path / "out", 1, monkeypatch)
    with pytest.raises(RunFolderError, match="must be the same training") as caught:
        train(plan_of(line), tmp_path / "out", resume=True, device="cpu")
    assert named in str(caught.value)
    assert TrainingFolder(path=tmp_path / "out").last().epochs == 1


def test_changed_first_weights_and_code_are_named(plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of weights to start from that is another, and a factory that was edited."""
    code = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    (tmp_path / "mine.py").write_text(code)
    save_file({"1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10)}, tmp_path / "start.safetensors")
    line = "model: {architecture: 'mine.py:make', weights: start.safetensors}"
    stopped_after(plan_of(line), tmp_path / "out", 1, monkeypatch)
    assert load_file(tmp_path / "out" / "last" / "model.safetensors")["1.weight"].abs().max() > 0
    save_file({"1.weight": torch.ones(10, 64), "1.bias": torch.zeros(10)}, tmp_path / "start.safetensors")
    with pytest.raises(RunFolderError, match=r"model\.first_weights: was"):
        train(plan_of(line), tmp_path / "out", resume=True, device="cpu")
    save_file({"1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10)}, tmp_path / "start.safetensors")
    (tmp_path / "mine.py").write_text(code + "# edited\n")
    with pytest.raises(RunFolderError, match=r"model\.code: was"):
        train(plan_of(line), tmp_path / "out", resume=True, device="cpu")


def test_a_loss_that_is_no_number_ends_it(plan_of: Plans, tmp_path: Path) -> None:
    """Status 4, with the settings to lower; the epochs before are kept."""
    plan = plan_of("optimiser: {kind: sgd, rate: 1e20}")
    with pytest.raises(RunError, match=r"NaN or infinite in epoch 1 of 3: lower optimiser.rate \(now 1e\+20\), set clip") as caught:
        trained(plan, tmp_path / "out")
    assert caught.value.exit_status == 4
    assert TrainingFolder(path=tmp_path / "out").last().epochs == 0


def test_a_folder_is_neither_overwritten_nor_resumed_from_nothing(plan_of: Plans, tmp_path: Path) -> None:
    """One message each, and no folder is left behind."""
    with pytest.raises(RunFolderError, match="there must be a training to resume, found none"):
        train(plan_of(), tmp_path / "none", resume=True, device="cpu")
    assert not (tmp_path / "none").exists()
    trained(plan_of("epochs: 1"), tmp_path / "out")
    with pytest.raises(RunFolderError, match="must not hold a training already; go on with it by --resume"):
        trained(plan_of("epochs: 1"), tmp_path / "out")
    (tmp_path / "out" / "last" / "optimiser.pt").write_bytes(b"cut")
    with pytest.raises(RunFolderError, match="found it damaged"):
        train(plan_of("epochs: 1"), tmp_path / "out", resume=True, device="cpu")


NETWORKS = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)
    def forward(self, batch):
        logits = self.layer(batch.flatten(1))
        return (logits, logits) if self.training else logits

def nothing():
    return nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(10))

class Drops(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 10))
    def forward(self, batch):
        return self.parts(batch)
"""


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            "{architecture: 'odd_assess.examples.digits:network', arguments: {classes: 9}}",
            "must have the 10 classes of the inputs, its logits have 9",
        ),
        ("{architecture: 'odd_assess.examples.residual:network', arguments: {classes: 10}}", "must accept inputs of shape"),
        ("{architecture: 'nets.py:Two'}", "must answer with one tensor of logits in training mode too, found a tuple"),
        ("{architecture: 'nets.py:nothing'}", "must have weights to train, found none"),
    ],
)
def test_a_model_that_cannot_be_trained_is_one_error(plan_of: Plans, tmp_path: Path, model: str, problem: str) -> None:
    """Before anything is spent, and nothing is left in the folder."""
    (tmp_path / "nets.py").write_text(NETWORKS)
    with pytest.raises(ModelError, match="the model must") as caught:
        trained(plan_of(f"model: {model}"), tmp_path / "out")
    assert problem in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_dropout_and_batch_statistics_resume_too(plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the network draws by itself has an address as well, running statistics are kept; the average of the weights follows both."""
    (tmp_path / "nets.py").write_text(NETWORKS)
    plan = plan_of("model: {architecture: 'nets.py:Drops', normalise: {mean: [0.3], std: [0.4]}}", "ema: 0.8", "validation: none")
    trained(plan, tmp_path / "whole")
    stopped_after(plan, tmp_path / "parts", 2, monkeypatch)
    train(plan, tmp_path / "parts", resume=True, device="cpu")
    whole, parts = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    declared = declared_model(tmp_path / "whole" / "model.yaml")
    assert (declared.mean, declared.std) == ((0.3,), (0.4,))
    assert "normalise" in (tmp_path / "whole" / "model.yaml").read_text()


def test_a_trainee_is_the_normalised_module_in_its_precision(plan_of: Plans) -> None:
    """Float32 logits; bfloat16 is autocast, weights stay float32."""
    line = "model: {architecture: 'odd_assess.examples.digits:network', normalise: {mean: [0.3], std: [0.4]}}"
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    images = torch.rand(5, 1, 8, 8)
    exact = Trainee(module, plan_of(line), torch.device("cpu"))(images)
    assert torch.allclose(exact, module((images - 0.3) / 0.4), atol=1e-6)
    half = Trainee(module, plan_of(line, "precision: bfloat16"), torch.device("cpu"))(images)
    assert half.dtype == torch.float32
    assert not torch.equal(half, exact)
    assert torch.equal(half, half.bfloat16().float())
    assert torch.allclose(half, exact, atol=0.1)
    assert module[1].weight.dtype == torch.float32


def test_the_average_follows_the_weights(plan_of: Plans) -> None:
    """By hand: decay .9, in the first steps (1 + t) / (10 + t); counters are copied."""
    module = nn.Sequential(nn.BatchNorm1d(2))
    trainee = Trainee(module, plan_of("ema: 0.9"), torch.device("cpu"))
    assert trainee.average is not None
    expected = 1.0
    for step in range(200):
        with torch.no_grad():
            module[0].weight.fill_(step)
            module[0].num_batches_tracked.fill_(step)
        trainee.follow(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(trainee.average[0].weight[0]) == pytest.approx(expected, rel=1e-5)  # type: ignore[index]
    assert int(trainee.average[0].num_batches_tracked) == 199  # type: ignore[index]
    assert trainee.result is trainee.average


def test_tensorboard_is_written_where_it_is_asked_for(plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of each epoch, through torch's own writer; without the package one message."""
    plan = plan_of("epochs: 2")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingLibraryError, match="pip install tensorboard"):
        train(plan, tmp_path / "none", device="cpu", tensorboard=True)
    seen: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "out" / "tensorboard")

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            seen.append((tag, value, step))

        def close(self) -> None:
            seen.append(("closed", 0, 0))

    board = types.ModuleType("torch.utils.tensorboard")
    board.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    made = train(plan, tmp_path / "out", device="cpu", tensorboard=True)
    assert made.last is not None
    assert ("acr", made.last["acr"], 2) in seen
    assert [step for tag, _, step in seen if tag == "loss"] == [1, 2]
    assert [step for tag, _, step in seen if tag == "acr"] == [2]
    assert seen[-1][0] == "closed"


def test_memory_that_runs_out_is_one_error(plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which setting to lower."""

    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loop._Work, "_step", full)
    with pytest.raises(RunError, match=r"memory ran out in epoch 1: lower batch_size \(now 64\)"):
        trained(plan_of(), tmp_path / "out")


def test_a_network_that_breaks_on_the_way_is_one_error(plan_of: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raised is told, and what is kept; mended, the training goes on."""

    def broken(*_: Any) -> Any:
        raise KeyError("weights")

    with monkeypatch.context() as patch:
        patch.setattr(loop._Work, "_step", broken)
        with pytest.raises(RunError, match=r"broke in epoch 1 with KeyError: 'weights'\. The state after epoch 0 is kept"):
            trained(plan_of(), tmp_path / "out")
    assert train(plan_of(), tmp_path / "out", resume=True, device="cpu").last is not None


def test_the_state_says_what_it_is(plan_of: Plans, tmp_path: Path) -> None:
    """Plain facts as JSON: the settings, the epochs that are done, the threads, the versions."""
    trained(plan_of("epochs: 1"), tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "last" / "state.json").read_text())
    assert facts["epochs"] == 1
    assert facts["threads"] == torch.get_num_threads()
    assert facts["identity"]["noise"] == {"policy": "fixed", "sigma": 0.1}
    assert torch.__version__.startswith(facts["environment"]["libraries"]["torch"])
