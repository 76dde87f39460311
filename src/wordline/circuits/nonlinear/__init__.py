"""Arrays of devices that need not obey Ohm's law: Newton's method on the device currents."""

from .laws import AbstractDeviceLaw, Ohmic, SinhDevice
from .operating_point import OperatingPoint
from .solve import currents_through, nonlinear_operating_point, solve_nonlinear

__all__ = [
    "AbstractDeviceLaw",
    "Ohmic",
    "OperatingPoint",
    "SinhDevice",
    "currents_through",
    "nonlinear_operating_point",
    "solve_nonlinear",
]
