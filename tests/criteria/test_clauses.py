"""Clauses that are known, and how they are cited."""

import re

import pytest

from odd_assess.criteria.clauses import STANDARDS, in_full, is_known, references


def test_every_reference_is_known_and_cited() -> None:
    """Each key is one word, each citation starts with the title and says what the clause is about."""
    for reference in references():
        key, _, clause = reference.partition(":")
        assert re.fullmatch(r"[A-Za-z0-9-]+", key)
        assert is_known(reference)
        title, subject = STANDARDS[key].title, STANDARDS[key].clauses[clause][1]
        assert in_full(reference).startswith(title)
        assert in_full(reference).endswith(f": {subject}")
    assert len(set(map(in_full, references()))) == len(references())


@pytest.mark.parametrize("reference", ["EU-AI-Act", "EU-AI-Act:", "EU-AI-Act:115", "ACME:1", "", ":", "eu-ai-act:15(1)"])
def test_unknown_references(reference: str) -> None:
    """They are not known, and stand as they are written."""
    assert not is_known(reference)
    assert in_full(reference) == reference


def test_standards_of_a_file() -> None:
    """Any clause of them is known, but not none."""
    declared = [("ACME", "ACME handbook")]
    assert is_known("ACME:4.2", declared)
    assert not is_known("ACME: ", declared)
    assert in_full("ACME:4.2", declared) == "ACME handbook, 4.2"
