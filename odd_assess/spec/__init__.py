"""The spec: YAML files in, validated records out, every mistake with its place.

    document    YAML -> plain data + the line and column of every key and value
    models      which keys there are, their types and simple limits (pydantic): the source of the JSON Schema too
    validation  pydantic's errors -> sentences with "did you mean"
    lock, locking   what was fixed before a run, and what is another now
    attributes (numeric, labelled, realisations), domain, sections, budgets, average_case, criteria
                sections -> records; units (quantities), files, words of the catalogue and the metrics
    criteria_files, extending   which criteria files there are, and one on top of another
    recertification  the spec of a modified model that is certified on what its baseline keeps
    checks      what must fit between sections, before anything is drawn
    training_models, training   likewise for a training file
    load        all of it together: ``load_spec``, ``load_criteria``, ``lint``
    model_section   the file with the section ``model`` of a model that we made
    schema, scaffold    the JSON Schema for editors; the commented example that ``odd-assess init`` writes

All problems of a file come at once, as ``file:line:column: key: what must hold, what was found``.
Most names below are imported when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from odd_assess.spec.scaffold import scaffold as scaffold  # here, not below: the function shares its module's name

if TYPE_CHECKING:
    from odd_assess.spec.load import declared_model as declared_model
    from odd_assess.spec.load import given_criterion as given_criterion
    from odd_assess.spec.load import kept_spec as kept_spec
    from odd_assess.spec.load import lint as lint
    from odd_assess.spec.load import load_criteria as load_criteria
    from odd_assess.spec.load import load_spec as load_spec
    from odd_assess.spec.load import modified_spec as modified_spec
    from odd_assess.spec.load import spec_against as spec_against
    from odd_assess.spec.load import spec_alone as spec_alone
    from odd_assess.spec.lock import require_lock as require_lock
    from odd_assess.spec.locking import lock_spec as lock_spec
    from odd_assess.spec.recertification import with_settings as with_settings
    from odd_assess.spec.schema import json_schema as json_schema
    from odd_assess.spec.training import load_training as load_training

__all__ = [
    "declared_model",
    "given_criterion",
    "json_schema",
    "kept_spec",
    "lint",
    "load_criteria",
    "load_spec",
    "load_training",
    "lock_spec",
    "modified_spec",
    "require_lock",
    "scaffold",
    "spec_against",
    "spec_alone",
    "with_settings",
]

_HOMES = {
    "declared_model": "load",
    "given_criterion": "load",
    "json_schema": "schema",
    "kept_spec": "load",
    "lint": "load",
    "load_criteria": "load",
    "load_spec": "load",
    "load_training": "training",
    "lock_spec": "locking",
    "modified_spec": "load",
    "require_lock": "lock",
    "spec_against": "load",
    "spec_alone": "load",
    "with_settings": "recertification",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'odd_assess.spec' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"odd_assess.spec.{_HOMES[name]}"), name)
    globals()[name] = value  # in place of the submodule of the same name
    return value


def __dir__() -> list[str]:
    return __all__
