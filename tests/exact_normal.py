"""Probabilities of correlated normals by other ways than the package's own: one-dimensional integrals, to about ten figures."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(180)


def one_factor(z: Floats, loadings: Floats) -> float:
    """P(Y <= z) for Y_i = l_i T + sqrt(1 - l_i^2) E_i, all standard normal and independent; loadings up to about 0.9."""
    given = ndtr((z - np.outer(_NODES, loadings)) / np.sqrt(1 - loadings**2))
    return float(_WEIGHTS @ given.prod(axis=1) / np.sqrt(2 * np.pi))


def planar(z: Floats, directions: Floats, *, angles: int = 400_000) -> float:
    """P(directions @ y <= z) for a standard normal y in the plane, directions (K, 2) of length 1 and z >= 0, in polar coordinates."""
    theta = (np.arange(angles) + 0.5) * 2 * np.pi / angles
    along = directions @ np.stack([np.cos(theta), np.sin(theta)])
    with np.errstate(divide="ignore"):
        reach = np.where(along > 0, z[:, None] / np.where(along > 0, along, 1.0), np.inf).min(axis=0)
    return float(1 - np.exp(-(reach**2) / 2).mean())


def on_a_line(z: Floats, signs: Floats) -> float:
    """P(signs_i y <= z_i) for one standard normal y."""
    high = z[signs > 0].min(initial=np.inf)
    low = -z[signs < 0].min(initial=np.inf)
    return max(0.0, float(ndtr(high) - ndtr(low)))
