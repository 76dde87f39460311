"""Reads of columns of curved devices through a small network, each rounded by an ADC."""

from .emission import BLOCK, JOINT, LANES
from .read_kernel import Streams, convert, descend

__all__ = ["BLOCK", "JOINT", "LANES", "Streams", "convert", "descend"]
