"""What the data told is kept and read back as it was."""

import numpy as np
import pytest

from odd_assess.evidence import Surroundings
from odd_assess.odd import Continuous, Domain, Reach

DOMAIN = Domain(attributes=(Continuous(id="x", low=0, high=1, buckets=(0, 0.25, 0.5, 1)),))


def test_what_goes_in_comes_out() -> None:
    """Class names in any script, cells out of reach and the share that could be reached survive exactly."""
    cells = np.array([True, False, True])
    around = Surroundings(class_names=("stop", "Kläffer", "停"), reach=Reach(cells=cells, share=1 - 2**-40))
    again = Surroundings.from_meta(around.as_meta(), DOMAIN)
    assert again.class_names == around.class_names
    assert again.reach.cells.tolist() == cells.tolist()
    assert again.reach.share == around.reach.share


def test_damage_is_an_error() -> None:
    """A cell that the domain has not, or a missing entry, is no reach."""
    meta = Surroundings(class_names=("a",), reach=Reach(cells=np.ones(3, dtype=np.bool_))).as_meta()
    with pytest.raises(IndexError):
        Surroundings.from_meta({**meta, "reach": '{"share": 1, "cells_out_of_reach": [3]}'}, DOMAIN)
    with pytest.raises(KeyError):
        Surroundings.from_meta({"reach": meta["reach"]}, DOMAIN)
