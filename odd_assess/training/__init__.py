"""Training of base classifiers that live in noise: what makes large certificates possible.

    TrainingPlan --train--> FOLDER: weights.safetensors and model.yaml (a model section that a spec can take), metrics.csv, best/, last/ to go on from

copies.py      noisy copies of a batch, and what a network says to them
losses.py      what is minimised: functions of a network, a batch, its noise levels and noise
attack.py      adversarial examples of the smoothed classifier, for one of them
levels.py      the noise level of each training example, kept across epochs
data.py        the examples, and the batches of an epoch; augment.py: simple changes of images
schedule.py    the learning rate of each step
randomness.py  everything random has an address, nothing a state
trainee.py     the network as losses call it, and its moving average
validation.py  quick certificates on the way
checkpoint.py  the folder of a training; identity.py: which training it is
loop.py        ``train``: all of it as one function

PyTorch alone, no trainer library: a loop of forty lines that goes on from its last epoch to the same bits is less than what such a library asks for.
"""

from __future__ import annotations

from odd_assess.training.loop import Trained as Trained
from odd_assess.training.loop import train as train

__all__ = ["Trained", "train"]
