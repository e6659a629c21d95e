"""Where what is stored and what is derived again disagree: every disagreement is counted, the first few are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_TOLD = 20
"""Disagreements that are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """``where`` the evidence says ``stored`` of ``what``, and ``derived`` follows from its counts, documents or points."""

    where: str
    what: str
    stored: str
    derived: str

    def __str__(self) -> str:
        return f"{self.where}, {self.what}: stored {self.stored}, re-derived {self.derived}"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Disagreements as they are found. Numbers must be equal, or within a share ``slack`` of each other."""

    slack: float = 0.0
    told: list[Disagreement] = field(default_factory=list)
    count: int = 0

    def note(self, where: str, what: str, stored: object, derived: object) -> None:
        """One disagreement."""
        self.add(Disagreement(where=where, what=what, stored=_shown(stored), derived=_shown(derived)))

    def add(self, disagreement: Disagreement) -> None:
        """One disagreement that is made already."""
        self.count += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(disagreement)

    def same(self, where: str, what: str, stored: object, derived: object) -> None:
        """Note it unless the two are equal."""
        if not self._agree(stored, derived):
            self.note(where, what, stored, derived)

    def compare(self, where: Sequence[str], what: str, stored: NDArray[Any], derived: NDArray[Any] | float) -> None:
        """Note every row at which two columns (m,) differ; ``where`` gives the name of a row when it is asked for."""
        again = np.broadcast_to(np.asarray(derived), stored.shape)
        agree = stored == again
        if self.slack and stored.dtype.kind == "f":
            agree |= np.isclose(stored, again, rtol=self.slack, atol=0.0)
        rows = np.flatnonzero(~agree)
        for row in rows[: max(0, MOST_TOLD - len(self.told))].tolist():
            self.note(where[row], what, *(column[row : row + 1].tolist()[0] for column in (stored, again)))
            self.count -= 1
        self.count += len(rows)

    def _agree(self, stored: object, derived: object) -> bool:
        if stored == derived:
            return True
        if isinstance(stored, float) and isinstance(derived, float):
            return abs(stored - derived) <= self.slack * max(abs(stored), abs(derived))
        return False


def digests_shown(digests: object) -> str:
    """One digest or a list of them."""
    return ", ".join(map(str, digests)) if isinstance(digests, list) else str(digests)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def objects(values: Sequence[object]) -> np.ndarray:
    """A column (m,) of texts or None, as `Ledger.compare` takes it."""
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
    return found
