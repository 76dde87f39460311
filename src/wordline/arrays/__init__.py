"""Arrays of devices, read electrically: row voltages in volts to column currents in amperes."""

from .array import AbstractArray
from .exact import ExactArray
from .ideal_backward import IdealBackward
from .nonlinear import NonlinearArray
from .surrogate import ArrayDesign, SurrogateArray, SurrogateReport, fit_surrogate

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
