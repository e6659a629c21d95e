"""The learning rate of each step, as a function of the step alone: nothing to keep for a resumed training. No torch."""

from __future__ import annotations

import math

from odd_assess.training_plan import Schedule

LOWEST_FIRST, LOWEST_LAST = 1 / 25, 1 / 25e4
"""Of one_cycle: the first and the last rate, as parts of the highest. Source: Smith & Topin 2019, as torch's OneCycleLR has them."""
USUAL_RISE = 0.3


def rate_at(schedule: Schedule, rate: float, step: int, *, steps: int, epochs: int) -> float:
    """The rate of a step, counted from 0, of ``epochs`` epochs of ``steps`` steps each; ``rate`` is the highest.

    A warm-up rises in equal parts, its first step takes one of them; the rest of the way is that of the schedule's kind.

    >>> [round(rate_at(Schedule(kind="cosine", warmup=1), 1.0, step, steps=2, epochs=3), 2) for step in range(6)]
    [0.5, 1.0, 1.0, 0.85, 0.5, 0.15]
    """
    if schedule.kind == "one_cycle":
        return rate * _one_cycle(schedule, step, steps * epochs, steps)
    warmup = round((schedule.warmup or 0.0) * steps)
    if step < warmup:
        return rate * (step + 1) / warmup
    if schedule.kind == "cosine":
        return rate * _fall(1.0, 0.0, (step - warmup) / max(1, steps * epochs - warmup))
    if schedule.kind == "step":
        return float(rate * schedule.factor ** (step // steps // schedule.every))
    return rate


def _one_cycle(schedule: Schedule, step: int, total: int, steps: int) -> float:
    """Up and down along half a cosine each."""
    rise = max(1.0, USUAL_RISE * total if schedule.warmup is None else schedule.warmup * steps)
    if step < rise:
        return _fall(LOWEST_FIRST, 1.0, step / rise)
    return _fall(1.0, LOWEST_LAST, (step - rise) / max(1.0, total - 1 - rise))


def _fall(first: float, last: float, part: float) -> float:
    """From the first value to the last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * min(1.0, part))) / 2
