"""The operational design domain (ODD): what is declared, how points are drawn from it, and what of it they covered.

    units, ranges              "[20 .. 2000] lux" -> Interval and unit
    attributes                 what varies: unit interval <-> value, levels (distributions, numeric, labels)
    constraints                statements that exclude, include or tie attributes together
    domain (partition)         the inside with exact weights, cut into cells
    sampling (draws, covering, frames, groups)   random, stratified, sobol, lhs, grid, pairwise; among observed frames
    ranked                     points chosen by rank among random candidates
    coverage                   cells, pairs and levels visited; the gaps
    catalogue                  the transforms that can realise an attribute, as data

Pure numpy; no torch, no file is read here.
"""

from __future__ import annotations

from odd_assess.odd.attributes import (
    Attribute,
    Boolean,
    Categorical,
    Continuous,
    Distribution,
    Empirical,
    Integer,
    Level,
    LogUniform,
    Ordinal,
    TruncatedNormal,
    Uniform,
)
from odd_assess.odd.catalogue import TRANSFORMS, ParameterInfo, TransformInfo
from odd_assess.odd.constraints import Condition, Conditional, OneOf, Statement
from odd_assess.odd.coverage import Coverage, Gap, Reach, coverage, coverage_of, reach_of
from odd_assess.odd.domain import Cell, Domain
from odd_assess.odd.frames import Frames, FramesInside
from odd_assess.odd.groups import Groups
from odd_assess.odd.points import OddPoint, OddPoints, Value
from odd_assess.odd.ranges import Interval, Quantity, parse_quantity
from odd_assess.odd.ranked import RankedSets, candidate_points, chosen_points, selection_digest
from odd_assess.odd.sampling import sample
from odd_assess.odd.units import conversion, convert, dimension, known_units

__all__ = [
    "TRANSFORMS",
    "Attribute",
    "Boolean",
    "Categorical",
    "Cell",
    "Condition",
    "Conditional",
    "Continuous",
    "Coverage",
    "Distribution",
    "Domain",
    "Empirical",
    "Frames",
    "FramesInside",
    "Gap",
    "Groups",
    "Integer",
    "Interval",
    "Level",
    "LogUniform",
    "OddPoint",
    "OddPoints",
    "OneOf",
    "Ordinal",
    "ParameterInfo",
    "Quantity",
    "RankedSets",
    "Reach",
    "Statement",
    "TransformInfo",
    "TruncatedNormal",
    "Uniform",
    "Value",
    "candidate_points",
    "chosen_points",
    "conversion",
    "convert",
    "coverage",
    "coverage_of",
    "dimension",
    "known_units",
    "parse_quantity",
    "reach_of",
    "sample",
    "selection_digest",
]
