"""Certifying on a Ray cluster: each worker holds a replica of the model and certifies chunks of points; the driver alone writes evidence.

Certificates stream back as they are finished, so that a lost worker costs the points that it had in flight. They are the same as in one process: the noise is
addressed, and every worker uses the driver's batch size. A worker is an actor that Ray never restarts by itself: the driver asks for a new one, which is
placed wherever there is room, and hands out again what the lost one had not finished.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# Read when Ray is imported: what its daemons have to say must not mix with the verdict on standard output.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault(
    "RAY_worker_niceness", "0"
)  # of a cluster that is started here: a worker is worth as much as the one process is
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError, RayError, RayTaskError, WorkerCrashedError

from odd_assess.errors import InputError, RunError
from odd_assess.evidence import Row
from odd_assess.execution.bench import Bench
from odd_assess.execution.chunks import Chunk, Chunks
from odd_assess.execution.ray_worker import Broke, Found, Opened, Worker, replica_of
from odd_assess.execution.work import Work
from odd_assess.progress import Progress
from odd_assess.records import Certificate, Execution, Spec

BATCHES = 32
"""Batches of draws in a chunk at least: its last batch is filled up, and one more finds the answers without noise."""
IN_HAND = 2
"""Chunks that a worker holds: the one it works on, and the next, so that it never waits for the driver."""
PLACED_WITHIN_S = 120.0
"""Seconds without any worker until the run is given up."""
REACHED_WITHIN_S = 5.0
"""Seconds in which the head of a cluster must answer."""
PATIENCE_S = 30.0
"""Seconds after which the user is told that workers are missing."""
STARTS = 3
"""Workers in a row that may end while they open the model until the run is given up."""

_LOST = (RayActorError, ObjectLostError, WorkerCrashedError, OutOfMemoryError)


@dataclass(slots=True, eq=False)
class _Member:
    """A worker as the driver sees it: asked for, then open, with the chunks that it holds and the streams that they come back in."""

    actor: Any
    opening: Any
    opened: Opened | None = None
    tasks: deque[tuple[Chunk, Any]] = field(default_factory=deque)

    @property
    def awaited(self) -> Any:
        """What this worker says next."""
        if self.opened is None:
            return self.opening
        return self.tasks[0][1] if self.tasks else None


class RayCluster:
    """The workers of one run. A context manager: it connects and asks for workers, and lets go of all of them."""

    def __init__(self, spec: Spec, bench: Bench, *, execution: Execution, trust_pickle: bool, tell: Progress) -> None:
        self._spec = spec
        self._setting = bench.setting.on(execution.cpus_per_worker)
        self._replica = replica_of(spec, bench)
        self._device = bench.device.type
        self._execution = execution
        self._trust_pickle = trust_pickle
        self._tell = tell
        self._gpus = _gpus(execution, self._device)
        self._members: list[_Member] = []
        self._nodes: dict[str, list[Opened]] = {}
        self._asked = self._expected = self._lost = self._again = self._failed_starts = 0
        self._alone_since = self._begun = time.monotonic()
        self._told_of_missing = self._ours = False
        self._shipped: Any = None

    # ------------------------------------------------------------ beginning and end

    def __enter__(self) -> Self:
        self._ours = connect(self._execution.address)
        try:
            self._ask_for_workers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for member in self._members:
            ray.kill(member.actor)
        self._members = []
        if self._ours:
            ray.shutdown()

    def _ask_for_workers(self) -> None:
        room = _room(cpus=self._execution.cpus_per_worker, gpus=self._gpus)
        if not room:
            raise InputError(f"a worker must have room on some node: it needs {self._needs()}, found {_resources()}")
        self._asked = self._execution.workers or room
        self._expected = min(self._asked, room)
        if room < self._asked:
            self._tell.say(f"the cluster has room for {room} of the {self._asked} workers that were asked for: {_resources()}")
        self._shipped = ray.put(self._spec)
        self._alone_since = self._begun = time.monotonic()
        self._members = [self._started() for _ in range(self._asked)]

    def gather(self) -> int:
        """Wait until as many workers are open as have room, and say how many are after two minutes at most.

        Raises: RunError when one cannot work for this run.
        """
        while (opened := sum(member.opened is not None for member in self._members)) < self._expected:
            if time.monotonic() - self._begun > PLACED_WITHIN_S:
                break
            for member in self._heard():
                self._admit(member)
        return opened

    def account(self) -> dict[str, Any]:
        """What the manifest says of who did the work."""
        nodes = {}
        for node, opened in sorted(self._nodes.items()):
            kinds = sorted({f"{one.device}, {one.threads} thread{'' if one.threads == 1 else 's'} each" for one in opened})
            nodes[node] = f"{len(opened)} worker{'' if len(opened) == 1 else 's'} ({'; '.join(kinds)})"
        return {
            "engine": "ray",
            "ray": ray.__version__,
            "address": self._execution.address,
            "workers": {"asked": self._asked, "placed": sum(len(opened) for opened in self._nodes.values()), "lost": self._lost},
            "points_done_again": self._again,
            "nodes": nodes,
        }

    # ------------------------------------------------------------ the work

    def certify(self, work: Work, *, on_draws: Callable[[int], None]) -> Iterator[tuple[Row, Certificate]]:
        """Every point with its certificate, as it is finished.

        Raises: RunError when model or data give way on a node, when a worker is not this run's equal, when nobody is left to do the work, or when a point
        ends every worker that takes it.
        """
        chunks = Chunks(work.points, least=-(-BATCHES * self._setting.batch_size // work.plan.draws))
        if not any(member.opened is not None for member in self._members):
            self._alone_since = time.monotonic()
        while chunks.missing:
            self._hand_out(work, chunks)
            for member in self._heard():
                if member.opened is None:
                    self._admit(member)
                else:
                    yield from self._received(member, chunks, on_draws)
        for member in self._members:
            member.tasks.clear()  # what is left of them is the word that they have ended

    def _hand_out(self, work: Work, chunks: Chunks) -> None:
        """A chunk for every worker that has fewer than it may hold, those with the fewest first."""
        opened = [member for member in self._members if member.opened is not None]
        share = max(len(opened), self._expected)
        for held in range(IN_HAND):
            for member in opened:
                if len(member.tasks) > held:
                    continue
                if (chunk := chunks.take(workers=share)) is None:
                    return
                part = work.part(chunk.points)
                member.tasks.append((chunk, member.actor.certify.options(num_returns="streaming").remote(part)))

    def _heard(self) -> list[_Member]:
        """The workers that have something to say; after a second without a word, none.

        Raises: RunError when there has been no worker for two minutes.
        """
        awaited = [(member, member.awaited) for member in self._members if member.awaited is not None]
        ready, _ = ray.wait([said for _, said in awaited], num_returns=1, timeout=1.0)
        if len(ready) < len(awaited):  # others may have spoken meanwhile: none of them waits for its turn
            ready, _ = ray.wait([said for _, said in awaited], num_returns=len(awaited), timeout=0)
        self._look_around()
        return [member for member, said in awaited if any(said is one for one in ready)]

    def _look_around(self) -> None:
        opened = sum(member.opened is not None for member in self._members)
        now = time.monotonic()
        if opened == 0 and now - self._alone_since > PLACED_WITHIN_S:
            raise RunError(
                f"no worker could be placed within {PLACED_WITHIN_S:.0f} s: one needs {self._needs()}, found {_resources()}. What is certified is kept; "
                "make room, then go on with --resume"
            )
        if opened < self._asked and now - self._begun > PATIENCE_S and not self._told_of_missing:
            self._told_of_missing = True
            self._tell.say(f"{opened} of the {self._asked} workers that were asked for are at work; others join as there is room")

    def _received(self, member: _Member, chunks: Chunks, on_draws: Callable[[int], None]) -> Iterator[tuple[Row, Certificate]]:
        """The next message of a worker."""
        chunk, stream = member.tasks[0]
        try:
            said: Found | Broke = ray.get(next(stream))
        except StopIteration:
            assert not chunk.missing  # a worker that could not finish has said so
            member.tasks.popleft()
            return
        except _LOST as error:
            self._replace(member, chunks, error)
            return
        if isinstance(said, Broke):
            raise RunError(f"on node {said.node}: {said.message}")
        on_draws(said.draws)
        for row, certificate in said.certified:
            if chunks.certified(chunk, row.point.index):
                yield row, certificate

    # ------------------------------------------------------------ workers come and go

    def _started(self) -> _Member:
        """Ask for a worker; Ray places it where there is room, now or later."""
        threads = self._execution.cpus_per_worker
        kind: Any = ray.remote(num_cpus=threads, num_gpus=self._gpus, max_restarts=0, scheduling_strategy="SPREAD")(Worker)
        actor = kind.remote()
        opening = actor.open.remote(self._shipped, self._setting, device=self._device, trust_pickle=self._trust_pickle)
        return _Member(actor, opening)

    def _admit(self, member: _Member) -> None:
        """Let a worker in that has opened model and data.

        Raises: RunError when it could not, or when they are not the driver's.
        """
        try:
            said: Opened | Broke = ray.get(member.opening)
        except RayTaskError as error:
            last = str(error).strip().splitlines()[-1]
            raise RunError(f"a worker must be able to import odd_assess and what the spec names on its node: {last}") from error
        except _LOST as error:
            self._start_failed(member, error)
            return
        if isinstance(said, Broke):
            raise RunError(f"on node {said.node}: {said.message}")
        if differing := _differences(self._replica, said.replica):
            listed = "\n".join(f"  {line}" for line in differing)
            raise RunError(f"node {said.node} must work with what the driver works with, but these differ:\n{listed}")
        self._failed_starts = 0
        member.opened = said
        self._nodes.setdefault(said.node, []).append(said)

    def _start_failed(self, member: _Member, error: Exception) -> None:
        """Try again for a worker that ended before it was open; after three in a row go on with those that are open.

        Raises: RunError when none is.
        """
        self._failed_starts += 1
        if self._failed_starts < STARTS:
            self._exchange(member)
            return
        why = f"{STARTS} workers in a row ended while they opened model and data ({_reason(error)}): is there memory for them?"
        if not any(other.opened is not None for other in self._members):
            raise RunError(f"{why} What is certified is kept; mend the cause and go on with --resume") from error
        self._tell.say(f"{why} The run goes on without another worker")
        self._failed_starts = 0
        self._members.remove(member)

    def _replace(self, member: _Member, chunks: Chunks, error: Exception) -> None:
        """Ask for a worker in the place of one that was lost at work, and hand out again what that had not finished.

        Raises: RunError when a point ends every worker that takes it.
        """
        assert member.opened is not None
        again = chunks.give_back(chunk for chunk, _ in member.tasks)
        self._lost += 1
        self._again += again
        node = member.opened.node
        self._tell.say(f"a worker on node {node} was lost ({_reason(error)}); {again} points that it had begun are done again")
        self._exchange(member)
        if not any(other.opened is not None for other in self._members):
            self._alone_since = time.monotonic()

    def _exchange(self, member: _Member) -> None:
        ray.kill(member.actor)
        self._members.remove(member)
        self._members.append(self._started())

    def _needs(self) -> str:
        cpus = self._execution.cpus_per_worker
        return f"{cpus} CPU{'' if cpus == 1 else 's'}" + (f" and {self._gpus:g} GPU" if self._gpus else "")


# ---------------------------------------------------------------- the cluster


def connect(address: str) -> bool:
    """Connect this process to the cluster at ``address``; False when it was connected already, by someone who will also disconnect it.

    Raises: InputError when there is no such cluster.
    """
    if ray.is_initialized():
        return False
    cluster_head(address)
    settings: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        with _own_signals(), _quiet():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **settings)
    except (ConnectionError, RuntimeError, ValueError, OSError, RayError) as error:
        ray.shutdown()
        hint = (
            "" if address == "local" else " (a cluster that asks for a token needs RAY_AUTH_MODE=token, and the same token, here)"
        )
        raise InputError(
            f"execution.address {address} must be a Ray cluster that this machine is part of: {error}{hint}"
        ) from error
    return True


def cluster_head(address: str) -> str | None:
    """HOST:PORT of the head of the cluster that is meant, None for one that is yet to be started here.

    Raises: InputError when nothing answers there.
    """
    if address == "local":
        return None
    head = _head() if address == "auto" else address
    if head is None or not _answers(head):
        found = "none" if head is None else f"nothing that answers at {head}"
        raise InputError(
            f"execution.address {address} must be a Ray cluster, found {found}. Begin one: `ray start --head --port=6379` on this machine, then "
            "`ray start --address=THIS_MACHINE:6379` on each of the others; or write address: local, which starts one here for the run"
        )
    return head


def _head() -> str | None:
    """HOST:PORT of the cluster that runs here, as Ray notes it."""
    if named := os.environ.get("RAY_ADDRESS"):
        return None if named in ("auto", "local") else named
    note = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")  # noqa: S108 - where Ray puts it
    try:
        return note.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _answers(head: str) -> bool:
    """Whether something listens there. Ray itself would try for minutes, then end the process."""
    host, _, port = head.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACHED_WITHIN_S):
            return True
    except (OSError, ValueError):
        return False


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what a termination signal does in this process: Ray would turn it into an exit with status 15."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep away what Ray's library prints on standard error by itself, a line for each attempt to connect."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _gpus(execution: Execution, device: str) -> float:
    """GPUs of a worker.

    Raises: InputError when workers would compute on another kind of device than the driver, with other noise.
    """
    gpus = execution.gpus_per_worker if execution.gpus_per_worker is not None else float(device == "cuda")
    if (gpus > 0) != (device == "cuda"):
        remedy = (
            "begin the run on a node with a GPU, or leave it out" if gpus else "leave it out, or run on the CPU with --device cpu"
        )
        raise InputError(
            f"execution.gpus_per_worker must fit the device that the run computes on, {device}, because noise and rounding belong to it; "
            f"found {gpus:g}: {remedy}"
        )
    return gpus


def _nodes() -> list[dict[str, Any]]:
    """The nodes of the cluster that are alive."""
    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def _room(*, cpus: int, gpus: float) -> int:
    """How many workers fit on the nodes, if nothing else ran there."""
    fit = 0
    for node in _nodes():
        has = node["Resources"]
        fits = has.get("CPU", 0) // cpus
        fit += int(min(fits, has.get("GPU", 0) / gpus + 1e-9) if gpus else fits)
    return fit


def _resources() -> str:
    each = [
        f"{node['Resources'].get('CPU', 0):g} CPU, {node['Resources'].get('GPU', 0):g} GPU on {node['NodeManagerHostname']}"
        for node in _nodes()
    ]
    return "; ".join(each) or "no node"


def _reason(error: Exception) -> str:
    """Why a worker is gone, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    why = next(
        (line for line in lines if line.startswith(("The actor is dead", "The actor died", "The node"))), lines[0] if lines else ""
    )
    return (why or type(error).__name__)[:160].split(". ")[0].rstrip(".")


def _differences(ours: dict[str, Any], theirs: Any) -> list[str]:
    return [
        f"{key}: {theirs.get(key)} there, {ours.get(key)} here"
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    ]
