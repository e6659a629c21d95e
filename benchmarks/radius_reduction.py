"""Is the predicted radius reduction the one that is measured?

``python -m benchmarks.radius_reduction [--points N] [--reference N] [--subsample N]``

Runs the specs of sample_reports (digits always; GTSRB and CIFAR-10 where the maintainers' data lie beside the checkout in ``shared``, with the models there),
each with a reference subsample, and prints: the reduction predicted from the counts alone, the one measured at the reference budget with its interval, and
whether they agree.
"""

from __future__ import annotations

import argparse
import runpy
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import odd_assess
from odd_assess.records import Assessment

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
REAL = {"gtsrb": ("gtsrb_test_dev.npz", "gtsrb_test.npz"), "cifar10": ("cifar10_test.npz", "cifar10_test.npz")}
CLASSES = {"gtsrb": 43, "cifar10": 10}
GIVEN = """model:
  architecture: network.py:SmallResNet
  arguments: {{classes: {classes}}}
  weights: {name}.safetensors
"""


def place_real(folder: Path, names: Sequence[str] = tuple(REAL)) -> list[Path]:
    """The GTSRB and CIFAR-10 specs, or those of ``names``, in ``folder``, for the maintainers' models, with models, network and images beside them."""
    decode = runpy.run_path(str(SHARED / "data" / "prepare.py"))["decode"]
    specs = []
    for name in names:
        (encoded, data), home = REAL[name], folder / name
        home.mkdir()
        with np.load(SHARED / "data" / encoded) as archive:
            np.savez(
                home / data, images=decode(archive), labels=archive["labels"].astype(np.int64), class_names=archive["class_names"]
            )
        shutil.copy(SHARED / "models" / "network.py", home)
        shutil.copy(SHARED / "models" / f"{name}_sigma025.safetensors", home / f"{name}.safetensors")
        text = (ROOT / "sample_reports" / name / "spec.yaml").read_text(encoding="utf-8")
        specs.append(home / "spec.yaml")
        specs[-1].write_text(with_given_model(text, name), encoding="utf-8")
    return specs


def with_given_model(text: str, name: str) -> str:
    """A sample's spec with the model that lies beside the maintainers' data: figures found with it stay comparable."""
    before, after = text.split("\nmodel:\n")
    given = GIVEN.format(name=name, classes=CLASSES[name])
    return f"{before}\n{given}\n{after.split(chr(10) * 2, 1)[1]}"


def report(assessment: Assessment) -> str:
    """One row of the table."""
    found = assessment.reduction
    if found.measured is None or found.measured_lower is None or found.measured_upper is None or found.predicted_subsample is None:
        return f"{assessment.spec.id:<22} too few points certify"
    inside = found.measured_lower <= found.predicted_subsample <= found.measured_upper
    return (
        f"{assessment.spec.id:<22} n {assessment.spec.certification.budget.n} against {found.n_ref}: predicted {found.predicted or 0:.3f} (all), "
        f"{found.predicted_subsample:.3f} (subsample), measured {found.measured:.3f} [{found.measured_lower:.3f}, {found.measured_upper:.3f}] "
        f"on {found.measured_points} points: {'agree' if inside else 'DISAGREE'}"
    )


def main() -> None:
    """Run and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=150, help="points of each run")
    parser.add_argument("--reference", type=int, default=10_000, help="draws of a reference point")
    parser.add_argument("--subsample", type=int, default=20, help="reference points")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        specs = [ROOT / "sample_reports" / "digits" / "spec.yaml"]
        if (SHARED / "data").is_dir():
            specs += place_real(folder)
        for spec in specs:
            declared = odd_assess.load_spec(spec)
            changed = shortened(declared, options)
            print(report(odd_assess.assess(changed, folder / f"run-{declared.id}")), flush=True)


def shortened(spec: odd_assess.Spec, options: argparse.Namespace) -> odd_assess.Spec:
    """The spec with the points and the reference budget that were asked for."""
    from dataclasses import replace

    from odd_assess.records import ReferencePlan

    reference = ReferencePlan(n=options.reference, points=options.subsample)
    return replace(
        spec,
        sampling=replace(spec.sampling, points=options.points),
        certification=replace(spec.certification, reference=reference),
    )


if __name__ == "__main__":
    main()
