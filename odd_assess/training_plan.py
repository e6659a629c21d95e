"""What a training file declares: losses and noise levels as data, checked when they are made. ``odd_assess.training`` carries them out. No torch.

Losses, over noisy copies x + sigma e of the training examples:

    Gaussian      cross entropy at noisy copies (Cohen et al.)
    SmoothAdv     the same around an adversarial example of the smoothed classifier (Salman et al.)
    Macer         cross entropy of the smoothed classifier, and a hinge on its certified radius (Zhai et al.)
    Consistency   beside any of them: the copies of one example shall be answered alike (Jeong and Shin)

Noise levels, one for each training example, kept across epochs:

    Fixed                   the same for all
    DataDependentTraining   by gradient ascent from a switch epoch on (DDS)
    InstanceWiseTraining    by a search from several starts at the switch epoch, and by ascent after it (Insta-RS Train)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import ClassVar

from odd_assess.policies import SMALLEST_SIGMA, Bounds, MultiStart


def _check_counts(*, least: int = 1, **counts: int) -> None:
    for name, count in counts.items():
        if count < least:
            raise ValueError(f"{name} must be at least {least}, got {count!r}")


def _check_levels(low: float, high: float, **levels: tuple[float, ...]) -> None:
    if not SMALLEST_SIGMA <= low < high < inf:
        raise ValueError(f"low and high must be two rising noise levels of at least {SMALLEST_SIGMA:g}, got {low!r} and {high!r}")
    for name, values in levels.items():
        for level in values:
            if not low <= level <= high:
                raise ValueError(f"{name} must lie within [low, high] = [{low:g}, {high:g}], got {level!r}")


def _check_sizes(**sizes: float) -> None:
    for name, size in sizes.items():
        if not (isfinite(size) and size >= 0):
            raise ValueError(f"{name.rstrip('_')} must be a number of at least 0, got {size!r}")


def _check_positive(**sizes: float) -> None:
    for name, size in sizes.items():
        if not (isfinite(size) and size > 0):
            raise ValueError(f"{name} must be a positive number, got {size!r}")


# ---------------------------------------------------------------- losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussian:
    """Cross entropy at ``draws`` noisy copies of each example.

    Raises: ValueError for less than one draw.
    Source: Cohen, Rosenfeld, Kolter, ICML 2019, section 3.3 (one copy).
    """

    kind: ClassVar[str] = "gaussian"

    draws: int = 1

    def __post_init__(self) -> None:
        _check_counts(draws=self.draws)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothAdv:
    """Cross entropy at ``draws`` noisy copies of an adversarial example of the smoothed classifier, found by ``steps`` steps within ``epsilon`` (L2).

    ``epsilon`` is in input units, like sigma. It grows in equal parts over the first ``warmup`` epochs, of which the first trains with epsilon / warmup.
    The defaults are the mildest of the paper's; its README trains with 10 steps and 2 draws.

    Raises: ValueError for a negative epsilon, less than one step or draw, or a negative warm-up.
    Source: Salman et al., NeurIPS 2019; epsilon 64/256, warm-up 10 and 2 steps as in its published jobs.
    """

    kind: ClassVar[str] = "smoothadv"

    epsilon: float = 0.25
    steps: int = 2
    draws: int = 2
    warmup: int = 10

    def __post_init__(self) -> None:
        _check_sizes(epsilon=self.epsilon)
        _check_counts(steps=self.steps, draws=self.draws)
        _check_counts(least=0, warmup=self.warmup)

    def epsilon_at(self, epoch: int) -> float:
        """The bound on the perturbation in an epoch, counted from 0."""
        return self.epsilon * min(1.0, (epoch + 1) / self.warmup) if self.warmup else self.epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class Macer:
    """Cross entropy of the mean softmax over ``draws`` noisy copies, plus lambda sigma / 2 max(0, gamma - (Phi^-1 pA - Phi^-1 pB)) where the answer is right.

    pA and pB are the two largest values of the mean softmax of the logits times ``beta``. Before ``from_epoch`` the second term is left out (MACER as
    Jeong and Shin train it, "deferred" until the first drop of the rate; in the paper it is there from the beginning).

    Raises: ValueError for less than one draw, a negative lambda or epoch, or a gamma or beta that is not positive.
    Source: Zhai et al., ICLR 2020, algorithm 1; the defaults are those of its published code, for sigma .25 on CIFAR-10.
    """

    kind: ClassVar[str] = "macer"

    draws: int = 16
    lambda_: float = 12.0
    gamma: float = 8.0
    beta: float = 16.0
    from_epoch: int = 0

    def __post_init__(self) -> None:
        _check_counts(draws=self.draws)
        _check_counts(least=0, from_epoch=self.from_epoch)
        _check_sizes(lambda_=self.lambda_)
        _check_positive(gamma=self.gamma, beta=self.beta)

    def lambda_at(self, epoch: int) -> float:
        """The weight of the radius in an epoch, counted from 0."""
        return self.lambda_ if epoch >= self.from_epoch else 0.0


TrainingLoss = Gaussian | SmoothAdv | Macer


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """Beside a loss: lambda KL(mean || each) + eta H(mean) of the softmax over the noisy copies of each example, at least ``draws`` of them.

    The copies are those of the loss itself, of which there are then as many as the larger of both numbers.

    Raises: ValueError for less than two draws, or a negative weight.
    Source: Jeong and Shin, NeurIPS 2020; the defaults are those of its published code (its recipes take lambda 20 with Gaussian, 5 with SmoothAdv).
    """

    lambda_: float = 10.0
    eta: float = 0.5
    draws: int = 2

    def __post_init__(self) -> None:
        _check_sizes(lambda_=self.lambda_, eta=self.eta)
        _check_counts(least=2, draws=self.draws)


# ---------------------------------------------------------------- noise levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """One noise level for all training examples.

    Raises: ValueError for a level too small for float32.
    """

    policy: ClassVar[str] = "fixed"

    sigma: float

    def __post_init__(self) -> None:
        if not SMALLEST_SIGMA <= self.sigma < inf:
            raise ValueError(f"sigma must be a number of at least {SMALLEST_SIGMA:g} in input units, got {self.sigma!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDependentTraining:
    """Levels that climb from ``start``, ``steps`` steps an epoch from ``from_epoch`` on: u += ``rate`` dR/du in u = log s, within [``low``, ``high``].

    R(s) = s / 2 (Phi^-1 v1 - Phi^-1 v2), v1 >= v2 the largest values of the mean softmax over ``draws`` noisy copies, clamped to ``clamp``; fresh noise in
    each step, the labels are not asked.

    Differs from the published code, which steps in s itself (1e-4 dR/ds, 10 steps an epoch over 64 copies) and has no bounds: there s can become negative,
    and moves by .002 an epoch at most, made for hundreds of epochs. Near s = .25 a ``rate`` of .016 moves as that does.

    Raises: ValueError for levels out of order, or counts below 1.
    Source: Alfarra, Bibi, Torr, Ghanem, UAI 2022, algorithm 1; the clamp is that of its training scripts, which start at .12, with SmoothAdv in epoch 60 of 90.
    """

    policy: ClassVar[str] = "data_dependent"

    start: float = 0.25
    low: float = 0.05
    high: float = 1.0
    from_epoch: int = 10
    draws: int = 8
    steps: int = 1
    rate: float = 0.1
    clamp: Bounds = (0.02, 0.98)

    def __post_init__(self) -> None:
        _check_levels(self.low, self.high, start=(self.start,))
        _check_counts(draws=self.draws, steps=self.steps)
        _check_counts(least=0, from_epoch=self.from_epoch)
        _check_positive(rate=self.rate)
        _check_clamp(self.clamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceWiseTraining:
    """Two stages: all examples at ``start``; from ``from_epoch`` on each at a level of its own, found by a search from several starts, then by ascent.

    The search, once for each example: from each of ``starts`` the level climbs ``search_steps`` steps, as `odd_assess.policies.MultiStart` does by gradients;
    of all levels passed the example takes the one at which ``n`` draws are expected to certify the largest radius for its label, judged by the
    ``search_draws`` copies there. After it, in each epoch, ``steps`` steps u += ``rate`` dR/du in u = log s over ``draws`` fresh copies. R is that of
    `DataDependentTraining` for the label: v1 is that of the label, v2 the largest of another, so that R falls below 0 where another class is ahead.

    A design of our own: the paper describes two stages and a multiple-start search, its starts, steps and code are not public.

    Raises: ValueError for levels out of order, no starts, or counts below 1.
    Source: after Chen et al. 2021, arXiv 2103.04436 (Insta-RS Train).
    """

    policy: ClassVar[str] = "instance_wise"

    start: float = 0.25
    starts: tuple[float, ...] = (0.12, 0.25, 0.5)
    low: float = 0.05
    high: float = 1.0
    from_epoch: int = 10
    search_draws: int = 16
    search_steps: int = 2
    search_rate: float = 0.2
    draws: int = 8
    steps: int = 1
    rate: float = 0.1
    clamp: Bounds = (0.02, 0.98)
    n: int = 1000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(sorted({float(start) for start in self.starts})))
        if not self.starts:
            raise ValueError("starts must hold at least one level")
        _check_levels(self.low, self.high, start=(self.start,), starts=self.starts)
        _check_counts(search_draws=self.search_draws, draws=self.draws, steps=self.steps, n=self.n)
        _check_counts(least=0, from_epoch=self.from_epoch, search_steps=self.search_steps)
        _check_positive(rate=self.rate, search_rate=self.search_rate)
        _check_clamp(self.clamp)
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {self.alpha!r}")

    @property
    def search(self) -> MultiStart:
        """The search at the switch, as the policy that certification knows."""
        return MultiStart(
            starts=self.starts,
            bounds=(self.low, self.high),
            method="gradient",
            draws=self.search_draws,
            steps=self.search_steps,
            rate=self.search_rate,
            n=self.n,
            alpha=self.alpha,
            clamp=self.clamp,
        )


TrainingNoise = Fixed | DataDependentTraining | InstanceWiseTraining


def _check_clamp(clamp: Bounds) -> None:
    low, high = clamp
    if not 0 < low < high < 1:
        raise ValueError(f"clamp must be two rising probabilities between 0 and 1, got {clamp!r}")
