"""What two runs must share to be compared point by point: conditions, data, preprocessing, noise and draws. Models may differ, and criteria."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odd_assess.criteria import asked_radii
from odd_assess.evidence.manifest import differences
from odd_assess.records import InputDeclaration, Realisation, Spec

OWN = frozenset({"odd-assess", "budget", "radii that draws decide"})
"""Conditions that a modified model need not share with the baseline that it is certified on."""


def conditions(spec: Spec, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal, by the names that a message uses. ``identity`` is that of the manifest."""
    plan, budget, groups = spec.certification, spec.certification.budget, spec.sampling.groups
    asked = asked_radii(criterion for group in spec.criteria for criterion in group.criteria)
    return {
        "points (digest)": identity.get("points"),
        "data (digest)": identity.get("data"),
        "seed": identity.get("seed"),
        "kind of device": identity.get("device"),
        "odd-assess": identity.get("odd_assess"),
        "design": f"{spec.sampling.design}, {spec.sampling.allocation}{', until decided' if spec.sampling.until_decided else ''}",
        **({} if groups is None else {"groups of cells": groups.in_words}),
        "inputs": _inputs(spec.inputs),
        **{f"preprocessing of {one.attribute}": _how(one) for one in spec.realisations},
        "sigma": plan.sigma if plan.policy is None else str(plan.policy),
        "alpha": plan.alpha,
        "budget": _draws(spec),
        **({"radii that draws decide": list(asked)} if budget.kind == "sequential" else {}),
    }


def unlike(old: tuple[Spec, Mapping[str, Any]], new: tuple[Spec, Mapping[str, Any]], *, certified_on: bool = False) -> list[str]:
    """What keeps two runs, each a spec and the identity of its manifest, from being compared: a line each.

    ``certified_on``: the new model is certified on what the old run keeps. It then takes draws of its own, and the version of odd-assess may be another: that
    the noise is the same is seen by itself.
    """
    if old[0].sampling.ranked is not None or new[0].sampling.ranked is not None:
        return [
            "design: ranked points are chosen by what their own model makes of the candidates, so that no two runs of it share their points"
        ]
    before, after = conditions(*old), conditions(*new)
    if certified_on:
        before, after = ({name: what for name, what in one.items() if name not in OWN} for one in (before, after))
    return differences(before, after)


def _draws(spec: Spec) -> str:
    budget, settings = spec.certification.budget, spec.recertification
    if settings is not None:
        return f"{'at most ' if settings.when_decided else ''}{settings.draws} draws on those of a baseline"
    limit = "max" if budget.kind in ("sequential", "tolerance") else "n"
    return f"{budget.kind}, n0 = {budget.n0}, {limit} = {budget.n}"


def _inputs(declared: InputDeclaration) -> str:
    size = "" if declared.size is None else f", {declared.size[0]} x {declared.size[1]}"
    return f"{declared.kind}{'' if declared.split is None else f' {declared.split}'}{size}"


def _how(one: Realisation) -> str:
    levels = "" if one.levels is None else f", levels {dict(one.levels)}"
    parameters = f", {dict(one.parameters)}" if one.parameters else ""
    return f"{one.transform or one.column} (value x {one.scale:g} + {one.offset:g}{levels}{parameters})"
