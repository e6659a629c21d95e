"""The lock of a spec: what is in it, and what it says of a change."""

# ruff: noqa: E501

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from odd_assess.errors import InputError, SpecError
from odd_assess.records import Lock
from odd_assess.spec import kept_spec, lint, load_spec, lock_spec, require_lock
from odd_assess.spec.lock import lock_path, parsed

NOW = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def locked(folder: Any) -> Any:
    """A folder whose spec is locked."""
    lock_spec(folder.spec, now=NOW)
    return folder


def lock_of(folder: Any) -> Lock:
    found = load_spec(folder.spec).lock
    assert found is not None
    return found


def test_it_lies_beside_the_spec_and_depends_on_nothing_but_the_files(locked: Any) -> None:
    """Only the date differs when it is written again on another day."""
    path = lock_path(locked.spec)
    assert path == locked.path / "spec.lock.json"
    first = path.read_text()
    path.unlink()
    _, _, written = lock_spec(locked.spec, now=NOW + dt.timedelta(days=1))
    assert written
    assert path.read_text() == first.replace("2026-11-21", "2026-11-22")
    assert json.loads(first)["criteria"]["COV"]["content"] == {
        "title": "Pairwise coverage",
        "metric": "pairwise_coverage",
        "require": ">= 0.95",
        "severity": "warning",
    }


def test_nothing_changed(locked: Any) -> None:
    """The run says when it was locked; the lock is one of its documents, from which the same statement follows."""
    spec = load_spec(locked.spec)
    assert spec.lock is not None
    assert spec.lock.state == "locked"
    assert spec.lock.sentence == "Criteria locked on 2026-11-21."
    require_lock(spec)
    assert [document.kind for document in spec.documents] == ["spec", "criteria", "lock"]
    again = kept_spec(spec.documents, Path("/nowhere"))
    assert (again.lock, again.documents) == (spec.lock, spec.documents)


CHANGES = [
    ("criteria.yaml", ('">= 0.80"', '">= 0.70"'), "Criteria changed after lock of 2026-11-21: CA: require >= 0.8 -> >= 0.7 (loosened)."),
    ("criteria.yaml", ("severity: warning", "severity: info"), "Criteria changed after lock of 2026-11-21: COV: severity warning -> info (loosened)."),
    ("criteria.yaml", ("id: COV", "id: PAIRS"), "Criteria changed after lock of 2026-11-21: COV: dropped (loosened); PAIRS: added."),
    ("criteria.yaml", ("id: mine\n", "id: mine\r\n"), "Criteria locked on 2026-11-21, bytes changed since: bytes of criteria.yaml changed, but no criterion and no part of the spec."),
    ("spec.yaml", ("odd:", "# a comment\nodd:"), "Criteria locked on 2026-11-21, bytes changed since: bytes of spec.yaml changed, but no criterion and no part of the spec."),
    ("spec.yaml", ("points: 300", "points: 400"), "Criteria locked on 2026-11-21, spec changed since: spec: sampling changed."),
    ("spec.yaml", ('  exclude:\n    - {surface: stained, light: "< 50 lux"}\n', ""), "Criteria locked on 2026-11-21, spec changed since: spec: odd changed."),
]  # fmt: skip


@pytest.mark.parametrize(("file", "edit", "sentence"), CHANGES)
def test_a_change_is_named(locked: Any, file: str, edit: tuple[str, str], sentence: str) -> None:
    """By criterion and key, by section, or as bytes alone; each is refused where a lock is required, and locks again only by force."""
    locked.edit(edit, file=file)
    assert lock_of(locked).sentence == sentence
    with pytest.raises(InputError, match="what is assessed must be what was locked on 2026-11-21"):
        require_lock(load_spec(locked.spec))
    with pytest.raises(InputError, match="must not hold another lock, found that of 2026-11-21"):
        lock_spec(locked.spec, now=NOW + dt.timedelta(days=3))
    lock_spec(locked.spec, force=True, now=NOW + dt.timedelta(days=3))
    assert lock_of(locked).sentence == "Criteria locked on 2026-11-24."


def test_a_base_and_numbers_are_locked_too(folder: Any) -> None:
    """A criterion that changed in the file that is extended, and usage data that changed."""
    (folder.path / "top.yaml").write_text(
        "odd_assess_criteria: 1\nid: top\nextends: criteria.yaml\ncriteria: [{id: CA, radius: 0.2}]\n"
    )
    (folder.path / "usage.csv").write_text("light\n100\n200\n")
    folder.edit(
        ("[criteria.yaml]", "[top.yaml]"), ("distribution: loguniform", "distribution: {empirical: usage.csv, column: light}")
    )
    lock_spec(folder.spec, now=NOW)
    assert lock_of(folder).state == "locked"
    folder.edit(("0.95\n", "0.9\n"), file="criteria.yaml")
    (folder.path / "usage.csv").write_text("light\n100\n300\n")
    assert lock_of(folder).details == ("CA: confidence 0.95 -> 0.9 (loosened)", "spec: usage.csv changed")


def test_a_lock_that_fits_stays(locked: Any) -> None:
    """With its date, also by force."""
    before = lock_path(locked.spec).read_bytes()
    _, lock, written = lock_spec(locked.spec, force=True)
    assert (written, lock.locked) == (False, NOW.isoformat())
    assert lock_path(locked.spec).read_bytes() == before


def test_without_a_lock(folder: Any) -> None:
    """Nothing is said, unless one is required."""
    spec = load_spec(folder.spec)
    assert spec.lock is None
    with pytest.raises(InputError, match=r"spec\.lock\.json: there must be a lock, found none"):
        require_lock(spec)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "{", "must be the JSON that odd-assess lock writes"),
        (lambda text: "[" * 5000, "must be the JSON that odd-assess lock writes"),
        (lambda text: "[]", "must be a lock as odd-assess lock writes it"),
        (lambda text: text.replace('"odd_assess_lock": 1', '"odd_assess_lock": 2'), "must be a lock of version 1, found 2: it was written by a newer"),
        (lambda text: text.replace("2026-11-21", "soon"), "but locked is not sound"),
        (lambda text: text.replace(">= 0.8", ">= 0.7"), "must hold the digest of each criterion, but that of CA is another: the lock was edited"),
    ],
)  # fmt: skip
def test_a_damaged_lock_is_one_problem(locked: Any, damage: Any, message: str) -> None:
    """At its own place, for lint and for a run; only force replaces it."""
    path = lock_path(locked.spec)
    path.write_text(damage(path.read_text()))
    (problem,) = lint(locked.spec)
    assert str(problem).startswith(f"{path}:1:1: ")
    assert message in str(problem)
    with pytest.raises(SpecError):
        load_spec(locked.spec)
    with pytest.raises(InputError, match="replace it with --force"):
        lock_spec(locked.spec)
    lock_spec(locked.spec, force=True)
    assert lint(locked.spec) == ()


def test_any_bytes_are_a_lock_or_a_sentence() -> None:
    """Rejects a reader that trusts a part before it was checked."""
    for raw in (
        b"",
        b"\xff",
        b"null",
        b'{"odd_assess_lock": 1}',
        b'{"odd_assess_lock": true}',
        b'{"odd_assess_lock": 1, "criteria": {"CA": 3}}',
    ):
        assert isinstance(parsed(raw), str)


def test_a_lock_that_cannot_be_written(folder: Any) -> None:
    """A folder of its name is in the way."""
    lock_path(folder.spec).mkdir()
    with pytest.raises(InputError, match="the lock cannot be written"):
        lock_spec(folder.spec)
