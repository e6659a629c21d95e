"""Durability: a run that is killed, interrupted, out of disk or broken keeps what it has, ends at once, and goes on as the same run."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from odd_assess.certify import Setting, Tuned
from odd_assess.evidence import MAIN, EvidenceStore
from odd_assess.examples.digits import WEIGHTS

from .conftest import Bench

FORKED = """
import json, os, random, signal, sys, time
from pathlib import Path
from odd_assess.assessment import assess
from odd_assess.errors import RunFolderError
from odd_assess.spec import load_spec
import sklearn.datasets
spec = load_spec(Path(sys.argv[1]))
place = Path(sys.argv[2])

def forked(name, kill_at):
    pid = os.fork()
    if pid:
        return pid
    done = 0
    def watch(event, given):
        nonlocal done
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"} and f"/{name}" in os.fsdecode(given[0]):
            if event != "open" or set(str(given[1])) & set("wax+"):
                done += 1
                if done == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    status = 1
    try:
        assess(spec, place / name, resume=(place / name / "evidence.sqlite").exists())
        status = 0
    finally:
        os._exit(status)

def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def files(name):
    left = sorted(path.name for path in (place / name).iterdir())
    manifest = json.loads((place / name / "manifest.json").read_text())
    return (place / name / "evidence.sqlite").read_bytes(), left, manifest["status"], manifest["verdict"], manifest["identity"]

began = time.monotonic()
assert ended(forked("whole", 0)) == 0
seconds = time.monotonic() - began
whole = files("whole")
found = {"killed": 0, "unlike": []}
chance = random.Random(7)
for number in range(1, 100):  # each thing that a run does to its folder
    killed = ended(forked(f"file{number}.", number))
    if killed == 0:
        break
    found["killed"] += killed == -signal.SIGKILL
    if ended(forked(f"file{number}.", 0)) != 0 or files(f"file{number}.") != whole:
        found["unlike"].append(f"file {number}")
for number in range(4):  # and any moment
    for again in range(1 + number % 2):
        pid = forked(f"time{number}.", 0)
        time.sleep(seconds * chance.random())
        os.kill(pid, signal.SIGKILL)
        ended(pid)
    if ended(forked(f"time{number}.", 0)) != 0 or files(f"time{number}.") != whole:
        found["unlike"].append(f"time {number}")
print(json.dumps(found))
"""


@pytest.mark.slow
def test_a_run_killed_at_any_place_ends_in_the_same_folder(bench: Bench) -> None:
    """SIGKILL before each file operation of a run and at random moments, once or twice: the same bytes of evidence, manifest and names of files."""
    bench.change({"sampling/points": 8, "certification/reference": {"n": 400, "points": 3}, "unattainable": "accept"})
    done = subprocess.run(
        [sys.executable, "-c", FORKED, str(bench.spec), str(bench.folder)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["unlike"] == []
    assert found["killed"] >= 15


@pytest.mark.slow
def test_a_full_disk_ends_in_one_message_and_loses_nothing(make_bench: Callable[[], Bench], finished: Bench) -> None:
    """Where no file may grow beyond 150 kB the run breaks with status 4; with room again it ends in the evidence of an undisturbed run."""
    bench = make_bench()
    run = bench.folder / "run"
    command = [sys.executable, "-m", "odd_assess", "run", str(bench.spec), "--out", str(run), "--no-pdf", "--quiet"]
    broken = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000)),
    )
    assert broken.returncode == 4, broken.stderr
    assert broken.stderr.startswith(f"odd-assess: {run / 'evidence.sqlite'}: the evidence could not be ")
    assert broken.stderr.rstrip().endswith("What is certified is kept: make room, then go on with --resume")
    assert len(broken.stderr.splitlines()) == 1
    with EvidenceStore.open(run / "evidence.sqlite") as store:
        assert len(store.done(MAIN)) > 0
    assert bench.run("--resume").status == 0
    assert (run / "evidence.sqlite").read_bytes() == (finished.folder / "run" / "evidence.sqlite").read_bytes()


LANES = """
import sys
from odd_assess.assessment import flow
from odd_assess.certify import Setting, Tuned
flow.tuned = lambda bench, spec: Tuned(setting=Setting(batch_size=64, lanes=3))
from odd_assess.cli import main
print("ready", flush=True)
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_lanes(bench: Bench) -> None:
    """SIGINT while three lanes are at work: one message, 130, nothing that hangs, and a folder that goes on."""
    bench.change({"sampling/points": 3000, "certification/reference": None})
    run = bench.folder / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", LANES, "run", str(bench.spec), "--out", str(run), "--no-pdf"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    while "points to certify" not in process.stderr.readline():
        assert process.poll() is None
    store = run / "evidence.sqlite"
    while not EvidenceStore.open(store).done(MAIN):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "odd-assess: interrupted"
    with EvidenceStore.open(store) as evidence:
        assert 0 < len(evidence.done(MAIN)) < 3000
    assert json.loads((run / "manifest.json").read_text())["engine"]["setting"]["lanes"] == 3


BREAKS = """
import os
import threading
from odd_assess.examples.digits import WEIGHTS, network
from safetensors.torch import load_file
from torch import nn

class Breaks(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = network()
        self.network.load_state_dict(load_file(WEIGHTS))

    def forward(self, batch):
        if os.environ.get("BREAKS") and threading.current_thread().name.startswith("lane"):
            raise {error}("no more")
        return self.network(batch)

def make():
    return Breaks()
"""


@pytest.mark.parametrize("error", ["ValueError", "SystemExit", "MemoryError"])
def test_a_lane_that_breaks_ends_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    """Whatever the model raises in a lane, the status is 4 with one message; mended, the run goes on."""
    (bench.folder / f"breaks_{error.lower()}.py").write_text(BREAKS.format(error=error))
    bench.change(
        {
            "model": {"architecture": f"breaks_{error.lower()}:make"},
            "sampling/points": 20,
            "certification/reference": None,
            "unattainable": "accept",
        }
    )
    monkeypatch.setattr("odd_assess.assessment.flow.tuned", lambda bench, spec: Tuned(setting=Setting(batch_size=48, lanes=3)))
    monkeypatch.setenv("BREAKS", "1")
    outcome = bench.run("--quiet")
    assert outcome.status == 4, outcome
    assert "the run broke after 0 draws" in outcome.err
    assert "go on with --resume" in outcome.err
    monkeypatch.delenv("BREAKS")
    assert bench.run("--resume", "--quiet").status in {0, 1, 3}


SMALL = """
import torch
from odd_assess.examples.digits import WEIGHTS, network
from safetensors.torch import load_file
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = network()
        self.network.load_state_dict(load_file(WEIGHTS))

    def forward(self, batch):
        if len(batch) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(batch)
"""


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_setting_that_needs_more_memory_than_there_is(
    finished: Bench, bench: Bench, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    """A run recorded with batches of 64 goes on where 20 inputs fit in memory: first look, answers without noise and draws are asked in parts."""
    (bench.folder / "small_memory.py").write_text(SMALL)
    bench.change({"model": {"architecture": "small_memory:Small"}})
    monkeypatch.setattr("odd_assess.assessment.flow.tuned", lambda bench, spec: Tuned(setting=Setting(batch_size=64, lanes=lanes)))
    outcome = bench.run("--quiet")
    assert outcome.status == 0, outcome
    found, due = (EvidenceStore.open(folder / "run" / "evidence.sqlite") for folder in (bench.folder, finished.folder))
    with found, due:
        assert list(found.rows(MAIN)) == list(due.rows(MAIN))


def test_a_changed_model_is_named_before_it_is_tried(finished: Bench, bench: Bench) -> None:
    """Weights that read nothing any more are told as another model, not as a wrong preprocessing."""
    weights = bench.folder / "weights.safetensors"
    shutil.copy(WEIGHTS, weights)
    bench.change({"model/weights": str(weights), "model/expected_clean_accuracy": 0.95, "sampling/points": 20})
    bench.change({"certification/reference": None})
    assert bench.run().status in {0, 3}
    save_file({name: np.zeros_like(values) for name, values in load_file(weights).items()}, weights)
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "these differ:\n  model: was" in outcome.err
    assert "data: was" not in outcome.err


def test_changed_data_are_named(bench: Bench) -> None:
    """One pixel of one image, and the run is another; the message says that it is the data."""
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 255, (40, 8, 8), dtype=np.uint8), generator.integers(0, 10, 40)
    np.savez(bench.folder / "signs.npz", images=images, labels=labels, class_names=np.array(list("0123456789")))
    bench.change({"inputs": {"npz": "signs.npz"}, "sampling/points": 20, "certification/reference": None, "unattainable": "accept"})
    assert bench.run().status in {0, 1, 3}
    images[3, 4, 5] ^= 1
    np.savez(bench.folder / "signs.npz", images=images, labels=labels, class_names=np.array(list("0123456789")))
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "these differ:\n  data: was" in outcome.err
    assert "model: was" not in outcome.err


def unfinished(finished: Bench, bench: Bench, engine: dict[str, object]) -> Path:
    """The finished run as if it had been killed half way on a machine that called the model in another way."""
    run = bench.folder / "run"
    shutil.copytree(finished.folder / "run", run)
    with sqlite3.connect(run / "evidence.sqlite") as db:
        db.execute("DELETE FROM certificates WHERE idx % 2 = 1")
        db.execute("DELETE FROM findings")
    db.close()
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["status"] = "running"
    manifest["engine"] = {**manifest["engine"], **engine}
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def test_more_lanes_than_this_machine_has_cores(finished: Bench, bench: Bench) -> None:
    """A run goes on as it was begun, on a smaller machine too: five lanes of three threads, the same bytes of evidence."""
    setting = {"batch_size": 100, "channels_last": True, "lanes": 5, "threads": 3}
    run = unfinished(finished, bench, {"setting": setting})
    assert bench.run("--resume").status == 0
    assert (run / "evidence.sqlite").read_bytes() == (finished.folder / "run" / "evidence.sqlite").read_bytes()
    assert json.loads((run / "manifest.json").read_text())["engine"]["setting"] == setting


def test_a_manifest_without_a_setting_is_one_error(finished: Bench, bench: Bench) -> None:
    """A file that somebody cut: said in one message."""
    unfinished(finished, bench, {"setting": {"batch_size": 0}})
    outcome = bench.run("--resume")
    assert outcome.status == 2
    assert "must say how the interrupted run called the model" in outcome.err
