"""Mapping of weight matrices to conductances on tiles, and back to effective weights."""

from .conductances import program_devices, read_noise
from .crossbar import Crossbar
from .encoding import AbstractEncoding, DifferentialPair, OffsetColumn
from .export import export_csv, export_npz
from .gain import AbstractGain, LeastSquaresGain, PerColumnGain, UnitGain
from .nonideality_factor import nonideality_factor
from .packing import AbstractPacking, BlockDiagonal, OneGroupPerTile
from .presets import PRESETS, Preset
from .program import ProgrammedMatrix, decode, multiply, program, program_many, solve
from .scale import AbstractScale, ColumnScale, FixedScale, MaxScale, PercentileScale
from .several_devices import AbstractSeveralDevices, SequentialDevices, SharedDevices
from .slicing import AbstractSlicing, BitSlicing, NoSlicing

__all__ = [
    "PRESETS",
    "AbstractEncoding",
    "AbstractGain",
    "AbstractPacking",
    "AbstractScale",
    "AbstractSeveralDevices",
    "AbstractSlicing",
    "BitSlicing",
    "BlockDiagonal",
    "ColumnScale",
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
    "ProgrammedMatrix",
    "SequentialDevices",
    "SharedDevices",
    "UnitGain",
    "decode",
    "export_csv",
    "export_npz",
    "multiply",
    "nonideality_factor",
    "program",
    "program_devices",
    "program_many",
    "read_noise",
    "solve",
]
