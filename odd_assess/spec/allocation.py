"""The file that ``sampling.allocation`` may name: the group of each cell, 1 or 2, and the number of points of each group."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from odd_assess.errors import Location, Problem
from odd_assess.odd.domain import Domain
from odd_assess.odd.groups import GROUP, POINTS, Groups
from odd_assess.spec.document import Document, KeyPath, dotted
from odd_assess.spec.files import content_of, existing_file
from odd_assess.spec.words import did_you_mean, listed, shortened, shown


class _RefusedError(Exception):
    """What is wrong with a table, and where: line and column, counted from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def declared_groups(document: Document, path: KeyPath, text: str, domain: Domain) -> Groups | None:
    """The groups of a file, or None and a problem, at its place in that file."""
    file = existing_file(document, path, text, suffixes=(".csv",))
    if file is None:
        return None
    try:
        content = content_of(document, "numbers", text, file).decode("utf-8-sig")
        return _groups(content, domain)
    except UnicodeDecodeError:
        _add(document, path, file, "must be UTF-8 text: save the file in that encoding", 1, 1)
    except _RefusedError as refused:
        _add(document, path, file, str(refused), refused.line, refused.column)
    except (OSError, ValueError, csv.Error) as error:
        _add(document, path, file, f"must be a CSV file with a header line and a row for each cell: {shortened(str(error))}", 1, 1)
    return None


def _add(document: Document, path: KeyPath, file: Path, message: str, line: int, column: int) -> None:
    document.problems.append(Problem(location=Location(path=file, line=line, column=column), key=dotted(path), message=message))


def _groups(content: str, domain: Domain) -> Groups:
    """The groups that a table declares.

    Raises: _RefusedError.
    """
    reader = csv.reader(StringIO(content, newline=""), strict=True)
    header = [name.strip() for name in next(reader, [])]
    place = _columns(header, domain)
    cells = {cell.levels: cell.index for cell in domain.cells}
    group, points, at = [0] * len(cells), [0, 0], [(0, 0)] * len(cells)
    for row in reader:
        line = reader.line_num
        if not any(entry.strip() for entry in row):
            continue
        if len(row) != len(header):
            raise _RefusedError(f"must have {len(header)} entries, as the header has, found {len(row)}", line)
        cell = cells.get(_levels(row, place, domain, line))
        if cell is None:
            raise _RefusedError("is no feasible cell of the ODD: delete the row", line)
        if group[cell]:
            raise _RefusedError(f"the cell {domain.cells[cell].name} must have one row, found another in line {at[cell][0]}", line)
        one = _whole(row, place[GROUP], GROUP, line)
        if one not in (1, 2):
            raise _RefusedError(f"{GROUP} must be 1 or 2, found {one}", line, _column(row, place[GROUP]))
        count = _whole(row, place[POINTS], POINTS, line)
        if count < 1:
            raise _RefusedError(f"group {one} must have at least one point, found {count}", line, _column(row, place[POINTS]))
        if points[one - 1] not in (0, count):
            first = next(where for where, known in zip(at, group, strict=True) if known == one)[0]
            found = f"{POINTS} must be the same in all rows of group {one}, found {count} and, in line {first}, {points[one - 1]}"
            raise _RefusedError(found, line, _column(row, place[POINTS]))
        group[cell], at[cell], points[one - 1] = one, (line, 1), count
    if 0 in group:
        missing = [domain.cells[cell].name for cell, one in enumerate(group) if not one]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise _RefusedError(
            f"must have a row for each of the {len(cells)} feasible cells, found none for {missing[0]}{more}", reader.line_num
        )
    if 0 in points:
        raise _RefusedError(f"both groups must have cells, found none of group {points.index(0) + 1}", reader.line_num)
    return Groups(of_cell=tuple(group), points=(points[0], points[1]))


def _columns(header: Sequence[str], domain: Domain) -> dict[str, int]:
    """Where each column stands. An attribute that has one level may be left out."""
    known = [*(attribute.id for attribute in domain.attributes), GROUP, POINTS]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise _RefusedError(f"columns must be separated by commas, found {shown(header[0])}")
    for index, name in enumerate(header):
        column = _column(header, index)
        if name not in known:
            raise _RefusedError(f"columns must be {listed(known)}, found {shown(name)}{did_you_mean(name, known)}", 1, column)
        if name in header[:index]:
            raise _RefusedError(f"the column {name} must stand once, found it twice", 1, column)
    needed = [attribute.id for attribute in domain.attributes if len(attribute.levels) > 1]
    for name in [*needed, GROUP, POINTS]:
        if name not in header:
            raise _RefusedError(f"must have the column {name}; found {listed(header) or 'no header line'}", 1)
    return {name: header.index(name) for name in header}


def _levels(row: Sequence[str], place: dict[str, int], domain: Domain, line: int) -> tuple[int, ...]:
    """The level of each attribute that a row names."""
    found = []
    for attribute in domain.attributes:
        names = [level.name for level in attribute.levels]
        if attribute.id not in place:
            found.append(0)
            continue
        text = row[place[attribute.id]].strip()
        if text not in names:
            message = f"{attribute.id} must be one of {listed(names)}, found {shown(text)}{did_you_mean(text, names)}"
            raise _RefusedError(message, line, _column(row, place[attribute.id]))
        found.append(names.index(text))
    return tuple(found)


def _whole(row: Sequence[str], index: int, name: str, line: int) -> int:
    text = row[index].strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _RefusedError(f"{name} must be a whole number, found {shown(text)}", line, _column(row, index))
    return int(text)


def _column(row: Sequence[str], index: int) -> int:
    """Where an entry of a row starts, if no entry before it is quoted."""
    return 1 + sum(len(entry) + 1 for entry in row[:index])
