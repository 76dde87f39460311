"""Reads of columns of curved devices through a small network, each rounded by an ADC."""

from .driven_rows import Streams
from .emitter import LANES
from .products import BLOCK, JOINT
from .read_kernel import Arrays, convert, descend

__all__ = ["BLOCK", "JOINT", "LANES", "Arrays", "Streams", "convert", "descend"]
