"""What a modified model must share with the baseline that it is certified on, beyond what any two runs must that are compared: noise and preprocessing.

And what it must not share: the function itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from odd_assess.audit import FinishedRun
from odd_assess.certify import noise_digest
from odd_assess.errors import InputError, RunFolderError
from odd_assess.evidence import Cache, environment, noted_cache
from odd_assess.execution import Bench

SAME_FUNCTION = ("mean", "std", "digest", "device", "evaluation_mode", "parameters", "compile", "weights_file")
"""What the manifest says of a model that does not tell two architectures apart."""
FLOATS = frozenset({None, "float32", "bfloat16", "float16"})
"""Precisions that the digest of the weights tells apart: it is over their types, too."""


def reusable(run: FinishedRun, bench: Bench) -> Cache:
    """What ``run`` keeps, where the modified model on the bench can be certified on it.

    Raises: RunFolderError where noise or preprocessing are others; InputError where nothing was modified.
    """
    old: Mapping[str, Any] = run.manifest.get("model") or {}
    new = bench.model.describe()
    _check_modified(run, old, new)
    _check_preprocessing(run, old, new)
    cache = noted_cache(run.store)
    if cache is None:
        raise RunFolderError(f"{run.path}: a baseline must keep the answers to its draws, but this run keeps none")
    if noise_digest(bench.noise) != cache.noise:
        raise RunFolderError(
            f"{run.path}: the noise must be that of the baseline, but this machine draws another for the same seed: generator was {cache.generator} "
            f"({_numpy(run.manifest.get('environment'))}), is {bench.noise.generator} ({_numpy(environment())}). Certify the modified model with the libraries "
            "of the baseline, or run the baseline again here"
        )
    return cache


def _check_modified(run: FinishedRun, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    same_weights = "weights_digest" in old and old["weights_digest"] == new["weights_digest"]
    of_file = new.get("kind") in ("exported", "onnx") and old.get("kind") == new.get("kind")
    told = {"precision"} if {old.get("precision"), new.get("precision")} <= FLOATS else set()
    same_rest = all(old.get(name) == new.get(name) for name in {*old, *new} - told - set(SAME_FUNCTION))
    if old.get("digest") == new["digest"] or (same_weights and (of_file or same_rest) and _same_preprocessing(old, new)):
        raise InputError(
            f"the model is that of the baseline {run.path}: nothing was modified, and the baseline's certificates hold for it"
        )


def _check_preprocessing(run: FinishedRun, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if _same_preprocessing(old, new):
        return
    listed = "\n".join(
        f"  normalise.{name}: was {old.get(name)}, is {new.get(name)}" for name in ("mean", "std") if old.get(name) != new.get(name)
    )
    remedy = (
        f"write normalise: {{mean: {old.get('mean')}, std: {old.get('std')}}} into its model section"
        if old.get("mean") or old.get("std")
        else "leave normalise out of its model section"
    )
    raise RunFolderError(
        f"{run.path}: a modified model must be given its inputs as the baseline was, but the preprocessing differs:\n{listed}\n"
        f"If the model itself is to have them as before, {remedy}"
    )


def _same_preprocessing(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return all(old.get(name) == new.get(name) for name in ("mean", "std"))


def _numpy(environment: Any) -> str:
    libraries = environment.get("libraries", {}) if isinstance(environment, Mapping) else {}
    return f"numpy {libraries.get('numpy', 'unknown')}, torch {libraries.get('torch', 'unknown')}"
