"""Several hypotheses at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odd_assess.stats import bonferroni, holm


def by_the_book(p: list[float], level: float) -> list[bool]:
    """Holm's procedure as he wrote it: go up the ordered p-values until one is too large."""
    rejected = [False] * len(p)
    for step, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] > level / (len(p) - step):
            break
        rejected[index] = True
    return rejected


@given(p=st.lists(st.floats(0, 1), max_size=8), level=st.floats(0.001, 0.5))
def test_holm_is_holm_and_contains_bonferroni(p: list[float], level: float) -> None:
    """Equal to the procedure written out, and never rejects less than Bonferroni."""
    assert holm(p, level=level).tolist() == by_the_book(p, level)
    assert not (bonferroni(p, level=level) & ~holm(p, level=level)).any()


def test_family_wise_error() -> None:
    """Ten true hypotheses among twelve: a false rejection in at most 5 % of 4,000 families. False-alarm rate of this test: 1e-4 (3.7 sd above .05)."""
    rng = np.random.default_rng(20261120)
    p = np.hstack((rng.random((4000, 10)), np.full((4000, 2), 1e-9)))
    wrong = {reject: np.mean([reject(row, level=0.05)[:10].any() for row in p]) for reject in (holm, bonferroni)}
    limit = 0.05 + 3.72 * np.sqrt(0.05 * 0.95 / 4000)
    assert wrong[holm] <= limit
    assert wrong[bonferroni] <= wrong[holm]
    assert np.mean([(row <= 0.05)[:10].any() for row in p]) > limit  # no correction would be found out


def test_no_hypothesis_is_no_rejection() -> None:
    """An empty family is fine, a p-value outside [0, 1] is not."""
    assert holm([], level=0.05).tolist() == []
    assert bonferroni([], level=0.05).tolist() == []
    for bad in ([1.2], [float("nan")]):
        with pytest.raises(ValueError, match="must"):
            holm(bad, level=0.05)
    with pytest.raises(ValueError, match="level must"):
        bonferroni([0.1], level=0.0)
