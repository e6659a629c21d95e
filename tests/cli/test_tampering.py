"""Nothing in a finished run can be changed without `verify` telling."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Bench

CHANGES = 200
RESULTS = {1, 2}
"""Exit statuses of `verify` where something was changed: what differs is listed, or what cannot be read is named."""


def other_value(value: object, chance: random.Random) -> object:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value + chance.choice([-1, 1, 7])
        case float():
            return value * (1 + 1e-15) if chance.random() < 0.5 and value * (1 + 1e-15) != value else value + 0.125
        case str():
            at = chance.randrange(len(value) + 1)
            digit = next((i for i, c in enumerate(value) if c.isdigit()), None)
            if digit is not None and chance.random() < 0.5:  # a text that can still be read
                return f"{value[:digit]}{(int(value[digit]) + 1) % 10}{value[digit + 1 :]}"
            return f"{value[:at]}{chance.choice('aZ9 {')}{value[at:]}"
        case bytes():
            at = chance.randrange(len(value))
            return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]
        case _:
            return 1


def one_field(run: Path, chance: random.Random) -> str:
    """Change one field of one row of any table."""
    with sqlite3.connect(run / "evidence.sqlite") as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        table = chance.choice([name for name in tables if db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()])
        info = list(db.execute(f"PRAGMA table_info({table})"))
        columns, keys = [row[1] for row in info], [row[1] for row in info if row[5]]
        column = chance.choice(columns)
        row = chance.choice(list(db.execute(f"SELECT {', '.join(keys)}, {column} FROM {table}")))
        where = " AND ".join(f"{key} = ?" for key in keys)
        db.execute(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {where}", (other_value(row[-1], chance), *row[:-1]))
    db.close()
    return f"{table}.{column} of {row[:-1]}"


def one_byte(path: Path, chance: random.Random) -> str:
    """Change one byte anywhere in a file, by one bit or to anything."""
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    data[at] ^= chance.choice([1 << chance.randrange(8), chance.randrange(1, 256)])
    path.write_bytes(data)
    return f"byte {at} of {path.name}"


def one_leaf(run: Path, chance: random.Random) -> str:
    """Change one leaf of the manifest."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    leaves: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, (dict, list)) and value:
                walk(value)
            else:
                leaves.append((node, key))

    walk(manifest)
    node, key = chance.choice(leaves)
    node[key] = other_value(node[key], chance)
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return f"{key} of the manifest"


@pytest.mark.slow
def test_any_change_is_found(make_bench: Callable[[], Bench]) -> None:
    """200 random changes, of a field, a leaf or a byte, each on its own: status 1 or 2, something said, never a defect; the run as it was has status 0."""
    bench = make_bench().change(
        {"sampling/points": 12, "certification/reference": {"n": 400, "points": 4}, "unattainable": "accept"}
    )
    assert bench.run("--quiet").status in {0, 1, 3}
    whole, run = bench.folder / "run", bench.folder / "changed"
    assert bench("verify", whole).status == 0
    chance = random.Random(20261121)
    silent: list[str] = []
    for number in range(CHANGES):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        match number % 4:
            case 0:
                what = one_field(run, chance)
            case 1:
                what = one_byte(run / "evidence.sqlite", chance)
            case 2:
                what = one_leaf(run, chance)
            case _:
                what = one_byte(run / "manifest.json", chance)
        outcome = bench("verify", run)
        said = f"{outcome.out}{outcome.err}"
        if (
            outcome.status not in RESULTS
            or not any(name in said for name in ("evidence.sqlite", "manifest.json"))
            or "defect" in said
        ):
            silent.append(f"{number}, {what}: {outcome}")
    assert silent == []


def test_a_log_beside_the_evidence_is_not_read(finished: Bench, bench: Bench) -> None:
    """A write-ahead log that replaces pages of the evidence for a plain reader changes nothing of what is verified."""
    run, apart = bench.folder / "run", bench.folder / "apart"
    for copy in (run, apart):
        shutil.copytree(finished.folder / "run", copy)
    writer = sqlite3.connect(apart / "evidence.sqlite")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE points SET label = 99")
    writer.commit()
    shutil.copy(apart / "evidence.sqlite-wal", run / "evidence.sqlite-wal")
    writer.close()
    assert bench("verify", run).status == 0
    reader = sqlite3.connect(f"{(run / 'evidence.sqlite').as_uri()}?mode=ro", uri=True)
    assert set(reader.execute("SELECT label FROM points")) == {(99,)}
    reader.close()
