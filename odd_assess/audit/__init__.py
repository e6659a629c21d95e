"""A run read back from its folder alone: no model, no data, no torch, no other file.

load          the assessment as the run ended with it, for its report
opened        the same for Python: tables, findings, and evidence that other criteria can be judged by
verification  every number that follows from the counts, derived again and compared with what is stored
certificates  the part of it that speaks of single points (rests_on: of a modified model, on those of its baseline)
attestation   the statement that follows from a run, for whoever signs it
comparison    several runs on the same points and noise, side by side
sameness      what two runs must share to be compared
recertification  the spec of a modified model that is certified on what a run keeps
ledger        the disagreements
"""

from odd_assess.audit.attestation import ATTESTATION as ATTESTATION
from odd_assess.audit.attestation import attested_files as attested_files
from odd_assess.audit.attestation import statement as statement
from odd_assess.audit.attestation import written as written
from odd_assess.audit.comparison import Comparison as Comparison
from odd_assess.audit.comparison import Difference as Difference
from odd_assess.audit.comparison import Quantity as Quantity
from odd_assess.audit.comparison import Release as Release
from odd_assess.audit.comparison import compare_runs as compare_runs
from odd_assess.audit.ledger import Disagreement as Disagreement
from odd_assess.audit.ledger import Ledger as Ledger
from odd_assess.audit.load import FinishedRun as FinishedRun
from odd_assess.audit.load import finished_run as finished_run
from odd_assess.audit.load import load_run as load_run
from odd_assess.audit.load import sound_run as sound_run
from odd_assess.audit.opened import OpenedRun as OpenedRun
from odd_assess.audit.opened import open_run as open_run
from odd_assess.audit.recertification import declared_by as declared_by
from odd_assess.audit.recertification import recertification as recertification
from odd_assess.audit.recertification import reuse_account as reuse_account
from odd_assess.audit.sameness import unlike as unlike
from odd_assess.audit.verification import VerificationReport as VerificationReport
from odd_assess.audit.verification import verify as verify
