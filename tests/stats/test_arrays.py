"""Scalars in, scalar out; arrays in, array out: the same numbers either way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from odd_assess import stats

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "proportion_lower_bound": (lambda k: stats.proportion_lower_bound(k, 100, alpha=0.01), (0, 50, 100)),
    "proportion_upper_bound": (lambda k: stats.proportion_upper_bound(k, 100, alpha=0.01), (0, 50, 100)),
    "certified_radius": (lambda p: stats.certified_radius(p, sigma=0.5), (0.2, 0.7, 0.999)),
    "radius_cap": (lambda n: stats.radius_cap(n, alpha=0.001, sigma=0.5), (5, 100, 10_000)),
    "draws_for_radius": (lambda r: stats.draws_for_radius(r, alpha=0.001, sigma=0.5), (0.1, 0.5, 1.0)),
    "log_evidence_above": (lambda k: stats.log_evidence_above(k, 100, 0.6), (0, 70, 100)),
    "log_evidence_below": (lambda k: stats.log_evidence_below(k, 100, 0.6), (0, 70, 100)),
    "confidence_sequence": (lambda k: stats.confidence_sequence(k, 100, alpha=0.01), (0, 70, 100)),
    "domain_fraction_bounds": (lambda k: stats.domain_fraction_bounds(k, 100, 100, alpha=0.001, beta=0.05), (0, 70, 100)),
    "expected_radius, p": (lambda p: stats.expected_radius(p, 100, alpha=0.001, sigma=0.5), (0.2, 0.9, 1.0)),
    "expected_radius, n": (lambda n: stats.expected_radius(0.95, n, alpha=0.001, sigma=0.5), (5, 100, 1000)),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_array_holds_what_its_entries_give(name: str) -> None:
    """Called with an array, each function gives the array of what it gives for each entry, as a number."""
    call, arguments = CALLS[name]
    single = [call(argument) for argument in arguments]
    together = call(np.array(arguments))
    if isinstance(single[0], tuple):
        assert all(isinstance(side, float) for pair in single for side in pair)
        for i in (0, 1):
            np.testing.assert_allclose(together[i], [pair[i] for pair in single], rtol=1e-12)
    else:
        assert all(isinstance(one, float | int) for one in single)
        np.testing.assert_allclose(together, single, rtol=1e-12)


def test_one_count_is_one_point() -> None:
    """The reduction of a single point takes plain numbers."""
    one = stats.radius_reduction(950, 1000, 100_000, alpha=0.001, sigma=0.5)
    many = stats.radius_reduction([950], [1000], 100_000, alpha=0.001, sigma=0.5)
    assert one.reduction == many.reduction
