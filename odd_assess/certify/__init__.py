"""The algorithmic heart: procedures ask for draws, the engine answers with class counts.

plans.py       what is asked: ReducedPlan, SingleBatchPlan, SequentialPlan
procedures.py  how a certificate follows from counts (no torch)
noise.py       noise by address: reproducible, independent of batching
engine.py      many procedures, full batches, one device
api.py         ``certify``: the certifier on a plain tensor of inputs
"""

from odd_assess.certify.api import certify as certify
from odd_assess.certify.api import pick_device as pick_device
from odd_assess.certify.engine import BaseClassifier as BaseClassifier
from odd_assess.certify.engine import Engine as Engine
from odd_assess.certify.engine import Subject as Subject
from odd_assess.certify.engine import answers as answers
from odd_assess.certify.engine import default_batch_size as default_batch_size
from odd_assess.certify.noise import NoiseSource as NoiseSource
from odd_assess.certify.noise import content_key as content_key
from odd_assess.certify.noise import self_test as self_test
from odd_assess.certify.plans import Plan as Plan
from odd_assess.certify.plans import ReducedPlan as ReducedPlan
from odd_assess.certify.plans import SequentialPlan as SequentialPlan
from odd_assess.certify.plans import SingleBatchPlan as SingleBatchPlan
from odd_assess.certify.procedures import Draw as Draw
from odd_assess.certify.procedures import Procedure as Procedure
from odd_assess.certify.procedures import procedure as procedure
