"""Every exit status, as a shell gets it from a real process, of each way to end: with one message, no traceback, and 0 only where the gate is open.

The same ends are looked at more closely elsewhere: in one process (test_run, test_bad_input), and with what is kept (test_durability).
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from odd_assess.evidence import MAIN, EvidenceStore

from .conftest import Bench, Outcome

pytestmark = pytest.mark.slow
QUICK = {"sampling/points": 12, "certification/reference": None, "certification/budget": {"kind": "reduced", "n0": 10, "n": 50}}
NEEDED = {"MET": (">= 0.01", ">= 0.01"), "NOT MET": (">= 0.999", ">= 0.01"), "INCONCLUSIVE": (">= 0.40", ">= 0.01")}


@pytest.fixture(scope="module")
def quick(make_bench: Callable[[], Bench]) -> Bench:
    """A tiny spec, and beside its criteria one file for each verdict."""
    bench = make_bench().change({**QUICK, "unattainable": "accept"})
    criteria = (bench.folder / "criteria.yaml").read_text()
    for verdict, (certified, clean) in NEEDED.items():
        bench.change({"criteria/0/require": certified, "criteria/1/require": clean}, "criteria.yaml")
        shutil.move(bench.folder / "criteria.yaml", bench.folder / f"{verdict}.yaml")
        (bench.folder / "criteria.yaml").write_text(criteria)
        spec = bench.spec.read_text()
        bench.change({"criteria": [f"{verdict}.yaml"]})
        shutil.move(bench.spec, bench.folder / f"{verdict} spec.yaml")
        bench.spec.write_text(spec)
    return bench


def ended(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    return Outcome(process.returncode, out, err)


def shell(bench: Bench, *args: str | Path) -> Outcome:
    return ended(bench.process(*args))


@pytest.mark.parametrize(("verdict", "status"), [("MET", 0), ("NOT MET", 1), ("INCONCLUSIVE", 3)])
def test_the_verdict_is_the_status(quick: Bench, verdict: str, status: int) -> None:
    """Of `run`; `verify` of it ends with 0: it says that the run is sound, not that it is met."""
    run = quick.folder / verdict.lower().replace(" ", "-")
    outcome = shell(quick, "run", f"{verdict} spec.yaml", "--out", run, "--no-pdf", "--quiet")
    assert outcome.status == status, outcome
    assert outcome.out.startswith(f"{verdict}: ")
    if status == 1:
        assert shell(quick, "verify", run).status == 0


@pytest.mark.parametrize(
    "args",
    [
        ("run",),
        ("run", "nowhere.yaml"),
        ("run", "spec.yaml", "--resume"),
        ("run", "spec.yaml", "--colour"),
        ("run", "damaged.yaml", "--out", "x", "--no-pdf"),
        ("lint", "damaged.yaml"),
        ("report", "."),
        ("verify", "nowhere"),
        ("verfy", "run"),
    ],
    ids=" ".join,
)
def test_what_was_given_cannot_be_used(quick: Bench, args: tuple[str, ...]) -> None:
    """2, and something is said."""
    (quick.folder / "damaged.yaml").write_text(quick.spec.read_text().replace("sigma: 0.25", "sigma: -1"))
    outcome = shell(quick, *args)
    assert outcome.status == 2
    assert f"{outcome.out}{outcome.err}".strip()


def test_a_full_disk_is_4(quick: Bench) -> None:
    """Whether evidence or a report no longer fits; one message says so, and what is unfinished is not verified either."""
    command = [sys.executable, "-m", "odd_assess", "run", "MET spec.yaml", "--no-pdf", "--quiet"]
    for name, limit, status in (("evidence", 70_000, 4), ("reports", 150_000, 0)):
        run = quick.folder / name
        done = subprocess.run(
            [*command, "--out", str(run)],
            check=False,
            capture_output=True,
            text=True,
            cwd=quick.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (4, 1), done
        assert "ould not be " in done.stderr
        assert shell(quick, "verify", run).status == status


def test_ctrl_c_is_130(quick: Bench) -> None:
    """And the folder is no finished run: 4 of `verify`."""
    spec = quick.folder / "long.yaml"
    spec.write_text((quick.folder / "MET spec.yaml").read_text().replace("points: 12", "points: 5000"))
    run = quick.folder / "interrupted"
    process = quick.process("run", spec, "--out", run, "--no-pdf", "--quiet")
    store = run / "evidence.sqlite"
    while not (store.exists() and certified(store)):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    outcome = ended(process)
    assert (outcome.status, outcome.err.splitlines()[-1]) == (130, "odd-assess: interrupted")
    assert shell(quick, "verify", run).status == 4


def certified(store: Path) -> int:
    with EvidenceStore.open(store) as evidence:
        return len(evidence.done(MAIN))
