from .effective import effective_conductance
from .laws import AbstractDeviceLaw, Ohmic, SinhDevice
from .nonlinear import OperatingPoint, nonlinear_operating_point, solve_nonlinear
from .spice import netlist, run_ngspice
from .wires import Wires

__all__ = [
    "AbstractDeviceLaw",
    "Ohmic",
    "OperatingPoint",
    "SinhDevice",
    "Wires",
    "effective_conductance",
    "netlist",
    "nonlinear_operating_point",
    "run_ngspice",
    "solve_nonlinear",
]
