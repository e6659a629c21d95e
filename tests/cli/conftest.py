"""A small whole assessment of the embedded digits, as a user would write it, and a way to change one thing in it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from odd_assess.cli import main
from odd_assess.evidence import sha256, write_manifest
from odd_assess.examples.digits import WEIGHTS

SPEC = f"""\
odd_assess: 1
id: tiny
title: Digits, a few
odd:
  attributes:
    light: {{range: "[50 .. 2000] lux", distribution: loguniform, buckets: [50, 500, 2000], realise: {{transform: low_light}}}}
    defocus: {{range: "[0 .. 0.5] px", realise: {{transform: defocus}}}}
    dirt: {{values: {{clean: 0.8, stained: 0.2}}, realise: {{transform: stain, levels: {{clean: 0, stained: 0.05}}}}}}
  exclude:
    - {{dirt: stained, light: "< 100 lux"}}
sampling: {{design: random, points: 40, seed: 5}}
inputs: {{dataset: digits, split: test}}
model: {{architecture: "odd_assess.examples.digits:network", weights: {WEIGHTS}}}
certification:
  sigma: 0.25
  alpha: 0.001
  budget: {{kind: reduced, n0: 20, n: 200}}
  reference: {{n: 2000, points: 8}}
criteria: [criteria.yaml]
"""

CRITERIA = """\
odd_assess_criteria: 1
id: tiny-criteria
criteria:
  - {id: CA, metric: certified_accuracy, radius: 0.1, require: ">= 0.40", confidence: 0.95}
  - {id: CLEAN, metric: clean_accuracy, require: ">= 0.70", confidence: 0.95}
"""


def reseal(run: Path, **changes: object) -> None:
    """Change the manifest of a finished run, and compute the digests anew, as a forger would who knows the format; the attestation is left out."""
    (run / "attestation.json").unlink(missing_ok=True)
    manifest = {**json.loads((run / "manifest.json").read_text()), **changes}
    del manifest["digest"]
    write_manifest(run, {**manifest, "evidence_sha256": sha256(run / "evidence.sqlite")})


Changes = Mapping[str, object]


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit status and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Bench:
    """A folder with a spec in it, and commands run on it."""

    folder: Path

    @property
    def spec(self) -> Path:
        """The spec file."""
        return self.folder / "spec.yaml"

    def change(self, changes: Changes, file: str = "spec.yaml") -> "Bench":
        """Set keys given as "a.b.c" (None removes the key)."""
        path = self.folder / file
        data = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *parents, last = key.split("/")
            where = data
            for parent in parents:
                where = where[int(parent)] if isinstance(where, list) else where.setdefault(parent, {})
            if value is None:
                del where[last]
            else:
                where[last] = value
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return self

    def __call__(self, *args: str | Path) -> Outcome:
        """Run the command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        status = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(arg) for arg in args])
            except SystemExit as done:
                status = int(done.code or 0)
        return Outcome(status, out.getvalue(), err.getvalue())

    def run(self, *args: str | Path) -> Outcome:
        """``odd-assess run`` on the spec into the folder ``run``, without a PDF."""
        return self("run", self.spec, "--out", self.folder / "run", "--no-pdf", *args)

    def process(self, *args: str | Path) -> subprocess.Popen[str]:
        """The command line as a process of its own."""
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "odd_assess", *map(str, args)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=self.folder)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A fresh folder with the tiny spec and its criteria."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "criteria.yaml").write_text(CRITERIA)
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def make_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bench]:
    """More than one fresh folder."""

    def make() -> Bench:
        folder = tmp_path_factory.mktemp("bench")
        (folder / "spec.yaml").write_text(SPEC)
        (folder / "criteria.yaml").write_text(CRITERIA)
        return Bench(folder)

    return make


@pytest.fixture(scope="session")
def finished(make_bench: Callable[[], Bench]) -> Bench:
    """A finished run of the tiny spec, with both reports; do not change it."""
    bench = make_bench()
    outcome = bench("run", bench.spec, "--out", bench.folder / "run", "--pdf")
    assert outcome.status == 0, outcome
    return bench
