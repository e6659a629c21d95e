"""The section execution: who does the work."""

from __future__ import annotations

import re

from odd_assess.records import Execution
from odd_assess.spec import models
from odd_assess.spec.document import Document, KeyPath
from odd_assess.spec.validation import validated
from odd_assess.spec.words import listed, one_of, shown

_HOST_AND_PORT = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def execution_plan(document: Document, data: object) -> Execution | None:
    """The section ``execution``; None (and a problem) where it is not one."""
    path: KeyPath = ("execution",)
    if not isinstance(data, dict):
        document.add(path, f"must be a mapping such as {models.RayExecution.example}, found {shown(data)}")
        return None
    engine = data.get("engine")
    if engine is None:
        document.add((*path, "engine"), f"is required: one of {listed(models.EXECUTION_KINDS)}")
        return None
    if not isinstance(engine, str) or engine not in models.EXECUTION_KINDS:
        document.add((*path, "engine"), one_of(engine, models.EXECUTION_KINDS))
        return None
    section = validated(document, path, models.EXECUTION_KINDS[engine], data)
    if not isinstance(section, models.RayExecution):
        return None if section is None else Execution()
    before = len(document.problems)
    if problem := address_problem(section.address):
        document.add((*path, "address"), problem)
    gpus = section.gpus_per_worker
    if gpus is not None and gpus > 1 and not gpus.is_integer():
        document.add((*path, "gpus_per_worker"), f"must be a whole number where it is above 1, found {shown(gpus)}")
    if len(document.problems) > before:
        return None
    return Execution(
        engine="ray",
        address=section.address,
        workers=section.workers,
        cpus_per_worker=section.cpus_per_worker,
        gpus_per_worker=gpus,
    )


def address_problem(address: str) -> str | None:
    """What is wrong with the address of a cluster, if anything.

    >>> address_problem("ray://head:10001")
    "must be auto, local or HOST:PORT, found the text 'ray://head:10001'"
    """
    if address in ("auto", "local"):
        return None
    found = _HOST_AND_PORT.fullmatch(address)
    return None if found and 0 < int(found[2]) < 65536 else f"must be auto, local or HOST:PORT, found {shown(address)}"
