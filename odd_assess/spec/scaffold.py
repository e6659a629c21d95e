"""The example that ``odd-assess init`` writes: a spec that runs as it is, each line of it explained."""

from __future__ import annotations

import shutil
from pathlib import Path

from odd_assess.errors import InputError

WEIGHTS = Path(__file__).resolve().parents[1] / "examples" / "digits.safetensors"
"""The weights of the network in ``odd_assess.examples.digits``."""

SPEC = """\
# What is assessed. Check this file with `odd-assess lint spec.yaml`, run it with `odd-assess run spec.yaml`.
# `odd-assess schema` prints the JSON Schema of this file: with it, editors complete keys and explain them.
odd_assess: 1                       # version of this format
id: digit-reader                    # short name: letters, digits, dot, dash, underscore
title: Handwritten digit reader     # for the report
# responsible: {Safety engineer: A. Name, Approved by: B. Name}    # signature block of the report

odd:                                # the operational design domain: every condition the model may meet
  attributes:
    illumination.illuminance:
      range: "[20 .. 2000] lux"     # a physical attribute carries its unit; texts that start with [ or > are quoted
      distribution: loguniform      # how often each value occurs in use; uniform if left out
      buckets: [20, 100, 500, 2000] # levels for coverage and for results per cell
      realise: {transform: low_light}               # what brings the attribute into the image
    sensor.defocus:
      range: "[0 .. 1] px"
      buckets: [0, 0.5, 1]
      realise: {transform: defocus}
    object.rotation:
      range: "[-15 .. 15] deg"
      realise: {transform: rotation}
    surface:
      values: {clean: 0.8, stained: 0.2}            # labels and how often each occurs
      realise: {transform: stain, levels: {clean: 0, stained: "5 %"}}
    temperature:
      range: "[-10 .. 40] C"
      unrealisable: no transform models the effect of temperature on the sensor   # reported as untested
  exclude:                          # conditions that the model need not meet; all conditions of a line must hold
    - {surface: stained, illumination.illuminance: "< 50 lux"}

sampling: {design: random, points: 300, seed: 1}    # also stratified, sobol, lhs, grid, pairwise

inputs: {dataset: digits, split: test}              # also npz, folder, torchvision, table, callable

model:
  architecture: odd_assess.examples.digits:network  # also file.py:factory, torchvision:NAME; or the keys onnx, exported
  weights: digits.safetensors

certification:
  sigma: 0.25                       # standard deviation of the noise, in input units (images lie in [0, 1])
  alpha: 0.001                      # probability that one certificate is wrong
  budget: {kind: reduced, n0: 100, n: 1000}         # noisy copies a point: n0 choose the class, n bound its probability
  reference: {n: 10000, points: 20} # a random subsample with many copies: measures what the small budget costs

criteria: [criteria.yaml]           # or files that come with odd-assess: acceptance_criteria/perception_default.yaml
"""

CRITERIA = """\
# What must be true of the model. Required numbers are yours: these are an example.
odd_assess_criteria: 1              # version of this format
id: digit-reader-criteria
title: Acceptance criteria of the handwritten digit reader
criteria:
  - id: CA-010
    title: Certified accuracy over the domain
    requirement: SR-1               # the id of your own requirement
    metric: certified_accuracy      # fraction of the domain where the true class is certified within the radius
    radius: 0.1                     # L2 distance in input units
    require: ">= 0.50"
    confidence: 0.95
    severity: blocking              # blocking (the verdict rests on it), warning or info
  - id: CLEAN
    metric: clean_accuracy          # accuracy without noise
    require: ">= 0.80"
    confidence: 0.95
  - id: COVERAGE
    metric: pairwise_coverage       # pairs of levels of two attributes that a point has visited
    require: ">= 95 %"
  - id: LOSS
    metric: radius_reduction        # part of the mean radius that the small budget gives up
    require: "<= 0.40"
    severity: warning
"""


def scaffold(directory: Path | str) -> list[Path]:
    """Write the commented example (spec, criteria, weights) into a folder, which is made if need be; the files written.

    Raises: InputError where one of the files is there already, or the folder cannot be written.
    """
    folder = Path(directory)
    texts = {folder / "spec.yaml": SPEC, folder / "criteria.yaml": CRITERIA}
    weights = folder / WEIGHTS.name
    present = [path.name for path in (*texts, weights) if path.exists()]
    if present:
        raise InputError(f"{folder} must not hold {present[0]} yet: name another folder, or delete the file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        shutil.copyfile(WEIGHTS, weights)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {(error.strerror or str(error)).lower()}") from error
    return [*texts, weights]
