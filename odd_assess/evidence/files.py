"""Writing a file in one step: a kill or a full disk leaves the old one or none, never half of one."""

from __future__ import annotations

import os
from pathlib import Path

from odd_assess.errors import RunError


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data``, a report or what another tool reads, into the file in one step.

    Raises: RunError when the disk refuses.
    """
    try:
        put(path, data)
    except OSError as error:
        raise RunError(
            f"{path}: the report could not be written: {error.strerror or error}. Make room or give another folder, then rebuild it"
        ) from error


def put(path: Path, data: bytes) -> None:
    """Put ``data`` into the file in one step.

    Raises: OSError when the disk refuses.
    """
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # or the name could reach the disk before what it names, and the power fail in between
    draft.replace(path)
