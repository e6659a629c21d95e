"""The memory that makes certificates sound where the noise level was chosen by looking at the input.

A sigma that depends on x is no constant of the smoothed classifier: the certificate of x speaks of a classifier that other inputs never meet. The memory
repairs this for what is asked *later*: it keeps a ball for every certified input and answers each later query inside a ball with that ball's label.
Its invariant: balls of different labels are disjoint. So a certificate (x, label, radius) that the memory has returned holds for every later query within
the radius, however the queries are chosen; what was answered before x was added is not covered, and other orders give other radii.

``add`` takes one input after another (the published case analysis), ``resolve`` a whole set at once, whatever its order.

**Rounding.** As in `odd_assess.stats.balls`; a query within a part in 1e9 of a ball's rim counts as inside: what is within a radius is always found inside its
ball, never in two balls of different labels.

Source: Alfarra, Bibi, Torr, Ghanem, UAI 2022, section 3.3 and algorithm 2 (memory-enhanced classifier); the batch form is ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from odd_assess.records import Floats, Ints
from odd_assess.stats.balls import APART, BLOCK, RIM, Inputs, check_radii, checked_inputs, pairs_of, resolved


class Memory:
    """Balls around inputs of one shape: (x_i, label_i, radius_i), those of different labels disjoint. Empty to begin with."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None
        self._inputs: Inputs = np.zeros((0, 0), np.float32)
        self._labels: Ints = np.zeros(0, np.int64)
        self._radii: Floats = np.zeros(0)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def labels(self) -> Ints:
        """The label of each ball (balls,)."""
        return self._labels[: self._size]

    @property
    def radii(self) -> Floats:
        """The radius of each ball (balls,), in input units."""
        return self._radii[: self._size]

    @property
    def inputs(self) -> Inputs:
        """The centre of each ball (balls, *shape)."""
        return self._inputs[: self._size].reshape(self._size, *(self._shape or (0,)))

    def query(self, x: ArrayLike) -> int | None:
        """The label of the balls that hold ``x`` (*shape); None where none does.

        Raises: ValueError for an input of another shape, or one that is not finite float32.
        """
        held = self.around(x)
        return None if held is None else held[0]

    def around(self, x: ArrayLike) -> tuple[int, float] | None:
        """The label of the balls that hold ``x`` (*shape) and the distance to the rim of the widest; None where none does.

        Raises: ValueError as `query`.
        """
        distances = self._distances(self._row(x))
        inside = distances * (1 - RIM) < self.radii
        if not inside.any():
            return None
        reach = max(0.0, float((self.radii - distances * (1 + RIM))[inside].max()))
        return int(self.labels[inside][0]), reach

    def add(self, x: ArrayLike, label: int, radius: float) -> tuple[int, float]:
        """Keep what was certified at ``x`` as far as the balls that are there allow; the label and radius that hold for every later query.

        ``radius`` 0: nothing was certified. Inside balls of another label, theirs is the answer, up to the rim of the widest; otherwise the radius ends at the
        nearest ball of another label, but reaches at least as far as the balls of its own label around it. A radius of 0 comes back where nothing holds.

        Raises: ValueError as `query`, or for a radius below 0.
        """
        row = self._row(x)
        check_radii(np.array([radius]))
        distances = self._distances(row)
        inside = distances * (1 - RIM) < self.radii
        around = 0.0
        if inside.any():
            held = int(self.labels[inside][0])
            around = max(0.0, float((self.radii - distances * (1 + RIM))[inside].max()))
            if held != label:
                return held, around
        others = self.labels != label
        room = (distances * (1 - APART) - self.radii)[others]
        kept = max(0.0, min(float(radius), float(room.min()))) if len(room) else float(radius)
        if kept <= around:  # the ball would lie inside another of its label
            return int(label), around
        self._append(row[None], np.array([label]), np.array([kept]))
        return int(label), kept

    def resolve(self, xs: ArrayLike, labels: ArrayLike, radii: ArrayLike) -> tuple[Ints, Floats]:
        """Keep a whole set of certificates: the labels and radii (m,) that hold for every later query. In any order of the set the same comes out.

        ``xs`` (m, *shape), ``labels`` and ``radii`` (m,); radius 0: nothing was certified. What the memory holds already is treated as `add` treats it.
        Then the set is cut and widened by `odd_assess.stats.resolved`. Adding what comes out to an empty memory, one by one in any order, changes nothing.

        Raises: ValueError for columns of different lengths, or as `add`.
        """
        rows = self._rows(xs)
        given, reach = np.asarray(labels, dtype=np.int64), np.array(radii, dtype=np.float64)
        if given.shape != (len(rows),) or reach.shape != (len(rows),):
            raise ValueError(
                f"labels and radii must have one entry for each of {len(rows)} inputs, got {given.shape} and {reach.shape}"
            )
        check_radii(reach)
        for i in range(len(rows) if len(self) else 0):
            given[i], reach[i] = self._beside(rows[i], int(given[i]), float(reach[i]))
        found, wide = resolved(given, reach, pairs_of([rows], given, reach))
        new = wide > 0
        self._append(rows[new], found[new], wide[new])
        return found, wide

    def save(self, path: Path | str) -> None:
        """Write the balls to an ``.npz`` file.

        Raises: OSError when the disk refuses.
        """
        with Path(path).open("wb") as file:
            self.write(file)

    def write(self, file: IO[bytes], **more: NDArray[Any]) -> None:
        """Write the balls, and arrays that belong to them, to an open file.

        Raises: OSError when the disk refuses.
        """
        np.savez(file, inputs=self.inputs, labels=self.labels, radii=self.radii, **more)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path | str) -> Memory:
        """The memory of a file that `save` wrote.

        Raises: OSError when it cannot be read; ValueError when it holds no balls, or balls of different labels that overlap.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                inputs, labels, radii = file["inputs"], file["labels"], file["radii"]
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}: must be a memory that was saved, got: {error}") from error
        memory = cls()
        if len(inputs):
            kept_labels, kept_radii = memory.resolve(inputs, labels, radii)
            if not (np.array_equal(kept_labels, labels) and np.allclose(kept_radii, radii, rtol=1e-7, atol=0)):
                raise ValueError(f"{path}: must be a memory that was saved, but balls of different labels overlap in it")
            memory._radii[: len(memory)] = radii
        return memory

    # ---------------------------------------------------------------- inside

    def _row(self, x: ArrayLike) -> Inputs:
        row: Inputs = self._rows(np.asarray(x)[None])[0]
        return row

    def _rows(self, xs: ArrayLike) -> Inputs:
        """Inputs as rows (m, values); the first ones decide the shape."""
        given = checked_inputs(xs, self._shape)
        if self._shape is None:
            self._shape = given.shape[1:]
            self._inputs = np.zeros((0, int(np.prod(self._shape))), np.float32)
        rows: Inputs = given.reshape(len(given), -1)
        return rows

    def _distances(self, row: Inputs) -> Floats:
        """The distance of an input to the centre of each ball (balls,)."""
        parts = [np.zeros(0)]
        for start in range(0, self._size, BLOCK):
            apart = self._inputs[start : min(start + BLOCK, self._size)].astype(np.float64) - row
            parts.append(np.sqrt(np.einsum("ij,ij->i", apart, apart)))
        return np.concatenate(parts)

    def _beside(self, row: Inputs, label: int, radius: float) -> tuple[int, float]:
        """What `add` would return, with nothing kept."""
        size = self._size
        answer = self.add(row.reshape(self._shape or ()), label, radius)
        self._size = size
        return answer

    def _append(self, rows: Inputs, labels: Ints, radii: Floats) -> None:
        end = self._size + len(rows)
        if end > len(self._inputs):
            room = max(end, 2 * len(self._inputs), 16) - len(self._inputs)
            self._inputs = np.concatenate([self._inputs, np.zeros((room, rows.shape[1]), np.float32)])
            self._labels = np.concatenate([self._labels, np.zeros(room, np.int64)])
            self._radii = np.concatenate([self._radii, np.zeros(room)])
        self._inputs[self._size : end], self._labels[self._size : end], self._radii[self._size : end] = rows, labels, radii
        self._size = end
