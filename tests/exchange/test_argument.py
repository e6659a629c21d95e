"""The argument keeps the checks of gsn2x, and breaks visibly where a blocking criterion is not met."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from odd_assess.exchange import argument
from odd_assess.records import Assessment, State
from odd_assess.report import page_of
from odd_assess.report.html import html
from tests.reading import read

from .test_exchange import every_case

Build = Callable[..., Assessment]
KINDS = ("CSn", "CG", "Sn", "S", "G", "C", "J", "A")
"""Prefixes of ids, the longer ones first."""
KEYS = {"text", "supportedBy", "inContextOf", "undeveloped", "url", "challenges", "defeated", "amlas", "sha256", "found"}


def elements(assessment: Assessment) -> dict[str, dict[str, Any]]:
    """The argument as gsn2x reads it, without the module."""
    read = yaml.safe_load(argument(assessment))
    assert set(read.pop("module")) == {"name", "brief"}
    return dict(read)


def kind(name: str) -> str:
    """V01: an id starts with a known prefix."""
    return next(prefix for prefix in KINDS if name.startswith(f"{prefix}_"))


def check_gsn(found: dict[str, dict[str, Any]]) -> None:
    """V01 to V06, V10, V12 and C01 to C04, C08, C13 and C14 of gsn2x."""
    named: list[str] = []
    for name, element in found.items():
        assert set(element) <= KEYS
        assert isinstance(element["text"], str)
        assert element["text"]
        supported, context = element.get("supportedBy", []), element.get("inContextOf", [])
        challenged = element.get("challenges", [])
        for references, allowed in ((supported, "G S Sn"), (context, "J C A"), (challenged, "G S Sn")):
            assert isinstance(references, list)
            assert len(set(references)) == len(references)  # V05
            assert name not in references  # V06, C13
            assert set(references) <= set(found)  # C03, C14
            assert {kind(reference) for reference in references} <= set(allowed.split())  # V04
        if kind(name) in {"G", "S"}:
            assert bool(supported) != element.get("undeveloped", False)  # V02, V03
        else:
            assert not supported
            assert "undeveloped" not in element
        assert (not challenged) or kind(name) == "CSn"  # V12
        if element.get("defeated"):
            assert any(name in other.get("challenges", []) for other in found.values())  # V10
        named += [*supported, *context]
    roots = [name for name in found if name not in named and kind(name) != "CSn"]
    assert [kind(root) for root in roots] == ["G"]  # C01, C02
    reached, ahead = set(), roots
    for _ in found:  # C04: no circle is longer than all elements, C08: all are reached
        reached |= set(ahead)
        ahead = [below for name in ahead for below in (*found[name].get("supportedBy", []), *found[name].get("inContextOf", []))]
    assert ahead == []
    assert reached == {name for name in found if kind(name) != "CSn"}


def test_the_argument_keeps_the_checks_of_gsn2x(build: Build) -> None:
    """In every state and severity, with titles that would break a careless writer, and without a blocking criterion."""
    awkward = every_case(build)
    aside = tuple(finding for finding in awkward.findings if finding.criterion.severity != "blocking")
    for assessment in (build(), awkward, build(State.MET, budget="sequential"), replace(awkward, findings=aside)):
        check_gsn(elements(assessment))


def test_a_blocking_criterion_is_argued_by_its_state(build: Build) -> None:
    """MET has a solution; INCONCLUSIVE is undeveloped; NOT MET is defeated by a counter solution; others are contexts."""
    assessment = every_case(build)
    found, name = elements(assessment), assessment.spec.id
    for number, finding in enumerate(assessment.findings, start=1):
        id_ = finding.criterion.id
        goal, solution, counter = (found.get(f"{prefix}_{name}_{id_}") for prefix in ("G", "Sn", "CSn"))
        if finding.criterion.severity != "blocking":
            assert goal is solution is counter is None
            assert f"C_{name}_criterion_{id_}" in found[f"S_{name}"]["inContextOf"]
            continue
        assert goal is not None
        assert (solution is not None) == (finding.state is State.MET)
        assert (counter is not None) == (finding.state is State.NOT_MET)
        assert goal.get("undeveloped", False) == (finding.state is not State.MET)
        if counter is not None:
            assert counter["challenges"] == [f"G_{name}_{id_}"]
            assert counter["url"] == f"report.html#finding-{number}"


@pytest.mark.parametrize("state", State)
def test_every_link_leads_somewhere(build: Build, state: State) -> None:
    """The report has the anchors that the argument names, and what each says is about that criterion."""
    assessment = build(state)
    page = html(page_of(assessment))
    for element in elements(assessment).values():
        if (url := element.get("url", "")).startswith("report.html#"):
            anchor = url.removeprefix("report.html#")
            assert f'id="{anchor}"' in page
    for number, finding in enumerate(assessment.findings, start=1):
        block = read(page).split(f'id="finding-{number}"')[1].split("</tbody>")[0]
        assert re.search(rf"<strong>{re.escape(finding.criterion.id)}</strong>", block)


def test_every_artefact_of_amlas_is_named(build: Build) -> None:
    """[H] requirements, [P] data, [V] model, [Z] results and [AA] log."""
    text = argument(build(State.MET))
    assert all(f"amlas: '{mark} " in text for mark in ("[H]", "[P]", "[V]", "[Z]", "[AA]"))
    assert argument(build()) == argument(build())
