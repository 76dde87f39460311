"""What happens to a conductance between being asked for and being there."""

from .gaussian import GaussianVariation
from .memristor import Memristor
from .nonideality import AbstractNonideality

__all__ = ["AbstractNonideality", "GaussianVariation", "Memristor"]
