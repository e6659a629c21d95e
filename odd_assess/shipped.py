"""Where the files lie that come with odd-assess but are not Python: criteria files and report templates.

An installed wheel carries them in ``odd_assess/_data``; an editable checkout has them at the root of the repository. No module but this one
knows that. Only the standard library is imported here, so that every room can use it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["acceptance_criteria", "templates"]


def shipped(kind: Kind) -> Path:
    """The folder of the files of one kind that come with odd-assess.

    Raises: FileNotFoundError where the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    installed = package / "_data" / kind
    if installed.is_dir():
        return installed
    checkout = package.parent / kind
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    raise FileNotFoundError(f"the folder {kind!r} of odd-assess is missing at {installed}: install odd-assess again")
