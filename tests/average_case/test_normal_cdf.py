"""The probability of correlated normal bounds: against closed forms, one-dimensional integrals and scipy, within the error that it states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from odd_assess.average_case import bracket, normal_cdf
from odd_assess.average_case.normal_cdf import bivariate

from ..exact_normal import on_a_line, one_factor, planar  # noqa: TID252 - tests are no package of their own

Floats = NDArray[np.float64]
ROUNDING = 1e-9


def one(z: Floats, correlations: Floats, **options: float) -> tuple[float, float]:
    value, error = normal_cdf(z[None], correlations[None], **options)  # type: ignore[arg-type]
    return float(value[0]), float(error[0])


def unit_rows(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    drawn = rng.standard_normal((rows, columns))
    found: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return found


def gram(directions: Floats) -> Floats:
    products: Floats = np.clip(directions @ directions.T, -1, 1)
    np.fill_diagonal(products, 1.0)
    return products


def test_two_bounds_are_a_closed_form() -> None:
    """Owen's T gives what scipy's bivariate routine gives, also at zero bounds and next to correlations of one."""
    rng = np.random.default_rng(0)
    cases = [(*rng.standard_normal(2) * 2, rng.uniform(-1, 1)) for _ in range(100)]
    cases += [
        (0, 1, 0.3),
        (1, 0, -0.4),
        (0, -1, 0.5),
        (0, 0, -0.99),
        (0, 0, 0),
        (-2, 1e-9, 0.9),
        (2, 2, 0.999999),
        (-1, 1, -0.999999),
    ]
    for h, k, rho in cases:
        expected = multivariate_normal.cdf([h, k], [0, 0], [[1, rho], [rho, 1]])
        assert bivariate(h, k, rho) == pytest.approx(expected, abs=1e-14)
    assert bivariate(0.3, 1.2, 1.0) == ndtr(0.3)
    assert bivariate(0.3, 1.2, -1.0) == pytest.approx(ndtr(0.3) - ndtr(-1.2), abs=1e-15)
    assert bivariate(-0.3, 0.2, -1.0) == 0.0


@pytest.mark.parametrize("width", [1, 2, 3, 5, 9, 20, 60])
def test_equal_correlations_of_one_half_at_zero(width: int) -> None:
    """All K of such margins are positive with probability 1 / (K + 1): the largest of K + 1 equal logits."""
    value, error = one(np.zeros(width), np.full((width, width), 0.5) + 0.5 * np.eye(width))
    assert abs(value - 1 / (width + 1)) <= error + ROUNDING
    assert error <= 1e-4


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6, 9])
def test_one_common_factor(width: int) -> None:
    """Where one common factor makes the correlations, of either sign, a one-dimensional integral agrees within the stated error."""
    rng = np.random.default_rng(width)
    for _ in range(15):
        loadings, z = rng.uniform(-0.85, 0.85, width), rng.standard_normal(width) + 1
        correlations = np.outer(loadings, loadings)
        np.fill_diagonal(correlations, 1.0)
        value, error = one(z, correlations)
        assert abs(value - one_factor(z, loadings)) <= error + ROUNDING
        assert error <= (1e-4 if width > 2 else 0)


@pytest.mark.parametrize("width", [2, 3, 5, 9])
def test_margins_in_a_plane(width: int) -> None:
    """Correlations of rank two are no obstacle: the polygon's probability in polar coordinates agrees."""
    rng = np.random.default_rng(width)
    for _ in range(6):
        directions, z = unit_rows(rng, width, 2), rng.exponential(1.0, width)
        value, error = one(z, gram(directions))
        assert abs(value - planar(z, directions)) <= error + 1e-8
        assert error <= 2e-4


@pytest.mark.parametrize("width", [2, 3, 9])
def test_margins_on_a_line(width: int) -> None:
    """Correlations of plus and minus one leave an interval, whose probability is exact."""
    rng = np.random.default_rng(width)
    for _ in range(10):
        signs, z = rng.choice([-1.0, 1.0], width), rng.standard_normal(width) + 0.5
        value, error = one(z, np.outer(signs, signs))
        assert value == pytest.approx(on_a_line(z, signs), abs=error + 1e-12)


@pytest.mark.parametrize("width", [3, 4, 6])
def test_any_correlations_as_scipy(width: int) -> None:
    """Random correlations of full and of lower rank agree with scipy's integral at its highest accuracy."""
    rng = np.random.default_rng(width)
    for rank in (width - 1, width + 2):
        directions, z = unit_rows(rng, width, rank), rng.standard_normal(width) + 0.7
        expected = multivariate_normal.cdf(
            z,
            np.zeros(width),
            gram(directions),
            allow_singular=True,
            maxpts=2_000_000,
            abseps=1e-5,
            releps=0,
            rng=np.random.default_rng(1),
        )
        value, error = one(z, gram(directions))
        assert abs(value - expected) <= error + 2e-5


def test_the_stated_error_covers_and_shrinks() -> None:
    """Over many seeds the error is exceeded by none of 200 (one in 1,000 is allowed to), and asking for less gives less."""
    loadings = np.array([0.8, -0.5, 0.6, 0.3, -0.7])
    correlations = np.outer(loadings, loadings)
    np.fill_diagonal(correlations, 1.0)
    z = np.array([0.5, 1.0, 0.2, 1.5, 0.8])
    exact = one_factor(z, loadings)
    off = [one(z, correlations, seed=seed, error=1e-3) for seed in range(200)]
    assert all(abs(value - exact) <= error for value, error in off)
    assert len({value for value, _ in off}) > 100
    assert one(z, correlations, error=1e-5)[1] <= 1e-5


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000))
def test_the_bracket_holds(width: int, rank: int, seed: int) -> None:
    """Bonferroni below, Frechet above, whatever the correlations; opposite and equal bounds attain them."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((1, width)) + 1
    low, high = bracket(z)
    value, error = normal_cdf(z, gram(unit_rows(rng, width, rank))[None], error=1e-2)
    assert low[0] - error[0] - ROUNDING <= value[0] <= high[0] + error[0] + ROUNDING
    assert 0 <= low[0] <= high[0] <= 1


def test_the_bracket_is_attained() -> None:
    """No narrower bracket holds for all correlations: two opposite margins attain the lower end, equal ones the upper."""
    z = np.array([0.4, 1.1])
    low, high = bracket(z[None])
    assert one(z, np.array([[1.0, -1.0], [-1.0, 1.0]]))[0] == pytest.approx(low[0], abs=1e-15)
    assert one(z, np.ones((2, 2)))[0] == pytest.approx(high[0], abs=1e-15)


def test_infinite_and_far_bounds() -> None:
    """A bound of -infinity is never kept; infinite and very far ones change nothing; no bound at all is certain."""
    correlations = np.full((4, 4), 0.4) + 0.6 * np.eye(4)
    plain = one(np.array([0.3, 1.0]), correlations[:2, :2])
    assert one(np.array([0.3, np.inf, 1.0, 9.0]), correlations)[0] == pytest.approx(plain[0], abs=1e-9)
    assert one(np.array([0.3, -np.inf, 1.0, np.inf]), correlations) == (0.0, 0.0)
    assert one(np.full(4, np.inf), correlations) == (1.0, 0.0)
    assert bracket(np.array([[np.inf, np.inf], [0.0, -np.inf]]))[0].tolist() == [1.0, 0.0]


def test_more_bounds_than_are_correlated() -> None:
    """Beyond the most that are correlated, the rest is counted in the error: 100 independent bounds."""
    value, error = one(np.full(100, 3.0), np.eye(100))
    assert abs(value - ndtr(3.0) ** 100) <= error
    assert 36 * ndtr(-3.0) / 2 <= error <= 0.03


def test_order_company_and_repetition() -> None:
    """The order of the bounds changes no more than the error; the other rows, and calling again, nothing."""
    rng = np.random.default_rng(3)
    correlations = np.stack([gram(unit_rows(rng, 6, 8)) for _ in range(5)])
    z = rng.standard_normal((5, 6)) + 1
    value, error = normal_cdf(z, correlations, seed=7)
    order = rng.permutation(6)
    turned, _ = normal_cdf(z[:, order], correlations[:, order][:, :, order], seed=7)
    np.testing.assert_allclose(turned, value, rtol=0, atol=2 * error.max())
    alone = [normal_cdf(z[i : i + 1], correlations[i : i + 1], seed=7)[0][0] for i in range(5)]
    assert alone == value.tolist()
    assert len(normal_cdf(np.zeros((0, 3)), np.zeros((0, 3, 3)))[0]) == 0


@pytest.mark.parametrize(
    ("z", "correlations", "message"),
    [
        (np.zeros(3), np.eye(3), "z must be"),
        (np.zeros((1, 0)), np.zeros((1, 0, 0)), "z must be"),
        (np.full((1, 2), np.nan), np.eye(2)[None], "NaN"),
        (np.zeros((1, 2)), np.eye(3)[None], "correlations must be \\(1, 2, 2\\)"),
        (np.zeros((1, 2)), np.array([[[1.0, 0.2], [0.3, 1.0]]]), "symmetric"),
        (np.zeros((1, 2)), 2 * np.eye(2)[None], "symmetric"),
        (np.zeros((1, 2)), np.array([[[1.0, 1.5], [1.5, 1.0]]]), "symmetric"),
    ],
)
def test_what_is_no_normal_vector_is_refused(z: Floats, correlations: Floats, message: str) -> None:
    """Shapes that do not fit, NaN and matrices of no correlations are errors."""
    with pytest.raises(ValueError, match=message):
        normal_cdf(z, correlations)


def test_an_error_of_zero_cannot_be_asked_for() -> None:
    """The error to reach must be positive."""
    with pytest.raises(ValueError, match="error must be positive"):
        normal_cdf(np.zeros((1, 3)), np.eye(3)[None], error=0.0)


def test_the_error_is_never_larger_than_the_bracket_is_wide() -> None:
    """Of 150 strongly correlated bounds 64 are looked at: the others may cost much, but no more than leads out of the bracket."""
    matrix = np.full((150, 150), 0.95) + 0.05 * np.eye(150)
    z = np.full((1, 150), 2.0)
    (low,), (high,) = bracket(z)
    (value,), (error,) = normal_cdf(z, matrix[None], error=1e-3)
    x = np.linspace(-10, 10, 20_001)
    truth = np.sum(ndtr((2.0 - np.sqrt(0.95) * x) / np.sqrt(0.05)) ** 150 * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)) * (x[1] - x[0])
    assert low <= value - error <= truth <= value + error <= high + 1e-12
    assert error <= (high - low) / 2 + 1e-12
