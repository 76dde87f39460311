from .effective import effective_conductance
from .wires import Wires

__all__ = ["Wires", "effective_conductance"]
