"""One attribute's place in a spec: where its problems are noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from odd_assess.spec.document import Document, KeyPath

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One attribute's place in the document."""

    document: Document
    path: KeyPath

    def add(self, message: str, *inner: Any, key: bool = False) -> None:
        """Note a problem at a key inside the attribute (at the key itself or at its value)."""
        self.document.add((*self.path, *inner), message, at="key" if key else "value")

    def attempt(self, make: Callable[[], T], *inner: Any) -> T | None:
        """What ``make`` gives, or None and a problem where it raises ValueError."""
        try:
            return make()
        except ValueError as error:
            self.add(str(error), *inner)
            return None
