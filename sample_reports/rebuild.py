"""Make the sample reports of this folder again: run each spec, and write report.html and report.pdf beside it.

``python sample_reports/rebuild.py [NAME ...] [--data FOLDER] [--runs FOLDER]``

Digits need nothing. gtsrb and cifar10 need FOLDER/NAME_test.npz, as the head of their specs says; their reports hold no pictures of the data.
With ``--runs`` the run folders are kept there, and a run that is finished already is not made again: only its reports are.
The run's folder, with its pictures, never lands in this one.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = {"digits": None, "gtsrb": "gtsrb_test.npz", "cifar10": "cifar10_test.npz"}
REPORTS = ("report.html", "report.pdf")


def rebuild(name: str, run: Path, data: Path | None) -> None:
    """Write the reports of sample ``name``; run it in ``run`` first, unless a finished run is there."""
    if not (run / "attestation.json").exists():
        with tempfile.TemporaryDirectory() as place:
            spec = beside_its_data(name, Path(place), data)
            command("run", str(spec), "--out", str(run), "--quiet", *(["--resume"] if run.exists() else []), also=(1, 3))
    command("report", str(run), "--pdf", *(["--no-images"] if DATA[name] else []))
    for report in REPORTS:
        shutil.copyfile(run / report, HERE / name / report)


def beside_its_data(name: str, place: Path, data: Path | None) -> Path:
    """A copy of what the spec names, in its own order of folders, with the data beside the spec."""
    home = place / "sample_reports" / name
    shutil.copytree(HERE / name, home, ignore=shutil.ignore_patterns(*REPORTS))
    for folder in ("benchmarks/recipes", "odd_assess/examples"):
        shutil.copytree(HERE.parent / folder, place / folder)
    if wanted := DATA[name]:
        assert data is not None
        (home / wanted).symlink_to((data / wanted).resolve())
    return home / "spec.yaml"


def command(*arguments: str, also: tuple[int, ...] = ()) -> None:
    """Run odd-assess; a verdict other than MET is no failure of a sample."""
    done = subprocess.run([sys.executable, "-m", "odd_assess", *arguments], check=False)  # noqa: S603 - our own command
    if done.returncode not in (0, *also):
        sys.exit(done.returncode)


def main() -> None:
    """Rebuild what was asked for, or all whose data are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*DATA, []], help=", ".join(DATA))
    parser.add_argument("--data", type=Path, help="folder with gtsrb_test.npz and cifar10_test.npz")
    parser.add_argument("--runs", type=Path, help="where run folders are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for name in options.names or DATA:
            wanted = DATA[name]
            if wanted and not (options.data and (options.data / wanted).is_file()):
                print(f"{name}: left as it is, --data names no folder with {wanted}", file=sys.stderr)
                continue
            rebuild(name, (options.runs or Path(place)) / name, options.data)


if __name__ == "__main__":
    main()
