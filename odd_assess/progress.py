"""Who is told how far an assessment is, and how long it will take."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Who is told how far the work is."""

    def say(self, message: str, /) -> None:
        """One line of what is going on."""

    def begin(self, *, points: int, draws: int, at_most: bool) -> None:
        """The work ahead; ``at_most``: points stop when they are decided, so that it may be less."""

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """Work done: ``draws`` noisy copies were classified, ``points`` are finished, on which ``spent`` copies went in all."""


class Quiet:
    """Progress for nobody."""

    def say(self, message: str, /) -> None:
        """Say nothing."""

    def begin(self, *, points: int, draws: int, at_most: bool) -> None:
        """Show nothing."""

    def advance(self, *, points: int = 0, draws: int = 0, spent: int = 0) -> None:
        """Show nothing."""


class Pace:
    """How far a piece of work is, how fast, and how long it will still take. Times are seconds since it began."""

    def __init__(self, *, points: int, draws: int, at_most: bool) -> None:
        self.total_points = points
        self.most_draws = draws
        self.at_most = at_most
        self.points = self.draws = self.spent = 0

    def advance(self, *, points: int, draws: int, spent: int) -> None:
        """Work done, as told to `Progress`."""
        self.points += points
        self.draws += draws
        self.spent += spent

    @property
    def total_draws(self) -> float:
        """The noisy copies that the whole work takes: those that were announced, or, where points stop when decided, what the finished ones took on average."""
        if not self.at_most or not self.points:
            return float(self.most_draws)
        return min(float(self.most_draws), max(float(self.draws), self.total_points * self.spent / self.points))

    def rate(self, elapsed_s: float) -> float:
        """Noisy copies a second."""
        return self.draws / elapsed_s if elapsed_s > 0 else 0.0

    def left_s(self, elapsed_s: float) -> float:
        """Seconds left at this pace; infinite before anything is done."""
        rate = self.rate(elapsed_s)
        return (self.total_draws - self.draws) / rate if rate else float("inf")
