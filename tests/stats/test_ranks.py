"""Ranks and Spearman's correlation, against scipy."""

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from odd_assess.stats.ranks import rank_correlation, ranks


@pytest.mark.parametrize("different", [3, 40, 10_000])
def test_ranks_and_their_correlation_are_scipys(different: int) -> None:
    """With many ties, some, and none."""
    rng = np.random.default_rng(different)
    a = rng.integers(0, different, 200).astype(np.float64)
    b = a + rng.normal(0, different / 4, 200).round()
    np.testing.assert_array_equal(ranks(a), rankdata(a))
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a, -a) == pytest.approx(-1)


def test_what_does_not_vary_has_no_correlation() -> None:
    """Nor has one point, or none."""
    assert rank_correlation(np.ones(4), np.arange(4.0)) is None
    assert rank_correlation([1.0], [1.0]) is None
    assert rank_correlation([], []) is None
