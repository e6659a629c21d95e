"""How often a bound that is looked at after every draw is wrong at least once: exactly, by dynamic programming over the paths of a coin."""

from collections.abc import Callable

import numpy as np
import pytest

Beyond = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Where the counts (k of n, both (m,)) are taken to speak against the true proportion; more successes never speak less."""
EverBeyond = Callable[[Beyond, float, int], float]


def ever_beyond(beyond: Beyond, p: float, horizon: int) -> float:
    """P(the counts are beyond after some number of draws <= horizon), for independent draws with success probability p: the worst stopping rule."""
    fewest = _fewest_beyond(beyond, horizon)
    mass, gone = np.zeros(horizon + 2), 0.0
    mass[0] = 1.0
    for n in range(1, horizon + 1):
        mass[1 : n + 1] = mass[1 : n + 1] * (1 - p) + mass[:n] * p
        mass[0] *= 1 - p
        gone += mass[fewest[n - 1] : n + 1].sum()
        mass[fewest[n - 1] :] = 0.0
    return float(gone)


def _fewest_beyond(beyond: Beyond, horizon: int) -> np.ndarray:
    """The smallest k that is beyond after n = 1, 2, ... draws, by bisection; n + 1 where none is."""
    n = np.arange(1, horizon + 1)
    low, high = np.zeros(horizon, dtype=int), n + 1
    while np.any(low < high):
        middle = (low + high) // 2
        yes = (middle > n) | beyond(np.minimum(middle, n), n)
        low, high = np.where(yes, low, np.minimum(middle + 1, high)), np.where(yes, middle, high)
    return low


@pytest.fixture(name="ever_beyond", scope="session")
def _ever_beyond() -> EverBeyond:
    return ever_beyond
