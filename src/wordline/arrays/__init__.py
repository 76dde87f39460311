"""Volts in, amperes out: what an array does each time it is read."""

from .array import AbstractArray
from .exact import ExactArray
from .fit import fit_surrogate
from .ideal_backward import IdealBackward
from .nonlinear import NonlinearArray
from .samples import ArrayDesign
from .surrogate import SurrogateArray
from .surrogate_file import SurrogateReport

__all__ = [
    "AbstractArray",
    "ArrayDesign",
    "ExactArray",
    "IdealBackward",
    "NonlinearArray",
    "SurrogateArray",
    "SurrogateReport",
    "fit_surrogate",
]
