"""Where certificates are computed: in this process, or by the workers of a cluster.

bench        what a run works with: model, data, points, device
work         what is asked (``Work``), and who does it (``Workers``)
here         this process
estimating   average-case robustness at points: estimates, made by this process
choice       which of them, as the spec or the caller says
chunks       points in chunks for several workers, and again where one is lost
ray_cluster  the driver of a Ray cluster (imported where one is asked for)
ray_worker   one of its workers
"""

from odd_assess.execution.bench import CHUNK as CHUNK
from odd_assess.execution.bench import Bench as Bench
from odd_assess.execution.bench import describe as describe
from odd_assess.execution.bench import identity_of as identity_of
from odd_assess.execution.bench import set_up as set_up
from odd_assess.execution.choice import workers_for as workers_for
from odd_assess.execution.estimating import check_estimable as check_estimable
from odd_assess.execution.estimating import estimate_points as estimate_points
from odd_assess.execution.estimating import estimates_at as estimates_at
from odd_assess.execution.estimating import of_true_class as of_true_class
from odd_assess.execution.here import Here as Here
from odd_assess.execution.here import tuned as tuned
from odd_assess.execution.work import Work as Work
from odd_assess.execution.work import Workers as Workers
