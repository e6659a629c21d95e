"""What a training file declares is checked when it is made."""

import pytest

from odd_assess.policies import MultiStart
from odd_assess.training_plan import (
    Consistency,
    DataDependentTraining,
    Fixed,
    Gaussian,
    InstanceWiseTraining,
    Macer,
    SmoothAdv,
)


@pytest.mark.parametrize(
    ("make", "keys", "message"),
    [
        (Gaussian, {"draws": 0}, "draws must be at least 1, got 0"),
        (SmoothAdv, {"epsilon": -0.1}, "epsilon must be a number of at least 0, got -0.1"),
        (SmoothAdv, {"epsilon": float("nan")}, "epsilon must be a number of at least 0, got nan"),
        (SmoothAdv, {"steps": 0}, "steps must be at least 1, got 0"),
        (SmoothAdv, {"warmup": -1}, "warmup must be at least 0, got -1"),
        (Macer, {"lambda_": -1.0}, "lambda must be a number of at least 0, got -1.0"),
        (Macer, {"gamma": 0.0}, "gamma must be a positive number, got 0.0"),
        (Macer, {"beta": float("inf")}, "beta must be a positive number, got inf"),
        (Consistency, {"draws": 1}, "draws must be at least 2, got 1"),
        (Consistency, {"eta": -0.5}, "eta must be a number of at least 0, got -0.5"),
        (Fixed, {"sigma": 0.0}, "sigma must be a number of at least 0.0001 in input units, got 0.0"),
        (DataDependentTraining, {"low": 0.5, "high": 0.25}, "low and high must be two rising noise levels of at least 0.0001"),
        (DataDependentTraining, {"start": 2.0}, r"start must lie within \[low, high\] = \[0.05, 1\], got 2.0"),
        (DataDependentTraining, {"rate": 0.0}, "rate must be a positive number, got 0.0"),
        (DataDependentTraining, {"clamp": (0.9, 0.1)}, r"clamp must be two rising probabilities between 0 and 1, got \(0.9, 0.1\)"),
        (InstanceWiseTraining, {"starts": ()}, "starts must hold at least one level"),
        (InstanceWiseTraining, {"starts": (0.25, 3.0)}, r"starts must lie within \[low, high\] = \[0.05, 1\], got 3.0"),
        (InstanceWiseTraining, {"search_steps": -1}, "search_steps must be at least 0, got -1"),
        (InstanceWiseTraining, {"alpha": 1.0}, r"alpha must lie in \(0, 1\), got 1.0"),
    ],
)
def test_what_cannot_be_is_refused(make: type, keys: dict[str, object], message: str) -> None:
    """Each setting out of its range is named, with what must hold and what was given."""
    with pytest.raises(ValueError, match=message):
        make(**keys)


def test_the_published_settings_are_the_defaults() -> None:
    """Zhai et al.'s published code has 16 copies, lambda 12, gamma 8, beta 16; Jeong and Shin's lambda 10, eta .5; Cohen et al. train on one copy."""
    assert (Macer().draws, Macer().lambda_, Macer().gamma, Macer().beta, Macer().from_epoch) == (16, 12.0, 8.0, 16.0, 0)
    assert (Consistency().lambda_, Consistency().eta) == (10.0, 0.5)
    assert (SmoothAdv().epsilon, SmoothAdv().steps, SmoothAdv().warmup) == (64 / 256, 2, 10)
    assert Gaussian().draws == 1


def test_epsilon_grows_over_the_warm_up() -> None:
    """min(epsilon, (epoch + 1) epsilon / warmup) as published; at once where there is no warm-up."""
    loss = SmoothAdv(epsilon=0.5, warmup=4)
    assert [loss.epsilon_at(epoch) for epoch in range(6)] == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    assert SmoothAdv(epsilon=0.5, warmup=0).epsilon_at(0) == 0.5


def test_the_radius_may_come_later() -> None:
    """Before its epoch MACER is cross entropy alone."""
    assert [Macer(lambda_=3.0, from_epoch=2).lambda_at(epoch) for epoch in range(4)] == [0.0, 0.0, 3.0, 3.0]


def test_the_search_is_the_policy_that_certification_knows() -> None:
    """The search at the switch is a `MultiStart` by gradients with the settings of the training."""
    noise = InstanceWiseTraining(
        start=0.2, starts=(0.4, 0.1), low=0.1, high=0.8, search_draws=4, search_steps=3, search_rate=0.3, n=500
    )
    assert noise.search == MultiStart(
        starts=(0.1, 0.4), bounds=(0.1, 0.8), method="gradient", draws=4, steps=3, rate=0.3, n=500, alpha=0.001, clamp=(0.02, 0.98)
    )
