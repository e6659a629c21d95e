"""Every mistake in a spec that a reader of the manual can make, with the exact message that answers it."""

# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pytest

BUDGET = "{kind: reduced, n0: 100, n: 1000}"

CASES = [
    (
        "unknown key",
        (("title: Reader", "titel: Reader"),),
        [
            "spec.yaml:1:1: title: is required: what is assessed, in words, for the report, for example Handwritten digit reader, release 1.2",
            "spec.yaml:3:1: titel: is not a known key; did you mean 'title'?; known keys: odd_assess, id, title, responsible, odd, sampling, inputs, model, certification, criteria, average_case, execution, baseline, unattainable",
        ],
    ),
    (
        "unknown inner key",
        (("points: 300, seed: 1", "points: 300, sead: 1"),),
        [
            "spec.yaml:15:41: sampling.sead: is not a known key; did you mean 'seed'?; known keys: design, points, until_decided, max_points, seed, allocation, candidates, low"
        ],
    ),
    (
        "unknown section type",
        (("sampling: {design: random, points: 300, seed: 1}", "sampling: random"),),
        ["spec.yaml:15:11: sampling: must be a mapping such as {design: random, points: 300, seed: 1}, found the text 'random'"],
    ),
    (
        "empty value",
        (("  sigma: 0.25", "  sigma:"),),
        ["spec.yaml:20:3: certification.sigma: has no value: give it one, or delete the key"],
    ),
    (
        "version",
        (("odd_assess: 1", "odd_assess: 2"),),
        [
            "spec.yaml:1:13: odd_assess: must be 1, the version of the format that this odd-assess reads, found the number 2: the file is written for a newer odd-assess; update odd-assess"
        ],
    ),
    (
        "id",
        (("id: reader", "id: my reader"),),
        [
            "spec.yaml:2:5: id: must start with a letter or digit and hold only letters, digits, '.', '_' and '-', found the text 'my reader'"
        ],
    ),
    (
        "number for text",
        (("title: Reader", "title: 12"),),
        ["spec.yaml:3:8: title: must be a text, found the number 12: put it in quotes"],
    ),
    (
        "text for number",
        (("sigma: 0.25", 'sigma: "0.25"'),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '0.25': write 0.25"],
    ),
    (
        "thousands",
        (("n0: 100, n: 1000", "n0: 100, n: 1_000"),),
        ["spec.yaml:22:39: certification.budget.n: must be a whole number, found the text '1_000': write 1000"],
    ),
    (
        "fraction of a draw",
        (("n0: 100, n: 1000", "n0: 100, n: 1000.5"),),
        ["spec.yaml:22:39: certification.budget.n: must be a whole number, found the number 1000.5"],
    ),
    ("sigma", (("sigma: 0.25", "sigma: 0"),), ["spec.yaml:20:10: certification.sigma: must be >= 0.0001, found the number 0"]),
    (
        "sigma nan",
        (("sigma: 0.25", "sigma: .nan"),),
        ["spec.yaml:20:10: certification.sigma: must be a finite number, found the number nan"],
    ),
    ("alpha", (("alpha: 0.001", "alpha: 0.6"),), ["spec.yaml:21:10: certification.alpha: must be <= 0.5, found the number 0.6"]),
    (
        "design",
        (("design: random", "design: radnom"),),
        [
            "spec.yaml:15:20: sampling.design: must be one of random, stratified, ranked, sobol, lhs, grid, pairwise, found the text 'radnom'; did you mean 'random'?"
        ],
    ),
    (
        "points missing",
        (("points: 300, ", ""),),
        ["spec.yaml:15:1: sampling.points: is required for the design random: number of points, for example 300"],
    ),
    (
        "allocation",
        (("seed: 1}", "seed: 1, allocation: equal}"),),
        ["spec.yaml:15:50: sampling.allocation: is for the design stratified, found random"],
    ),
    (
        "no unit",
        (('"[20 .. 2000] lux"', '"[20 .. 2000]"'),),
        ["spec.yaml:7:14: odd.attributes.light.range: must carry a unit that low_light takes (lux, klux), found no unit"],
    ),
    (
        "wrong unit",
        (('"[20 .. 2000] lux"', '"[20 .. 2000] m"'),),
        [
            "spec.yaml:7:14: odd.attributes.light.range: must carry a unit that low_light takes (lux, klux), found m, a unit of length"
        ],
    ),
    (
        "unknown unit",
        (('"[20 .. 2000] lux"', '"[20 .. 2000] luxx"'),),
        ["spec.yaml:7:14: odd.attributes.light.range: unit 'luxx' is not known; did you mean lux or klux?"],
    ),
    (
        "open range",
        (('"[20 .. 2000] lux"', '"[20 .. 2000) lux"'),),
        [
            "spec.yaml:7:14: odd.attributes.light.range: must be a closed range such as \"[20 .. 2000] lux\", found the text '[20 .. 2000) lux'"
        ],
    ),
    (
        "reversed range",
        (('"[20 .. 2000] lux"', '"[2000 .. 20] lux"'),),
        ["spec.yaml:7:14: odd.attributes.light.range: the lower end of a range must lie below the upper end, found [2000 .. 20]"],
    ),
    (
        "not a range",
        (('"[20 .. 2000] lux"', "bright"),),
        [
            "spec.yaml:7:14: odd.attributes.light.range: must be a closed range such as \"[20 .. 2000] lux\", found the text 'bright'"
        ],
    ),
    (
        "range beyond transform",
        (
            ('"[20 .. 2000] lux"', '"[20 .. 2000] klux"'),
            ("buckets: [20, 100, 2000]", "buckets: [20, 2000]"),
            ('"< 50 lux"', '"< 50 klux"'),
        ),
        [
            "spec.yaml:7:14: odd.attributes.light.range: must lie in [0.01 .. 200000] lux, what low_light can do, found [20000 .. 2e+06] lux"
        ],
    ),
    (
        "threshold no unit",
        (('"< 50 lux"', '"< 50"'),),
        ["spec.yaml:14:33: odd.exclude[0].light: must carry a unit (lux, klux), found the text '< 50'"],
    ),
    (
        "threshold number",
        (('"< 50 lux"', "50"),),
        ['spec.yaml:14:33: odd.exclude[0].light: must be a text with a unit such as "< 50 lux", found the number 50'],
    ),
    (
        "threshold wrong unit",
        (('"< 50 lux"', '"< 50 m"'),),
        ["spec.yaml:14:33: odd.exclude[0].light: unit must measure illuminance (lux, klux), found 'm', a unit of length"],
    ),
    (
        "threshold nowhere",
        (('"< 50 lux"', '"< 5 lux"'),),
        [
            "spec.yaml:14:33: odd.exclude[0].light: speaks of nothing in the range [20 .. 2000] lux of light, found the text '< 5 lux'"
        ],
    ),
    (
        "unknown transform",
        (("transform: low_light", "transform: lowlight"),),
        [
            "spec.yaml:10:28: odd.attributes.light.realise.transform: must be one of rotation, stain, apparent_size, fog, rain, snow, colour_temperature, glare, defocus, motion_blur, low_light, contrast, jpeg, found the text 'lowlight'; did you mean 'low_light'?"
        ],
    ),
    (
        "unknown parameter",
        (("{transform: stain}", "{transform: stain, opacty: 1}"),),
        [
            "spec.yaml:11:79: odd.attributes.surface.realise.opacty: is not a parameter of stain; did you mean 'opacity'?; known keys: transform, levels, opacity, brightness"
        ],
    ),
    (
        "parameter range",
        (("{transform: stain}", "{transform: stain, opacity: 1.5}"),),
        ["spec.yaml:11:88: odd.attributes.surface.realise.opacity: must lie in [0 .. 1], found 1.5"],
    ),
    (
        "parameter unit",
        (("{transform: low_light}", "{transform: low_light, reference: 1 m}"),),
        [
            "spec.yaml:10:50: odd.attributes.light.realise.reference: unit must measure illuminance (lux, klux), found 'm', a unit of length"
        ],
    ),
    (
        "buckets",
        (("[20, 100, 2000]", "[20, 100, 1000]"),),
        [
            "spec.yaml:9:16: odd.attributes.light.buckets: must start at 20 and end at 2000, the ends of the range, found [20, 100, 1000]"
        ],
    ),
    (
        "buckets order",
        (("[20, 100, 2000]", "[20, 3000, 2000]"),),
        ["spec.yaml:9:16: odd.attributes.light.buckets: must rise from edge to edge, found [20, 3000, 2000]"],
    ),
    (
        "distribution",
        (("loguniform", "log-uniform"),),
        [
            "spec.yaml:8:21: odd.attributes.light.distribution: must be one of uniform, loguniform, {normal: {mean: ..., std: ...}}, {empirical: file.csv, column: ...}, found the text 'log-uniform'; did you mean 'loguniform'?"
        ],
    ),
    (
        "loguniform from 0",
        (('"[20 .. 2000] lux"', '"[0 .. 2000] lux"'), ("buckets: [20, 100, 2000]", "buckets: [0, 2000]")),
        [
            "spec.yaml:7:14: odd.attributes.light.range: must lie in [0.01 .. 200000] lux, what low_light can do, found [0 .. 2000] lux"
        ],
    ),
    (
        "normal",
        (("loguniform", "{normal: {mean: 100, std: -1}}"),),
        ["spec.yaml:8:47: odd.attributes.light.distribution.normal.std: must be > 0, found the number -1"],
    ),
    (
        "empirical",
        (("loguniform", "{empirical: light.csv}"),),
        ["spec.yaml:8:33: odd.attributes.light.distribution.empirical: must name an existing file, found nothing at light.csv"],
    ),
    (
        "range and values",
        (("surface: {values", 'surface: {range: "[0 .. 1]", values'),),
        ["spec.yaml:11:5: odd.attributes.surface: must have exactly one of the keys range and values; found both"],
    ),
    (
        "no realise",
        (("{clean: 0.8, stained: 0.2}, realise: {transform: stain}}", "{clean: 0.8, stained: 0.2}}"),),
        [
            "spec.yaml:11:5: odd.attributes.surface: must have one of the keys realise and unrealisable: nothing says how it reaches the image"
        ],
    ),
    (
        "realise text",
        (("realise: {transform: stain}", "realise: stain"),),
        [
            "spec.yaml:11:60: odd.attributes.surface.realise: must be a mapping such as {transform: low_light}, found the text 'stain'"
        ],
    ),
    (
        "both",
        (("realise: {transform: stain}", "realise: {transform: stain}, unrealisable: never"),),
        [
            "spec.yaml:11:51: odd.attributes.surface.realise: must not stand beside unrealisable: an attribute is realised or it is not",
            "spec.yaml:14:8: odd.exclude[0].surface: is declared unrealisable, so no statement can speak of it",
        ],
    ),
    (
        "column",
        (("realise: {transform: stain}", "column: surface"),),
        ["spec.yaml:11:51: odd.attributes.surface.column: needs inputs from a table, found inputs.dataset"],
    ),
    (
        "weights",
        (("{clean: 0.8, stained: 0.2}", "{clean: 0.8, stained: 0.3}"),),
        ["spec.yaml:11:23: odd.attributes.surface.values: the weights must sum to 1, found 1.1"],
    ),
    (
        "weight",
        (("{clean: 0.8, stained: 0.2}", "{clean: 0.8, stained: -0.2}"),),
        ["spec.yaml:11:45: odd.attributes.surface.values.stained: a weight must be a number in (0, 1], found the number -0.2"],
    ),
    (
        "one label",
        (("{clean: 0.8, stained: 0.2}", "[clean]"),),
        [
            "spec.yaml:11:23: odd.attributes.surface.values: must be a list of labels or a mapping label: weight, with at least two labels, found 1 of them"
        ],
    ),
    (
        "label twice",
        (("{clean: 0.8, stained: 0.2}", "[clean, stained, clean]"),),
        ["spec.yaml:11:23: odd.attributes.surface.values: must not name a label twice, found clean again"],
    ),
    (
        "levels",
        (("{transform: stain}", "{transform: stain, levels: {clean: 0, dirty: 0.1}}"),),
        [
            "spec.yaml:11:87: odd.attributes.surface.realise.levels: must give a value for each label and no other; missing: stained; unknown: dirty"
        ],
    ),
    (
        "level beyond",
        (("{transform: stain}", "{transform: stain, levels: {clean: 0, stained: 95 %}}"),),
        ["spec.yaml:11:107: odd.attributes.surface.realise.levels.stained: must lie in [0 .. 0.9], what stain can do, found 0.95"],
    ),
    (
        "levels on a range",
        (("{transform: low_light}", "{transform: low_light, levels: {a: 1}}"),),
        [
            "spec.yaml:10:39: odd.attributes.light.realise.levels: is for attributes with values; a range is handed to the transform as it is"
        ],
    ),
    (
        "same transform",
        (
            (
                "{values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}",
                '{range: "[20 .. 30] lux", realise: {transform: low_light}}',
            ),
            ("surface: stained, ", ""),
        ),
        [
            "spec.yaml:11:61: odd.attributes.surface.realise.transform: low_light already realises light: a transform can serve one attribute only"
        ],
    ),
    (
        "attribute name",
        (("    surface:", "    1surface:"), ("surface: stained, ", "")),
        [
            "spec.yaml:11:5: odd.attributes.1surface: the name of an attribute must start with a letter and hold only letters, digits, '_', '-' and '.'"
        ],
    ),
    (
        "no attributes",
        (
            (
                '  attributes:\n    light:\n      range: "[20 .. 2000] lux"\n      distribution: loguniform\n      buckets: [20, 100, 2000]\n      realise: {transform: low_light}\n    surface: {values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}\n    temperature: {range: "[-10 .. 40] C", unrealisable: no transform models it}\n  exclude:\n    - {surface: stained, light: "< 50 lux"}',
                "  attributes: {}",
            ),
        ),
        [
            'spec.yaml:5:15: odd.attributes: must be a mapping with at least one attribute, such as {illuminance: {range: "[20 .. 2000] lux", realise: {transform: low_light}}}, found nothing'
        ],
    ),
    (
        "unknown attribute",
        (("{surface: stained,", "{surfaces: stained,"),),
        [
            "spec.yaml:14:8: odd.exclude[0].surfaces: is not an attribute of the domain; did you mean 'surface'?; declared: light, surface, temperature"
        ],
    ),
    (
        "unknown label",
        (("{surface: stained,", "{surface: staned,"),),
        [
            "spec.yaml:14:17: odd.exclude[0].surface: must be one of clean, stained, found the text 'staned'; did you mean 'stained'?"
        ],
    ),
    (
        "unrealisable in statement",
        (('light: "< 50 lux"', 'temperature: "< 0 C"'),),
        ["spec.yaml:14:26: odd.exclude[0].temperature: is declared unrealisable, so no statement can speak of it"],
    ),
    (
        "not a list",
        (('    - {surface: stained, light: "< 50 lux"}', "    surface: stained"),),
        ["spec.yaml:14:5: odd.exclude: must be a list of statements, found a mapping: start each one with a dash"],
    ),
    (
        "empty domain",
        (('- {surface: stained, light: "< 50 lux"}', '- {light: ">= 20 lux"}'),),
        [
            "spec.yaml:13:3: odd.exclude: the ODD must have at least 1e-06 of its declared box inside, found nothing: light: >= 20 lux (spec.yaml:14:7) removes 100 % of the box"
        ],
    ),
    (
        "contradiction",
        (('- {surface: stained, light: "< 50 lux"}', "- {surface: stained}\n    - {surface: clean}"),),
        [
            "spec.yaml:13:3: odd.exclude: the ODD must have at least 1e-06 of its declared box inside, found nothing: surface: clean (spec.yaml:15:7) removes 80 %; surface: stained (spec.yaml:14:7) removes 20 % of the box"
        ],
    ),
    (
        "include permissive",
        (("  exclude:", "  include:"),),
        ["spec.yaml:13:3: odd.include: needs odd.mode: restrictive; in a permissive domain everything is inside unless excluded"],
    ),
    (
        "restrictive",
        (("odd:\n", "odd:\n  mode: restrictive\n"),),
        ["spec.yaml:5:9: odd.mode: restrictive needs at least one statement in odd.include: nothing would be inside"],
    ),
    (
        "when",
        (("  exclude:", "  when:\n    - {if: {surface: stained}}\n  exclude:"),),
        ["spec.yaml:14:7: odd.when[0].then: is required: conditions, all of which then hold inside the domain"],
    ),
    (
        "inputs none",
        (("{dataset: digits}", "{data: digits}"),),
        [
            "spec.yaml:16:1: inputs: must have exactly one of the keys dataset, npz, folder, torchvision, table, callable; found none of them; did you mean 'dataset'?"
        ],
    ),
    (
        "inputs two",
        (("{dataset: digits}", "{dataset: digits, npz: a.npz}"),),
        [
            "spec.yaml:16:1: inputs: must have exactly one of the keys dataset, npz, folder, torchvision, table, callable; found dataset, npz"
        ],
    ),
    (
        "dataset",
        (("{dataset: digits}", "{dataset: digit}"),),
        ["spec.yaml:16:19: inputs.dataset: must be digits, found the text 'digit'"],
    ),
    (
        "npz missing",
        (("{dataset: digits}", "{npz: images.npz}"),),
        ["spec.yaml:16:15: inputs.npz: must name an existing file, found nothing at images.npz"],
    ),
    (
        "folder missing",
        (("{dataset: digits}", "{folder: images}"),),
        ["spec.yaml:16:18: inputs.folder: must name an existing folder, found nothing at images"],
    ),
    (
        "torchvision root",
        (("{dataset: digits}", "{torchvision: GTSRB, root: data}"),),
        ["spec.yaml:16:36: inputs.root: must name an existing folder, found nothing at data"],
    ),
    (
        "table",
        (("{dataset: digits}", "{table: frames.csv, images: file, label: class}"),),
        ["spec.yaml:16:17: inputs.table: must name an existing file, found nothing at frames.csv"],
    ),
    (
        "callable",
        (("{dataset: digits}", "{callable: render}"),),
        ["spec.yaml:16:20: inputs.callable: must look like package.module:function, found the text 'render'"],
    ),
    (
        "size",
        (("{dataset: digits}", "{dataset: digits, size: [32]}"),),
        ["spec.yaml:16:33: inputs.size: must have at least 2 entries, found 1"],
    ),
    (
        "size 0",
        (("{dataset: digits}", "{dataset: digits, size: [32, 0]}"),),
        ["spec.yaml:16:38: inputs.size[1]: must be >= 1, found the number 0"],
    ),
    (
        "execution text",
        (("model:\n", "execution: ray\nmodel:\n"),),
        ["spec.yaml:17:12: execution: must be a mapping such as {engine: ray, address: auto, workers: 4}, found the text 'ray'"],
    ),
    (
        "execution without engine",
        (("model:\n", "execution: {workers: 2}\nmodel:\n"),),
        ["spec.yaml:17:1: execution.engine: is required: one of local, ray"],
    ),
    (
        "execution engine",
        (("model:\n", "execution: {engine: rai}\nmodel:\n"),),
        ["spec.yaml:17:21: execution.engine: must be one of local, ray, found the text 'rai'; did you mean 'ray'?"],
    ),
    (
        "execution local",
        (("model:\n", "execution: {engine: local, workers: 2}\nmodel:\n"),),
        ["spec.yaml:17:28: execution.workers: is not a known key; known keys: engine"],
    ),
    (
        "execution workers",
        (("model:\n", "execution: {engine: ray, workers: 0}\nmodel:\n"),),
        ["spec.yaml:17:35: execution.workers: must be >= 1, found the number 0"],
    ),
    (
        "execution address and GPUs",
        (("model:\n", "execution: {engine: ray, address: 'head', gpus_per_worker: 1.5}\nmodel:\n"),),
        [
            "spec.yaml:17:35: execution.address: must be auto, local or HOST:PORT, found the text 'head'",
            "spec.yaml:17:60: execution.gpus_per_worker: must be a whole number where it is above 1, found the number 1.5",
        ],
    ),
    (
        "model none",
        (("architecture: some_package.networks:network", "normalise: {mean: [0.3], std: [0.35]}"),),
        ["spec.yaml:17:1: model: must have exactly one of the keys architecture, onnx, exported; found none of them"],
    ),
    (
        "model name",
        (("some_package.networks:network", "some_package.networks"),),
        [
            "spec.yaml:18:17: model.architecture: must look like package.module:factory, file.py:factory or torchvision:NAME, found the text 'some_package.networks'"
        ],
    ),
    (
        "model file",
        (("some_package.networks:network", "network.py:network"),),
        ["spec.yaml:18:17: model.architecture: must name an existing file, found nothing at network.py"],
    ),
    (
        "weights",
        (("networks:network", "networks:network\n  weights: w.safetensors"),),
        ["spec.yaml:19:12: model.weights: must name an existing file, found nothing at w.safetensors"],
    ),
    (
        "untrained",
        (("some_package.networks:network", "torchvision:resnet18"),),
        ["spec.yaml:17:1: model.weights: is required: torchvision:resnet18 without weights is an untrained network"],
    ),
    (
        "normalise",
        (("networks:network", "networks:network\n  normalise: {mean: [0.3], std: [0.1, 0.2]}"),),
        ["spec.yaml:19:14: model.normalise: mean and std must have the same number of values, found 1 and 2"],
    ),
    (
        "std",
        (("networks:network", "networks:network\n  normalise: {mean: [0.3], std: [0]}"),),
        ["spec.yaml:19:34: model.normalise.std[0]: must be > 0, found the number 0"],
    ),
    (
        "onnx",
        (("architecture: some_package.networks:network", "onnx: model.onnx"),),
        ["spec.yaml:18:9: model.onnx: must name an existing file, found nothing at model.onnx"],
    ),
    (
        "kind",
        (("kind: reduced", "kind: reduce"),),
        [
            "spec.yaml:22:18: certification.budget.kind: must be one of reduced, fixed, single_batch, sequential, tolerance, found the text 'reduce'; did you mean 'reduced'?"
        ],
    ),
    (
        "no kind",
        (("kind: reduced, ", ""),),
        ["spec.yaml:22:3: certification.budget.kind: is required: one of reduced, fixed, single_batch, sequential, tolerance"],
    ),
    (
        "n0 on single batch",
        (("kind: reduced", "kind: single_batch"),),
        ["spec.yaml:22:32: certification.budget.n0: is not a known key; did you mean 'n'?; known keys: kind, n"],
    ),
    (
        "n too small",
        (("n: 1000}", "n: 9}"),),
        [
            "spec.yaml:22:39: certification.budget.n: must be at least 10: with alpha = 0.001 not even 9 agreeing draws certify anything"
        ],
    ),
    (
        "single batch too small",
        (("{kind: reduced, n0: 100, n: 1000}", "{kind: single_batch, n: 10}"),),
        [
            "spec.yaml:22:35: certification.budget.n: must be at least 11: with alpha = 0.001 not even 10 agreeing draws certify anything"
        ],
    ),
    (
        "reference n",
        (("{n: 10000, points: 20}", "{n: 1000, points: 20}"),),
        ["spec.yaml:23:18: certification.reference.n: must be larger than the budget's n = 1000, found 1000"],
    ),
    (
        "reference points",
        (("{n: 10000, points: 20}", "{n: 10000, points: 301}"),),
        [
            "spec.yaml:23:33: certification.reference.points: must not exceed sampling.points = 300, of which it is a part, found 301"
        ],
    ),
    (
        "reference word",
        (("reference: {n: 10000, points: 20}", "reference: nothing"),),
        [
            "spec.yaml:23:14: certification.reference: must be none or a mapping such as {n: 100000, points: 20}, found the text 'nothing'"
        ],
    ),
    (
        "cap",
        (("n: 1000}", "n: 30}"),),
        [
            "spec.yaml:22:39: certification.budget.n: n = 30 draws cannot certify more than 0.2053 at sigma = 0.25 and alpha = 0.001, but criterion CA (criteria.yaml:4:9) asks for a radius of 0.25: n = 40 is the smallest that can, or ask for a smaller radius"
        ],
    ),
    (
        "criteria twice",
        (("[criteria.yaml]", "[criteria.yaml, ./criteria.yaml]"),),
        ["spec.yaml:24:27: criteria[1]: names the same file twice: delete one of them"],
    ),
    ("criteria empty", (("[criteria.yaml]", "[]"),), ["spec.yaml:24:11: criteria: must have at least 1 entry, found 0"]),
    (
        "criteria text",
        (("[criteria.yaml]", "criteria.yaml"),),
        ["spec.yaml:24:11: criteria: must be a list, found the text 'criteria.yaml'"],
    ),
    (
        "grid points",
        (("{design: random, points: 300, seed: 1}", "{design: grid, points: 3}"), (", points: 20}", ", points: 2}")),
        ["spec.yaml:15:34: sampling.points: must be at least 4, the number of feasible cells, for the design grid, found 3"],
    ),
    (
        "equal",
        (
            ("{design: random, points: 300, seed: 1}", "{design: stratified, allocation: equal, points: 3}"),
            (", points: 20}", ", points: 2}"),
        ),
        [
            "spec.yaml:15:59: sampling.points: must be at least 4, the number of feasible cells, for the design stratified with equal allocation, found 3"
        ],
    ),
    (
        "trap",
        (("title: Reader", "title: yes"),),
        [
            "spec.yaml:3:8: title: plain yes is read as a boolean by some programs and as a text by others: write 'yes' in quotes, or true"
        ],
    ),
    (
        "trap key",
        (("{clean: 0.8, stained: 0.2}", "{on: 0.8, off: 0.2}"), ("surface: stained, ", "")),
        [
            "spec.yaml:11:24: odd.attributes.surface.values.on: plain on is read as a boolean by some programs and as a text by others: write 'on' in quotes, or true",
            "spec.yaml:11:33: odd.attributes.surface.values.off: plain off is read as a boolean by some programs and as a text by others: write 'off' in quotes, or false",
        ],
    ),
    (
        "duplicate",
        (("  sigma: 0.25", "  sigma: 0.25\n  sigma: 0.5"),),
        ["spec.yaml:21:3: certification.sigma: the key 'sigma' stands here twice, first in line 20: delete one of them"],
    ),
    ("tab", (("  sigma: 0.25", "\tsigma: 0.25"),), ["spec.yaml:20:1: tabs must not indent YAML: use spaces"]),
    (
        "unquoted range",
        (('"[20 .. 2000] lux"', "[20 .. 2000] lux"),),
        ['spec.yaml:7:27: a text that starts with [ must be in quotes, for example "[20 .. 2000] lux"'],
    ),
    (
        "colon",
        (("title: Reader", "title: Reader: release 2"),),
        ["spec.yaml:3:14: a colon is not allowed here: check the indentation, and put a text that contains ': ' in quotes"],
    ),
    (
        "at",
        (("title: Reader", "title: @reader"),),
        ["spec.yaml:3:8: found character '@' that cannot start any token: a text that starts with it must be in quotes"],
    ),
    (
        "bracket",
        (("criteria: [criteria.yaml]", "criteria: [criteria.yaml"),),
        ["spec.yaml:24:11: the list or mapping that starts here is not closed"],
    ),
    (
        "alias",
        (("title: Reader", "title: *reader"),),
        [
            "spec.yaml:3:8: found undefined alias 'reader': an alias (*) must stand after its anchor (&); a text that starts with * must be in quotes"
        ],
    ),
    (
        "tag",
        (("title: Reader", "title: !!python/object:os.system Reader"),),
        ["spec.yaml:3:8: title: tags such as '!!python/object:os.system' are not used here: delete it"],
    ),
    (
        "merge",
        (("sampling: {design: random,", "sampling: {<<: {seed: 2}, design: random,"),),
        ["spec.yaml:15:12: sampling: the merge key << is not part of YAML 1.2: write the keys out"],
    ),
    (
        "documents",
        (("sampling:", "---\nsampling:"),),
        ["spec.yaml:15:1: the file must hold one document: delete the line '---' here"],
    ),
    (
        "key list",
        (("title: Reader", "title: Reader\n? [a]\n: b"),),
        ["spec.yaml:4:3: a key must be a word or a number, found a list or a mapping; is a text in { } missing its quotes?"],
    ),
    (
        "decimal comma",
        (("sigma: 0.25", "sigma: 0,25"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '0,25': write 0.25"],
    ),
    (
        "decimal comma with zeros",
        (("sigma: 0.25", "sigma: 0,001"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '0,001': write 0.001"],
    ),
    (
        "thousands comma",
        (("sigma: 0.25", "sigma: 1,000"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '1,000': write 1000 or 1.0"],
    ),
    (
        "both separators",
        (("sigma: 0.25", "sigma: 1,000.5"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '1,000.5': write 1000.5"],
    ),
    (
        "both separators, decimal comma",
        (("sigma: 0.25", "sigma: 1.000,5"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '1.000,5': write 1000.5"],
    ),
    (
        "quoted leading zero",
        (("sigma: 0.25", "sigma: '025'"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '025': write 25 or 0.25"],
    ),
    (
        "comma nobody can read",
        (("sigma: 0.25", "sigma: 0,2,5"),),
        ["spec.yaml:20:10: certification.sigma: must be a number, found the text '0,2,5'"],
    ),
    (
        "thousands comma in a whole number",
        (("points: 300, seed: 1", 'points: "1,000", seed: 1'),),
        ["spec.yaml:15:36: sampling.points: must be a whole number, found the text '1,000': write 1000"],
    ),
    (
        "decimal comma in a weight",
        (("{clean: 0.8,", '{clean: "0,8",'),),
        [
            "spec.yaml:11:31: odd.attributes.surface.values.clean: a weight must be a number in (0, 1], found the text '0,8': write 0.8"
        ],
    ),
    (
        "leading zero",
        (("sigma: 0.25", "sigma: 025"),),
        [
            "spec.yaml:20:10: certification.sigma: 025 has a leading zero, which some programs read as octal: write 25 or 0.25; a text must be in quotes"
        ],
    ),
    (
        "comma in braces",
        (("n: 1000}", "n: 1,000}"),),
        [
            "spec.yaml:22:39: certification.budget.n: keys must be texts, found the number 000: a comma inside a number? write 1000 or 1.0"
        ],
    ),
    (
        "two commas in braces",
        (("n: 1000}", "n: 1,000,000}"),),
        [
            "spec.yaml:22:39: certification.budget.n: keys must be texts, found the number 000: a comma inside a number? write 1000000"
        ],
    ),
    (
        "decimal commas in braces",
        (("{clean: 0.8, stained: 0.2}", "{clean: 0,8, stained: 0,2}"),),
        [
            "spec.yaml:11:31: odd.attributes.surface.values.clean: keys must be texts, found the number 8: a comma inside a number? write 0.8",
            "spec.yaml:11:45: odd.attributes.surface.values.stained: keys must be texts, found the number 2: a comma inside a number? write 0.2",
        ],
    ),
    (
        "comma in brackets",
        (("[20, 100, 2000]", "[20, 100, 2,000]"),),
        [
            "spec.yaml:9:16: odd.attributes.light.buckets: must not hold 000, with a leading zero: a comma inside a number? write 2000 or 2.0"
        ],
    ),
    (
        "key number",
        (("n: 1000}", "n: 1000, 7: 1}"),),
        ["spec.yaml:22:48: certification.budget[7]: keys must be texts, found the number 7"],
    ),
    (
        "indentation",
        (("  alpha: 0.001", " alpha: 0.001"),),
        [
            "spec.yaml:21:2: the text is not YAML: expected <block end>, but found '<block mapping start>': check the indentation of this line"
        ],
    ),
    (
        "quote",
        (("title: Reader", "title: 'Reader' 2"),),
        [
            "spec.yaml:3:17: the text is not YAML: expected <block end>, but found '<scalar>': check the quotes here and in the lines above; one is missing, or there is one too many"
        ],
    ),
    (
        "bracket too many",
        (("points: 20}", "points: 20}}"),),
        [
            "spec.yaml:23:36: the text is not YAML: expected <block end>, but found '}': this bracket closes nothing; delete it, or write the one that opens"
        ],
    ),
    (
        "brace open",
        (("{dataset: digits}", "{dataset: digits"),),
        [
            "spec.yaml:17:6: the text is not YAML: expected ',' or '}', but got ':': a comma or the closing } of what starts in line 16 is missing, or a text needs quotes"
        ],
    ),
    (
        "no colon",
        (("title: Reader", "title"),),
        [
            "spec.yaml:4:1: the text is not YAML: could not find expected ':': a key is followed by a colon; check the indentation and the quotes in the lines above"
        ],
    ),
    (
        "escape",
        (("title: Reader", 'title: "C:\\data"'),),
        [
            "spec.yaml:3:12: the text is not YAML: found unknown escape character 'd': put the text in single quotes, or write the backslash twice"
        ],
    ),
    (
        "integer",
        (
            (
                "{values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}",
                '{range: "[0 .. 0.5]", type: integer, distribution: {empirical: none.csv}, realise: {transform: stain}}',
            ),
            ("surface: stained, ", ""),
        ),
        [
            "spec.yaml:11:22: odd.attributes.surface.range: of type integer must have whole ends, found the text '[0 .. 0.5]'",
            "spec.yaml:11:65: odd.attributes.surface.distribution: must be uniform for type integer",
            "spec.yaml:11:77: odd.attributes.surface.distribution.empirical: must name an existing file, found nothing at none.csv",
        ],
    ),
    (
        "sequential without max",
        ((BUDGET, "{kind: sequential}"),),
        [
            "spec.yaml:22:3: certification.budget.max: is required: the most draws at a point that bound its probability, for example 10000"
        ],
    ),
    (
        "sequential n",
        ((BUDGET, "{kind: sequential, n: 5000}"),),
        [
            "spec.yaml:22:3: certification.budget.max: is required: the most draws at a point that bound its probability, for example 10000",
            "spec.yaml:22:30: certification.budget.n: is not a known key; did you mean 'max'?; known keys: kind, n0, max",
        ],
    ),
    (
        "reduced max",
        ((BUDGET, "{kind: reduced, n0: 100, n: 1000, max: 2000}"),),
        ["spec.yaml:22:45: certification.budget.max: is not a known key; did you mean 'n'?; known keys: kind, n0, n"],
    ),
    (
        "sequential max zero",
        ((BUDGET, "{kind: sequential, max: 0}"),),
        ["spec.yaml:22:35: certification.budget.max: must be >= 1, found the number 0"],
    ),
    (
        "sequential reference",
        ((BUDGET, "{kind: sequential, max: 1e4}"),),
        ["spec.yaml:23:18: certification.reference.n: must be larger than the budget's max = 10000, found 10000"],
    ),
    (
        "tolerance without tolerance",
        ((BUDGET, "{kind: tolerance}"),),
        [
            "spec.yaml:22:3: certification.budget.radius_reduction: is required: the part of the mean radius at the reference budget that may be given up, for example 0.2"
        ],
    ),
    (
        "tolerance by another name",
        ((BUDGET, "{kind: tolerance, radius_reduction: 0.2, tolerance: 0.2}"),),
        [
            "spec.yaml:22:52: certification.budget.tolerance: is not a known key; did you mean 'radius_reduction'?; known keys: kind, radius_reduction, n0, max, pilot_points"
        ],
    ),
    (
        "tolerance in percent",
        ((BUDGET, "{kind: tolerance, radius_reduction: 20}"),),
        ["spec.yaml:22:47: certification.budget.radius_reduction: must be < 1, found the number 20"],
    ),
    (
        "tolerance of nothing",
        ((BUDGET, "{kind: tolerance, radius_reduction: 0}"),),
        ["spec.yaml:22:47: certification.budget.radius_reduction: must be > 0, found the number 0"],
    ),
    (
        "tolerance reference",
        ((BUDGET, "{kind: tolerance, radius_reduction: 0.2, max: 10000}"),),
        ["spec.yaml:23:18: certification.reference.n: must be larger than the budget's max = 10000, found 10000"],
    ),
    (
        "pilot draws",
        ((BUDGET, "{kind: tolerance, radius_reduction: 0.2, n0: 10}"),),
        [
            "spec.yaml:22:56: certification.budget.n0: must be at least 11 at alpha = 0.001: with 10 draws a point the pilot shows nothing"
        ],
    ),
    (
        "until decided without max_points",
        (("points: 300", "until_decided: true"),),
        [
            "spec.yaml:15:1: sampling.max_points: is required beside until_decided: true: the most points that are drawn, for example 2000"
        ],
    ),
    (
        "until decided with points",
        (("points: 300", "points: 300, until_decided: true"),),
        [
            "spec.yaml:15:28: sampling.points: must not stand beside until_decided: true, which finds the number: write max_points",
        ],
    ),
    (
        "until decided with another design",
        (("design: random, points: 300", "design: stratified, until_decided: true, max_points: 300"),),
        [
            "spec.yaml:15:20: sampling.design: must be random beside until_decided: true, because only points that are drawn independently can stop at any time, found the text 'stratified'"
        ],
    ),
    (
        "until decided with an allocation",
        (("points: 300", "until_decided: true, max_points: 300, allocation: equal"),),
        ["spec.yaml:15:66: sampling.allocation: is for the design stratified, found random"],
    ),
    (
        "max_points alone",
        (("points: 300", "max_points: 300"),),
        ["spec.yaml:15:28: sampling.max_points: is for until_decided: true: set that too, or write points"],
    ),
    (
        "until decided as a text",
        (("points: 300", 'until_decided: "true", max_points: 300'),),
        ["spec.yaml:15:43: sampling.until_decided: must be true or false, found the text 'true'"],
    ),
    (
        "max for max_points",
        (("points: 300", "until_decided: true, max: 300"),),
        [
            "spec.yaml:15:49: sampling.max: is not a known key; did you mean 'max_points'?; known keys: design, points, until_decided, max_points, seed, allocation, candidates, low"
        ],
    ),
    (
        "unattainable",
        (("criteria: [criteria.yaml]", "criteria: [criteria.yaml]\nunattainable: acept"),),
        ["spec.yaml:25:15: unattainable: must be one of refuse, accept, found the text 'acept'; did you mean 'accept'?"],
    ),
    ("loop", (("title: Reader", "title: &t [*t]"),), ["spec.yaml:3:8: an anchor (&) must not contain an alias (*) to itself"]),
]


@pytest.mark.parametrize(("edits", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_message(edits: tuple[tuple[str, str], ...], expected: list[str], folder: Any) -> None:
    """The message names the place, the key, what must hold, what was found and, where a word is near, what was meant."""
    assert folder.edit(*edits, file="spec.yaml").problems("spec.yaml") == expected


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ("5\n147\nx\n", "line 3 holds 147, which lies outside the range (2 lines do not fit)"),
        ("5\nx\n", "line 3 holds the text 'x' (1 line does not fit)"),
        ("5\nnan\n", "line 3 holds the text 'nan' (1 line does not fit)"),
        ("", "no values"),
    ],
)
def test_measured_values_that_do_not_fit(cells: str, found: str, folder: Any) -> None:
    """A number beyond the range is not called a text."""
    (folder.path / "light.csv").write_text(f"angle\n{cells}", encoding="utf-8")
    old = "{values: {clean: 0.8, stained: 0.2}, realise: {transform: stain}}"
    new = '{range: "[-15 .. 15] deg", distribution: {empirical: light.csv}, realise: {transform: rotation}}'
    assert folder.edit((old, new), ("surface: stained, ", "")).problems() == [
        f"spec.yaml:11:67: odd.attributes.surface.distribution.empirical: column 'angle' must hold numbers in [-15 .. 15]: {found}"
    ]


NO_RADIUS = "certified_accuracy\n    radius: 0.25\n", "clean_accuracy\n"


def test_a_sequential_budget_needs_a_radius_to_decide(folder: Any) -> None:
    """Where no criterion asks about one, of whatever severity, its draws would never begin; other budgets need none."""
    folder.edit(NO_RADIUS, file="criteria.yaml")
    assert folder.problems() == []
    assert folder.edit((BUDGET, "{kind: sequential, max: 1000}")).problems() == [
        "spec.yaml:22:18: certification.budget.kind: sequential draws until every radius that the criteria ask about is decided, but no criterion asks about one: add one of certified_accuracy, worst_cell, level_difference, smoothed_accuracy, abstention_rate, radius_quantile, or use another kind of budget"
    ]
    folder.edit(('">= 95 %", severity: warning', '"<= 95 %", confidence: 0.9, severity: info'), file="criteria.yaml")
    assert folder.edit(("pairwise_coverage", "abstention_rate"), file="criteria.yaml").problems() == []


def test_a_criteria_file_with_a_mistake_may_yet_ask_about_a_radius(folder: Any) -> None:
    """Its own problem is all that is said."""
    folder.edit(("certified_accuracy", "certified_acuracy"), file="criteria.yaml")
    (problem,) = folder.edit((BUDGET, "{kind: sequential, max: 1000}")).problems()
    assert problem.startswith("criteria.yaml:5:13: criteria[0].metric: must be one of ")


@pytest.mark.parametrize("reference", ["  reference: none\n", ""])
def test_a_verdict_cannot_rest_on_a_reduction_that_is_not_measured(reference: str, folder: Any) -> None:
    """Blocking is what a criterion is that does not say; a warning is no problem, nor is a spec with a reference."""
    line = '  - {id: LOSS, metric: radius_reduction, require: "<= 0.4", estimate: accepted}\n'
    folder.criteria.write_text(folder.criteria.read_text(encoding="utf-8") + line, encoding="utf-8")
    assert folder.problems() == []
    assert folder.edit(("  reference: {n: 10000, points: 20}\n", reference)).problems() == [
        "criteria.yaml:10:5: criteria[2]: a blocking radius_reduction would rest on an estimate without interval, because the spec's certification.reference is none: add a reference, or make it severity: warning"
    ]
    assert folder.edit(('"<= 0.4", estimate: accepted', '"<= 0.4", severity: warning'), file="criteria.yaml").problems() == []
