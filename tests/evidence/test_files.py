"""A report's file is written whole or not at all."""

from pathlib import Path

import pytest

from odd_assess.errors import RunError
from odd_assess.evidence.files import write_whole


def test_a_refused_write_leaves_the_old_report(tmp_path: Path) -> None:
    """Where the disk refuses, the page of before is still there, whole, and the error says what to do."""
    path = tmp_path / "report.html"
    write_whole(path, b"before")
    (tmp_path / "report.html.draft").mkdir()
    with pytest.raises(RunError, match=r"the report could not be written: Is a directory\. Make room"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"


def test_a_report_is_replaced(tmp_path: Path) -> None:
    """The new page takes the place of the old one and leaves nothing beside it."""
    path = tmp_path / "report.html"
    for page in (b"before", b"after"):
        write_whole(path, page)
    assert path.read_bytes() == b"after"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
