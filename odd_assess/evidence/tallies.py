"""Class counts of many points at once, from the texts that the evidence file keeps: three long columns, no object a point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from odd_assess.records import Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tallies:
    """``count`` draws at ``row`` answered ``label``, arrays (entries,) in the order of rows; ``rows`` points in all, some perhaps without a draw."""

    rows: int
    row: Ints
    label: Ints
    count: Ints

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Tallies:
        """From texts such as ``[[0,3],[1,97]]``, one a point.

        Raises: ValueError unless each is a list of pairs (class, count) of whole numbers, the counts positive and no class listed twice.
        """
        parsed = json.loads(f"[{','.join(texts)}]")
        if len(parsed) != len(texts) or not all(type(pairs) is list for pairs in parsed):
            raise ValueError("counts must be lists of pairs (class, count)")
        widths = np.fromiter(map(len, parsed), dtype=np.int64, count=len(parsed))
        entries = list(chain.from_iterable(parsed))
        flat = list(chain.from_iterable(entries))
        if set(map(len, entries)) - {2} or set(map(type, flat)) - {int}:
            raise ValueError("counts must be pairs (class, count) of whole numbers")
        label, count = np.array(flat, dtype=np.int64).reshape(-1, 2).T
        row = np.repeat(np.arange(len(texts), dtype=np.int64), widths)
        if np.any(count < 1) or np.any((np.diff(row) == 0) & (np.diff(label) <= 0)):
            raise ValueError("counts must be positive, their classes rising")
        return cls(rows=len(texts), row=row, label=label, count=count)

    def of(self, labels: Ints) -> Ints:
        """How many draws answered the given class at each point (rows,)."""
        agreeing = self.label == labels[self.row]
        return self._summed(np.where(agreeing, self.count, 0))

    @property
    def total(self) -> Ints:
        """All draws of each point (rows,)."""
        return self._summed(self.count)

    @property
    def winner(self) -> Ints:
        """The class with the most draws at each point (rows,), the first of equals; -1 without a draw."""
        best = np.full(self.rows, -1, dtype=np.int64)
        order = np.lexsort((-self.label, self.count, self.row))
        best[self.row[order]] = self.label[order]  # the last one written stays
        return best

    def _summed(self, counts: Ints) -> Ints:
        return np.bincount(self.row, weights=counts, minlength=self.rows).astype(np.int64)  # exact below 2**53
