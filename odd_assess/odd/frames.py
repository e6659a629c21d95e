"""Points drawn among observed frames: a table whose columns are some of the ODD attributes.

A frame fixes the values of the columns; the other attributes stay free and are drawn from their declared distribution given that the
condition is inside. Frames on which every level and every condition agree are of one *kind*; what they leave of the domain is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from odd_assess.errors import DomainError
from odd_assess.odd.attributes import Attribute, Boolean
from odd_assess.odd.constraints import show_value
from odd_assess.odd.domain import Domain
from odd_assess.odd.levels import Atoms, Floats, Ints
from odd_assess.odd.partition import MAX_PIECES, Axis, Choice, Pieces, atom_axis, conditions_on, inside_pieces

Weighting = Literal["declared", "frames"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """Observed columns: attribute id -> values (rows,), numbers in the attribute's unit or labels. None, NaN and "" are missing values.

    Labels may be written as text (``"true"``, ``"3"``); a boolean column may hold 0 and 1.
    Raises: ValueError without columns or rows, or for columns of different lengths.
    """

    values: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.values.items()}
        if not lengths or 0 in lengths.values() or len(set(lengths.values())) != 1:
            raise ValueError(f"frames must have at least one column and row, all columns equally long, found rows {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def inside(self, domain: Domain, *, weighting: Weighting = "declared") -> FramesInside:
        """Which frames lie inside the ODD, which were left out and why, and which cells they can reach.

        Raises: ValueError for a column that is no attribute of the domain; DomainError if no frame lies inside.
        """
        return _fit(self, domain, weighting)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FramesInside:
    """Frames fitted to a domain. ``rows`` are the frames inside; ``outside`` and ``missing`` count those left out.

    ``weight`` (cells,) is the probability with which a point falls in each cell, 0 where no frame reaches.
    """

    domain: Domain
    rows: Ints
    outside: int
    missing: int
    weight: Floats
    # how a point is drawn: cell -> core (cells that differ in free attributes only) -> entry (kind of frame in a core) -> frame, piece
    columns: tuple[int, ...]
    codes: Floats
    core_of_cell: Ints
    entries: Choice
    kind_of_entry: Ints
    frames_of_kind: Choice
    pieces_of_entry: Choice
    position: Ints
    rest: tuple[int, ...]
    atoms: tuple[Atoms, ...]
    weighting: Weighting

    @property
    def reached(self) -> float:
        """The share of the declared ODD that frames can speak for: the declared weight of the cells that they reach; all of it where frames weigh."""
        if self.weighting == "frames":
            return 1.0
        return min(1.0, float(self.domain.layout.weight[self.weight > 0].sum()))

    def draw(self, cells: Ints, choose: Floats, place: Floats) -> tuple[Floats, Ints]:
        """(codes, frame) of a point of each given cell (m,), from uniforms ``choose`` (m, 3) and ``place`` (m, attributes).

        The frame is drawn by the weighting, the other attributes given the frame, the cell and the inside.
        """
        entry = self.entries.pick(self.core_of_cell[cells], choose[:, 1])
        frame = self.frames_of_kind.pick(self.kind_of_entry[entry], choose[:, 2])
        piece = self.pieces_of_entry.pick(entry, choose[:, 0])
        chosen = [(attribute, self.atoms[k], self.position[piece, k]) for k, attribute in enumerate(self.rest)]
        fixed = {attribute: self.codes[frame, i] for i, attribute in enumerate(self.columns)}
        return self.domain.codes_in_atoms(cells, chosen, place, fixed), frame


def _fit(frames: Frames, domain: Domain, weighting: Weighting) -> FramesInside:
    columns = _columns(frames, domain)
    codes, missing = _encode(frames, domain, columns)
    usable = np.flatnonzero(~np.isnan(codes).any(axis=1))
    if not len(usable):
        raise DomainError(_none_inside(len(frames), int(missing.sum())))
    axis, levels, kind = _kinds(domain, columns, codes[usable])
    rest = tuple(i for i in domain.layout.constrained if i not in columns)
    atoms = tuple(domain.layout.atoms[domain.layout.constrained.index(i)] for i in rest)
    pieces = _pieces(domain, axis, rest, atoms)

    core, core_of_cell = _cores(domain, (*columns, *rest))
    piece_levels = [*(levels[pieces.position[:, 0], c] for c in range(len(columns)))]
    piece_levels += [part.level[pieces.position[:, k + 1]] for k, part in enumerate(atoms)]
    piece_core = _find(core, np.column_stack(piece_levels), [len(domain.attributes[i].levels) for i in (*columns, *rest)])
    known = piece_core >= 0  # a level of declared probability zero makes no cell
    position, mass, piece_core = pieces.position[known], pieces.probability[known], piece_core[known]
    if not len(mass):
        raise DomainError(_none_inside(len(frames), int(missing.sum())))

    pair, entry = np.unique(np.column_stack([position[:, 0], piece_core]), axis=0, return_inverse=True)
    pieces_of_entry = Choice.of(entry.ravel().astype(np.int64), mass, len(pair))
    frame_count = np.bincount(kind, minlength=axis.size).astype(np.float64)
    kind_of_entry, core_of_entry = pair[:, 0].astype(np.int64), pair[:, 1].astype(np.int64)
    share = pieces_of_entry.total / np.bincount(kind_of_entry, weights=pieces_of_entry.total, minlength=axis.size)[kind_of_entry]
    entry_weight = frame_count[kind_of_entry] * (share if weighting == "frames" else 1.0)
    entries = Choice.of(core_of_entry, entry_weight, len(core))
    rows = usable[np.isin(kind, kind_of_entry)]
    return FramesInside(
        domain=domain,
        rows=rows,
        outside=len(frames) - int(missing.sum()) - len(rows),
        missing=int(missing.sum()),
        weight=_cell_weights(domain, core_of_cell, entries, weighting),
        columns=columns,
        codes=codes,
        core_of_cell=core_of_cell,
        entries=entries,
        kind_of_entry=kind_of_entry,
        frames_of_kind=_frames_of_kind(usable, kind, axis.size),
        pieces_of_entry=pieces_of_entry,
        position=position[:, 1:],
        rest=rest,
        atoms=atoms,
        weighting=weighting,
    )


def _columns(frames: Frames, domain: Domain) -> tuple[int, ...]:
    ids = [attribute.id for attribute in domain.attributes]
    for name in frames.values:
        if name not in ids:
            near = get_close_matches(name, ids, n=1)
            raise ValueError(
                f"a column of frames must be an attribute of the domain, found {name!r}{f'; did you mean {near[0]}?' if near else ''}"
            )
    return tuple(i for i, name in enumerate(ids) if name in frames.values)


def _encode(frames: Frames, domain: Domain, columns: tuple[int, ...]) -> tuple[Floats, NDArray[np.bool_]]:
    """(codes (rows, columns), missing (rows,)); NaN marks what is missing or impossible."""
    codes = np.empty((len(frames), len(columns)), dtype=np.float64)
    missing = np.zeros(len(frames), dtype=np.bool_)
    for c, position in enumerate(columns):
        attribute = domain.attributes[position]
        column = frames.values[attribute.id].tolist()
        missing |= np.array([_is_missing(value) for value in column])
        seen = {repr(value): _code(attribute, value) for value in column}
        codes[:, c] = [seen[repr(value)] for value in column]
    return codes, missing


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value)) or (isinstance(value, str) and not value.strip())


def _code(attribute: Attribute, value: Any) -> float:
    """The code of a table's value, NaN for none: as itself, else as text that reads like a label."""
    if _is_missing(value):
        return np.nan
    if isinstance(attribute, Boolean) and not isinstance(value, bool) and value in (0, 1, "0", "1"):
        value = bool(int(value))
    if not hasattr(attribute, "labels"):
        try:
            return attribute.code_of(float(value))
        except (TypeError, ValueError):
            return np.nan
    code = attribute.code_of(value)
    if not isnan(code):
        return code
    text = show_value(value).strip().casefold()
    return next((float(i) for i, level in enumerate(attribute.levels) if level.name.casefold() == text), np.nan)


def _kinds(domain: Domain, columns: tuple[int, ...], codes: Floats) -> tuple[Axis, Ints, Ints]:
    """(axis of kinds, levels (kinds, columns), kind of each usable frame)."""
    attributes = [domain.attributes[i] for i in columns]
    levels = [attribute.levels_of_codes(codes[:, c]) for c, attribute in enumerate(attributes)]
    keys = [(c, condition) for c, attribute in enumerate(attributes) for condition in conditions_on(attribute, domain.rules)]
    holds = [attributes[c].holds(condition, codes[:, c]).astype(np.int64) for c, condition in keys]
    signature, kind = np.unique(np.column_stack([*levels, *holds]), axis=0, return_inverse=True)
    masks = {
        (attributes[c].id, condition): signature[:, len(columns) + k].astype(np.bool_) for k, (c, condition) in enumerate(keys)
    }
    return Axis(probability=np.ones(len(signature)), holds=masks), signature[:, : len(columns)], kind.ravel().astype(np.int64)


def _pieces(domain: Domain, axis: Axis, rest: tuple[int, ...], atoms: tuple[Atoms, ...]) -> Pieces:
    count = axis.size * prod(len(part.code) for part in atoms)
    if count > MAX_PIECES:
        raise DomainError(
            f"frames must split the domain into at most {MAX_PIECES:,} pieces, found {count:,} ({axis.size:,} kinds of frames); use fewer buckets "
            "or thresholds on the attributes that the table's columns give"
        )
    others = [atom_axis(domain.attributes[i], part, domain.rules) for i, part in zip(rest, atoms, strict=True)]
    return inside_pieces([axis, *others], domain.rules)


def _cores(domain: Domain, attributes: tuple[int, ...]) -> tuple[Ints, Ints]:
    """(flat numbers of the combinations of these attributes' levels that cells have, increasing; the combination of each cell)."""
    sizes = [len(domain.attributes[i].levels) for i in attributes]
    flat = np.ravel_multi_index(tuple(domain.layout.levels[:, i] for i in attributes), sizes)
    core, of_cell = np.unique(flat, return_inverse=True)
    return core.astype(np.int64), of_cell.ravel().astype(np.int64)


def _find(core: Ints, levels: Ints, sizes: list[int]) -> Ints:
    """The position in ``core`` of rows of levels, -1 where there is none."""
    flat = np.ravel_multi_index(tuple(levels.T), sizes)
    found = np.minimum(np.searchsorted(core, flat), len(core) - 1)
    return np.where(core[found] == flat, found, -1)


def _cell_weights(domain: Domain, core_of_cell: Ints, entries: Choice, weighting: Weighting) -> Floats:
    """The declared weights of the cells that frames reach, or the frames' own; summing to one."""
    weight = domain.layout.weight
    of_core = entries.total[core_of_cell]
    if weighting == "frames":  # a core's weight is shared among its cells as the free attributes are declared
        weight = weight / np.bincount(core_of_cell, weights=weight)[core_of_cell] * of_core
    reached = np.where(of_core > 0, weight, 0.0)
    return np.asarray(reached / reached.sum(), dtype=np.float64)


def _frames_of_kind(usable: Ints, kind: Ints, kinds: int) -> Choice:
    """Frames (as rows of the table) of each kind, equally likely."""
    choice = Choice.of(kind, np.ones(len(kind)), kinds)
    return Choice(items=usable[choice.items], start=choice.start, cumulated=choice.cumulated, total=choice.total)


def _none_inside(total: int, missing: int) -> str:
    return f"at least one frame must lie inside the ODD, found none of {total} ({missing} have missing values, {total - missing} lie outside)"
