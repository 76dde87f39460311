"""Trained PyTorch networks on memristive crossbars: exact physics, hardware gradients, an honest audit.

Data move one way, and so does reading:
circuits -> devices -> mapping -> nn -> attacks -> evaluation -> studies -> reports.
"""

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
    SurrogateGradient,
    Targeted,
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
from .deviations import GradientDeviation
from .devices import AbstractNonideality, GaussianVariation, Memristor
from .evaluation import Audit, Budget, RobustnessCurve, audit, evaluate, gradient_deviation, robustness_curve
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
    "AbstractAttack",
    "AbstractDeviceLaw",
    "AbstractNonideality",
    "Audit",
    "AutoAttack",
    "Budget",
    "Chip",
    "Crossbar",
    "DifferentialPair",
    "GaussianVariation",
    "GradientDeviation",
    "HopSkipJump",
    "LeastSquaresGain",
    "MaxScale",
    "Memristor",
    "MultiTargeted",
    "Normalized",
    "Ohmic",
    "OperatingPoint",
    "PerColumnGain",
    "PercentileScale",
    "RandomSearch",
    "Record",
    "RobustnessCurve",
    "SinhDevice",
    "Square",
    "SurrogateGradient",
    "Targeted",
    "UnitGain",
    "Wires",
    "WorstCase",
    "audit",
    "effective_conductance",
    "evaluate",
    "gradient_deviation",
    "load_dataset",
    "load_model",
    "map_model",
    "netlist",
    "nonlinear_operating_point",
    "recalibrate_batch_norm",
    "robustness_curve",
    "solve_nonlinear",
    "table",
]
