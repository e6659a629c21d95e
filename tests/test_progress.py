"""Time left: right within a factor of 1.5 once a tenth is done, also where points stop when they are decided."""

import numpy as np
import pytest

from odd_assess.progress import Pace


def test_before_anything_is_done_nothing_is_known() -> None:
    """No pace, no promise."""
    pace = Pace(points=10, draws=1000, at_most=False)
    assert pace.left_s(0.0) == pace.left_s(5.0) == float("inf")


def test_a_fixed_budget_is_known_beforehand() -> None:
    """A quarter of the draws in ten seconds leaves thirty."""
    pace = Pace(points=10, draws=1000, at_most=False)
    pace.advance(points=0, draws=250, spent=0)
    assert pace.rate(10.0) == 25.0
    assert pace.left_s(10.0) == pytest.approx(30.0)


@pytest.mark.parametrize("decided_early", [0.0, 0.3, 0.6])
def test_points_that_stop_when_decided_are_extrapolated(decided_early: float) -> None:
    """Some points take 60 draws, the others 10,000, four are in flight at a time: after 200 of 2,000 points the time left is right within 1.5.

    The mean of 200 such points is off by a third with probability below 1e-4 for 40 % long ones (their share has a standard error of 9 % of it); with few
    long points among many nothing could know more.
    """
    generator = np.random.default_rng(int(decided_early * 100))
    takes = np.where(generator.random(2_000) < decided_early, 60, 10_000)
    pace = Pace(points=len(takes), draws=10_000 * len(takes), at_most=True)
    whole, flying, waiting = takes.sum(), [], list(takes)
    drawn = 0
    while waiting or flying:
        while waiting and len(flying) < 4:
            flying.append([waiting.pop(0), 0])
        for point in list(flying):  # twenty draws for each, one second for a thousand
            step = min(20, point[0] - point[1])
            point[1] += step
            drawn += step
            pace.advance(points=0, draws=step, spent=0)
            if point[0] == point[1]:
                flying.remove(point)
                pace.advance(points=1, draws=0, spent=point[0])
        if pace.points >= 200 and 0.1 <= drawn / whole <= 0.9:
            left = (whole - drawn) / 1000
            assert left / 1.5 <= pace.left_s(drawn / 1000) <= 1.5 * left


def test_the_end_is_the_end() -> None:
    """No time is left when all is done, and never less than none."""
    pace = Pace(points=2, draws=2000, at_most=True)
    pace.advance(points=2, draws=300, spent=300)
    assert pace.left_s(1.0) == 0.0
