"""Writing the lock of a spec."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version
from pathlib import Path

from odd_assess.errors import InputError
from odd_assess.spec.load import unlocked_spec
from odd_assess.spec.lock import LockFile, compared, lock_path, parsed, stated


def lock_spec(path: Path | str, *, force: bool = False, now: dt.datetime | None = None) -> tuple[Path, LockFile, bool]:
    """(where the lock lies, the lock, whether it was written now): a lock that fits already stays as it is, with its date.

    Raises: SpecError with every problem of the spec; InputError where another lock is there and ``force`` is not given, or it cannot be written.
    """
    spec, data = unlocked_spec(path)
    file = lock_path(Path(path))
    moment = (now or dt.datetime.now(dt.UTC)).isoformat(timespec="seconds")
    lock = stated(spec, data, date=moment, version=version("odd-assess"))
    try:
        there = parsed(file.read_bytes()) if file.exists() else None
        if isinstance(there, LockFile):
            difference = compared(there, lock)
            if difference.state == "locked":
                return file, there, False
            if not force:
                lines = "\n".join(f"  {line}" for line in difference.details)
                raise InputError(
                    f"{file}: must not hold another lock, found that of {difference.date[:10]}:\n{lines}\nReplace it with --force"
                )
        elif there is not None and not force:
            raise InputError(f"{file}: {there}; replace it with --force")
        draft = file.with_name(f"{file.name}.draft")
        draft.write_text(lock.text(), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise InputError(f"{file}: the lock cannot be written: {(error.strerror or str(error)).lower()}") from error
    return file, lock, True
