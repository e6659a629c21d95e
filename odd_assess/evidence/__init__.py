"""The run folder: evidence that a stranger can re-derive every number from.

store.py     evidence.sqlite: documents, points, certificates with their counts, findings, pictures
columns.py   many certificates at once as arrays (tallies.py: their class counts)
noise_levels.py  what became of a policy that chooses noise levels: the level of each cell, what counts after the memory
average_case.py  the estimates at the points, or why there are none
candidates.py    the estimates by which points were chosen among candidates
baseline.py  the run of another model that this one is compared with
kept_points.py   what a run keeps at its points for modified models
reused.py    the answers that are kept for modified models, and what the certificate of such a model took from them
recertified.py  a run whose model was certified so: its baseline, what was reused at each point, draws and times of both
surroundings.py  what the data told about themselves: class names, and where in the domain points could be drawn
portable.py  evidence.json: what the PDF report carries of all this
manifest.py  manifest.json: digests, also of the evidence and of itself, seeds, environment, times
folder.py    the folder they lie in: claimed before anything is spent, resumed only as the same run
"""

from odd_assess.evidence.average_case import LEFT_OUT as LEFT_OUT
from odd_assess.evidence.average_case import left_out as left_out
from odd_assess.evidence.average_case import point_estimates as point_estimates
from odd_assess.evidence.baseline import Baseline as Baseline
from odd_assess.evidence.baseline import baseline_results as baseline_results
from odd_assess.evidence.baseline import kept_baseline as kept_baseline
from odd_assess.evidence.candidates import candidate_estimates as candidate_estimates
from odd_assess.evidence.candidates import chosen_places as chosen_places
from odd_assess.evidence.columns import Columns as Columns
from odd_assess.evidence.columns import results as results
from odd_assess.evidence.folder import EVIDENCE as EVIDENCE
from odd_assess.evidence.folder import RunFolder as RunFolder
from odd_assess.evidence.folder import alone as alone
from odd_assess.evidence.kept_points import Cache as Cache
from odd_assess.evidence.kept_points import KeptPoints as KeptPoints
from odd_assess.evidence.kept_points import note_cache as note_cache
from odd_assess.evidence.kept_points import noted_cache as noted_cache
from odd_assess.evidence.kept_points import unfit_answers as unfit_answers
from odd_assess.evidence.manifest import MANIFEST as MANIFEST
from odd_assess.evidence.manifest import code_digest as code_digest
from odd_assess.evidence.manifest import content_digest as content_digest
from odd_assess.evidence.manifest import environment as environment
from odd_assess.evidence.manifest import read_manifest as read_manifest
from odd_assess.evidence.manifest import sha256 as sha256
from odd_assess.evidence.manifest import spelled as spelled
from odd_assess.evidence.manifest import write_manifest as write_manifest
from odd_assess.evidence.noise_levels import MEMORY as MEMORY
from odd_assess.evidence.noise_levels import calibration_stage as calibration_stage
from odd_assess.evidence.noise_levels import calibration_stages as calibration_stages
from odd_assess.evidence.noise_levels import chosen_levels as chosen_levels
from odd_assess.evidence.noise_levels import found_points as found_points
from odd_assess.evidence.noise_levels import noise_levels as noise_levels
from odd_assess.evidence.noise_levels import note_levels as note_levels
from odd_assess.evidence.noise_levels import noted_levels as noted_levels
from odd_assess.evidence.noise_levels import remembered as remembered
from odd_assess.evidence.noise_levels import single_stage as single_stage
from odd_assess.evidence.noise_levels import soundness_of as soundness_of
from odd_assess.evidence.portable import EVIDENCE_JSON as EVIDENCE_JSON
from odd_assess.evidence.portable import evidence_json as evidence_json
from odd_assess.evidence.recertified import recertified as recertified
from odd_assess.evidence.reused import Answers as Answers
from odd_assess.evidence.reused import what_was_reused as what_was_reused
from odd_assess.evidence.store import BASELINE as BASELINE
from odd_assess.evidence.store import MAIN as MAIN
from odd_assess.evidence.store import PILOT as PILOT
from odd_assess.evidence.store import REFERENCE as REFERENCE
from odd_assess.evidence.store import EvidenceStore as EvidenceStore
from odd_assess.evidence.store import Row as Row
from odd_assess.evidence.store import level_counts as level_counts
from odd_assess.evidence.store import tally_text as tally_text
from odd_assess.evidence.surroundings import Surroundings as Surroundings
from odd_assess.evidence.tallies import Tallies as Tallies
