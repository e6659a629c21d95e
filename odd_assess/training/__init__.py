"""Training of base classifiers that live in noise: what makes large certificates possible.

copies.py   noisy copies of a batch, and what a network says to them
losses.py   what is minimised: functions of a network, a batch, its noise levels and noise
attack.py   adversarial examples of the smoothed classifier, for one of them
levels.py   the noise level of each training example, kept across epochs

PyTorch alone, no trainer library: a loop of forty lines that goes on from its last epoch to the same bits is less than what such a library asks for.
"""
