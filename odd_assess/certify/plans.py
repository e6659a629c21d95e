"""What a caller asks of the certifier: the budget, the noise level and the failure probability of one certificate.

A plan is data. ``procedure`` turns it into the generator that carries it out (procedures.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from odd_assess.policies import SMALLEST_SIGMA as SMALLEST_SIGMA
from odd_assess.stats import Terms, anytime_draws_for_radius, smallest_useful_n

SMALLEST_ALPHA = 1e-100
"""Below about 1e-160 the beta quantile of scipy fails; down to 1e-130 it was right in 2,500 random cases."""


def _check(*, n: int, sigma: float, alpha: float, level: float) -> None:
    _check_noise(sigma=sigma, alpha=alpha)
    if n < smallest_useful_n(level):
        raise ValueError(f"n must be at least {smallest_useful_n(level)} to certify anything at alpha = {alpha:g}, got {n}")


def _check_noise(*, sigma: float, alpha: float) -> None:
    if not SMALLEST_ALPHA <= alpha < 1:
        raise ValueError(f"alpha must lie in [{SMALLEST_ALPHA:g}, 1), got {alpha!r}")
    if not SMALLEST_SIGMA <= sigma < float("inf"):
        raise ValueError(f"sigma must be a number of at least {SMALLEST_SIGMA:g} in input units, got {sigma!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedPlan:
    """``n0`` draws choose the class, ``n`` fresh draws bound it (Cohen et al. 2019, CERTIFY; reduced means a small n).

    ``sigma`` is the noise's standard deviation in input units, ``alpha`` the whole failure probability of one certificate.

    Raises: ValueError for n0 < 1, sigma <= 0, alpha outside (0, 1), or an n so small that no count certifies.
    """

    n0: int
    n: int
    sigma: float
    alpha: float
    name: str = "reduced"

    def __post_init__(self) -> None:
        _check(n=self.n, sigma=self.sigma, alpha=self.alpha, level=self.alpha)
        if self.n0 < 1:
            raise ValueError(f"n0 must be at least 1, got {self.n0}")

    @property
    def draws(self) -> int:
        """Noisy copies that one point takes."""
        return self.n0 + self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleBatchPlan:
    """One batch of ``n`` draws chooses the class and bounds it, at level alpha / 2 (statistics: see procedures.single_batch).

    Raises: ValueError for sigma <= 0, alpha outside (0, 1), or an n so small that no count certifies at alpha / 2.
    """

    n: int
    sigma: float
    alpha: float
    name: str = "single_batch"

    def __post_init__(self) -> None:
        _check(n=self.n, sigma=self.sigma, alpha=self.alpha, level=self.alpha / 2)

    @property
    def draws(self) -> int:
        """Noisy copies that one point takes."""
        return self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialPlan:
    """``n0`` draws choose the class, then fresh draws come in blocks until every radius of ``radii`` is decided for it, ``max_draws`` of them at most.

    A radius (L2, input units; 0 asks whether the class has a majority) is decided when it is certified, or refuted: no number of draws would certify it.

    Raises: ValueError for n0 < 1, sigma <= 0, alpha outside (0, 1), no radius or a negative one, or max_draws too small to certify anything.
    """

    n0: int
    max_draws: int
    sigma: float
    alpha: float
    radii: tuple[float, ...]
    name: str = "sequential"

    def __post_init__(self) -> None:
        _check_noise(sigma=self.sigma, alpha=self.alpha)
        object.__setattr__(self, "radii", tuple(sorted({float(radius) for radius in np.atleast_1d(self.radii)})))
        if self.n0 < 1:
            raise ValueError(f"n0 must be at least 1, got {self.n0}")
        if not self.radii or not all(0 <= radius < float("inf") for radius in self.radii):
            raise ValueError(f"radii must hold at least one finite radius >= 0, got {self.radii!r}")
        fewest = anytime_draws_for_radius(0.0, alpha=self.alpha, sigma=self.sigma)
        if self.max_draws < fewest:
            raise ValueError(
                f"max_draws must be at least {fewest} to certify anything at alpha = {self.alpha:g}, got {self.max_draws}"
            )

    @property
    def draws(self) -> int:
        """Noisy copies that one point takes at most."""
        return self.n0 + self.max_draws


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadePlan:
    """A cascade of noise levels ``sigmas``, the widest first: at each, ``n0`` draws choose a class and ``n`` fresh draws count the answers.

    The classifier answers at the first level where a class has a majority and abstains where there is none; ``alpha`` is the whole failure probability.

    Raises: ValueError for levels that do not fall, fewer than one of them, n0 < 1, alpha outside (0, 1), or an n so small that no count certifies.
    Source: `odd_assess.stats.cascade`.
    """

    sigmas: tuple[float, ...]
    n0: int
    n: int
    alpha: float
    name: str = "cascade"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", tuple(float(sigma) for sigma in self.sigmas))
        if not self.sigmas or any(below >= above for above, below in pairwise(self.sigmas)):
            raise ValueError(f"sigmas must fall, the widest first, got {self.sigmas!r}")
        for sigma in self.sigmas:
            _check(n=self.n, sigma=sigma, alpha=self.alpha, level=self.alpha / (2 * len(self.sigmas) - 1))
        if self.n0 < 1:
            raise ValueError(f"n0 must be at least 1, got {self.n0}")

    @property
    def draws(self) -> int:
        """Noisy copies that one point takes."""
        return len(self.sigmas) * (self.n0 + self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalPlan:
    """Certifies a modified model on ``n`` of the noisy copies whose answers by its baseline are kept, for the class that was chosen there.

    A certificate is false with probability at most ``alpha`` + ``alpha_z``: ``alpha`` for the baseline's bound, ``alpha_z`` for what is drawn now.
    ``models``: of so many modified models on one baseline, some certificate at a point is false with probability at most alpha + models alpha_z.
    They are fixed before it is known what they answer to these copies; one that was chosen by that counts with all that were tried.

    ``route``: "auto" takes at each point the bound that is expected to be larger; "gamma" takes fresh counts where the baseline's bound is ``gamma`` or more,
    as published; "incremental" and "fresh" take the same everywhere. With ``radii`` (L2, input units) draws come in blocks until each is decided, ``n`` at
    most; both bounds then count, whatever the route.

    Raises: ValueError for n < 1, levels outside (0, 1), gamma outside (1/2, 1], models < 1 or a negative radius.
    Source: `odd_assess.stats.incremental`.
    """

    n: int
    alpha: float
    alpha_z: float
    route: Literal["auto", "gamma", "incremental", "fresh"] = "auto"
    gamma: float = 0.99
    models: int = 1
    radii: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "radii", tuple(sorted({float(radius) for radius in np.atleast_1d(self.radii)})))
        if not self.alpha + self.alpha_z < 1:
            raise ValueError(f"alpha + alpha_z must lie in (0, 1), got {self.alpha!r} + {self.alpha_z!r}")
        for name, level in (("alpha", self.alpha), ("alpha_z", self.alpha_z)):
            if not SMALLEST_ALPHA <= level < 1:
                raise ValueError(f"{name} must lie in [{SMALLEST_ALPHA:g}, 1), got {level!r}")
        if self.n < 1 or self.models < 1:
            raise ValueError(f"n and models must be at least 1, got {self.n} and {self.models}")
        if self.route not in ("auto", "gamma", "incremental", "fresh"):
            raise ValueError(f"route must be auto, gamma, incremental or fresh, got {self.route!r}")
        if not 0.5 < self.gamma <= 1:
            raise ValueError(f"gamma must lie in (1/2, 1], got {self.gamma!r}")
        if not all(0 <= radius < float("inf") for radius in self.radii):
            raise ValueError(f"radii must be finite and not negative, got {self.radii!r}")

    @property
    def name(self) -> str:
        """The procedure, as certificates name it."""
        return "incremental_sequential" if self.radii else "incremental"

    @property
    def draws(self) -> int:
        """Noisy copies that one point takes (at most, with radii)."""
        return self.n

    @property
    def whole_alpha(self) -> float:
        """The failure probability of one certificate."""
        return self.terms.whole_alpha

    @property
    def terms(self) -> Terms:
        """How a modified model is bounded."""
        rule = "both" if self.radii else self.route
        return Terms(rule=rule, alpha=self.alpha, alpha_z=self.alpha_z, gamma=self.gamma, models=self.models)


OneLevelPlan = ReducedPlan | SingleBatchPlan | SequentialPlan
Plan = OneLevelPlan | CascadePlan
"""What certifies an input from nothing; an `IncrementalPlan` takes a baseline's certificate."""
