"""The run folder and its manifest: claimed before anything is spent, resumed only as the same run."""

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence import RunFolder, code_digest, environment, read_manifest, write_manifest
from odd_assess.evidence.manifest import differences

IDENTITY = {"spec": "aa", "model": "bb", "criteria": {"x.yaml": "cc"}}


def begun(path: Path) -> RunFolder:
    with RunFolder.claim(path, resume=False) as folder:
        write_manifest(folder.path, {"identity": IDENTITY, "started": "then", "status": "running"})
        folder.open_evidence(meta={}, documents=()).close()
    return folder


def claim(path: Path, *, resume: bool) -> None:
    with RunFolder.claim(path, resume=resume):
        pass


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    """Parents included, and left empty."""
    claim(tmp_path / "a" / "b", resume=False)
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    """A second run is refused while the first is at work, and welcome after it."""
    with RunFolder.claim(tmp_path, resume=False), pytest.raises(RunFolderError, match="no other run may be at work in it"):
        claim(tmp_path, resume=False)
    claim(tmp_path, resume=False)


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    """A run that was killed leaves its lock file behind, but not its lock."""
    code = f"""
import os, signal
from pathlib import Path
from odd_assess.evidence import RunFolder
with RunFolder.claim(Path({str(tmp_path)!r}), resume=False):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / ".lock").exists()
    claim(tmp_path, resume=False)


def test_a_lock_on_a_file_that_is_gone_holds_nobody_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends takes its lock file with it: who had it open already is refused, or a third one could join."""
    connect = sqlite3.connect

    def late(path: Path, **options: object) -> sqlite3.Connection:
        connection = connect(path, **options)  # type: ignore[call-overload]
        path.unlink()
        path.touch()
        (path.parent / "other").touch()
        return connection  # type: ignore[no-any-return]

    (tmp_path / ".lock").touch()
    monkeypatch.setattr(sqlite3, "connect", late)
    with pytest.raises(RunFolderError, match="another run has just ended"):
        claim(tmp_path, resume=False)


def test_no_probe_of_a_killed_run_stays(tmp_path: Path) -> None:
    """What a run that was killed while it tried the folder left there is removed by the next."""
    (tmp_path / ".probe").touch()
    claim(tmp_path, resume=False)
    assert list(tmp_path.iterdir()) == []


def test_evidence_is_never_overwritten(tmp_path: Path) -> None:
    """A folder with a run in it needs --resume or another --out."""
    begun(tmp_path)
    with pytest.raises(RunFolderError, match="must not hold a run already; go on with it by --resume, or give another --out"):
        claim(tmp_path, resume=False)


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    """--resume on an empty folder says so."""
    with pytest.raises(RunFolderError, match=r"must be an interrupted run to resume, found no evidence\.sqlite"):
        claim(tmp_path, resume=True)


def test_the_same_run_may_go_on(tmp_path: Path) -> None:
    """Equal identities: the first manifest is returned."""
    begun(tmp_path)
    with RunFolder.claim(tmp_path, resume=True) as folder:
        assert folder.check_same_run(IDENTITY)["started"] == "then"


def test_every_difference_is_named(tmp_path: Path) -> None:
    """Another model or criterion is another run, and the message says which."""
    folder = begun(tmp_path)
    with pytest.raises(RunFolderError) as refused:
        folder.check_same_run({"spec": "aa", "model": "b2", "criteria": {"x.yaml": "c2"}, "device": "cuda"})
    assert "criteria.x.yaml: was cc, is c2" in str(refused.value)
    assert "model: was bb, is b2" in str(refused.value)
    assert "device: was None, is cuda" in str(refused.value)
    assert "spec" not in str(refused.value).split("differ:")[1]


def test_equal_identities_differ_in_nothing() -> None:
    """No false alarm."""
    assert differences(IDENTITY, json.loads(json.dumps(IDENTITY))) == []


def test_a_folder_under_a_file_is_refused(tmp_path: Path) -> None:
    """A path that cannot be a folder ends in one message."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="the run folder must be writable"):
        claim(tmp_path / "file" / "run", resume=False)


def test_no_room_for_the_manifest_is_a_broken_run(tmp_path: Path) -> None:
    """A manifest that cannot be written breaks the run, with what to do."""
    with pytest.raises(RunError, match=r"could not be written: .*go on with --resume"):
        write_manifest(tmp_path / "absent", {})


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    """What is no manifest is named."""
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RunFolderError, match="must be the manifest of a run"):
        read_manifest(tmp_path)


def test_environment_and_code_are_recorded() -> None:
    """The auditor learns the versions that numbers passed through and whether the code was edited."""
    assert {"torch", "numpy", "scipy", "odd-assess"} <= set(environment()["libraries"])
    assert len(code_digest()) == 64


def test_nothing_is_left_of_what_was_refused(tmp_path: Path) -> None:
    """Folders that were made go again where nothing was written; what was there, and what holds something, stays."""
    (tmp_path / "there").mkdir()
    for place in ("there", "a/b"):
        with pytest.raises(RunFolderError), RunFolder.claim(tmp_path / place, resume=False):
            raise RunFolderError("refused")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    (begun(tmp_path / "c").path / "evidence.sqlite").rename(tmp_path / "c" / "other")
    with pytest.raises(RunError), RunFolder.claim(tmp_path / "c", resume=False):
        raise RunError("broken")
    assert (tmp_path / "c" / "manifest.json").is_file()
