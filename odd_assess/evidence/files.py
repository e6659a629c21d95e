"""Writing a report, or what another tool reads, to its file."""

from __future__ import annotations

from pathlib import Path

from odd_assess.errors import RunError


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` into the file in one step: a kill or a full disk leaves the old report or none, never half of one.

    Raises: RunError when the disk refuses.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        raise RunError(
            f"{path}: the report could not be written: {error.strerror or error}. Make room or give another folder, then rebuild it"
        ) from error
