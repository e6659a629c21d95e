"""One worker of a cluster: a replica of the model, with the data, on its node. What it has to say crosses the border as records, errors too."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from odd_assess.certify import Setting
from odd_assess.errors import OddAssessError
from odd_assess.evidence import Row, code_digest
from odd_assess.execution.bench import Bench, identity_of, set_up
from odd_assess.execution.here import Here
from odd_assess.execution.work import Work
from odd_assess.records import Certificate, Spec

TELL_EVERY_S = 0.2
"""Seconds between two messages to the driver: what is lost with a worker at most, beside the points in flight."""
MOST_AT_ONCE = 64
"""Certificates in one message: it stays small enough to travel with its announcement, and so outlives its worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A worker that is ready: the node it is on, what it works with, how it computes."""

    node: str
    replica: Mapping[str, Any]
    device: str
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Certificates since the last message, and the draws that were classified meanwhile."""

    draws: int
    certified: tuple[tuple[Row, Certificate], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """Model or data gave way on a node."""

    node: str
    message: str


def replica_of(spec: Spec, bench: Bench) -> dict[str, Any]:
    """What must be the same in every process that works for a run: its identity, and the code that computes."""
    return {**identity_of(spec, bench), "code": code_digest(), "torch": torch.__version__}


class Worker:
    """The actor. ``open`` comes first, then one ``certify`` after another."""

    def __init__(self) -> None:
        self._node = platform.node()
        self._here: Here | None = None

    def open(self, spec: Spec, setting: Setting, *, device: str, trust_pickle: bool) -> Opened | Broke:
        """Load model and data as the driver did; ``setting`` says how the model is called here."""
        threads = setting.lanes * setting.threads
        torch.set_num_threads(threads)
        sys.path.insert(0, str(spec.path.parent))  # "package.module:factory" may lie beside the spec
        try:
            bench = set_up(spec, device=device, trust_pickle=trust_pickle).called(setting)
        except OddAssessError as error:
            return Broke(node=self._node, message=str(error))
        except SystemExit as error:
            return Broke(node=self._node, message=_called_exit(error))
        self._here = Here(bench)
        name = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "cpu"
        return Opened(node=self._node, replica=replica_of(spec, bench), device=name, threads=torch.get_num_threads())

    def certify(self, work: Work) -> Iterator[Found | Broke]:
        """Every point of the work with its certificate, a few at a time, as they are finished."""
        assert self._here is not None  # the driver opens before it asks
        draws: list[int] = []
        certified: list[tuple[Row, Certificate]] = []
        told = time.monotonic()
        try:
            for pair in self._here.certify(work, on_draws=draws.append):
                certified.append(pair)
                if time.monotonic() - told >= TELL_EVERY_S or len(certified) >= MOST_AT_ONCE:
                    yield Found(draws=sum(draws), certified=tuple(certified))
                    draws.clear()
                    certified.clear()
                    told = time.monotonic()
        except OddAssessError as error:
            yield Found(draws=sum(draws), certified=tuple(certified))
            yield Broke(node=self._node, message=str(error))
        except SystemExit as error:
            yield Broke(node=self._node, message=_called_exit(error))
        else:
            yield Found(draws=sum(draws), certified=tuple(certified))


def _called_exit(error: SystemExit) -> str:
    return f"code that the spec names must not end the process, it called sys.exit({error.code!r})"
