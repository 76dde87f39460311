"""A small network per column that replaces the nonlinear solve of an array design."""

from .converted_read import Digits
from .design import ArrayDesign
from .file import SurrogateReport
from .fit import fit_surrogate
from .surrogate_array import SurrogateArray

__all__ = ["ArrayDesign", "Digits", "SurrogateArray", "SurrogateReport", "fit_surrogate"]
