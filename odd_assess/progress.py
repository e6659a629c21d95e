"""Who is told how far an assessment is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Who is told how far the work is."""

    def say(self, message: str, /) -> None:
        """One line of what is going on."""

    def begin(self, *, points: int, draws: int) -> None:
        """The work ahead."""

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Work done."""


class Quiet:
    """Progress for nobody."""

    def say(self, message: str, /) -> None:
        """Say nothing."""

    def begin(self, *, points: int, draws: int) -> None:
        """Show nothing."""

    def advance(self, *, points: int = 0, draws: int = 0) -> None:
        """Show nothing."""
