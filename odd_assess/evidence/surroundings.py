"""What the data of a run told about themselves, kept so that neither report nor verification needs the data again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from odd_assess.odd.coverage import Reach
from odd_assess.odd.domain import Domain

CLASS_NAMES, REACH = "class_names", "reach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The names of the classes, and where in the domain points could be drawn at all."""

    class_names: tuple[str, ...]
    reach: Reach

    def as_meta(self) -> dict[str, str]:
        """As entries of the evidence file."""
        missed = np.flatnonzero(~self.reach.cells).tolist()
        return {
            CLASS_NAMES: json.dumps(self.class_names, ensure_ascii=False),
            REACH: json.dumps({"share": self.reach.share, "cells_out_of_reach": missed}),
        }

    @classmethod
    def from_meta(cls, meta: Mapping[str, str], domain: Domain) -> Surroundings:
        """From entries of the evidence file.

        Raises: ValueError, KeyError, TypeError or IndexError where they are missing or damaged.
        """
        found = json.loads(meta[REACH])
        cells = np.ones(len(domain.cells), dtype=np.bool_)
        cells[np.array(found["cells_out_of_reach"], dtype=np.int64)] = False
        share = float(found["share"])
        if not 0 <= share <= 1 + 1e-9:  # a sum of weights, rounded
            raise ValueError(f"the share of the domain that is reached must lie in [0, 1], found {share!r}")
        names = tuple(str(name) for name in json.loads(meta[CLASS_NAMES]))
        return cls(class_names=names, reach=Reach(cells=cells, share=share))
