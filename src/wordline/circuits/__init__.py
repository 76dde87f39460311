"""Arrays of conductances and their wires as circuits: effective matrices and column currents."""

from .effective import effective_conductance
from .nonlinear import (
    AbstractDeviceLaw,
    Ohmic,
    OperatingPoint,
    SinhDevice,
    nonlinear_operating_point,
    solve_nonlinear,
)
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
