"""argument.gsn.yaml: the run as a part of an assurance case, in Goal Structuring Notation, for gsn2x.

    G_ID              the model is robust over its operational design domain: supported by
    S_ID              an argument over every blocking criterion: supported by
    G_ID_CRITERION    a goal for each. MET: supported by the solution Sn_..., which points at the finding in the report. INCONCLUSIVE: undeveloped. NOT MET:
                      undeveloped, defeated, and challenged by the counter solution CSn_...
    C_, A_, J_        the domain, the model, the data, the requirements and the other criteria as contexts; what is taken for granted; why such evidence will do

ID is the id of the spec, so that arguments of several specs can stand in one case. ``amlas`` names the artefact of AMLAS that an element
refers to, ``sha256`` its digest; gsn2x shows them with ``--layers amlas sha256``. It is the argument that the evidence bears, no more: whether the assumptions
hold is for the safety case to show.

Source: gsn2x 3, its documentation of the syntax and of checks V01 to V13 and C01 to C16; GSN Community Standard 3; AMLAS v1.1, stage 5.
"""

from __future__ import annotations

from typing import Any

import yaml

from odd_assess.exchange.words import headline, plain, recertified_words, requirement
from odd_assess.policies import MEANING
from odd_assess.records import Assessment, Finding, State

WIDTH = 10_000
"""Characters of a line: texts are not folded."""


def argument(assessment: Assessment) -> str:
    """The argument as YAML; the same assessment gives the same text."""
    spec, identity = assessment.spec, assessment.manifest.get("identity", {})
    blocking = [(number, f) for number, f in enumerate(assessment.findings, start=1) if f.criterion.severity == "blocking"]
    others = [(number, f) for number, f in enumerate(assessment.findings, start=1) if f.criterion.severity != "blocking"]
    name, certification = spec.id, spec.certification
    elements: dict[str, dict[str, Any]] = {
        f"G_{name}": {
            "text": f"{spec.title} is robust over its operational design domain, as its acceptance criteria require",
            "inContextOf": [f"C_{name}_odd", f"C_{name}_model"],
            "supportedBy": [f"S_{name}"],
        },
        f"C_{name}_odd": {
            "text": f"Operational design domain: {', '.join(a.id for a in spec.domain.attributes)}; not tested: "
            f"{', '.join(u.attribute for u in spec.unrealisable) or 'no declared attribute'}",
            "url": "report.html#domain",
            "sha256": spec.sha256,
        },
        f"C_{name}_model": {
            "text": "The model under test" + (f", {told}" if (told := recertified_words(assessment)) else ""),
            "amlas": "[V] ML model",
            "sha256": str(identity.get("model", "")),
        },
        f"C_{name}_data": {
            "text": f"Verification data: {len(assessment.results)} points by the design {spec.sampling.design}, seed {spec.sampling.seed}",
            "amlas": "[P] verification data",
            "sha256": str(identity.get("data", "")),
        },
        f"C_{name}_requirements": {
            "text": f"Acceptance criteria: {', '.join(group.title for group in spec.criteria)}",
            "amlas": "[H] ML safety requirements",
            "sha256": ", ".join(group.sha256 for group in spec.criteria),
        },
        f"C_{name}_log": {
            "text": "Verification log: manifest.json, and evidence.sqlite with the counts of every point; "
            "odd-assess verify derives every number from them again",
            "amlas": "[AA] verification log",
            "url": "manifest.json",
        },
    }
    taken = _assumptions(assessment)
    sure = {
        f"J_{name}_confidence": f"Each bound holds with the confidence of its criterion, certificates that may be false (alpha {certification.alpha:g} each) "
        "allowed for. Where a blocking requirement does not hold, all are shown to be met with probability at most its 1 - confidence"
    }
    elements |= {key: {"text": text} for key, text in (taken | sure).items()}
    for number, finding in others:
        elements[_aside(name, finding)] = {
            "text": f"{finding.criterion.severity}, does not decide: {requirement(finding.criterion)}. {headline(finding)}",
            "url": f"report.html#finding-{number}",
        }
    strategy: dict[str, Any] = {
        "text": f"Argument over {len(blocking)} blocking acceptance criteria, by randomized smoothing at sampled points of the domain",
        "inContextOf": [
            *(f"C_{name}_{what}" for what in ("data", "requirements", "log")),
            *(_aside(name, finding) for _, finding in others),
            *taken,
            *sure,
        ],
    }
    strategy |= {"supportedBy": [_goal(name, finding) for _, finding in blocking]} if blocking else {"undeveloped": True}
    elements[f"S_{name}"] = strategy
    for number, finding in blocking:
        elements |= _argued(name, number, finding, assessment)
    module = {"name": name, "brief": f"{assessment.verdict.value}: {spec.title}"}
    return yaml.safe_dump(_plain({"module": module, **elements}), sort_keys=False, allow_unicode=True, width=WIDTH)


def _assumptions(assessment: Assessment) -> dict[str, str]:
    spec, noise = assessment.spec, assessment.noise
    sigma = f"sigma {spec.certification.sigma:g}" if noise is None else noise.policy.in_words
    taken = {
        f"A_{spec.id}_smoothed": f"The smoothed classifier (the majority answer in Gaussian noise, {sigma}) is what is deployed, "
        "or speaks for the model",
        f"A_{spec.id}_noise": "Perturbations are changes of the input within an L2 radius, in input units",
        f"A_{spec.id}_transforms": "The transforms that realise the conditions stand for the conditions in the field",
        f"A_{spec.id}_sampling": "Conditions occur as the declared distributions say, and base images as in the verification data",
    }
    if (found := assessment.recertified) is not None:
        taken[f"A_{spec.id}_baseline"] = (
            f"The evidence of the baseline {found.run} (certificates {found.certificates}) is what its model {found.model} answered"
        )
    if noise is not None and noise.soundness != "stateless":
        taken[f"A_{spec.id}_levels"] = (
            f"The noise level of an input is chosen in use as in the assessment: {MEANING[noise.soundness]}"
        )
    return taken


def _argued(name: str, number: int, finding: Finding, assessment: Assessment) -> dict[str, dict[str, Any]]:
    """The goal of a blocking criterion, and what speaks for it or against it."""
    criterion = finding.criterion
    goal: dict[str, Any] = {"text": f"{criterion.id} {criterion.title}: {requirement(criterion)}"}
    if criterion.requirement:
        goal["amlas"] = f"[H] {criterion.requirement}"
    found = {
        "text": headline(finding),
        "amlas": "[Z] ML verification results",
        "url": f"report.html#finding-{number}",
        "sha256": str(assessment.manifest.get("evidence_sha256", "")),
    }
    match finding.state:
        case State.MET:
            solution = f"Sn_{name}_{criterion.id}"
            return {_goal(name, finding): goal | {"supportedBy": [solution]}, solution: found}
        case State.INCONCLUSIVE:
            goal |= {
                "undeveloped": True,
                "url": f"report.html#finding-{number}",
                "found": f"{headline(finding)} {finding.advice}".strip(),
            }
            return {_goal(name, finding): goal}
        case State.NOT_MET:
            counter = found | {"challenges": [_goal(name, finding)]}
            return {_goal(name, finding): goal | {"undeveloped": True, "defeated": True}, f"CSn_{name}_{criterion.id}": counter}


def _goal(name: str, finding: Finding) -> str:
    return f"G_{name}_{finding.criterion.id}"


def _aside(name: str, finding: Finding) -> str:
    return f"C_{name}_criterion_{finding.criterion.id}"


def _plain(value: Any) -> Any:
    """Without control characters in any text."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return plain(value) if isinstance(value, str) else value
