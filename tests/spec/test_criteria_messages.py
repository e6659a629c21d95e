"""Every mistake in a criteria file that a reader of the manual can make, with the exact message that answers it."""

# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pytest

CASES = [
    (
        "unknown key",
        (("    radius: 0.25", "    radios: 0.25"),),
        [
            "criteria.yaml:6:5: criteria[0].radios: is not a known key; did you mean 'radius'?; known keys: id, title, requirement, clauses, metric, radius, quantile, of, scope, where, subdomain, attribute, require, confidence, severity, multiplicity, estimate"
        ],
    ),
    (
        "unknown metric",
        (("certified_accuracy", "certified_acuracy"),),
        [
            "criteria.yaml:5:13: criteria[0].metric: must be one of certified_accuracy, worst_cell, level_difference, smoothed_accuracy, clean_accuracy, abstention_rate, mean_certified_radius, radius_quantile, robust_fraction, average_case_robustness, average_case_difference, radius_reduction, cell_coverage, pairwise_coverage, level_coverage, points_per_cell, regression, found the text 'certified_acuracy'; did you mean 'certified_accuracy'?"
        ],
    ),
    (
        "no radius",
        (("    radius: 0.25\n", ""),),
        ["criteria.yaml:4:5: criteria[0].radius: is required for certified_accuracy: L2 radius in input units, for example 0.25"],
    ),
    (
        "radius unused",
        (("metric: pairwise_coverage,", "metric: pairwise_coverage, radius: 0.1,"),),
        ["criteria.yaml:9:42: criteria[1].radius: is not used by pairwise_coverage: delete it"],
    ),
    (
        "no confidence",
        (("    confidence: 0.95\n", ""),),
        ["criteria.yaml:4:5: criteria[0].confidence: is required for certified_accuracy, a claim on the domain: for example 0.95"],
    ),
    (
        "confidence unused",
        (("metric: pairwise_coverage,", "metric: pairwise_coverage, confidence: 0.95,"),),
        ["criteria.yaml:9:42: criteria[1].confidence: is not used by pairwise_coverage, which counts what was sampled: delete it"],
    ),
    (
        "confidence in percent",
        (("confidence: 0.95", "confidence: 95"),),
        ["criteria.yaml:8:17: criteria[0].confidence: must be < 1, found the number 95"],
    ),
    (
        "scope",
        (("metric: pairwise_coverage,", "metric: pairwise_coverage, scope: each_cell,"),),
        ["criteria.yaml:9:49: criteria[1].scope: must be odd for pairwise_coverage, found the text 'each_cell'"],
    ),
    (
        "scope word",
        (("metric: pairwise_coverage,", "metric: pairwise_coverage, scope: each-cell,"),),
        [
            "criteria.yaml:9:49: criteria[1].scope: must be one of odd, each_cell, each_level, each_class, found the text 'each-cell'; did you mean 'each_cell'?"
        ],
    ),
    (
        "severity",
        (("severity: warning", "severity: warn"),),
        [
            "criteria.yaml:9:72: criteria[1].severity: must be one of blocking, warning, info, found the text 'warn'; did you mean 'warning'?"
        ],
    ),
    (
        "direction",
        (('">= 0.80"', '"<= 0.80"'),),
        [
            "criteria.yaml:7:14: criteria[0].require: must use >= for certified_accuracy, such as \">= 0.8\", found the text '<= 0.80'"
        ],
    ),
    (
        "require number",
        (('">= 0.80"', "0.80"),),
        [
            "criteria.yaml:7:14: criteria[0].require: must be a comparator (>= or <=) and a number such as \">= 0.8\", found the text '0.8'"
        ],
    ),
    (
        "require text",
        (('">= 0.80"', '"at least 0.80"'),),
        [
            "criteria.yaml:7:14: criteria[0].require: must be a comparator (>= or <=) and a number such as \">= 0.8\", found the text 'at least 0.80'"
        ],
    ),
    (
        "require beyond",
        (('">= 0.80"', '">= 80"'),),
        ["criteria.yaml:7:14: criteria[0].require: must lie in [0, 1] for certified_accuracy, found the text '>= 80'"],
    ),
    (
        "unquoted require",
        (('">= 0.80"', ">= 0.80"),),
        ['criteria.yaml:7:15: a text that starts with > must be in quotes, for example ">= 0.80"'],
    ),
    (
        "id twice",
        (("id: COV", "id: CA"),),
        ["criteria.yaml:9:10: criteria[1].id: 'CA' names another criterion in line 4: ids must be unique"],
    ),
    (
        "no criteria",
        (
            (
                'criteria:\n  - id: CA\n    metric: certified_accuracy\n    radius: 0.25\n    require: ">= 0.80"\n    confidence: 0.95\n  - {id: COV, metric: pairwise_coverage, require: ">= 95 %", severity: warning}\n',
                "criteria: []\n",
            ),
        ),
        ["criteria.yaml:3:11: criteria: must be a list with at least one criterion, found nothing"],
    ),
    (
        "criterion text",
        (('  - {id: COV, metric: pairwise_coverage, require: ">= 95 %", severity: warning}', "  - COV"),),
        [
            "criteria.yaml:9:5: criteria[1]: must be a mapping such as {id: CA-025, metric: certified_accuracy, radius: 0.25, require: \">= 0.80\", confidence: 0.95}, found the text 'COV'"
        ],
    ),
    (
        "no quantile",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile"),),
        [
            "criteria.yaml:4:5: criteria[0].quantile: is required for radius_quantile: the share of the ODD that may fall short of the required radius, for example 0.1"
        ],
    ),
    (
        "quantile unused",
        (("metric: pairwise_coverage,", "metric: pairwise_coverage, quantile: 0.1,"),),
        ["criteria.yaml:9:42: criteria[1].quantile: is not used by pairwise_coverage: delete it"],
    ),
    (
        "quantile in percent",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 10"),),
        ["criteria.yaml:6:15: criteria[0].quantile: must be < 1, found the number 10"],
    ),
    (
        "quantile zero",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0"),),
        ["criteria.yaml:6:15: criteria[0].quantile: must be > 0, found the number 0"],
    ),
    (
        "quantile with a radius",
        (("certified_accuracy", "radius_quantile\n    quantile: 0.1"),),
        ["criteria.yaml:7:5: criteria[0].radius: is not used by radius_quantile: delete it"],
    ),
    (
        "quantile at most",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0.1"), ('">= 0.80"', '"<= 0.2"')),
        ["criteria.yaml:7:14: criteria[0].require: must use >= for radius_quantile, such as \">= 0.3\", found the text '<= 0.2'"],
    ),
    (
        "quantile of radius 0",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0.1"), ('">= 0.80"', '">= 0"')),
        [
            "criteria.yaml:7:14: criteria[0].require: must ask for more than 0 for radius_quantile: every model reaches a radius of 0"
        ],
    ),
    (
        "quantile in each cell",
        (("certified_accuracy\n    radius: 0.25", "radius_quantile\n    quantile: 0.1\n    scope: each_cell"),),
        ["criteria.yaml:7:12: criteria[0].scope: must be odd for radius_quantile, found the text 'each_cell'"],
    ),
    (
        "levels without an attribute",
        (("certified_accuracy", "certified_accuracy\n    scope: each_level"),),
        [
            "criteria.yaml:4:5: criteria[0].attribute: is required for scope each_level: the attribute whose levels are meant, for example surface"
        ],
    ),
    (
        "attribute unused",
        (("certified_accuracy", "certified_accuracy\n    attribute: surface"),),
        ["criteria.yaml:6:5: criteria[0].attribute: is used with scope each_level only: add it, or delete the attribute"],
    ),
    (
        "difference without an attribute",
        (("certified_accuracy", "level_difference"), ('">= 0.80"', '"<= 0.2"')),
        [
            "criteria.yaml:4:5: criteria[0].attribute: is required for level_difference: the attribute whose levels are meant, for example surface"
        ],
    ),
    (
        "where in each cell",
        (("certified_accuracy", "certified_accuracy\n    scope: each_cell\n    where: {surface: clean}"),),
        ["criteria.yaml:7:5: criteria[0].where: is used with scope odd only, found scope each_cell: delete one of them"],
    ),
    (
        "where of a count",
        (("severity: warning", "where: {surface: clean}"),),
        ["criteria.yaml:9:62: criteria[1].where: is not used by pairwise_coverage: delete it"],
    ),
    (
        "where nothing",
        (("certified_accuracy", "certified_accuracy\n    where: {}"),),
        ["criteria.yaml:6:12: criteria[0].where: must have at least one condition, such as {surface: stained}, found none"],
    ),
    (
        "a name of nothing",
        (("certified_accuracy", "certified_accuracy\n    subdomain: night"),),
        ["criteria.yaml:6:5: criteria[0].subdomain: names what the key where describes: add where, or delete the name"],
    ),
    (
        "worst cell of the domain",
        (("certified_accuracy", "worst_cell\n    scope: odd"),),
        ["criteria.yaml:6:12: criteria[0].scope: must be each_cell for worst_cell, found the text 'odd'"],
    ),
    (
        "blocking estimate",
        (("pairwise_coverage", "robust_fraction"), ("severity: warning", "severity: blocking")),
        [
            "criteria.yaml:9:70: criteria[1].severity: must be warning or info for robust_fraction, an estimate that carries no guarantee, unless the criterion says estimate: accepted; found blocking"
        ],
    ),
    (
        "blocking average case",
        (("metric: pairwise_coverage,", "metric: average_case_robustness,"), ("severity: warning", "severity: blocking")),
        [
            "criteria.yaml:9:78: criteria[1].severity: must be warning or info for average_case_robustness, an estimate that carries no guarantee, unless the criterion says estimate: accepted; found blocking"
        ],
    ),
    (
        "difference of the average case without an attribute",
        (("metric: pairwise_coverage,", "metric: average_case_difference,"), ('">= 95 %"', '"<= 95 %"')),
        [
            "criteria.yaml:9:5: criteria[1].attribute: is required for average_case_difference: the attribute whose levels are meant, for example surface"
        ],
    ),
    (
        "blocking estimate by default",
        (("pairwise_coverage", "radius_reduction"), ('">= 95 %", severity: warning', '"<= 95 %"')),
        [
            "criteria.yaml:9:5: criteria[1].severity: must be warning or info for radius_reduction, an estimate that carries no guarantee, unless the criterion says estimate: accepted; found blocking"
        ],
    ),
    (
        "estimate unused",
        (("severity: warning", "estimate: accepted"),),
        ["criteria.yaml:9:62: criteria[1].estimate: is not used by pairwise_coverage, which counts what was sampled: delete it"],
    ),
    ("radius zero", (("radius: 0.25", "radius: 0"),), ["criteria.yaml:6:13: criteria[0].radius: must be > 0, found the number 0"]),
]


@pytest.mark.parametrize(("edits", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_message(edits: tuple[tuple[str, str], ...], expected: list[str], folder: Any) -> None:
    """The message names the place, the key, what must hold, what was found and, where a word is near, what was meant."""
    assert folder.edit(*edits, file="criteria.yaml").problems("criteria.yaml") == expected


NIGHT = ("radius: 0.25", 'radius: 0.25\n    where: {light: "< 50 lux"}\n    subdomain: night')
LEVEL = ("radius: 0.25", "radius: 0.25\n    scope: each_level\n    attribute: surface")


@pytest.mark.parametrize(
    ("edits", "of_spec", "expected"),
    [
        ((LEVEL,), (), []),
        ((NIGHT,), (), []),
        (
            (NIGHT, ("light:", "ligth:")),
            (),
            [
                "criteria.yaml:7:13: criteria[0].where.ligth: is not an attribute of the domain; did you mean 'light'?; declared: light, surface, temperature"
            ],
        ),
        (
            (NIGHT, ('light: "< 50 lux"', "surface: staned")),
            (),
            [
                "criteria.yaml:7:22: criteria[0].where.surface: must be one of clean, stained, found the text 'staned'; did you mean 'stained'?"
            ],
        ),
        (
            (NIGHT, ("< 50 lux", "< 50 km")),
            (),
            [
                "criteria.yaml:7:20: criteria[0].where.light: unit must measure illuminance (lux, klux), found 'km', a unit of length"
            ],
        ),
        (
            (NIGHT, ('{light: "< 50 lux"}', '{light: "< 50 lux", surface: stained}')),
            (),
            [
                "criteria.yaml:7:12: criteria[0].where: must hold somewhere inside the domain, found {light: < 50 lux, surface: stained}, which never does: nothing of it is left inside"
            ],
        ),
        (
            (LEVEL, ("attribute: surface", "attribute: surfac")),
            (),
            [
                "criteria.yaml:8:16: criteria[0].attribute: must be an attribute of the domain, found the text 'surfac'; did you mean 'surface'?; declared: light, surface, temperature"
            ],
        ),
        (
            (LEVEL, ("attribute: surface", "attribute: temperature")),
            (),
            [
                "criteria.yaml:8:16: criteria[0].attribute: must be an attribute that is tested, found 'temperature', which is declared unrealisable"
            ],
        ),
        (
            (LEVEL, ("attribute: surface", "attribute: light")),
            (("buckets: [20, 100, 2000]", "buckets: [20, 2000]"),),
            [
                "criteria.yaml:8:16: criteria[0].attribute: must have two levels inside the domain, found one of light: give it buckets, or more labels"
            ],
        ),
    ],
)
def test_what_a_criterion_says_of_the_domain(edits: Any, of_spec: Any, expected: list[str], folder: Any) -> None:
    """Attributes are known from the spec that names the file; without one they are not looked at."""
    folder.edit(*edits, file="criteria.yaml").edit(*of_spec)
    assert folder.problems() == expected
    assert folder.problems("criteria.yaml") == []
