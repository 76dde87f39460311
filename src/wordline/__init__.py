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
from .devices import (
    AbstractDevice,
    AbstractNonideality,
    GaussianVariation,
    LogNormalVariation,
    MeasuredDevice,
    Memristor,
    ReadNoise,
    RetentionDrift,
    StateDependentVariation,
    StuckDevices,
    WriteVerify,
)
from .evaluation import evaluate
from .mapping import Crossbar, DifferentialPair, LeastSquaresGain, MaxScale, PercentileScale, PerColumnGain, UnitGain
from .mapping.export import export_csv, export_npz
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
    "AbstractDevice",
    "AbstractDeviceLaw",
    "AbstractNonideality",
    "AutoAttack",
    "Chip",
    "Crossbar",
    "DifferentialPair",
    "GaussianVariation",
    "HopSkipJump",
    "LeastSquaresGain",
    "LogNormalVariation",
    "MaxScale",
    "MeasuredDevice",
    "Memristor",
    "MultiTargeted",
    "Normalized",
    "Ohmic",
    "OperatingPoint",
    "PerColumnGain",
    "PercentileScale",
    "RandomSearch",
    "ReadNoise",
    "Record",
    "RetentionDrift",
    "SinhDevice",
    "Square",
    "StateDependentVariation",
    "StuckDevices",
    "UnitGain",
    "Wires",
    "WorstCase",
    "WriteVerify",
    "effective_conductance",
    "evaluate",
    "export_csv",
    "export_npz",
    "load_dataset",
    "load_model",
    "map_model",
    "netlist",
    "nonlinear_operating_point",
    "recalibrate_batch_norm",
    "solve_nonlinear",
    "table",
]
