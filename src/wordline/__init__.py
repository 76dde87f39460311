"""Trained PyTorch networks on memristive crossbars: exact physics, hardware gradients, an honest audit.

Data move one way, and so does reading:
circuits -> devices -> mapping -> nn -> attacks -> evaluation -> studies -> reports.
"""

from .attacks import FGSM, PGD, AbstractAttack
from .circuits import Wires, effective_conductance
from .devices import AbstractNonideality, GaussianVariation, Memristor
from .evaluation import evaluate
from .mapping import Crossbar, DifferentialPair, LeastSquaresGain, MaxScale, PercentileScale, PerColumnGain, UnitGain
from .nn import Chip, map_model, recalibrate_batch_norm
from .records import Record, table
from .zoo import load_dataset, load_model

__all__ = [
    "FGSM",
    "PGD",
    "AbstractAttack",
    "AbstractNonideality",
    "Chip",
    "Crossbar",
    "DifferentialPair",
    "GaussianVariation",
    "LeastSquaresGain",
    "MaxScale",
    "Memristor",
    "PerColumnGain",
    "PercentileScale",
    "Record",
    "UnitGain",
    "Wires",
    "effective_conductance",
    "evaluate",
    "load_dataset",
    "load_model",
    "map_model",
    "recalibrate_batch_norm",
    "table",
]
