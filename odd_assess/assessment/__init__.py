"""The assessment: the rooms below connected into one flow. Nothing is decided here; the rooms decide.

flow         ``assess``: spec -> points -> inputs -> certificates -> findings -> verdict, as one function
preflight    what can be found out before draws are spent
baseline     the run of another model that this one is compared with
reusing      what a modified model must share with the baseline that it is certified on
spending     what a run took, for its manifest
certifying   points -> certificates -> evidence store, resumable; the pilot that chooses a budget
estimating   average-case robustness at the points, after they are certified
gate         which points: all, or as many as the blocking criteria need
replay       points of a finished run, drawn again
exhibits     the weakest points and their pictures
"""

from odd_assess.assessment.baseline import check_baseline as check_baseline
from odd_assess.assessment.flow import assess as assess
from odd_assess.assessment.replay import Replay as Replay
from odd_assess.assessment.replay import replay as replay
