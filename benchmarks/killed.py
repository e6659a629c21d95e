"""Does a run that is killed, wherever it stands, end in the evidence of one that nobody disturbed?

``python -m benchmarks.killed [--runs 30] [--seed S] [--no-files] [--json FILE]``

The embedded digits on a small spec that takes every way: a short measurement chooses the setting, points stop when the gate is decided, draws stop when a
point is, and a reference subsample follows. One run is left alone. Then

random   processes of their own are killed with SIGKILL after random times, spread evenly over the time of the undisturbed run, every third of them two or three
         times, and then left to finish
files    a process is killed just before each single thing that a run does to its folder (a file opened, connected to, renamed or removed), and left to finish:
         manifest, evidence, compact evidence and reports are all cut in two at every place

A run goes on by --resume where there is evidence; where there is none yet it is begun anew, as the message of --resume says. Compared with the undisturbed
run: every row of every table of evidence.sqlite, its bytes, the manifest's identity, verdict, exit status, the names in the folder, and that the setting
is the one that the manifest recorded when the first evidence was there. Each run finds its setting by measurement, so that settings may differ between runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import sklearn.datasets

from odd_assess import report
from odd_assess.assessment import certifying, flow, gate
from odd_assess.audit import verify
from odd_assess.cli import main as odd_assess_main
from odd_assess.evidence import EvidenceStore
from odd_assess.examples.digits import WEIGHTS

SPEC = f"""\
odd_assess: 1
id: killed
title: Digits, to be killed
odd:
  attributes:
    light: {{range: "[50 .. 2000] lux", distribution: loguniform, realise: {{transform: low_light}}}}
    defocus: {{range: "[0 .. 0.5] px", realise: {{transform: defocus}}}}
    dirt: {{values: {{clean: 0.8, stained: 0.2}}, realise: {{transform: stain, levels: {{clean: 0, stained: 0.05}}}}}}
sampling: {{design: random, until_decided: true, max_points: 4000, seed: 5}}
inputs: {{dataset: digits, split: test}}
model: {{architecture: "odd_assess.examples.digits:network", weights: {WEIGHTS}, expected_clean_accuracy: 0.95}}
certification:
  sigma: 0.25
  alpha: 0.001
  batch_size: 256
  budget: {{kind: sequential, n0: 100, max: 3000}}
  reference: {{n: 10000, points: 8}}
criteria: [criteria.yaml]
unattainable: accept
"""

CRITERIA = """\
odd_assess_criteria: 1
id: killed-criteria
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.1, require: ">= 0.60", confidence: 0.95}
"""

IMPORTED = (plt, sklearn.datasets)
"""What a run imports late: here once, for all that are forked."""

TABLES = ("meta", "points", "certificates", "findings", "pictures")
STAGES = (
    "beginning",
    "model and data",
    "preflight",
    "tuning",
    "manifest",
    "certifying",
    "looking at criteria",
    "reference",
    "findings",
    "compact evidence",
    "reports",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: the second or the file operation, and what the run was doing."""

    at: str
    stage: str
    certificates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run that was killed and let finish, beside the undisturbed one. ``problems`` is empty where all is the same."""

    kills: tuple[Kill, ...]
    rows: int
    same_bytes: bool
    setting: str
    problems: tuple[str, ...]


# ---------------------------------------------------------------- the process that is killed


def child(folder: Path, log: Path, kill_at: int, arguments: list[str]) -> None:
    """``odd-assess`` with ``arguments``, in this process; ``log`` is told of each stage. Killed at file operation ``kill_at``, if that is not 0."""
    stages = log.open("a", buffering=1)
    operations = Counter[str]()

    def watch(event: str, given: tuple[Any, ...]) -> None:
        if event not in {"open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect"} or str(folder) not in os.fsdecode(
            given[0]
        ):
            return
        if event == "open" and not (isinstance(given[1], str) and set(given[1]) & set("wax+")):
            return
        operations["all"] += 1
        stages.write(f"file {operations['all']} {event} {Path(os.fsdecode(given[0])).name.split('?')[0]}\n")
        if operations["all"] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    current = ["beginning"]

    def told(function: Callable[..., Any], stage: Callable[..., str] | str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            current.append(stage if isinstance(stage, str) else stage(*args))
            stages.write(current[-1] + "\n")
            try:
                return function(*args, **kwargs)
            finally:
                current.pop()
                stages.write(current[-1] + "\n")

        return call

    for room, name, stage in (
        (flow, "set_up", "model and data"),
        (flow, "fly_before", "preflight"),
        (flow, "tuned", "tuning"),
        (flow, "write_manifest", "manifest"),
        (gate, "_undecided", "looking at criteria"),
        (flow, "check", "findings"),
        (flow, "exhibit", "findings"),
        (EvidenceStore, "finish", "compact evidence"),
        (report, "write_html", "reports"),
    ):
        setattr(room, name, told(getattr(room, name), stage))
    certify = certifying.Certifier.certify
    certifying.Certifier.certify = told(  # type: ignore[method-assign]
        certify, lambda _, work: "certifying" if work.stage == "main" else work.stage
    )
    odd_assess_main(arguments)


def stage_of(log: Path) -> str:
    """What the run was doing last; between two named stages, what it does in between."""
    return next(line for line in reversed(log.read_text().splitlines()) if line in STAGES)


def operations_of(log: Path) -> list[str]:
    """Everything that a run did to its folder."""
    return [line.split(" ", 2)[2] for line in log.read_text().splitlines() if line.startswith("file ")]


# ---------------------------------------------------------------- the one who kills


class Process:
    """`child` in a process of its own, forked when all that it needs is imported: a kill while Python starts touches no folder."""

    def __init__(self, run: Path, log: Path, kill_at: int, command: list[str]) -> None:
        self._out = log.with_suffix(".out")
        self._pid = os.fork()
        if self._pid:
            return
        out = os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        status = 70
        try:
            child(run, log, kill_at, command)
        except SystemExit as done:
            status = int(done.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def wait(self, seconds: float = float("inf")) -> int:
        """Its exit status; it is killed if it takes longer than ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            time.sleep(0.002)

    def said(self) -> str:
        """What it printed."""
        return self._out.read_text()


class Place:
    """A folder with the spec, and the runs in it."""

    def __init__(self, path: Path, spec: str) -> None:
        self.path = path
        (path / "spec.yaml").write_text(spec)
        (path / "criteria.yaml").write_text(CRITERIA)

    def begin(self, name: str, kill_at: int = 0) -> tuple[Process, Path]:
        """A process that begins the run ``name`` or goes on with it, and the log of its stages."""
        run = self.path / name
        log = self.path / f"{name}.log"
        log.write_text("beginning\n")
        resume = ["--resume"] if (run / "evidence.sqlite").exists() else []
        command = ["run", str(self.path / "spec.yaml"), "--out", str(run), "--no-pdf", "--quiet", *resume]
        return Process(run, log, kill_at, command), log

    def finish(self, name: str) -> tuple[int, str]:
        """Let the run end: its exit status and what it said."""
        process, _ = self.begin(name)
        return process.wait(), process.said()


def tables(evidence: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with contextlib.closing(sqlite3.connect(f"{evidence.as_uri()}?mode=ro", uri=True)) as db:
        return {table: sorted(db.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}  # noqa: S608 - our own table names


def certificates(run: Path) -> int:
    """How many certificates the run holds by now."""
    if not (run / "evidence.sqlite").exists():
        return 0
    return len(tables(run / "evidence.sqlite")["certificates"])


def killed_run(place: Place, name: str, kills: Iterator[float | int], whole: Path) -> Outcome:
    """Begin a run, kill it at each of ``kills`` (a float: after so many seconds, an int: at that file operation), let it finish and compare."""
    run = place.path / name
    done: list[Kill] = []
    setting = None
    for moment in kills:
        process, log = place.begin(name, kill_at=moment if isinstance(moment, int) else 0)
        status = process.wait(moment if isinstance(moment, float) else float("inf"))
        if status != -signal.SIGKILL:
            if status not in {0, 1, 3}:
                return Outcome(
                    kills=tuple(done), rows=0, same_bytes=False, setting="", problems=(f"ended by itself: {process.said()}",)
                )
            break  # faster than the last one: nothing was left to kill
        if setting is None and (run / "evidence.sqlite").exists():
            setting = json.loads((run / "manifest.json").read_text())["engine"]["setting"]
        operations = operations_of(log)
        at = f"{moment:.1f} s" if isinstance(moment, float) else f"file {moment}: {operations[-1] if operations else '-'}"
        done.append(Kill(at=at, stage=stage_of(log), certificates=certificates(run)))
    status, said = place.finish(name)
    return compare(run, whole, status, said, tuple(done), setting)


def compare(run: Path, whole: Path, status: int, said: str, kills: tuple[Kill, ...], setting: Any) -> Outcome:
    """What differs between a run and the undisturbed one."""
    if status not in {0, 1, 3}:
        return Outcome(kills=kills, rows=0, same_bytes=False, setting="", problems=(f"exit {status}: {said.strip()}",))
    found, due = tables(run / "evidence.sqlite"), tables(whole / "evidence.sqlite")
    problems = [
        f"{table}: {len(set(map(repr, found[table])) ^ set(map(repr, due[table])))} rows differ"
        for table in TABLES
        if found[table] != due[table]
    ]
    now, then = (json.loads((folder / "manifest.json").read_text()) for folder in (run, whole))
    problems += [
        f"manifest: {key} was {then[key]}, is {now[key]}" for key in ("identity", "verdict", "status") if now[key] != then[key]
    ]
    if status != (0 if then["verdict"] == "MET" else 1 if then["verdict"] == "NOT MET" else 3):
        problems.append(f"exit status {status} for {then['verdict']}")
    if setting is not None and now["engine"]["setting"] != setting:
        problems.append(f"setting: was {setting}, is {now['engine']['setting']}")
    problems += [str(disagreement) for disagreement in verify(run).disagreements]
    if left := {path.name for path in run.iterdir()} - {path.name for path in whole.iterdir()}:
        problems.append(f"left behind: {', '.join(sorted(left))}")
    same = (run / "evidence.sqlite").read_bytes() == (whole / "evidence.sqlite").read_bytes()
    shown = ",".join(str(value) for value in now["engine"]["setting"].values())
    return Outcome(kills=kills, rows=sum(map(len, found.values())), same_bytes=same, setting=shown, problems=tuple(problems))


def moments(runs: int, seconds: float, seed: int) -> Iterator[list[float]]:
    """When each run is killed: the first time spread evenly over ``seconds``; every third run once or twice more."""
    random_ = random.Random(seed)  # noqa: S311 - moments, not secrets
    for number in range(runs):
        first = seconds * (number + random_.random()) / runs
        more = random_.randint(1, 2) if number % 3 == 0 else 0
        yield [first, *(random_.uniform(0.2, 0.9) * seconds for _ in range(more))]


def tell(name: str, outcome: Outcome) -> None:
    """One line of the table, more where a run was killed more than once."""
    verdict = "; ".join(outcome.problems) or f"{outcome.rows} rows equal" + (
        ", bytes too" if outcome.same_bytes else ", BYTES DIFFER"
    )
    for i, kill in enumerate(outcome.kills):
        last = f"{verdict}  [{outcome.setting}]" if i == len(outcome.kills) - 1 else "killed again"
        print(f"{name if not i else '':>9}  {kill.at:<42} {kill.stage:<20} {kill.certificates:>5}  {last}", flush=True)
    if not outcome.kills:
        print(f"{name:>9}  {'ended before it was killed':<70} {verdict}", flush=True)


def main() -> None:
    """Kill, resume, compare, print the table, write JSON; exit status 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--no-files", action="store_true", help="leave out the kills at each file operation")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder).resolve(), SPEC)
        seconds = []
        for name in ("whole", "twin"):
            began = time.monotonic()
            status, said = place.finish(name)
            seconds.append(time.monotonic() - began)
            if status not in {0, 1, 3}:
                sys.exit(said)
        whole = place.path / "whole"
        twin = compare(place.path / "twin", whole, status, said, (), None)
        operations = operations_of(place.path / "whole.log")
        print(
            f"undisturbed: {seconds[0]:.1f} s, {certificates(whole)} certificates, {len(operations)} file operations, exit {status}"
        )
        tell("twin", twin)
        outcomes = [twin]
        print(
            f"{'run':>9}  {'killed at':<42} {'while':<20} {'rows':>5}  after it was resumed  [batch size, channels last, lanes, threads]"
        )
        for number, kills in enumerate(moments(options.runs, min(seconds), options.seed)):
            outcomes.append(killed_run(place, f"random{number}", iter(kills), whole))
            tell(str(number + 1), outcomes[-1])
        for number in range(0 if options.no_files else len(operations)):
            outcomes.append(killed_run(place, f"file{number}", iter([number + 1]), whole))
            tell(f"f{number + 1}", outcomes[-1])
    kills_ = [kill for outcome in outcomes for kill in outcome.kills]
    stages = Counter(kill.stage for kill in kills_)
    bad = sum(bool(outcome.problems) or not outcome.same_bytes for outcome in outcomes)
    print(
        f"{len(kills_)} kills in {len(outcomes) - 1} runs: "
        + ", ".join(f"{stage} {stages[stage]}" for stage in STAGES if stages[stage])
    )
    print(f"{bad} runs differ from the undisturbed one")
    if options.json:
        data = {"seconds": seconds, "kills_by_stage": stages, "differing": bad, "runs": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
