"""A run read back from its folder alone: no model, no data, no torch, no other file.

load          the assessment as the run ended with it, for its report
verification  every number that follows from the counts, derived again and compared with what is stored
certificates  the part of it that speaks of single points
ledger        the disagreements
"""

from odd_assess.audit.ledger import Disagreement as Disagreement
from odd_assess.audit.load import load_run as load_run
from odd_assess.audit.verification import VerificationReport as VerificationReport
from odd_assess.audit.verification import verify as verify
