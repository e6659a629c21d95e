"""A table of tagged frames as the source: attributes read from columns beside one that a transform realises."""

import numpy as np
import pandas as pd

from odd_assess.evidence import MAIN, EvidenceStore

from .conftest import Bench


def tabled(bench: Bench, brightest: float) -> Bench:
    """400 digits with a recorded illuminance, declared for 50 to 2,000 lux."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(0)
    np.savez(bench.folder / "frames.npz", images=(digits.images[-400:] / 16).astype(np.float32), labels=digits.target[-400:])
    table = pd.DataFrame(
        {"row": range(400), "label": digits.target[-400:], "lux": np.exp(rng.uniform(np.log(20), np.log(brightest), 400))}
    )
    table.to_csv(bench.folder / "frames.csv", index=False)
    return bench.change(
        {
            "inputs": {"table": "frames.csv", "rows": "row", "arrays": "frames.npz", "label": "label"},
            "odd/attributes/light/realise": None,
            "odd/attributes/light/column": "lux",
            "certification/reference": None,
        }
    )


def test_points_are_drawn_among_the_frames_inside(bench: Bench) -> None:
    """Every point carries its frame's own illuminance, inside the declared range."""
    assert tabled(bench, 2000).run().status in {0, 1, 3}
    lux = pd.read_csv(bench.folder / "frames.csv")["lux"]
    with EvidenceStore.open(bench.folder / "run" / "evidence.sqlite") as store:
        rows = [row for row, _ in store.rows(MAIN)]
    assert all(row.point.frame == row.base for row in rows)
    assert all(row.point.values["light"] == lux[row.point.frame] >= 50 for row in rows if row.point.frame is not None)


def test_conditions_without_frames_count_against_the_verdict(bench: Bench) -> None:
    """No frame is brighter than 500 lux: the verdict says what share of the ODD that leaves open, and does not pass on the rest alone."""
    outcome = tabled(bench, 500).change({"criteria/1/severity": "info", "criteria/0/require": ">= 0.70"}, "criteria.yaml").run()
    assert outcome.status in {1, 3}
    assert "of the ODD has no frame in the table and counts against the claim" in outcome.out
