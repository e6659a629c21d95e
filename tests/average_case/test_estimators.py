"""The estimators: exact where the model is linear, invariant where they should be, one clear error where they cannot answer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import binom, multivariate_normal
from torch import Tensor, nn

from odd_assess.average_case import METHODS, PROBIT, estimate, estimates, mv_sigmoid
from odd_assess.average_case.estimators import CDF_ERROR
from odd_assess.errors import DataError, InputError, ModelError
from odd_assess.records import EstimationMethod

from ..exact_normal import on_a_line, one_factor, planar  # noqa: TID252 - tests are no package of their own

Linear = Callable[[Tensor], Tensor]
SIGMA = 0.6
LINEARISED: list[EstimationMethod] = [method for method in METHODS if method not in ("mc", "moments", "softmax")]


def linear(weights: np.ndarray, offsets: np.ndarray | float = 0.0) -> Linear:
    matrix, constant = torch.from_numpy(weights.astype(np.float32)), torch.as_tensor(offsets, dtype=torch.float32)
    return lambda x: x @ matrix.T + constant


def margins_of(weights: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a linear model: z (K,) and unit directions (K, D) of minus the margins, in float64."""
    single = weights.astype(np.float32).astype(np.float64)
    logits = single @ x.astype(np.float64)
    t = int(logits.argmax())
    apart = np.delete(single[t] - single, t, axis=0)
    lengths = np.linalg.norm(apart, axis=1)
    return (logits[t] - np.delete(logits, t)) / (SIGMA * lengths), -apart / lengths[:, None]


def network(*, classes: int = 6) -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, classes)).eval()


def pictures(count: int = 6) -> Tensor:
    return torch.rand((count, 3, 4, 4), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("classes", range(2, 11))
@pytest.mark.parametrize("dimension", [1, 2])
def test_taylor_is_exact_for_linear_models_of_low_rank(classes: int, dimension: int) -> None:
    """On a line and in a plane the exact probability lies within the stated error, for 2 to 10 classes."""
    rng = np.random.default_rng(100 * classes + dimension)
    weights, inputs = rng.standard_normal((classes, dimension)), rng.standard_normal((4, dimension)).astype(np.float32)
    found = estimates(linear(weights), torch.from_numpy(inputs), sigma=SIGMA, method="taylor")
    for x, value, error in zip(inputs, found.value, found.cdf_error, strict=True):
        z, directions = margins_of(weights, x)
        exact = on_a_line(z, directions[:, 0]) if dimension == 1 else planar(z, directions)
        assert abs(value - exact) <= error + 2e-6


@pytest.mark.parametrize("classes", range(2, 11))
def test_taylor_is_exact_for_linear_models_of_full_rank(classes: int) -> None:
    """Weights that share one direction and have one of their own each: a one-dimensional integral; 2 to 10 classes, every covariance of that kind."""
    rng = np.random.default_rng(classes)
    loadings = rng.uniform(-0.85, 0.85, classes - 1)
    own = np.concatenate([np.zeros((classes - 1, 1)), np.diag(np.sqrt(1 - loadings**2))], axis=1)
    apart = own + np.outer(loadings, np.eye(classes)[0])  # rows of length one: the margins' gradients are these times their scales
    scales = rng.uniform(0.5, 3.0, classes - 1)
    weights = np.concatenate([np.zeros((1, classes)), -apart * scales[:, None]])
    z = rng.exponential(0.9, classes - 1)
    offsets = np.concatenate([[0.0], -z * SIGMA * scales])
    found = estimates(linear(weights, offsets), torch.zeros((1, classes)), sigma=SIGMA, method="taylor")
    assert found.label.tolist() == [0]
    assert abs(found.value[0] - one_factor(z, loadings)) <= found.cdf_error[0] + 1e-6


@pytest.mark.parametrize("classes", [4, 5])
def test_taylor_is_exact_for_random_linear_models(classes: int) -> None:
    """Random weights: scipy's integral at high accuracy lies within the stated error."""
    rng = np.random.default_rng(classes)
    weights, inputs = rng.standard_normal((classes, 20)), 0.2 * rng.standard_normal((3, 20)).astype(np.float32)
    found = estimates(linear(weights), torch.from_numpy(inputs), sigma=SIGMA, method="taylor")
    for x, value, error in zip(inputs, found.value, found.cdf_error, strict=True):
        z, directions = margins_of(weights, x)
        covariance = directions @ directions.T
        exact = multivariate_normal.cdf(
            z, np.zeros(classes - 1), covariance, maxpts=2_000_000, abseps=1e-6, releps=0, rng=np.random.default_rng(0)
        )
        assert abs(value - exact) <= error + 5e-6


def test_monte_carlo_agrees_for_a_linear_model() -> None:
    """The share of 20,000 copies lies within 4.5 standard errors of the exact value at each of 6 points (false alarm: 4e-5); its bracket holds both."""
    rng = np.random.default_rng(1)
    weights, inputs = rng.standard_normal((7, 10)), torch.from_numpy(0.5 * rng.standard_normal((6, 10)).astype(np.float32))
    f = linear(weights)
    exact = estimate(f, inputs, sigma=SIGMA, method="taylor")
    drawn = estimates(f, inputs, sigma=SIGMA, method="mc", samples=20_000)
    np.testing.assert_array_less(np.abs(drawn.value - exact), 4.5 * np.sqrt(exact * (1 - exact) / 20_000))
    assert (drawn.low <= exact).all()
    assert (exact <= drawn.high).all()
    assert binom.sf(round(drawn.value[0] * 20_000) - 1, 20_000, drawn.low[0]) == pytest.approx(0.0005, rel=1e-6)


def test_mmse_tends_to_the_truth_for_a_linear_model() -> None:
    """Its error comes from the mean of the noise alone: with 20,000 copies it is a tenth of that with 20, and small."""
    rng = np.random.default_rng(4)
    f = linear(rng.standard_normal((5, 8)))
    inputs = torch.from_numpy(0.5 * rng.standard_normal((12, 8)).astype(np.float32))
    exact = estimate(f, inputs, sigma=SIGMA, method="taylor")
    few, many = (np.abs(estimate(f, inputs, sigma=SIGMA, method="mmse", samples=n) - exact) for n in (20, 20_000))
    assert many.max() < 0.02
    assert many.mean() < few.mean() / 10
    assert few.mean() > 0.01


def test_antithetic_copies_are_exact_for_a_linear_model() -> None:
    """Two copies in opposite directions leave no error of the noise; an odd number does, and Monte Carlo is never paired."""
    rng = np.random.default_rng(4)
    f = linear(rng.standard_normal((5, 8)))
    inputs = torch.from_numpy(0.5 * rng.standard_normal((12, 8)).astype(np.float32))
    exact = estimate(f, inputs, sigma=SIGMA, method="taylor")
    for batch_size in (1, 3, 100):
        paired = estimate(f, inputs, sigma=SIGMA, method="mmse", samples=4, antithetic=True, batch_size=batch_size)
        np.testing.assert_allclose(paired, exact, rtol=0, atol=2e-5)
    assert np.abs(estimate(f, inputs, sigma=SIGMA, method="mmse", samples=3, antithetic=True) - exact).max() > 0.01
    drawn = [estimate(f, inputs, sigma=SIGMA, method="mc", samples=50, antithetic=paired) for paired in (False, True)]
    np.testing.assert_array_equal(*drawn)


def test_mmse_is_nearer_than_taylor_where_the_model_bends() -> None:
    """A kink beside the input: the tangent at x sees no other class, the mean over the noise does."""

    def bent(x: Tensor) -> Tensor:
        return torch.stack([torch.zeros(len(x)), 4 * torch.relu(x[:, 0] - 0.1) - 1 + 0.01 * x[:, 0]], dim=1)

    x = torch.zeros((1, 1))
    truth = float(ndtr((0.1 + 0.2494) / 0.5))  # the other class begins where 4 (x - 0.1) - 1 + 0.01 x = 0
    taylor, mmse, drawn = (
        float(estimate(bent, x, sigma=0.5, method=method, samples=4000)[0]) for method in ("taylor", "mmse", "mc")
    )
    assert drawn == pytest.approx(truth, abs=0.03)
    assert taylor == 1.0
    assert abs(mmse - truth) < 0.12


@pytest.mark.parametrize("method", ["taylor", "mmse"])
def test_within_the_bracket_for_random_networks(method: EstimationMethod) -> None:
    """The estimate and, for the linear model, every probability lie between Bonferroni and Frechet; without all classes the lower end is 0."""
    found = estimates(network(), pictures(20), sigma=0.5, method=method)
    assert ((found.low <= found.value) & (found.value <= found.high)).all()
    assert (found.high - found.low).max() > 0.02
    assert ((found.cdf_error >= 0) & (found.cdf_error <= CDF_ERROR)).all()
    part = estimates(network(), pictures(20), sigma=0.5, method=method, top=2)
    assert (part.low == 0).all()
    assert (part.value >= found.value - found.cdf_error - part.cdf_error).all()
    np.testing.assert_allclose(estimate(network(), pictures(20), sigma=0.5, method=method, top=5), found.value)


def test_the_multivariate_sigmoids() -> None:
    """They are functions of z alone; at scale 1.702 one margin is within 0.0095 of the normal probability."""
    z = np.linspace(-6, 6, 2001)
    assert np.abs(mv_sigmoid(z[:, None], scale=PROBIT) - ndtr(z)).max() < 0.0095
    assert np.abs(mv_sigmoid(z[:, None], scale=PROBIT + 0.01) - ndtr(z)).max() > 0.0095
    np.testing.assert_allclose(mv_sigmoid(np.array([[0.3, 1.0]])), 1 / (1 + np.exp(-0.3) + np.exp(-1.0)))
    np.testing.assert_array_equal(mv_sigmoid(np.array([[np.inf, np.inf], [np.inf, -np.inf], [-900.0, 1.0]])), [1.0, 0.0, 0.0])
    two = linear(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    x = torch.tensor([[0.3, 0.1]])
    expected = 0.3 / SIGMA
    for where in ("taylor", "mmse"):
        plain, scaled = (
            estimate(two, x, sigma=SIGMA, method=f"{where}_{form}", samples=40_000)[0] for form in ("mvs", "mvs_probit")
        )  # type: ignore[arg-type]
        assert plain == pytest.approx(1 / (1 + np.exp(-expected)), abs=5e-3)
        assert scaled == pytest.approx(1 / (1 + np.exp(-PROBIT * expected)), abs=5e-3)


def test_softmax_at_the_right_temperature_is_the_multivariate_sigmoid() -> None:
    """For a linear model whose margins have gradients of one length k, at T = sigma k; at T = 1 it is the softmax itself."""
    weights = 2.0 * np.eye(4)  # differences of length k = 2 sqrt(2)
    x = torch.tensor([[0.5, 0.1, 0.0, -0.3]])
    f = linear(weights)
    scaled = estimate(f, x, sigma=SIGMA, method="softmax", temperature=SIGMA * 2 * np.sqrt(2))
    np.testing.assert_allclose(scaled, estimate(f, x, sigma=SIGMA, method="taylor_mvs"), rtol=1e-6)
    np.testing.assert_allclose(estimate(f, x, sigma=9.0, method="softmax"), f(x).softmax(dim=1).max().numpy(), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_invariances(method: EstimationMethod) -> None:
    """The order of the classes and a constant on all logits change nothing; nor does scaling the logits, except for softmax."""
    f, order = network(), torch.tensor([3, 0, 5, 1, 4, 2])
    plain = estimate(f, pictures(), sigma=0.4, method=method)
    changed: dict[str, Linear] = {
        "permuted": lambda x: f(x)[:, order],
        "shifted": lambda x: f(x) + x.flatten(1).sum(dim=1, keepdim=True) + 0.7,
        "scaled": lambda x: 5.0 * f(x),
    }
    for name, g in changed.items():
        found = estimate(g, pictures(), sigma=0.4, method=method)
        if (name, method) == ("scaled", "softmax"):
            assert np.abs(found - plain).max() > 0.05
        else:
            np.testing.assert_allclose(found, plain, rtol=0, atol=2e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_and_nothing_else(method: EstimationMethod) -> None:
    """Again: the same to the bit. In other batches and company: the same up to rounding. Another seed: others, where there is noise."""
    f, inputs = network(), pictures()
    plain = estimate(f, inputs, sigma=0.4, method=method)
    np.testing.assert_array_equal(estimate(f, inputs, sigma=0.4, method=method), plain)
    for batch_size in (1, 4, 10, 1000):
        np.testing.assert_allclose(estimate(f, inputs, sigma=0.4, method=method, batch_size=batch_size), plain, rtol=0, atol=1e-5)
    np.testing.assert_allclose(estimate(f, inputs[[4, 2, 2]], sigma=0.4, method=method), plain[[4, 2, 2]], rtol=0, atol=1e-5)
    other = estimate(f, inputs, sigma=0.4, method=method, seed=1)
    assert (np.abs(other - plain).max() > 1e-3) == method.startswith(("mc", "mmse", "moments"))


def test_dead_gradients_count_by_their_sign() -> None:
    """Rounded inputs move no margin: the class stays for certain, to the linear model, and the mask says so. One dead margin leaves the others."""
    stuck = estimates(lambda x: torch.round(x) @ torch.eye(3), torch.tensor([[2.0, 0.0, 0.0]]), sigma=0.1, method="taylor")
    assert (stuck.value[0], stuck.low[0], stuck.high[0], stuck.cdf_error[0]) == (1.0, 1.0, 1.0, 0.0)
    assert stuck.dead_gradient.tolist() == [True]
    spike = lambda x: torch.stack([(x[:, 0].abs() < 0.1) + 0 * x[:, 0], 0.5 + 0 * x[:, 0]], dim=1)  # noqa: E731 - the class at 0 is that of no noisy copy
    lost = estimates(spike, torch.zeros((1, 1)), sigma=10.0, method="mmse")
    assert (lost.value[0], lost.high[0], bool(lost.dead_gradient[0])) == (0.0, 0.0, True)
    same = linear(np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]), np.array([0.0, -0.1, 0.0]))
    inputs = torch.tensor([[0.3, 0.0], [-0.3, 0.0]])
    found = estimates(same, inputs, sigma=SIGMA, method="taylor")
    np.testing.assert_allclose(
        found.value, ndtr(0.3 / SIGMA), rtol=1e-5
    )  # in both the nearest boundary that noise can reach is 0.3 away
    assert found.dead_gradient.tolist() == [True, False]
    np.testing.assert_allclose(mv_sigmoid(np.array([[np.inf, 0.5]])), mv_sigmoid(np.array([[0.5]])))


def test_a_thousand_classes() -> None:
    """All margins with the far ones bounded, and the top ones alone, agree for a linear model of 1,000 classes."""
    rng = np.random.default_rng(8)
    weights = rng.standard_normal((1000, 30)) / np.sqrt(30)
    inputs = torch.from_numpy((3 * weights[:2]).astype(np.float32))
    every = estimates(linear(weights), inputs, sigma=0.5, method="taylor")
    top = estimates(linear(weights), inputs, sigma=0.5, method="taylor", top=30)
    drawn = estimates(linear(weights), inputs, sigma=0.5, method="mc", samples=2000)
    assert ((every.low <= every.value) & (every.value <= every.high)).all()
    assert (np.abs(every.value - drawn.value) <= 4.5 * 0.5 / np.sqrt(2000) + every.cdf_error).all()
    assert (top.value + top.cdf_error + every.cdf_error >= every.value).all()
    assert every.cdf_error.max() < 0.05


def test_no_inputs_no_estimates() -> None:
    """An empty tensor gives an empty answer without asking the model."""
    found = estimates(network(), torch.zeros((0, 3, 4, 4)), sigma=0.1, method="mmse")
    assert (len(found), found.label.shape, found.dead_gradient.shape) == (0, (0,), (0,))


def test_a_caller_in_inference_mode_loses_nothing() -> None:
    """Inputs made in inference mode, and calls from within, have gradients all the same; the inputs stay untouched."""
    f, plain = network(), pictures()
    with torch.inference_mode():
        inputs = pictures()
        found = estimate(f, inputs, sigma=0.4, method="mmse")
    np.testing.assert_array_equal(found, estimate(f, plain, sigma=0.4, method="mmse"))
    assert torch.equal(plain, inputs)
    assert not plain.requires_grad


def frozen(x: Tensor) -> Tensor:
    with torch.no_grad():
        return x @ torch.eye(3)


@pytest.mark.parametrize(
    "f",
    [
        frozen,
        lambda x: torch.from_numpy(x.numpy() @ np.eye(3, dtype=np.float32)),
        lambda x: nn.functional.one_hot(x.argmax(dim=1), 3).float(),
        nn.Sequential(nn.Identity(), type("Cut", (nn.Module,), {"forward": lambda _, x: x.detach()})(), nn.Linear(3, 3)).eval(),
    ],
    ids=["no_grad", "numpy", "labels", "detached"],
)
def test_a_model_without_gradients_is_one_clear_error(f: Linear) -> None:
    """Whichever way gradients are lost; Monte Carlo and softmax do without."""
    inputs = torch.rand((2, 3))
    for method in LINEARISED:
        with pytest.raises(ModelError, match=r"must be differentiable .* use method='mc' or 'softmax'"):
            estimate(f, inputs, sigma=0.1, method=method)
    assert estimate(f, inputs, sigma=0.1, method="mc").shape == (2,)
    assert estimate(f, inputs, sigma=0.1, method="softmax").shape == (2,)


BAD: list[tuple[dict[str, Any], type[InputError], str]] = [
    ({"sigma": 0.0}, InputError, "sigma must be a positive"),
    ({"sigma": float("nan")}, InputError, "sigma must be a positive"),
    ({"sigma": "0.1"}, InputError, "sigma must be a positive"),
    ({"method": "laplace"}, InputError, "method must be one of mc, taylor"),
    ({"samples": 0}, InputError, "samples must be"),
    ({"samples": 2.5}, InputError, "samples must be"),
    ({"top": 0}, InputError, "top must be"),
    ({"batch_size": 0}, InputError, "batch_size must be"),
    ({"temperature": -1.0}, InputError, "temperature must be a positive"),
    ({"inputs": torch.zeros((2, 3), dtype=torch.float64)}, DataError, "float32 tensor"),
    ({"inputs": np.zeros((2, 3), dtype=np.float32)}, DataError, "found ndarray"),
    ({"inputs": torch.zeros(3)}, DataError, "float32 tensor"),
    ({"inputs": torch.tensor([[0.0, float("inf"), 0.0]])}, DataError, "in 1 of 1"),
    ({"logits_fn": nn.Linear(3, 3)}, ModelError, r"\.eval\(\)"),
    ({"logits_fn": "model"}, ModelError, "callable"),
    ({"logits_fn": lambda x: x.argmax(dim=1)}, ModelError, "labels alone have no margins"),
    ({"logits_fn": lambda x: x[:, :1]}, ModelError, "classes >= 2"),
    ({"logits_fn": lambda x: (x,)}, ModelError, "found tuple"),
    ({"logits_fn": lambda x: x / 0}, ModelError, "logits must be finite"),
    ({"logits_fn": lambda x: torch.sqrt(x - x[:, :1].detach())}, ModelError, "gradients must be finite"),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD)
def test_bad_arguments(change: dict[str, Any], kind: type[InputError], message: str) -> None:
    """One clear error, before anything is spent; each is a ValueError too."""
    call: dict[str, Any] = {
        "logits_fn": lambda x: x,
        "inputs": torch.tensor([[0.1, 0.2, 0.3]]),
        "sigma": 0.1,
        "method": "taylor",
        **change,
    }
    with pytest.raises(kind, match=message) as raised:
        estimate(call.pop("logits_fn"), call.pop("inputs"), **call)
    assert isinstance(raised.value, ValueError)
