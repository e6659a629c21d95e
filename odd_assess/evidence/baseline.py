"""What a run keeps of its baseline, the run of another model on the same points and noise: its certificates, and who it was.

The certificates are copied as they are stored there, as the stage ``baseline``; the answers without noise, which a point has but one of, lie with the rest. So
report and verification need nothing but the run's own folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from odd_assess.errors import RunFolderError
from odd_assess.evidence.columns import results
from odd_assess.evidence.store import BASELINE, EvidenceStore
from odd_assess.odd.domain import Domain
from odd_assess.records import Ints, Results

KEY = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """``run`` and ``title`` of its spec, digest of its ``model``, its ``verdict`` and end; digest of its ``certificates``; answers without noise (m,).

    ``evidence``: the digest of its evidence file, where a modified model is certified on what that keeps.
    """

    run: str
    title: str
    model: str
    verdict: str
    finished: str
    certificates: str
    clean: Ints
    evidence: str | None = None

    @property
    def identity(self) -> dict[str, str]:
        """What decides whether it is the same baseline."""
        file = {} if self.evidence is None else {"evidence": self.evidence}
        return {"run": self.run, "model": self.model, "certificates": self.certificates, **file}

    def as_meta(self) -> dict[str, str]:
        """As an entry of the evidence file."""
        said = {name: getattr(self, name) for name in ("run", "title", "model", "verdict", "finished", "certificates")}
        said |= {} if self.evidence is None else {"evidence": self.evidence}
        return {KEY: json.dumps({**said, "clean": self.clean.tolist()}, ensure_ascii=False)}


def kept_baseline(store: EvidenceStore) -> Baseline | None:
    """What the evidence says of the run's baseline; None where it has none.

    Raises: RunFolderError where it is damaged.
    """
    text = store.meta().get(KEY)
    if text is None:
        return None
    try:
        said: Mapping[str, Any] = json.loads(text)
        clean = np.array(said["clean"], dtype=np.int64)
        texts = {name: str(said[name]) for name in ("run", "title", "model", "verdict", "finished", "certificates")}
        texts |= {"evidence": str(said["evidence"])} if "evidence" in said else {}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunFolderError(f"{store.path}: what it keeps of the baseline cannot be read: {error!r}") from error
    return Baseline(clean=clean, **texts)


def baseline_results(store: EvidenceStore, domain: Domain) -> Results | None:
    """The run's points under the baseline's model; None where it has no baseline.

    Raises: RunFolderError where they are damaged.
    """
    kept = kept_baseline(store)
    if kept is None:
        return None
    found = results(store.columns(BASELINE), domain)
    if len(found) != len(kept.clean):
        raise RunFolderError(
            f"{store.path}: the baseline must have an answer for each of its {len(found)} certificates, found {len(kept.clean)}"
        )
    return replace(found, clean=kept.clean)
