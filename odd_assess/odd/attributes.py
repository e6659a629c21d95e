"""ODD attributes: what may vary, over which values, how likely, and in which levels (buckets or labels) it is counted.

Every attribute is a map between the unit interval and its values: ``from_unit`` takes u in [0, 1) to a value (the inverse of its
distribution function), and each level owns a part [u_low, u_high) whose length is the level's probability.
"""

from __future__ import annotations

from odd_assess.odd.distributions import Distribution, Empirical, LogUniform, TruncatedNormal, Uniform
from odd_assess.odd.labels import Boolean, Categorical, Ordinal
from odd_assess.odd.levels import Level
from odd_assess.odd.numeric import Continuous, Integer

__all__ = [
    "Attribute",
    "Boolean",
    "Categorical",
    "Continuous",
    "Distribution",
    "Empirical",
    "Integer",
    "Level",
    "LogUniform",
    "Ordinal",
    "TruncatedNormal",
    "Uniform",
]

Attribute = Continuous | Integer | Ordinal | Categorical | Boolean
"""Any ODD attribute."""
