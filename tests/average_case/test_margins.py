"""Margins: linearised at an input or over its noisy copies, in any pieces."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odd_assess.average_case import Margins, linearised
from odd_assess.average_case.logits import Logits, clean_logits
from odd_assess.average_case.margins import Where, of_copies
from odd_assess.average_case.noise import noisy_copies, pieces_of


def small_network(*, classes: int = 5) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(54, classes)
    ).eval()


def images(count: int = 3) -> Tensor:
    return torch.rand((count, 3, 8, 8), generator=torch.Generator().manual_seed(1))


def margins(
    f: Logits, inputs: Tensor, where: Where = "taylor", *, samples: int = 6, top: int | None = None, batch_size: int = 64
) -> Margins:
    clean = clean_logits(f, inputs, batch_size=batch_size)
    return linearised(f, inputs, clean, sigma=0.2, where=where, samples=samples, seed=3, top=top, batch_size=batch_size)


def test_a_linear_model_is_its_own_linearisation() -> None:
    """Bounds and correlations are those of the weights' differences."""
    rng = np.random.default_rng(0)
    weights, offsets = rng.standard_normal((4, 6)).astype(np.float32), rng.standard_normal(4).astype(np.float32)
    inputs = torch.from_numpy(rng.standard_normal((5, 6)).astype(np.float32))
    found = margins(lambda x: x @ torch.from_numpy(weights).T + torch.from_numpy(offsets), inputs)
    for x, z, correlations in zip(inputs.double().numpy(), found.z, found.correlations, strict=True):
        logits = weights.astype(float) @ x + offsets
        t = int(logits.argmax())
        others = [i for i in range(4) if i != t]
        apart = weights[t].astype(float) - weights[others]
        lengths = np.linalg.norm(apart, axis=1)
        np.testing.assert_allclose(z, (logits[t] - logits[others]) / (0.2 * lengths), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(correlations, apart @ apart.T / np.outer(lengths, lengths), rtol=0, atol=1e-6)
    assert found.complete
    assert not found.dead.any()


def test_gradients_are_those_of_torch_func() -> None:
    """For a network with convolutions: the Jacobian by torch.func.jacrev, vmapped over the inputs, gives the same z and correlations."""
    network, inputs = small_network().double(), images()
    found = margins(lambda x: network(x.double()), inputs)
    jacobians = torch.func.vmap(torch.func.jacrev(lambda x: network(x[None])[0]))(inputs.double()).detach().flatten(2).numpy()
    logits = network(inputs.double()).detach().numpy()
    for i in range(len(inputs)):
        t = int(logits[i].argmax())
        others = [c for c in range(5) if c != t]
        apart = jacobians[i][t] - jacobians[i][others]
        lengths = np.linalg.norm(apart, axis=1)
        np.testing.assert_allclose(found.z[i], (logits[i][t] - logits[i][others]) / (0.2 * lengths), rtol=1e-5)
        np.testing.assert_allclose(found.correlations[i], apart @ apart.T / np.outer(lengths, lengths), rtol=0, atol=1e-5)


@pytest.mark.parametrize("where", ["taylor", "mmse"])
@pytest.mark.parametrize("top", [None, 2])
def test_pieces_change_nothing(where: Where, top: int | None) -> None:
    """One input, one copy or all of them in a call of the model: the same margins."""
    whole = margins(small_network(), images(), where, samples=7, top=top)
    for batch_size in (1, 3, 7, 14):
        parts = margins(small_network(), images(), where, samples=7, top=top, batch_size=batch_size)
        np.testing.assert_allclose(parts.z, whole.z, rtol=1e-4)
        np.testing.assert_allclose(parts.correlations, whole.correlations, rtol=0, atol=1e-5)


def test_mmse_is_the_mean_over_the_copies() -> None:
    """Margins and gradients are averaged before they are divided, over the copies of the input's own noise."""
    network, inputs = small_network(), images(1)
    found = margins(network, inputs, "mmse", samples=4)
    copies = torch.cat(list(noisy_copies(inputs[0], sigma=0.2, samples=4, seed=3, stage="mmse", at_once=4)))
    t = int(network(inputs).argmax())
    rows = [c for c in range(5) if c != t]
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: network(x[None])[0]))(copies).detach().flatten(2).mean(dim=0)
    values = network(copies).detach().mean(dim=0)
    z = (values[t] - values[rows]) / (0.2 * (jacobian[t] - jacobian[rows]).norm(dim=1))
    np.testing.assert_allclose(found.z[0], z.numpy(), rtol=1e-4)


def test_the_top_margins_are_the_least() -> None:
    """Of all margins at the input the two least are kept, in the order of their classes."""
    network, inputs = small_network(), images()
    every, two = margins(network, inputs), margins(network, inputs, top=2)
    logits = network(inputs).detach().numpy()
    for i, row in enumerate(logits):
        others = [c for c in range(5) if c != row.argmax()]
        kept = np.sort(np.argsort(row.max() - row[others])[:2])
        np.testing.assert_allclose(two.z[i], every.z[i][kept], rtol=1e-5)
    assert every.complete
    assert not two.complete
    assert margins(network, inputs, top=9).complete


def test_a_curved_margin_varies_as_a_quadratic_does() -> None:
    """For b x + x H x / 2 the standard deviation is sigma sqrt(|b|^2 + sigma^2 |H|^2 / 2), the first part alone is what mmse sees."""
    rng = np.random.default_rng(2)
    slope, bend = rng.standard_normal(4), rng.standard_normal((4, 4))
    bend = bend + bend.T
    b, h = torch.from_numpy(slope.astype(np.float32)), torch.from_numpy(bend.astype(np.float32))

    def f(x: Tensor) -> Tensor:
        return torch.stack([x @ b + 0.5 * ((x @ h) * x).sum(dim=1) + 3, torch.zeros(len(x))], dim=1)

    inputs, sigma = torch.zeros((1, 4)), 0.7
    clean = clean_logits(f, inputs, batch_size=64)
    plain, curved, moments = (
        made(f, inputs, clean, sigma=sigma, samples=20_000, seed=3, top=None, batch_size=512, antithetic=True, **more)
        for made, more in (
            (linearised, {"where": "mmse"}),
            (linearised, {"where": "mmse", "curved": True}),
            (of_copies, {}),
        )
    )
    mean = 3 + sigma**2 * np.trace(bend) / 2
    exact = mean / (sigma * np.sqrt(slope @ slope + sigma**2 * (bend**2).sum() / 2))
    assert curved.z[0, 0] == pytest.approx(exact, rel=0.02)
    assert moments.z[0, 0] == pytest.approx(exact, rel=0.03)
    assert plain.z[0, 0] == pytest.approx(mean / (sigma * np.linalg.norm(slope)), rel=0.02)
    assert plain.z[0, 0] > 1.1 * exact


def test_a_linear_model_is_not_curved() -> None:
    """Its gradients are the same everywhere: nothing changes."""
    weights = torch.from_numpy(np.random.default_rng(5).standard_normal((4, 6)).astype(np.float32))
    inputs = torch.rand((3, 6), generator=torch.Generator().manual_seed(0))

    def f(x: Tensor) -> Tensor:
        return x @ weights.T

    clean = clean_logits(f, inputs, batch_size=64)
    plain, curved = (
        linearised(f, inputs, clean, sigma=0.2, where="mmse", samples=6, seed=3, top=None, batch_size=64, curved=bent)
        for bent in (False, True)
    )
    np.testing.assert_allclose(curved.z, plain.z, rtol=1e-5)
    np.testing.assert_allclose(curved.correlations, plain.correlations, rtol=0, atol=1e-6)


def test_moments_are_those_of_the_copies() -> None:
    """Mean, standard deviation and correlations as numpy has them, in any pieces; with the top ones, of those of least mean."""
    network, inputs = small_network(), images()
    clean = clean_logits(network, inputs, batch_size=64)
    for top, batch_size in ((None, 64), (None, 4), (2, 9)):
        found = of_copies(network, inputs, clean, sigma=0.2, samples=9, seed=3, top=top, batch_size=batch_size)
        assert found.complete == (top is None)
        for i, image in enumerate(inputs):
            copies = torch.cat(list(noisy_copies(image, sigma=0.2, samples=9, seed=3, stage="moments", at_once=9)))
            logits = network(copies).detach().double().numpy()
            t = int(clean[i].argmax())
            apart = logits[:, [t]] - np.delete(logits, t, axis=1)
            apart = apart[:, np.sort(np.argsort(apart.mean(axis=0))[:top])]
            np.testing.assert_allclose(found.z[i], apart.mean(axis=0) / apart.std(axis=0, ddof=1), rtol=1e-3)
            np.testing.assert_allclose(found.correlations[i], np.corrcoef(apart.T), rtol=0, atol=1e-3)


def test_a_margin_that_is_the_same_at_all_copies_counts_by_its_sign() -> None:
    """It is infinite, correlated with none, and marked; the others are as without it."""
    inputs = torch.ones((1, 2))

    def f(x: Tensor) -> Tensor:
        return torch.stack([x[:, 0] + 1, x[:, 0] - 1, x[:, 1]], dim=1)

    found = of_copies(f, inputs, clean_logits(f, inputs, batch_size=8), sigma=0.2, samples=8, seed=0, top=None, batch_size=8)
    assert np.isposinf(found.z[0, 0])
    assert np.isfinite(found.z[0, 1])
    np.testing.assert_array_equal(found.correlations[0], np.eye(2))
    np.testing.assert_array_equal(found.dead, [[True, False]])


def test_a_dead_gradient_leaves_its_sign() -> None:
    """A margin that noise does not move is infinite by its sign, and correlated with none."""
    weights = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    found = margins(lambda x: x @ weights.T + torch.tensor([0.0, -0.5, 0.0]), torch.ones((1, 2)))
    assert np.isposinf(found.z[0, 0])
    assert np.isfinite(found.z[0, 1])
    np.testing.assert_array_equal(found.correlations[0], np.eye(2))
    np.testing.assert_array_equal(found.dead, [[True, False]])


def test_noise_has_an_address() -> None:
    """It depends on seed, stage and input, not on how many copies are made at once, nor on the other inputs."""
    inputs = images(3)
    whole = torch.cat(list(pieces_of(inputs, sigma=0.5, samples=9, seed=1, stage="mc", at_once=9)), dim=1)
    parts = torch.cat(list(pieces_of(inputs[1:2], sigma=0.5, samples=9, seed=1, stage="mc", at_once=4)), dim=1)
    assert torch.equal(whole[1:2], parts)
    for other in ({"seed": 2}, {"stage": "mmse"}):
        changed = {"seed": 1, "stage": "mc", **other}
        assert not torch.equal(whole, next(pieces_of(inputs, sigma=0.5, samples=9, at_once=9, **changed)))  # type: ignore[arg-type]
    noise = (whole - inputs[:, None]) / 0.5
    assert abs(float(noise.mean())) < 4 / noise.numel() ** 0.5
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    assert torch.equal(next(pieces_of(inputs, sigma=0.5, samples=0, seed=1, stage="mmse", at_once=1)), inputs[:, None])
