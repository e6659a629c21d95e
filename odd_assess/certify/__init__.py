"""The algorithmic heart: procedures ask for draws, the engine answers with class counts.

plans.py       what is asked: ReducedPlan, SingleBatchPlan, SequentialPlan, CascadePlan, IncrementalPlan
procedures.py  how a certificate follows from counts (no torch)
noise.py       noise by address: reproducible, independent of batching
answers.py     from logits to labels, and the draws that rounding decides
setting.py     how the model is called: batch size, memory format, lanes
lanes.py       batches of noisy copies, made and classified on one device
engine.py      many procedures, full batches
tuning.py      a setting by measurement
search.py      a noise level for one input, found by asking (no torch)
sigma.py       ``choose_sigma``: noise levels for a tensor of inputs
memory.py      what makes certificates with such levels hold for later queries (no torch)
deployed.py    a classifier that answers single inputs by such certificates
api.py         ``certify``: the certifier on a plain tensor of inputs
incremental.py ``certify_incremental``: the same for a modified model, from what was kept of its baseline
"""

from odd_assess.certify.answers import Answers as Answers
from odd_assess.certify.answers import BaseClassifier as BaseClassifier
from odd_assess.certify.answers import ask as ask
from odd_assess.certify.api import certify as certify
from odd_assess.certify.api import pick_device as pick_device
from odd_assess.certify.deployed import MemorySmoothedClassifier as MemorySmoothedClassifier
from odd_assess.certify.engine import Engine as Engine
from odd_assess.certify.engine import Subject as Subject
from odd_assess.certify.incremental import CertifiedBaseline as CertifiedBaseline
from odd_assess.certify.incremental import certify_baseline as certify_baseline
from odd_assess.certify.incremental import certify_incremental as certify_incremental
from odd_assess.certify.incremental import noise_digest as noise_digest
from odd_assess.certify.lanes import Copies as Copies
from odd_assess.certify.lanes import Lanes as Lanes
from odd_assess.certify.lanes import copies_of as copies_of
from odd_assess.certify.lanes import in_halves as in_halves
from odd_assess.certify.lanes import on_threads as on_threads
from odd_assess.certify.lanes import out_of_memory as out_of_memory
from odd_assess.certify.memory import Memory as Memory
from odd_assess.certify.noise import NoiseSource as NoiseSource
from odd_assess.certify.noise import content_key as content_key
from odd_assess.certify.noise import self_test as self_test
from odd_assess.certify.plans import CascadePlan as CascadePlan
from odd_assess.certify.plans import IncrementalPlan as IncrementalPlan
from odd_assess.certify.plans import OneLevelPlan as OneLevelPlan
from odd_assess.certify.plans import Plan as Plan
from odd_assess.certify.plans import ReducedPlan as ReducedPlan
from odd_assess.certify.plans import SequentialPlan as SequentialPlan
from odd_assess.certify.plans import SingleBatchPlan as SingleBatchPlan
from odd_assess.certify.procedures import REUSABLE as REUSABLE
from odd_assess.certify.procedures import Draw as Draw
from odd_assess.certify.procedures import Procedure as Procedure
from odd_assess.certify.procedures import incremental as incremental
from odd_assess.certify.procedures import procedure as procedure
from odd_assess.certify.setting import Setting as Setting
from odd_assess.certify.setting import default_batch_size as default_batch_size
from odd_assess.certify.setting import default_setting as default_setting
from odd_assess.certify.sigma import choose_sigma as choose_sigma
from odd_assess.certify.tuning import Look as Look
from odd_assess.certify.tuning import Tuned as Tuned
from odd_assess.certify.tuning import tune as tune
from odd_assess.policies import Cascade as Cascade
from odd_assess.policies import DataDependent as DataDependent
from odd_assess.policies import MultiStart as MultiStart
from odd_assess.policies import PerCell as PerCell
from odd_assess.policies import SigmaPolicy as SigmaPolicy
