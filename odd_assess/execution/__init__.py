"""Where certificates are computed: realised inputs, one model, one engine, in this process.

bench   what a run works with: model, data, points, device
work    what is asked (``Work``), and who does it (``Workers``)
here    this process
"""

from odd_assess.execution.bench import CHUNK as CHUNK
from odd_assess.execution.bench import Bench as Bench
from odd_assess.execution.bench import describe as describe
from odd_assess.execution.bench import identity_of as identity_of
from odd_assess.execution.bench import set_up as set_up
from odd_assess.execution.here import Here as Here
from odd_assess.execution.here import tuned as tuned
from odd_assess.execution.work import Work as Work
from odd_assess.execution.work import Workers as Workers
