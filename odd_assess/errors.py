"""The exception tree. Every error a user can cause is one of these; each also inherits the builtin it resembles.

    OddAssessError                  exit status
    ├── InputError (ValueError)          2     something the user gave cannot be used
    │   ├── SpecError                    2     a YAML file: every problem in it, each with file:line:column
    │   ├── DomainError                  2     the ODD is empty, contradictory or cannot be sampled as asked
    │   ├── DataError                    2     images, labels, tables, transforms
    │   ├── ModelError                   2     architecture, weights, output shape
    │   └── RunFolderError               2     the run folder cannot be written, resumed or read
    ├── MissingLibraryError (ImportError) 2    an optional library (an extra) or its system package is not installed
    └── RunError (RuntimeError)          4     the run broke after draws were spent; its evidence is incomplete

A pure function deep inside raises ``ValueError`` for a bad argument; these classes are for what crosses the IO border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class OddAssessError(Exception):
    """Any error that odd-assess reports in one message, without a traceback."""

    exit_status: int = 2


class InputError(OddAssessError, ValueError):
    """Something that the user gave cannot be used; nothing was spent on it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Location:
    """A place in a text file. Lines and columns count from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a file: where, at which key, what must hold and what was found."""

    location: Location
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {self.key}: {self.message}" if self.key else f"{self.location}: {self.message}"


class SpecError(InputError):
    """One or more problems in a spec or criteria file, all of them listed, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.location))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DomainError(InputError):
    """The ODD is empty, contradictory, or cannot be sampled in the way that was asked."""


class DataError(InputError):
    """Images, labels, tables or a renderer do not hold what was declared."""


class ModelError(InputError):
    """The model cannot be loaded, or does not answer in the declared shape."""


class RunFolderError(InputError):
    """A run folder cannot be written, resumed or read."""


class MissingLibraryError(OddAssessError, ImportError):
    """An optional library, or a system library that it needs, is not installed."""


class RunError(OddAssessError, RuntimeError):
    """The run broke after draws were spent. What is done is kept; ``run --resume`` goes on from it."""

    exit_status = 4
