"""``odd-assess train`` as a user meets it: a file, a folder, exit statuses, kills and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Bench

TRAINING = """\
odd_assess_training: 1
id: tiny
title: Digits, trained briefly
inputs: {dataset: digits, split: train}
model: {architecture: "odd_assess.examples.digits:network", arguments: {widths: [32]}}
noise: {policy: instance_wise, start: 0.1, from_epoch: 2, search_draws: 4, search_steps: 1, draws: 2}
optimiser: {kind: adamw, rate: 0.01}
epochs: 6
batch_size: 64
seed: 1
validation: {points: 20, n: 60, every: 3, radii: [0.1]}
"""


@pytest.fixture
def training(bench: Bench) -> Path:
    """A training file beside the tiny spec."""
    path = bench.folder / "train.yaml"
    path.write_text(TRAINING)
    return path


def test_what_is_trained_is_assessed(bench: Bench, training: Path) -> None:
    """Train, put the model section that was written into a spec beside it, run: a verdict. Exit status 0, the folder is named, looks are called estimates."""
    outcome = bench("train", training, "--out", bench.folder / "out", "--device", "cpu")
    assert outcome.status == 0, outcome
    assert "trained: Digits, trained briefly, 6 epochs of 1,167 examples" in outcome.out
    assert "20 held-out points, at most 60 draws, sigma 0.1; estimates" in outcome.out
    assert f"declared in: {bench.folder / 'out' / 'model.yaml'}" in outcome.out
    assert "epoch 3/6: loss" in outcome.err
    assert "6/6 epochs" in outcome.err
    import yaml

    section = yaml.safe_load((bench.folder / "out" / "model.yaml").read_text())["model"]
    section["weights"] = f"out/{section['weights']}"
    bench.change({"model": section, "sampling/points": 20, "certification/reference": None, "unattainable": "accept"})
    assert bench.run("--quiet").status in {0, 1, 3}


def test_json_is_all_that_is_printed(bench: Bench, training: Path) -> None:
    """With the epochs that were asked for."""
    outcome = bench("train", training, "--out", bench.folder / "out", "--epochs", "2", "--json")
    made = json.loads(outcome.out)
    assert (outcome.status, outcome.err) == (0, "warning: in 2 epochs noise.from_epoch, 2, is not reached\n")
    assert made["epochs"] == 2
    assert made["last"]["points"] == 20
    assert made["best"]["epoch"] == 2


def test_mistakes_end_with_status_2_and_one_message_each(bench: Bench, training: Path) -> None:
    """In the file, in what it names, in the options; nothing is written."""
    out = bench.folder / "out"
    bench.change({"loss": {"kind": "trades"}, "epochs": 0}, "train.yaml")
    outcome = bench("train", training, "--out", out)
    assert outcome.status == 2
    assert sorted(line.split(": ")[1] for line in outcome.err.splitlines()) == ["epochs", "loss.kind"]
    assert bench("lint", training).status == 2
    training.write_text(TRAINING)
    assert bench("lint", training).status == 0
    assert "--resume needs --out" in bench("train", training, "--resume").err
    assert "there must be a training to resume" in bench("train", training, "--out", out, "--resume").err
    assert "the device must be one of this machine" in bench("train", training, "--out", out, "--device", "gpu9").err
    bench.change({"schedule": {"kind": "cosine", "warmup": 3}}, "train.yaml")
    assert "--epochs must be more than schedule.warmup, 3, found 3" in bench("train", training, "--out", out, "--epochs", "3").err
    assert "this is a spec; a training file starts with" in bench("train", bench.spec, "--out", out).err
    assert "for odd-assess train; a spec starts with" in bench("run", training, "--out", out).err
    assert not out.exists()


def test_a_loss_that_is_no_number_is_status_4(bench: Bench, training: Path) -> None:
    """One message that says what to lower."""
    bench.change({"optimiser": {"kind": "sgd", "rate": 1e20}}, "train.yaml")
    outcome = bench("train", training, "--out", bench.folder / "out", "--quiet")
    assert outcome.status == 4
    assert "lower optimiser.rate" in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_another_plan_is_refused_by_name(bench: Bench, training: Path) -> None:
    """Status 2, the setting, what it was and what it is."""
    out = bench.folder / "out"
    assert bench("train", training, "--out", out, "--epochs", "1", "--quiet").status == 0
    outcome = bench("train", training, "--out", out, "--resume", "--quiet")
    assert outcome.status == 2
    assert "these differ:\n  epochs: was 1, is 6" in outcome.err


def test_ctrl_c_keeps_the_last_epoch(bench: Bench, training: Path) -> None:
    """Status 130, the command to go on with, and an epoch that is kept although it took a moment; it ends in the weights of an undisturbed training."""
    bench.change({"epochs": 40}, "train.yaml")
    process = bench.process("train", training, "--out", "out", "--device", "cpu")
    metrics = bench.folder / "out" / "metrics.csv"
    until = time.monotonic() + 240
    while time.monotonic() < until and not (metrics.exists() and metrics.read_text().count("\n") > 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "go on with: odd-assess train" in err
    assert "--resume" in err
    done = json.loads((bench.folder / "out" / "last" / "state.json").read_text())["epochs"]
    assert 2 <= done < 40  # it may have come between an epoch's line and its state
    assert metrics.read_text().count("\n") - 1 in {done, done + 1}
    assert bench("train", training, "--out", bench.folder / "out", "--resume", "--device", "cpu", "--quiet").status == 0


FORKED = """
import os, random, signal, sys, time
from pathlib import Path
from odd_assess.spec import load_training
from odd_assess.training import loop, train
import sklearn.datasets
import torch
loop.KEEP_EVERY_S = 0.0
plan = load_training(Path(sys.argv[1]))
place = Path(sys.argv[2])

def forked(name):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        train(plan, place / name, resume=(place / name / "last").exists() or (place / name / "last.old").exists(), device="cpu")
        status = 0
    finally:
        os._exit(status)

def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def files(name):
    whole = {str(path.relative_to(place / name)): path.read_bytes() for path in (place / name).rglob("*") if path.is_file()}
    whole["metrics.csv"] = [line.split(b",")[:4] + line.split(b",")[5:] for line in whole["metrics.csv"].splitlines()]
    return whole

torch.set_num_threads(1)
began = time.monotonic()
assert ended(forked("whole")) == 0
seconds = time.monotonic() - began
whole = files("whole")
chance = random.Random(5)
killed = 0
for number in range(5):
    for again in range(1 + number % 3):
        pid = forked(f"time{number}.")
        time.sleep(seconds * chance.random())
        os.kill(pid, signal.SIGKILL)
        killed += ended(pid) == -signal.SIGKILL
    assert ended(forked(f"time{number}.")) == 0
    found = files(f"time{number}.")
    assert found.keys() == whole.keys(), (number, found.keys())
    unlike = [name for name in whole if found[name] != whole[name]]
    assert not unlike, (number, unlike)
print(killed)
"""


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_in_the_same_bits(bench: Bench, training: Path) -> None:
    """SIGKILL at random moments, once to three times each: the same files, byte for byte, but for the seconds in the metrics."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, str(training), str(bench.folder)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 4
