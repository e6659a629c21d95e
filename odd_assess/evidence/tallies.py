"""Class counts of many points at once, from the texts that the evidence file keeps: three long columns, no object a point."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

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
        """From texts such as ``[[0,3],[1,97]]`` without a space, one a point; all at once, so that a million take seconds.

        Raises: ValueError unless each is a list of pairs (class, count) of whole numbers, the counts positive and no class listed twice.
        """
        widths = np.fromiter((text.count("]") - 1 for text in texts), dtype=np.int64, count=len(texts))
        shapes = {width: _shape(width) for width in set(widths.tolist())}
        if _without(",".join(texts), "0123456789") != b",".join([shapes[width] for width in widths.tolist()]):
            raise ValueError("counts must be lists of pairs (class, count) of whole numbers")
        numbers = _without(",".join(texts if widths.all() else [text for text in texts if text != "[]"]), "[]")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a missing number ends the reading, and the count shows it
            flat = np.fromstring(numbers, dtype=np.int64, sep=",") if numbers else np.zeros(0, dtype=np.int64)
        if len(flat) != 2 * int(widths.sum()):
            raise ValueError("counts must be pairs (class, count) of whole numbers")
        label, count = flat.reshape(-1, 2).T
        row = np.repeat(np.arange(len(texts), dtype=np.int64), widths)
        if np.any(count < 1) or np.any((np.diff(row) == 0) & (np.diff(label) <= 0)):
            raise ValueError("counts must be positive, their classes rising")
        return cls(rows=len(texts), row=row, label=label, count=count)

    def text(self, row: int) -> str:
        """The text of one point."""
        start, end = np.searchsorted(self.row, (row, row + 1))
        pairs = zip(self.label[start:end].tolist(), self.count[start:end].tolist(), strict=True)
        return f"[{','.join(f'[{label},{count}]' for label, count in pairs)}]"

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


def _shape(pairs: int) -> bytes:
    """What is left of a text of so many pairs without its digits: ``[[,],[,]]``."""
    return f"[{','.join(['[,]'] * pairs)}]".encode()


def _without(text: str, characters: str) -> bytes:
    return text.encode().translate(None, characters.encode())
