"""Clauses of standards that evidence of this kind serves: a table, so that a reference in a criteria file is a known one.

A reference is ``STANDARD:CLAUSE``, such as ``EU-AI-Act:15(1)``. The table is coarse on purpose: it holds what a reader can look up in the published text, by
the clause's number where that is short and certain, else by its subject (``UL-4600:odd``). It says which passage asks for such evidence. That a passage is
served is no statement that it is complied with: that is for an assessor, who knows the rest of the case.

Sources: ISO 21448:2022, ISO/PAS 8800:2024, ISO 34503:2023, ANSI/UL 4600, EASA Concept Paper "Guidance for Level 1 & 2 machine learning applications" issue 02
(2024), Regulation (EU) 2024/1689, AMLAS ("Guidance on the Assurance of Machine Learning in Autonomous Systems", University of York).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from odd_assess.records import Criterion, Spec

NO_COMPLIANCE = "Clauses are passages that evidence of this kind serves; naming them is no claim of compliance with a standard, a regulation or any part of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A published document and the passages of it that may be referred to: clause -> (how a citation names it, its subject)."""

    title: str
    clauses: Mapping[str, tuple[str, str]]


STANDARDS: Mapping[str, Standard] = MappingProxyType(
    {
        "ISO-21448": Standard(
            title="ISO 21448:2022 (SOTIF)",
            clauses={
                "6": ("clause 6", "identification and evaluation of hazards"),
                "7": ("clause 7", "potential functional insufficiencies and triggering conditions"),
                "9": ("clause 9", "verification and validation strategy"),
                "10": ("clause 10", "evaluation of known scenarios"),
                "11": ("clause 11", "evaluation of unknown scenarios"),
                "12": ("clause 12", "evaluation of the achievement of the SOTIF"),
                "13": ("clause 13", "operation phase activities"),
            },
        ),
        "ISO-PAS-8800": Standard(
            title="ISO/PAS 8800:2024",
            clauses={
                "requirements": ("", "derivation of AI safety requirements"),
                "data": ("", "data-related considerations"),
                "verification": ("", "verification and validation of the AI system"),
                "safety-analysis": ("", "safety analysis of AI systems"),
                "assurance": ("", "assurance arguments for AI systems"),
            },
        ),
        "ISO-34503": Standard(
            title="ISO 34503:2023",
            clauses={
                "taxonomy": ("", "taxonomy of the operational design domain: scenery, environmental conditions, dynamic elements"),
                "definition": ("", "definition format of the operational design domain"),
            },
        ),
        "UL-4600": Standard(
            title="ANSI/UL 4600",
            clauses={
                "odd": ("", "operational design domain"),
                "machine-learning": ("", "machine learning and AI techniques"),
                "perception": ("", "perception"),
                "verification": ("", "verification, validation and test"),
            },
        ),
        "EASA-CP2": Standard(
            title="EASA Concept Paper on Level 1 & 2 machine learning applications, issue 02",
            clauses={
                "ODD": ("", "definition and monitoring of the operational design domain"),
                "DM": ("objectives DM", "data management: completeness and representativeness of data over the ODD"),
                "LM": ("objectives LM", "learning process management: performance, stability and robustness of the trained model"),
            },
        ),
        "EU-AI-Act": Standard(
            title="Regulation (EU) 2024/1689 (EU AI Act)",
            clauses={
                "9": ("Article 9", "risk management system"),
                "9(8)": ("Article 9(8)", "testing against prior defined metrics and probabilistic thresholds"),
                "15": ("Article 15", "accuracy, robustness and cybersecurity"),
                "15(1)": ("Article 15(1)", "appropriate level of accuracy, robustness and cybersecurity"),
                "15(3)": ("Article 15(3)", "levels of accuracy and accuracy metrics declared in the instructions of use"),
                "15(4)": (
                    "Article 15(4)",
                    "resilience regarding errors, faults or inconsistencies within the system or its environment",
                ),
                "15(5)": ("Article 15(5)", "resilience against attempts to alter use, outputs or performance"),
                "Annex-IV.2(g)": ("Annex IV 2(g)", "validation and testing procedures, metrics, test logs and test reports"),
                "Annex-IV.3": ("Annex IV 3", "capabilities and limitations in performance, degrees of accuracy"),
            },
        ),
        "AMLAS": Standard(
            title="AMLAS",
            clauses={
                "H": ("artefact [H]", "ML safety requirements"),
                "P": ("artefact [P]", "verification data"),
                "V": ("artefact [V]", "ML model"),
                "Z": ("artefact [Z]", "ML verification results"),
                "AA": ("artefact [AA]", "verification log"),
                "BB": ("artefact [BB]", "ML verification argument pattern"),
                "CC": ("artefact [CC]", "ML verification argument"),
            },
        ),
    }
)

Declared = Iterable[tuple[str, str]]
"""(key, title) of standards that a criteria file declares itself."""


def in_full(reference: str, declared: Declared = ()) -> str:
    """A reference as a citation; a text that is no known reference, which only a caller from Python can give, as it stands.

    >>> in_full("EU-AI-Act:15(3)")
    'Regulation (EU) 2024/1689 (EU AI Act), Article 15(3): levels of accuracy and accuracy metrics declared in the instructions of use'
    >>> in_full("UL-4600:odd"), in_full("ACME:4.2", [("ACME", "ACME safety handbook 2026")])
    ('ANSI/UL 4600: operational design domain', 'ACME safety handbook 2026, 4.2')
    """
    key, _, clause = reference.partition(":")
    own = dict(declared)
    if key in own and clause:
        return f"{own[key]}, {clause}"
    if key not in STANDARDS or clause not in STANDARDS[key].clauses:
        return reference
    place, subject = STANDARDS[key].clauses[clause]
    return f"{STANDARDS[key].title}{f', {place}' if place else ''}: {subject}"


def clauses_of(criterion: Criterion, spec: Spec) -> tuple[str, ...]:
    """The citations of a criterion's clauses, with the standards that its own file declares."""
    declared = next((group.standards for group in spec.criteria if criterion in group.criteria), ())
    return tuple(in_full(reference, declared) for reference in criterion.clauses)


def references() -> tuple[str, ...]:
    """Every reference that is known without a declaration."""
    return tuple(f"{key}:{clause}" for key, standard in STANDARDS.items() for clause in standard.clauses)


def is_known(reference: str, declared: Declared = ()) -> bool:
    """Whether the reference names a clause of the table, or any clause of a standard that the file declares."""
    key, _, clause = reference.partition(":")
    return bool(clause.strip()) and (key in dict(declared) or clause in getattr(STANDARDS.get(key), "clauses", ()))
