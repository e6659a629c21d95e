"""Modified models, made for real: in half precision, in 8-bit integers, pruned. What `recertify` and `compare` are asked about.

    ModelDeclaration + Recipe + Sample --derive_model--> FOLDER: the model's file, model.yaml (its section ``model``), derived.json (what changed)

``recipes`` says what can be made, ``weights`` rounds and prunes, ``integers`` calibrates and quantises torch's layers, ``onnx_integers`` whole ONNX graphs
(extra ``quantise``), ``changes`` measures what became of weights and answers, ``folder`` writes, ``flow`` is all of it as one function. A modification that
modifies nothing is an error: to certify the same model again would prove nothing. Answers are measured on the model as ``load_model`` reads it back.
"""

from __future__ import annotations

from odd_assess.derive.changes import AnswerChange as AnswerChange
from odd_assess.derive.changes import WeightChange as WeightChange
from odd_assess.derive.flow import Derived as Derived
from odd_assess.derive.flow import Sample as Sample
from odd_assess.derive.flow import derive_model as derive_model
from odd_assess.derive.recipes import RECIPES as RECIPES
from odd_assess.derive.recipes import Recipe as Recipe

__all__ = ["RECIPES", "AnswerChange", "Derived", "Recipe", "Sample", "WeightChange", "derive_model"]
