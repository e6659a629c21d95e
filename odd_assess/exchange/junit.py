"""JUnit XML: a test suite for each criteria file, a test case for each criterion.

    MET                       passed
    NOT MET, blocking         <failure type="CriterionNotMet">
    INCONCLUSIVE, blocking    <failure type="Inconclusive">: what is not shown is not passed
    not MET, warning or info  passed, with the finding in <system-out> and in a property: such a criterion does not decide the verdict

Source: the schema of Jenkins' xUnit plugin (junit-10.xsd); GitLab's and GitHub's readers take the same subset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from odd_assess.exchange.words import (
    estimate_words,
    headline,
    in_full,
    lock_words,
    noise_words,
    overrides,
    plain,
    recertified_words,
    requirement,
)
from odd_assess.records import Assessment, Finding, State

FAILURES = {State.NOT_MET: "CriterionNotMet", State.INCONCLUSIVE: "Inconclusive"}


def junit(assessment: Assessment) -> str:
    """The assessment as JUnit XML; the same assessment gives the same text."""
    suites = ET.Element("testsuites", name=plain(assessment.spec.title))
    for title, sha256, findings in _groups(assessment):
        suites.append(_suite(assessment, title, sha256, findings))
    counts = {name: sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors")}
    for name, count in counts.items():
        suites.set(name, str(count))
    suites.set("time", f"{_seconds(assessment):.0f}")
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _groups(assessment: Assessment) -> Iterator[tuple[str, str, list[Finding]]]:
    """(title, digest, findings) of each criteria file; a finding of none of them, which only a caller from Python can make, is not lost."""
    left = list(assessment.findings)
    for group in assessment.spec.criteria:
        mine = [finding for finding in left if finding.criterion in group.criteria]
        left = [finding for finding in left if finding.criterion not in group.criteria]
        yield group.title, group.sha256, mine
    if left:
        yield "criteria of no file", "", left


def _suite(assessment: Assessment, title: str, sha256: str, findings: Sequence[Finding]) -> ET.Element:
    failed = sum(_fails(finding) for finding in findings)
    suite = ET.Element(
        "testsuite",
        name=plain(title),
        tests=str(len(findings)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time="0",
        timestamp=str(assessment.manifest.get("started", ""))[:19],
    )
    properties = ET.SubElement(suite, "properties")
    facts: dict[str, object] = {
        "verdict": assessment.verdict.value,
        "spec": assessment.spec.sha256,
        "criteria": sha256,
        "points": len(assessment.results),
    }
    if by := estimate_words(assessment):
        facts["estimates"] = by
    if locked := lock_words(assessment):
        facts["lock"] = locked
    if noise := noise_words(assessment):
        facts["noise"] = noise
    if recertified := recertified_words(assessment):
        facts["recertified"] = recertified
    if changed := overrides(assessment):
        facts["overrides"] = "; ".join(changed)
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=plain(str(value)))
    for finding in findings:
        suite.append(_case(assessment, finding))
    return suite


def _case(assessment: Assessment, finding: Finding) -> ET.Element:
    criterion = finding.criterion
    case = ET.Element(
        "testcase",
        classname=plain(f"odd.{assessment.spec.id}.{finding.criterion.metric}"),
        name=plain(f"{criterion.id} {criterion.title}"),
        time="0",
    )
    if _fails(finding):
        failure = ET.SubElement(case, "failure", type=FAILURES[finding.state], message=plain(headline(finding)))
        failure.text = plain(f"required: {requirement(criterion)}\n{in_full(finding)}")
    else:
        said = ET.SubElement(case, "system-out")
        aside = "" if criterion.severity == "blocking" else f"{criterion.severity}: does not decide the verdict\n"
        said.text = plain(f"{aside}required: {requirement(criterion)}\n{in_full(finding)}")
    return case


def _fails(finding: Finding) -> bool:
    return finding.criterion.severity == "blocking" and finding.state is not State.MET


def _seconds(assessment: Assessment) -> float:
    """The duration of the run, as far as its manifest tells."""
    try:
        begun, ended = (datetime.fromisoformat(str(assessment.manifest[key])) for key in ("started", "finished"))
        return max(0.0, (ended - begun).total_seconds())
    except (KeyError, ValueError, TypeError):
        return 0.0
