"""Every disagreement is counted, the first twenty are told, and rounding is forgiven only where it may be."""

import numpy as np

from odd_assess.audit.ledger import MOST_TOLD, Ledger


def test_all_are_counted_and_some_told() -> None:
    """Of fifty differing rows the first twenty are told, with the row's own name."""
    ledger = Ledger()
    ledger.same("here", "thing", 1, 1)
    ledger.compare([f"row {i}" for i in range(60)], "x", np.arange(60), np.where(np.arange(60) < 10, np.arange(60), -1))
    ledger.same("there", "thing", 1, 2)
    assert (ledger.count, len(ledger.told)) == (51, MOST_TOLD)
    assert str(ledger.told[0]) == "row 10, x: stored 10, re-derived -1"


def test_rounding_is_forgiven_by_share() -> None:
    """Without slack one bit is a disagreement; with it, a share of a number, never of a whole number or a word."""
    x = np.array([0.0, 1.0, 1e-6])
    near = x * (1 + 1e-12)
    for slack, expected in ((0.0, 2), (1e-11, 0)):
        ledger = Ledger(slack=slack)
        ledger.compare(["a", "b", "c"], "x", x, near)
        assert ledger.count == expected
    ledger = Ledger(slack=1e-11)
    ledger.compare(["a"], "x", np.array([10**13]), np.array([10**13 + 1]))
    ledger.same("a", "state", "MET", "NOT MET")
    ledger.same("a", "lower", None, 0.0)
    ledger.same("a", "lower", 1.0, 1.0 + 1e-9)
    ledger.same("a", "lower", 1.0, 1.0 + 1e-12)
    assert ledger.count == 4
