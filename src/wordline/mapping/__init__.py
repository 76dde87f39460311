"""Weights <-> conductance pairs <-> tiles."""

from .crossbar import Crossbar
from .encoding import AbstractEncoding, DifferentialPair
from .gain import AbstractGain, LeastSquaresGain, PerColumnGain, UnitGain
from .nonideality_factor import nonideality_factor
from .presets import PRESETS, Preset
from .program import Programmed, program
from .scale import AbstractScale, MaxScale, PercentileScale

__all__ = [
    "PRESETS",
    "AbstractEncoding",
    "AbstractGain",
    "AbstractScale",
    "Crossbar",
    "DifferentialPair",
    "LeastSquaresGain",
    "MaxScale",
    "PerColumnGain",
    "PercentileScale",
    "Preset",
    "Programmed",
    "UnitGain",
    "nonideality_factor",
    "program",
]
