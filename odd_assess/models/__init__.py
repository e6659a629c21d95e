"""Adapters: whatever the model is made of, it comes out as one ``Classifier`` that lives in evaluation mode.

    ModelDeclaration --load_model--> Classifier: (B, C, H, W) float32 in input units -> finite logits (B, classes)

``factories`` builds architectures (Python factory, torchvision), ``weights`` reads and fits tensors, ``int8`` holds the layers that
compute in integers, ``exported`` and ``onnx_session`` open files that carry both. ``evaluation`` pins evaluation mode, ``classifier``
applies the declared normalisation (after the noise, because the noise is already in the batch) and checks every answer.
``diagnosis.check_model`` asks, before draws are spent, whether this can be the right model for these inputs and whether it lives in
noise at all.

What is trusted: a factory is Python code and runs; that is what it is declared for. Files of weights and exported programs are
data and are read as data: nothing pickled is opened unless ``trust_pickle`` says so.
"""

from __future__ import annotations

from odd_assess.models.classifier import Classifier as Classifier
from odd_assess.models.diagnosis import ModelCheck as ModelCheck
from odd_assess.models.diagnosis import check_model as check_model
from odd_assess.models.loading import load_model as load_model
from odd_assess.models.quiet import no_warnings as no_warnings

__all__ = ["Classifier", "ModelCheck", "check_model", "load_model", "no_warnings"]
