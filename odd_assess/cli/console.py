"""Progress on a terminal (a bar) and in a log (plain lines)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn

from odd_assess.progress import Progress, Quiet

LINE_EVERY_S = 10.0


class PlainProgress:
    """A line at most every ten seconds: points done, draws a second, time left."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, every_s: float = LINE_EVERY_S) -> None:
        self._stream, self._clock, self._every_s = stream, clock, every_s
        self._points = self._draws = self._total_points = self._total_draws = 0
        self._start = self._last = clock()

    def say(self, message: str) -> None:
        """One line of what is going on."""
        print(message, file=self._stream, flush=True)

    def begin(self, *, points: int, draws: int) -> None:
        """The work ahead: points to certify and draws that they take."""
        self._total_points, self._total_draws = points, draws
        self._points = self._draws = 0
        self._start = self._last = self._clock()

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Work done."""
        self._points += points
        self._draws += draws
        now = self._clock()
        if now - self._last >= self._every_s or (points and self._points == self._total_points):
            self._last = now
            self.say(self._line(now - self._start))

    def _line(self, elapsed_s: float) -> str:
        rate = self._draws / elapsed_s if elapsed_s > 0 else 0.0
        left = (self._total_draws - self._draws) / rate if rate else float("inf")
        return f"{self._points}/{self._total_points} points, {rate:,.0f} draws/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


class BarProgress:
    """A bar by draws, with points done, draws a second and time left."""

    def __init__(self, console: Console) -> None:
        self.bar = rich.progress.Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[points]}/{task.fields[total_points]} points"),
            TextColumn("{task.fields[rate]:,.0f} draws/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._draws = 0
        self._points = 0
        self._start = time.monotonic()

    def say(self, message: str) -> None:
        """One line above the bar."""
        self.bar.console.print(message, markup=False, highlight=False)

    def begin(self, *, points: int, draws: int) -> None:
        """The work ahead: points to certify and draws that they take."""
        self._draws = self._points = 0
        self._start = time.monotonic()
        self._task = self.bar.add_task("certifying", total=draws, points=0, total_points=points, rate=0.0)

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Work done."""
        assert self._task is not None
        self._draws += draws
        self._points += points
        rate = self._draws / max(1e-9, time.monotonic() - self._start)
        self.bar.update(self._task, advance=draws, points=self._points, rate=rate)


@contextmanager
def console_progress(*, quiet: bool) -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif console.is_terminal:
        progress = BarProgress(console)
        with progress.bar:
            yield progress
    else:
        yield PlainProgress(sys.stderr)
