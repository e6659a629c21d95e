"""How a modified model is bounded, by the settings of its recertification."""

from __future__ import annotations

from odd_assess.records import Recertification
from odd_assess.stats import Terms


def terms_of(settings: Recertification, alpha: float) -> Terms:
    """The terms of certificates that are false with probability ``alpha`` each."""
    for_baseline, drawn = settings.split(alpha)
    rule = "both" if settings.when_decided else settings.route
    return Terms(rule=rule, alpha=for_baseline, alpha_z=drawn, gamma=settings.gamma, models=settings.models)
