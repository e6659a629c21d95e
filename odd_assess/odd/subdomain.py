"""How much of a domain a statement speaks of."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from odd_assess.errors import DomainError
from odd_assess.odd.constraints import Conditional, Statement
from odd_assess.odd.domain import Domain
from odd_assess.odd.partition import MAX_PIECES, atom_axis, conditions_on, inside_pieces


def share_of(domain: Domain, statement: Statement) -> float:
    """The probability that the statement holds, given that a condition is inside; exact.

    Raises: DomainError where that takes more than MAX_PIECES pieces; ValueError for a condition that makes no sense.
    Source: statements are constant on pieces, see ``partition``.
    """
    itself = Conditional(when=statement, then=statement)  # removes nothing, and cuts the pieces at the statement's thresholds
    rules = replace(domain.rules, conditionals=(*domain.rules.conditionals, itself))
    mentioned = {name for one in rules.statements for name in one.conditions}
    attributes = [attribute for attribute in domain.attributes if attribute.id in mentioned]
    for name, condition in statement.conditions.items():
        domain.attribute(name).check_condition(condition)
    atoms = [attribute.atoms(conditions_on(attribute, rules)) for attribute in attributes]
    if (count := prod(len(part.code) for part in atoms)) > MAX_PIECES:
        raise DomainError(
            f"a sub-domain must split the domain into at most {MAX_PIECES:,} pieces, found {count:,}: use fewer thresholds"
        )
    axes = [atom_axis(attribute, part, rules) for attribute, part in zip(attributes, atoms, strict=True)]
    pieces = inside_pieces(axes, rules)
    holds = np.ones(len(pieces.probability), dtype=np.bool_)
    for name, condition in statement.conditions.items():
        at = next(i for i, attribute in enumerate(attributes) if attribute.id == name)
        holds &= axes[at].holds[name, condition][pieces.position[:, at]]
    return float(pieces.probability[holds].sum() / pieces.probability.sum())
