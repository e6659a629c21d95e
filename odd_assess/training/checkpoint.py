"""The folder of a training: what is needed to go on, the best and the last weights, a line of metrics for each epoch.

    last/                the state after some epoch: model.safetensors, average.safetensors (where there is one), levels.safetensors, optimiser.pt, state.json
    best/                weights.safetensors and model.yaml of the epoch that looked best in validation
    weights.safetensors, model.yaml    the result, written at the end: a model section that a spec can take
    metrics.csv          a line for each epoch

A folder is written aside and takes the place of the old one by renaming; in between the old one lies in ``last.old``, where reading looks too. So a kill at
any moment leaves a state of some epoch, and a training that goes on from it draws what it would have drawn: it ends in the same bits.
"""

from __future__ import annotations

import csv
import io
import json
import pickle
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from odd_assess.errors import RunError, RunFolderError
from odd_assess.evidence import alone
from odd_assess.evidence.files import put
from odd_assess.records import ModelDeclaration
from odd_assess.spec.model_section import section_of, write_section

LAST, BEST, METRICS, WEIGHTS, STATE = "last", "best", "metrics.csv", "weights.safetensors", "state.json"
MODEL, AVERAGE, LEVELS, OPTIMISER = "model.safetensors", "average.safetensors", "levels.safetensors", "optimiser.pt"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """All that a training goes on from, on the CPU. ``facts``: what JSON can hold (identity, epochs that are finished, the best look, threads)."""

    facts: Mapping[str, Any]
    model: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    levels: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]

    @property
    def epochs(self) -> int:
        """The epochs that are finished."""
        return int(self.facts["epochs"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFolder:
    """A folder that a training may write to, held by this process alone."""

    path: Path

    @classmethod
    @contextmanager
    def claim(cls, path: Path, *, resume: bool) -> Iterator[TrainingFolder]:
        """The folder of a new training (made if need be), or of one to go on with.

        Raises: RunFolderError when it cannot be written, when another training is at work in it, when a new one would overwrite it, or when there is
        nothing to resume.
        """
        folder = cls(path=path.absolute())
        made = not folder.path.exists()
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            put(folder.path / ".probe", b"\0")
            (folder.path / ".probe").unlink()
        except OSError as error:
            raise RunFolderError(
                f"{path}: the folder must be writable, got: {error.strerror or error}; give another --out"
            ) from error
        try:
            with alone(folder.path):
                there = folder.state_folder() is not None
                if resume and not there:
                    raise RunFolderError(f"{path}: there must be a training to resume, found none; leave --resume out to begin one")
                if there and not resume:
                    raise RunFolderError(
                        f"{path}: must not hold a training already; go on with it by --resume, or give another --out"
                    )
                yield folder
        finally:
            if made and folder.path.is_dir() and not any(folder.path.iterdir()):
                folder.path.rmdir()

    def state_folder(self) -> Path | None:
        """Where the last state lies, None where there is none."""
        return next((one for one in (self.path / LAST, self.path / f"{LAST}.old") if (one / STATE).is_file()), None)

    def keep(self, snapshot: Snapshot) -> None:
        """Make a state the last one."""
        with self._replaced(LAST) as draft:
            put(draft / MODEL, safetensors.torch.save(dict(snapshot.model)))
            for name, tensors in ((AVERAGE, snapshot.average), (LEVELS, snapshot.levels)):
                if tensors:
                    put(draft / name, safetensors.torch.save(dict(tensors)))
            content = io.BytesIO()
            torch.save(dict(snapshot.optimiser), content)
            put(draft / OPTIMISER, content.getvalue())
            put(draft / STATE, (json.dumps(dict(snapshot.facts), indent=2) + "\n").encode())

    def last(self) -> Snapshot:
        """The last state.

        Raises: RunFolderError where it is damaged.
        """
        folder = self.state_folder()
        assert folder is not None  # the folder was claimed to be resumed
        try:
            return Snapshot(
                facts=json.loads((folder / STATE).read_text(encoding="utf-8")),
                model=safetensors.torch.load_file(folder / MODEL),
                average=_tensors(folder / AVERAGE),
                levels=_tensors(folder / LEVELS),
                optimiser=torch.load(folder / OPTIMISER, map_location="cpu", weights_only=True),
            )
        except (OSError, ValueError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
            raise RunFolderError(
                f"{folder}: must hold the state of a training, found it damaged ({error}); begin again in another --out"
            ) from error

    def keep_best(self, module: nn.Module, declared: ModelDeclaration, home: Path) -> None:
        """Make these weights the best ones."""
        with self._replaced(BEST) as draft:
            write_model(draft, module, declared, home)

    def write_result(self, module: nn.Module, declared: ModelDeclaration, home: Path) -> Path:
        """Write the weights and the model section that names them; the latter."""
        with self._told():
            return write_model(self.path, module, declared, home)

    @contextmanager
    def _replaced(self, name: str) -> Iterator[Path]:
        """A draft that takes the place of a folder of this name."""
        folder, draft, old = (self.path / f"{name}{end}" for end in ("", ".draft", ".old"))
        with self._told():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            yield draft
            if folder.exists():
                shutil.rmtree(old, ignore_errors=True)
                folder.rename(old)
            draft.rename(folder)
            shutil.rmtree(old, ignore_errors=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises: RunError when the disk refuses."""
        try:
            yield
        except OSError as error:
            raise RunError(
                f"{self.path}: could not be written: {error.strerror or error}. The last state is kept: make room, then go on with --resume"
            ) from error

    # ------------------------------------------------------------ metrics

    def begin_metrics(self, columns: Sequence[str], epochs: int) -> None:
        """A table with these columns, with the lines of so many finished epochs."""
        path = self.path / METRICS
        kept: list[list[str]] = []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as lines:
                kept = [
                    line for line in csv.reader(lines) if len(line) == len(columns) and line[0].isdigit() and int(line[0]) <= epochs
                ]
        with self._told():
            put(path, _as_csv([list(columns), *kept]))

    def add_metrics(self, line: Sequence[object]) -> None:
        """The line of an epoch."""
        with self._told(), (self.path / METRICS).open("ab") as file:
            file.write(_as_csv([["" if value is None else str(value) for value in line]]))


def write_model(folder: Path, module: nn.Module, declared: ModelDeclaration, home: Path) -> Path:
    """Write the weights of a module and the file model.yaml that declares it, for a spec or `declared_model`; the latter.

    ``home``: the folder of the training file, where a module with the factory may lie.
    """
    put(folder / WEIGHTS, safetensors.torch.save(dict(tensors_of(module))))
    made = ModelDeclaration(
        kind=declared.kind,
        reference=declared.reference,
        weights=folder / WEIGHTS,
        arguments={key: value for key, value in declared.arguments.items() if declared.kind != "torchvision" or key != "weights"},
        mean=declared.mean,
        std=declared.std,
    )
    return write_section(folder, section_of(made, seen_from=folder, home=home))


def tensors_of(module: nn.Module) -> Mapping[str, Tensor]:
    """The state of a module by name, copied to the CPU, each tensor with memory of its own."""
    return {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in module.state_dict().items()
        if isinstance(value, Tensor)
    }


def _tensors(path: Path) -> Mapping[str, Tensor]:
    return safetensors.torch.load_file(path) if path.exists() else {}


def _as_csv(lines: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
