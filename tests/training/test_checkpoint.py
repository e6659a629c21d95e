"""The folder of a training: whole at every moment, held by one process, metrics as far as the state."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from odd_assess.errors import RunError, RunFolderError
from odd_assess.training.checkpoint import Snapshot, TrainingFolder


def snapshot(epochs: int) -> Snapshot:
    """A state that can be told from others."""
    tensors = {"weight": torch.full((3,), float(epochs))}
    return Snapshot(
        facts={"epochs": epochs}, model=tensors, average={}, levels={"sigma": tensors["weight"]}, optimiser={"state": tensors}
    )


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    """All tensors and facts, of the last one that was kept."""
    folder = TrainingFolder(path=tmp_path)
    folder.keep(snapshot(1))
    folder.keep(snapshot(2))
    last = folder.last()
    assert last.epochs == 2
    assert last.model["weight"].tolist() == last.levels["sigma"].tolist() == last.optimiser["state"]["weight"].tolist() == [2.0] * 3
    assert last.average == {}
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


KILLED = """
import os, sys
from pathlib import Path
import torch
from odd_assess.training.checkpoint import Snapshot, TrainingFolder

def snapshot(epochs):
    tensors = {"weight": torch.full((3,), float(epochs))}
    return Snapshot(facts={"epochs": epochs}, model=tensors, average={}, levels=tensors, optimiser={"state": tensors})

def killed_before(number, folder):
    done = 0
    def watch(event, given):
        nonlocal done
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"} and str(folder) in str(given[0]):
            done += 1
            if done == number:
                os._exit(9)
    sys.addaudithook(watch)

killed = 0
for number in range(1, 60):
    folder = TrainingFolder(path=Path(sys.argv[1]) / f"{number}.")
    folder.path.mkdir()
    folder.keep(snapshot(1))
    if (pid := os.fork()) == 0:
        killed_before(number, folder.path)
        folder.keep(snapshot(2))
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert folder.last().epochs in ({2} if ended == 0 else {1, 2}), number
    folder.keep(snapshot(3))
    assert folder.last().epochs == 3
    assert [path.name for path in folder.path.iterdir()] == ["last"], number
    if ended == 0:
        break
    killed += 1
print(killed)
"""


def test_a_kill_at_any_file_operation_leaves_a_whole_state(tmp_path: Path) -> None:
    """The process ends before each open, rename, mkdir and remove in turn: the state of epoch 1 or 2 is there, and epoch 3 can be kept after it."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10


def test_metrics_go_as_far_as_the_state(tmp_path: Path) -> None:
    """Lines of later epochs, and one that was cut, are dropped when a training is resumed; the others stay."""
    folder = TrainingFolder(path=tmp_path)
    folder.begin_metrics(["epoch", "loss"], 0)
    for epoch in range(1, 5):
        folder.add_metrics([epoch, epoch / 10])
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("5")
    folder.begin_metrics(["epoch", "loss"], 3)
    folder.add_metrics([4, None])
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss\n1,0.1\n2,0.2\n3,0.3\n4,\n"


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is told so."""
    with (
        TrainingFolder.claim(tmp_path, resume=False),
        pytest.raises(RunFolderError, match="no other run may be at work in it"),
        TrainingFolder.claim(tmp_path, resume=False),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    """A file in its place; a disk that refuses later breaks the run, and the last state stays."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="the folder must be writable"), TrainingFolder.claim(tmp_path / "file", resume=False):
        pass
    folder = TrainingFolder(path=tmp_path)
    folder.keep(snapshot(1))
    (tmp_path / "last.draft").write_text("in the way")
    with pytest.raises(RunError, match="could not be written"):
        folder.keep(snapshot(2))
    assert folder.last().epochs == 1
