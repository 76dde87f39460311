"""Weights <-> conductance pairs <-> tiles."""

from .crossbar import Crossbar
from .encoding import AbstractEncoding, DifferentialPair, OffsetColumn
from .gain import AbstractGain, LeastSquaresGain, PerColumnGain, UnitGain
from .nonideality_factor import nonideality_factor
from .packing import AbstractPacking, BlockDiagonal, OneGroupPerTile
from .presets import PRESETS, Preset
from .program import Programmed, decode, land, program, program_many, read_noise, solve, times
from .scale import AbstractScale, FixedScale, MaxScale, PercentileScale
from .slicing import AbstractSlicing, BitSlicing, NoSlicing

__all__ = [
    "PRESETS",
    "AbstractEncoding",
    "AbstractGain",
    "AbstractPacking",
    "AbstractScale",
    "AbstractSlicing",
    "BitSlicing",
    "BlockDiagonal",
    "Crossbar",
    "DifferentialPair",
    "FixedScale",
    "LeastSquaresGain",
    "MaxScale",
    "NoSlicing",
    "OffsetColumn",
    "OneGroupPerTile",
    "PerColumnGain",
    "PercentileScale",
    "Preset",
    "Programmed",
    "UnitGain",
    "decode",
    "land",
    "nonideality_factor",
    "program",
    "program_many",
    "read_noise",
    "solve",
    "times",
]
