"""Average-case robustness: how likely an input keeps its class under noise, estimated in a few passes. Estimates that order and explain, never certificates.

estimators.py  ``estimate``, ``estimates``: Monte Carlo, Taylor, MMSE, moments, multivariate sigmoids, softmax
margins.py     margins, linearised at an input or over its noisy copies, or as they are at these
normal_cdf.py  the probability that correlated normal margins stay positive, its error, and its bracket without correlations (no torch)
logits.py      what is asked of the model
noise.py       noise by address
"""

from odd_assess.average_case.estimators import METHODS as METHODS
from odd_assess.average_case.estimators import PROBIT as PROBIT
from odd_assess.average_case.estimators import Estimates as Estimates
from odd_assess.average_case.estimators import default_batch_size as default_batch_size
from odd_assess.average_case.estimators import estimate as estimate
from odd_assess.average_case.estimators import estimates as estimates
from odd_assess.average_case.estimators import mv_sigmoid as mv_sigmoid
from odd_assess.average_case.margins import Margins as Margins
from odd_assess.average_case.margins import linearised as linearised
from odd_assess.average_case.normal_cdf import bracket as bracket
from odd_assess.average_case.normal_cdf import normal_cdf as normal_cdf
