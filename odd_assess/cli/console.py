"""Progress on a terminal (a bar) and in a log (plain lines)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn

from odd_assess.progress import Pace, Progress, Quiet

LINE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the work is called, its pieces, and what is counted in them."""

    doing: str
    pieces: str
    counted: str


CERTIFYING = Words(doing="certifying", pieces="points", counted="draws")
ESTIMATING = Words(doing="estimating", pieces="points", counted="copies")
TRAINING = Words(doing="training", pieces="epochs", counted="examples")


class PlainProgress:
    """A line at most every ten seconds: points done, draws a second, time left."""

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = LINE_EVERY_S,
        words: Words = CERTIFYING,
    ) -> None:
        self._stream, self._clock, self._every_s, self._words = stream, clock, every_s, words
        self._pace = Pace(points=0, draws=0, at_most=False)
        self._start = self._last = clock()

    def say(self, message: str) -> None:
        """One line of what is going on."""
        print(message, file=self._stream, flush=True)

    def begin(self, *, points: int, draws: int, at_most: bool) -> None:
        """The work ahead."""
        self._pace = Pace(points=points, draws=draws, at_most=at_most)
        self._start = self._last = self._clock()

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """Work done."""
        self._pace.advance(points=points, draws=draws, spent=spent)
        now = self._clock()
        if now - self._last >= self._every_s or (points and self._pace.points == self._pace.total_points):
            self._last = now
            self.say(how_far(self._pace, now - self._start, self._words))


def how_far(pace: Pace, elapsed_s: float, words: Words = CERTIFYING) -> str:
    """Points done, draws a second and time left, in one line."""
    done = f"{pace.points}/{pace.total_points} {words.pieces}"
    return f"{done}, {pace.rate(elapsed_s):,.0f} {words.counted}/s, {_duration(pace.left_s(elapsed_s))} left"


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return "unknown time"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


class BarProgress:
    """A bar by draws, with points done, draws a second and time left."""

    def __init__(self, console: Console, words: Words = CERTIFYING) -> None:
        self._words = words
        self.bar = rich.progress.Progress(
            TextColumn(words.doing), BarColumn(), TextColumn("{task.fields[how_far]}"), console=console, transient=True
        )
        self._task: TaskID | None = None
        self._pace = Pace(points=0, draws=0, at_most=False)
        self._start = time.monotonic()

    def say(self, message: str) -> None:
        """One line above the bar."""
        self.bar.console.print(message, markup=False, highlight=False)

    def begin(self, *, points: int, draws: int, at_most: bool) -> None:
        """The work ahead, in place of the work before."""
        self._pace = Pace(points=points, draws=draws, at_most=at_most)
        self._start = time.monotonic()
        if self._task is not None:
            self.bar.remove_task(self._task)
        self._task = self.bar.add_task("", total=draws, how_far="")

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """Work done."""
        assert self._task is not None
        self._pace.advance(points=points, draws=draws, spent=spent)
        self.bar.update(
            self._task,
            completed=self._pace.draws,
            total=self._pace.total_draws,
            how_far=how_far(self._pace, time.monotonic() - self._start, self._words),
        )


@contextmanager
def console_progress(*, quiet: bool, words: Words = CERTIFYING) -> Iterator[Progress]:
    """Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet."""
    console = Console(stderr=True)
    if quiet:
        yield Quiet()
    elif console.is_terminal:
        progress = BarProgress(console, words)
        with progress.bar:
            yield progress
    else:
        yield PlainProgress(sys.stderr, words=words)
