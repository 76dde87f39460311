"""Volts in, amperes out: what an array does each time it is read."""

from .array import AbstractArray
from .exact import ExactArray
from .ideal_backward import IdealBackward
from .nonlinear import NonlinearArray

__all__ = ["AbstractArray", "ExactArray", "IdealBackward", "NonlinearArray"]
