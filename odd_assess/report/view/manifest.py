"""The manifest as it was written, grouped for reading; the run's name; who signs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from odd_assess.records import Assessment
from odd_assess.report.view import formats
from odd_assess.report.view.records import Fact, Group, Signature
from odd_assess.report.view.traced import quoted

UNSIGNED = ("Assessment carried out by", "Reviewed by", "Released by")
"""Roles to sign where the spec declares none."""

TITLES = {"seconds": "Seconds and draws of the main job", "tuning": "Tuning of the engine", "preflight": "Checks before the run"}
"""Sections of the manifest under plainer names."""

NOT_RECORDED = "time not recorded"

_HEXADECIMAL = frozenset("0123456789abcdef")


def run_id(manifest: Mapping[str, Any]) -> str:
    """The run's name: ``run_id`` of the manifest, else the first 12 digits of the SHA-256 over its identity."""
    if named := manifest.get("run_id"):
        return str(named)
    identity = manifest.get("identity", manifest)
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:12]


def finished(manifest: Mapping[str, Any]) -> datetime | None:
    """When the run ended (``finished``, else ``started``), in UTC; None where the manifest does not say."""
    for key in ("finished", "started"):
        try:
            moment = datetime.fromisoformat(str(manifest[key]))
        except (KeyError, ValueError):
            continue
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None


def finished_text(manifest: Mapping[str, Any]) -> str:
    """The end of the run for people: 20 November 2026, 14:03 UTC."""
    moment = finished(manifest)
    return NOT_RECORDED if moment is None else _told(moment)


def moment_text(written: str) -> str:
    """A moment as a manifest writes it, for people."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return NOT_RECORDED
    return _told(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))


def _told(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def digests(assessment: Assessment) -> tuple[Fact, ...]:
    """The digests that pin this report down, the evidence's first; only those that the manifest tells, and the spec's."""
    manifest, identity = assessment.manifest, assessment.manifest.get("identity")
    model = identity.get("model") if isinstance(identity, Mapping) else None
    found = {
        "Evidence": manifest.get("evidence_sha256"),
        "Manifest": manifest.get("digest"),
        "Specification": assessment.spec.sha256,
        "Model": model,
    }
    return tuple(
        Fact(name=name, text=quoted(str(digest), f"digests/{name.lower()}"), mark="mono")
        for name, digest in found.items()
        if digest
    )


def version(manifest: Mapping[str, Any]) -> str:
    """The version of odd-assess that made the run."""
    identity = manifest.get("identity")
    return str(identity.get("odd_assess", "")) if isinstance(identity, Mapping) else ""


def groups(assessment: Assessment) -> tuple[Group, ...]:
    """Everything that the manifest says: single values first, then one group for each of its sections."""
    single = {key: value for key, value in assessment.manifest.items() if not isinstance(value, Mapping) and value is not None}
    sections = {key: value for key, value in assessment.manifest.items() if isinstance(value, Mapping) and value}
    shown = [Group(title="Times and state", facts=_facts(single))] if single else []
    shown += [
        Group(
            title=TITLES.get(key, key.replace("_", " ").capitalize()),
            facts=_facts(_preflight(value) if key == "preflight" else value, key),
        )
        for key, value in sections.items()
    ]
    return tuple(shown)


def _preflight(found: Mapping[str, Any]) -> dict[str, Any]:
    """The preflight without checks that were not asked for, and without advice that was not given."""
    return {
        key: {name: entry for name, entry in value.items() if name != "advice" or entry} if isinstance(value, Mapping) else value
        for key, value in found.items()
        if value is not None
    }


TOLD = {
    ("preflight", "noise_self_test"): "noise self-test (z-score, sound within ±6)",
    ("preflight", "model"): "model on the first realised points",
}
"""Keys whose names say what their numbers are."""


def _facts(values: Mapping[str, Any], section: str = "", path: tuple[str, ...] = ()) -> tuple[Fact, ...]:
    found: list[Fact] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _facts(value, section, (*path, key))
            continue
        keys = (*path, key)
        at = "/".join((section, *keys) if section else keys)
        name, text = " · ".join(TOLD.get((section, one), one) for one in keys).replace("_", " "), _text(value)
        mark = "mono" if _is_digest(text) else ""
        found.append(Fact(name=quoted(name, f"keys/{at}"), text=quoted(text, f"manifest/{at}"), mark=mark))
    return tuple(found)


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return formats.NOTHING
        case list() | tuple():
            return ", ".join(_text(entry) for entry in value)
        case _:
            return str(value)


def _is_digest(text: str) -> bool:
    return len(text) >= 32 and set(text.removeprefix("sha256:")) <= _HEXADECIMAL


def signatures(assessment: Assessment) -> tuple[Signature, ...]:
    """The lines to sign: the spec's responsible persons, else three roles without names."""
    declared = tuple(Signature(role=role, name=name) for role, name in assessment.spec.responsible)
    return declared or tuple(Signature(role=role, name="") for role in UNSIGNED)
