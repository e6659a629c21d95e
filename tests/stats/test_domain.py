"""Claims on the whole domain hold for models whose certificates err as often as they may; by exact summation."""

import numpy as np
import pytest
from scipy.stats import binom

from odd_assess.stats import (
    domain_fraction_bounds,
    proportion_lower_bound,
    proportion_upper_bound,
    true_fraction_lower,
    true_fraction_upper,
)


@pytest.mark.parametrize("alpha", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("beta", [0.05, 0.001])
def test_bounds_cover_when_certificates_err_to_the_limit(alpha: float, beta: float) -> None:
    """Every point that is not truly certifiable is certified with probability alpha, every one that is is refuted with probability alpha."""
    m = 60
    k = np.arange(m + 1)
    lower = np.array([domain_fraction_bounds(int(i), m, m, alpha=alpha, beta=beta)[0] for i in k])
    upper = np.array([domain_fraction_bounds(0, int(i), m, alpha=alpha, beta=beta)[1] for i in k])
    for q in np.linspace(0, 1, 201):
        assert binom.pmf(k, m, q + alpha * (1 - q))[lower > q].sum() <= beta * (1 + 1e-9)
        assert binom.pmf(k, m, q * (1 - alpha))[upper < q].sum() <= beta * (1 + 1e-9)


def test_without_the_correction_the_claim_fails() -> None:
    """The correction is needed: bounds that forget alpha miss more often than beta (so the test above can fail)."""
    m, alpha, beta = 60, 0.05, 0.05
    k = np.arange(m + 1)
    lower, upper = proportion_lower_bound(k, m, alpha=beta), proportion_upper_bound(k, m, alpha=beta)
    grid = np.linspace(0, 1, 201)
    assert max(binom.pmf(k, m, q + alpha * (1 - q))[lower > q].sum() for q in grid) > 2 * beta
    assert max(binom.pmf(k, m, q * (1 - alpha))[upper < q].sum() for q in grid) > 2 * beta


def test_the_correction_stays_in_the_unit_interval() -> None:
    """Fractions are fractions, also where alpha exceeds the bound."""
    assert true_fraction_lower(0.0005, alpha=0.001) == 0
    assert true_fraction_upper(0.9999, alpha=0.001) == 1
    assert true_fraction_lower(1.0, alpha=0.3) == 1
    assert true_fraction_upper(0.0, alpha=0.3) == 0


def test_bad_arguments_are_refused() -> None:
    """What must hold is said."""
    with pytest.raises(ValueError, match="not refuted"):
        domain_fraction_bounds(5, 4, 10, alpha=0.001, beta=0.05)
    for bound in (true_fraction_lower, true_fraction_upper):
        with pytest.raises(ValueError, match="alpha must"):
            bound(0.5, alpha=1.0)
        with pytest.raises(ValueError, match="fraction must"):
            bound(1.5, alpha=0.1)
