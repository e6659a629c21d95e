"""What criteria say of parts of the domain, against the domain itself: a criteria file may be read without one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from odd_assess.errors import DomainError
from odd_assess.odd.domain import Domain
from odd_assess.odd.subdomain import share_of
from odd_assess.records import CriteriaSet, Criterion, Subdomain
from odd_assess.spec.attributes import Declared
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.domain import Statements
from odd_assess.spec.words import did_you_mean, listed, shortened, shown


def fit_parts(
    criteria: tuple[CriteriaSet, ...], documents: Sequence[Document], declared: Declared, domain: Domain | None
) -> tuple[tuple[CriteriaSet, ...], bool]:
    """(the criteria whose parts the domain has, whether that is all of them); problems in their files for the others."""
    by_path = {os.path.abspath(read.path): read for read in documents}  # noqa: PTH100
    fitted = []
    for file in criteria:
        read = by_path[str(file.path)]
        left = [_fitted(read, criterion, declared, domain) for criterion in file.criteria]
        fitted.append(replace(file, criteria=tuple(criterion for criterion in left if criterion is not None)))
    return tuple(fitted), all(len(new.criteria) == len(old.criteria) for new, old in zip(fitted, criteria, strict=True))


def _fitted(document: Document, criterion: Criterion, declared: Declared, domain: Domain | None) -> Criterion | None:
    before = len(document.problems)
    if criterion.attribute is not None:
        _check_attribute(document, (*place_of(document, criterion), "attribute"), criterion.attribute, declared, domain)
    if criterion.where is not None:
        path = (*place_of(document, criterion), "where")
        where = _subdomain(document, path, criterion.where, declared, domain)
        criterion = criterion if where is None else replace(criterion, where=where)
    return criterion if len(document.problems) == before else None


def _subdomain(document: Document, path: KeyPath, where: Subdomain, declared: Declared, domain: Domain | None) -> Subdomain | None:
    """With the statement that the conditions make of the domain's attributes, and how much of the domain that is."""
    statement = Statements(document, declared).statement(path, dict(where.written))
    if statement is None or domain is None:
        return None
    try:
        share = share_of(domain, statement)
    except DomainError as error:
        document.add(path, str(error))
        return None
    if not share > 0:
        document.add(
            path, f"must hold somewhere inside the domain, found {{{where.text}}}, which never does: nothing of it is left inside"
        )
        return None
    return replace(where, statement=statement, share=share)


def place_of(document: Document, criterion: Criterion) -> KeyPath:
    """Where a criterion stands in its file; the whole list, if it stands in another."""
    entries = document.data.get("criteria") if isinstance(document.data, dict) else None
    for i, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and entry.get("id") == criterion.id:
            return ("criteria", i)
    return ("criteria",)


def _check_attribute(document: Document, path: KeyPath, name: str, declared: Declared, domain: Domain | None) -> None:
    if name in declared.unrealisable:
        document.add(path, f"must be an attribute that is tested, found {name!r}, which is declared unrealisable")
    elif name not in declared.names:
        known = declared.names
        document.add(
            path,
            f"must be an attribute of the domain, found {shown(name)}{did_you_mean(name, known)}; declared: {shortened(listed(known))}",
        )
    elif domain is not None:
        from odd_assess.criteria.parts import level_of_cells

        if len(set(level_of_cells(domain, name).tolist())) < 2:
            document.add(path, f"must have two levels inside the domain, found one of {name}: give it buckets, or more labels")
