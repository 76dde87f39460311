"""Trained PyTorch networks on memristive crossbars: exact physics, hardware gradients, an honest audit.

Data move one way, and so does reading:
circuits -> devices -> arrays -> mapping -> nn -> attacks -> evaluation -> studies -> reports.
"""

from .arrays import AbstractArray, ExactArray, IdealBackward, NonlinearArray, SurrogateArray, fit_surrogate
from .attacks import (
    APGD,
    FAB,
    FGSM,
    MIFGSM,
    PGD,
    AbstractAttack,
    AutoAttack,
    HopSkipJump,
    MultiTargeted,
    RandomSearch,
    Square,
    WorstCase,
)
from .circuits import (
    AbstractDeviceLaw,
    Ohmic,
    OperatingPoint,
    SinhDevice,
    Wires,
    effective_conductance,
    netlist,
    nonlinear_operating_point,
    solve_nonlinear,
)
from .devices import AbstractNonideality, GaussianVariation, Memristor
from .evaluation import evaluate
from .mapping import Crossbar, DifferentialPair, LeastSquaresGain, MaxScale, PercentileScale, PerColumnGain, UnitGain
from .nn import Chip, Normalized, map_model, recalibrate_batch_norm
from .records import Record, table
from .zoo import load_dataset, load_model

__all__ = [
    "APGD",
    "FAB",
    "FGSM",
    "MIFGSM",
    "PGD",
    "AbstractArray",
    "AbstractAttack",
    "AbstractDeviceLaw",
    "AbstractNonideality",
    "AutoAttack",
    "Chip",
    "Crossbar",
    "DifferentialPair",
    "ExactArray",
    "GaussianVariation",
    "HopSkipJump",
    "IdealBackward",
    "LeastSquaresGain",
    "MaxScale",
    "Memristor",
    "MultiTargeted",
    "NonlinearArray",
    "Normalized",
    "Ohmic",
    "OperatingPoint",
    "PerColumnGain",
    "PercentileScale",
    "RandomSearch",
    "Record",
    "SinhDevice",
    "Square",
    "SurrogateArray",
    "UnitGain",
    "Wires",
    "WorstCase",
    "effective_conductance",
    "evaluate",
    "fit_surrogate",
    "load_dataset",
    "load_model",
    "map_model",
    "netlist",
    "nonlinear_operating_point",
    "recalibrate_batch_norm",
    "solve_nonlinear",
    "table",
]
