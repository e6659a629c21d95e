"""The run folder: evidence that a stranger can re-derive every number from.

store.py     evidence.sqlite: points, certificates with their counts, findings, pictures
manifest.py  manifest.json: digests, seeds, environment, times
folder.py    the folder they lie in: claimed before anything is spent, resumed only as the same run
"""

from odd_assess.evidence.folder import RunFolder as RunFolder
from odd_assess.evidence.manifest import code_digest as code_digest
from odd_assess.evidence.manifest import environment as environment
from odd_assess.evidence.manifest import read_manifest as read_manifest
from odd_assess.evidence.manifest import sha256 as sha256
from odd_assess.evidence.manifest import write_manifest as write_manifest
from odd_assess.evidence.store import MAIN as MAIN
from odd_assess.evidence.store import REFERENCE as REFERENCE
from odd_assess.evidence.store import EvidenceStore as EvidenceStore
from odd_assess.evidence.store import Row as Row
from odd_assess.evidence.store import results as results
