"""What other tools read: by the rules that they publish, and never green where the gate is not."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from odd_assess.errors import Location, RunError
from odd_assess.exchange import argument, junit, sarif, summary, write_all
from odd_assess.records import Assessment, Part, State

Build = Callable[..., Assessment]
NASTY = 'a <b> & "c" | d\x00\x08 `e` [f](g) \\ *h*'


def every_case(build: Build) -> Assessment:
    """One finding for each state and severity, with titles and messages that would break a careless writer."""
    assessment = build()
    model = assessment.findings[0]
    findings = []
    for number, (state, severity) in enumerate(product(State, ("blocking", "warning", "info"))):
        criterion = replace(
            model.criterion,
            id=f"C-{number}",
            title=f"{NASTY} {number}",
            severity=severity,  # type: ignore[arg-type]
            location=Location(path=Path("criteria dir/criteria.yaml"), line=10 + number, column=5),
        )
        findings.append(replace(model, criterion=criterion, state=state, message=f"{NASTY} {state.value}", advice=NASTY, parts=()))
    group = replace(assessment.spec.criteria[0], criteria=tuple(finding.criterion for finding in findings))
    return replace(assessment, findings=tuple(findings), spec=replace(assessment.spec, criteria=(group,)))


# ---------------------------------------------------------------- JUnit

# junit-10.xsd of Jenkins' xUnit plugin: elements, their attributes (required ones with a star) and their children, in order where it is fixed.
XSD: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "group", "file", "log", "url"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": (
        {"name", "classname"},  # the schema does without a class name, the pages of Jenkins and GitLab do not
        {"time", "group"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "failure": (set(), {"type", "message"}, []),
    "system-out": (set(), set(), []),
}


def check_xsd(element: ET.Element) -> None:
    """The rules of the schema."""
    required, optional, children = XSD[element.tag]
    assert required <= set(element.keys()) <= required | optional, element.tag
    assert {child.tag for child in element} <= set(children), element.tag
    for name in ("tests", "failures", "errors", "skipped"):
        assert re.fullmatch(r"\d+", element.get(name, "0"))
    assert re.fullmatch(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?", element.get("time", "0"))  # SUREFIRE_TIME
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.get("timestamp", "2026-01-01T00:00:00"))
    for child in element:
        check_xsd(child)


def test_junit_keeps_the_rules_of_jenkins(build: Build) -> None:
    """Also with control characters, quotes and brackets in titles and messages."""
    for assessment in (build(), every_case(build), build(State.MET, budget="sequential")):
        check_xsd(ET.fromstring(junit(assessment)))


def test_junit_counts_what_it_holds(build: Build) -> None:
    """Tests and failures of a suite are those of its cases, and the sums those of its suites."""
    root = ET.fromstring(junit(every_case(build)))
    (suite,) = root.findall("testsuite")
    assert root.get("tests") == suite.get("tests") == str(len(suite.findall("testcase"))) == "9"
    assert root.get("failures") == suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "2"


def test_junit_is_never_green_where_the_gate_is_not(build: Build) -> None:
    """A blocking criterion that is not MET fails, an inconclusive one too; others never fail, and say what was found."""
    assessment = every_case(build)
    cases = ET.fromstring(junit(assessment)).findall("testsuite/testcase")
    for case, finding in zip(cases, assessment.findings, strict=True):
        failure = case.find("failure")
        must_fail = finding.criterion.severity == "blocking" and finding.state is not State.MET
        assert (failure is not None) == must_fail
        if failure is not None:
            assert failure.get("type") == {State.NOT_MET: "CriterionNotMet", State.INCONCLUSIVE: "Inconclusive"}[finding.state]
        said = failure.text if failure is not None else case.findtext("system-out")
        assert finding.state.value in (said or "")


def test_a_finding_of_no_file_is_not_lost(build: Build) -> None:
    """A caller from Python may hand over criteria of its own."""
    assessment = every_case(build)
    stray = replace(assessment, spec=replace(assessment.spec, criteria=()))
    assert len(ET.fromstring(junit(stray)).findall("testsuite/testcase")) == 9


def test_bounds_are_rounded_to_the_safe_side(build: Build) -> None:
    """A lower bound of .7996 is not .800, an upper bound of .2004 is not .200, in no format."""
    assessment = every_case(build)
    part = Part(name="cell", state=State.NOT_MET, points=9, observed=0.5, lower=0.7996, upper=0.2004)
    bounded = [replace(finding, lower=0.7996, upper=0.2004, parts=(part,)) for finding in assessment.findings]
    assessment = replace(assessment, findings=tuple(bounded))
    assert "at least 0.799, at most 0.201" in junit(assessment)
    assert "| 0.799 | 0.201 |" in summary(assessment)
    for text in (junit(assessment), sarif(assessment), summary(assessment)):
        assert "0.800" not in text
        assert "0.200" not in text


# ---------------------------------------------------------------- SARIF


def check_sarif(log: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 and GitHub's upload ask for."""
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "odd-assess"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
    assert run["automationDetails"]["id"].endswith("/")  # category and run, of which the run is empty
    assert len(run["results"]) <= 25_000
    rules = driver["rules"]
    for rule in rules:
        assert rule["id"]
        assert rule["help"]["text"]
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] in {"pass", "fail", "open"}
        assert (result["level"] == "none") == (result["kind"] != "fail")  # 3.27.10: a level other than none means fail
        assert 0 < len(result["message"]["text"]) <= 1024
        assert re.fullmatch(r"[0-9a-f]+:\d+", result["partialFingerprints"]["primaryLocationLineHash"])
        assert result["locations"]  # or GitHub refuses the whole file
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert not physical["artifactLocation"]["uri"].startswith("/")
            assert " " not in physical["artifactLocation"]["uri"]
            assert physical["region"]["startLine"] >= 1
            assert physical["region"]["startColumn"] >= 1


def test_sarif_keeps_the_rules_of_its_schema(build: Build) -> None:
    """Every state and severity, and criteria of no file."""
    placeless = [replace(f, criterion=replace(f.criterion, location=None)) for f in build().findings]
    for assessment in (
        build(),
        every_case(build),
        build(State.MET, budget="sequential"),
        replace(build(), findings=tuple(placeless)),
    ):
        check_sarif(json.loads(sarif(assessment)))


def test_sarif_lies_on_the_line_of_the_criterion(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the repository where the file lies in it, by its name alone elsewhere or where it is gone: no path of this machine leaves it."""
    assessment = every_case(build)
    monkeypatch.chdir(tmp_path)
    gone = json.loads(sarif(assessment, root=tmp_path))["runs"][0]["results"][0]
    assert gone["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "criteria.yaml"
    Path("criteria dir").mkdir()
    Path("criteria dir/criteria.yaml").touch()
    (run,) = json.loads(sarif(assessment, root=tmp_path))["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {"criteria%20dir/criteria.yaml"}
    assert [place["region"]["startLine"] for place in places] == list(range(10, 19))
    elsewhere = json.loads(sarif(assessment, root=tmp_path / "other"))["runs"][0]["results"][0]
    assert elsewhere["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "criteria.yaml"


def test_sarif_shows_what_blocks(build: Build) -> None:
    """A blocking criterion that is not MET is an error, also where it is inconclusive."""
    assessment = every_case(build)
    for result, finding in zip(json.loads(sarif(assessment))["runs"][0]["results"], assessment.findings, strict=True):
        blocks = finding.criterion.severity == "blocking" and finding.state is not State.MET
        assert (result["kind"] == "fail" and result["level"] == "error") == blocks
        assert (result["kind"] == "pass") == (finding.state is State.MET)


# ---------------------------------------------------------------- the step summary and the files


def test_the_summary_is_one_table(build: Build) -> None:
    """Eight cells in every row, whatever the titles hold, and no mark-up of theirs."""
    text = summary(every_case(build))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 9
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}
    assert "<b>" not in text
    assert text.startswith("## ❌ NOT MET: ")


def test_the_files_are_written_and_the_summary_appended(build: Build, tmp_path: Path) -> None:
    """Only where the environment names a summary; what is in it stays."""
    step = tmp_path / "summary.md"
    step.write_text("before\n")
    written = write_all(build(), tmp_path, root=tmp_path, environment={"GITHUB_STEP_SUMMARY": str(step)})
    assert [path.name for path in written] == ["junit.xml", "results.sarif", "argument.gsn.yaml"]
    assert all(path.stat().st_size for path in written)
    assert step.read_text().startswith("before\n## ")
    write_all(build(), tmp_path, root=tmp_path, environment={})
    assert step.read_text().count("## ") == 1


def test_a_summary_that_cannot_be_written_is_one_error(build: Build, tmp_path: Path) -> None:
    """It names the file and the variable."""
    with pytest.raises(RunError, match=r"no/such\.md: the step summary \(GITHUB_STEP_SUMMARY\) could not be written"):
        write_all(build(), tmp_path, root=tmp_path, environment={"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "such.md")})


def test_the_same_assessment_gives_the_same_bytes(build: Build) -> None:
    """Nothing of the moment or the machine is in them."""
    assert junit(build()) == junit(build())
    assert sarif(build()) == sarif(build())


# ---------------------------------------------------------------- noise levels


@pytest.mark.parametrize("policy", ["per_cell", "cascade", "multi_start", "data_dependent"])
def test_every_format_names_policy_and_soundness(noisy: Build, policy: str) -> None:
    """Where a policy chose noise levels each format says which, what its certificates speak of and, with a memory, at how many points it took radius."""
    assessment = noisy(policy)
    assert assessment.noise is not None
    (suite,) = ET.fromstring(junit(assessment)).findall("testsuite")[:1]
    facts = {one.get("name"): one.get("value") or "" for one in suite.iter("property")}
    said = [facts["noise"], json.loads(sarif(assessment))["runs"][0]["properties"]["noise"], summary(assessment).replace("\\", "")]
    for text in said:
        assert policy in text.replace("\\_", "_")
        assert assessment.noise.soundness in text
        assert ("lost to the memory at 33 of 300 points" in text) is (policy in {"multi_start", "data_dependent"})
    check_xsd(ET.fromstring(junit(assessment)))
    assumed = [element["text"] for key, element in yaml.safe_load(argument(assessment)).items() if key.startswith("A_")]
    assert any(assessment.noise.policy.in_words in text for text in assumed)
    assert any("chosen in use" in text for text in assumed) is (policy != "cascade")


def test_one_declared_level_is_not_worth_a_word(build: Build) -> None:
    """No format has a property or a line on noise levels where there is one."""
    assessment = build()
    assert "noise levels by" not in junit(assessment) + sarif(assessment) + summary(assessment).lower() + argument(assessment)
    assert "sigma 0.25" in argument(assessment)


# ---------------------------------------------------------------- a model that was recertified


@pytest.mark.parametrize("models", [1, 3])
def test_every_format_names_the_baseline(again: Build, models: int) -> None:
    """Where a model was certified on its baseline each format says on which, with its digests, what it took and the parts of alpha; jointly for several."""
    assessment = again(models=models)
    found = assessment.recertified
    assert found is not None
    (suite,) = ET.fromstring(junit(assessment)).findall("testsuite")[:1]
    facts = {one.get("name"): one.get("value") or "" for one in suite.iter("property")}
    elements = yaml.safe_load(argument(assessment))
    said = [
        facts["recertified"],
        json.loads(sarif(assessment))["runs"][0]["properties"]["recertified"],
        summary(assessment).replace("\\", "").replace("Recertified", "recertified"),
        elements["C_digit-reader_model"]["text"],
    ]
    for text in said:
        assert "recertified from digit-reader (finished 2026-11-18" in text
        assert found.model[:12] in text
        assert found.certificates[:12] in text
        assert "300,000 draws where the baseline took 3,030,000; alpha 0.001 a certificate" in text
        assert ("0.002 jointly over 3 models" in text) is (models == 3)
    check_xsd(ET.fromstring(junit(assessment)))
    assert found.certificates in elements["A_digit-reader_baseline"]["text"]


def test_a_model_certified_from_nothing_names_no_baseline(build: Build) -> None:
    """No format has a property or a line on it."""
    assessment = build()
    assert "recertified" not in (junit(assessment) + sarif(assessment) + summary(assessment) + argument(assessment)).lower()


def test_parts_of_an_estimate_have_intervals_and_no_bounds() -> None:
    """An estimate is not "at least" or "at most" anything."""
    from odd_assess.exchange.words import in_full
    from odd_assess.records import Criterion, Finding

    part = Part(name="surface stained", state=State.NOT_MET, points=9, observed=0.5, lower=0.41234, upper=0.6)
    criterion = Criterion(id="A", title="", metric="average_case_robustness", comparator=">=", required=0.8, scope="each_cell")
    finding = Finding(
        criterion=criterion,
        state=State.NOT_MET,
        kind="estimate",
        points=9,
        observed=0.5,
        lower=0.4,
        upper=0.6,
        message="said",
        parts=(part, replace(part, lower=None, upper=None)),
    )
    assert in_full(finding).splitlines()[1:] == [
        "NOT MET: cell surface stained, 9 points, estimate with the interval 0.412 to 0.600",
        "NOT MET: cell surface stained, 9 points",
    ]
    assert "at least 0.412, at most 0.600" in in_full(replace(finding, kind="domain claim"))


def test_a_verdict_that_rests_on_an_estimate_says_so(build: Build) -> None:
    """In the line of the console, the head of the summary, and beside the state in every file; a warning decides no verdict."""
    from odd_assess.cli.run import headline

    assessment = build()
    first, *others = assessment.findings
    plain = replace(assessment, findings=tuple(replace(one, kind="domain claim") for one in assessment.findings))
    texts = [headline(plain, Path("run")), summary(plain), sarif(plain), junit(plain)]
    assert not any("by an estimate" in text or "by estimates" in text for text in texts)
    blocking = replace(first, kind="estimate", criterion=replace(first.criterion, severity="blocking", id="EST"))
    found = replace(plain, findings=(blocking, *(replace(one, kind="domain claim") for one in others)))
    by = "(by estimates, which prove nothing, in: EST)"
    assert headline(found, Path("run")).splitlines()[0].endswith(by)
    assert summary(found).splitlines()[0].endswith(by)
    for text in (sarif(found), junit(found)):
        assert by[1:-1] in text
        assert f"{first.state.value} by an estimate, which proves nothing: " in text
    warning = replace(blocking, criterion=replace(blocking.criterion, severity="warning"))
    assert "by estimates" not in headline(replace(found, findings=(warning, *found.findings[1:])), Path("run"))
