"""Reads of columns of curved devices through a small network, each rounded by an ADC."""

from .emission import BLOCK, HEAD, LANES, UNIT
from .read_kernel import Streams, convert, descend

__all__ = ["BLOCK", "HEAD", "LANES", "UNIT", "Streams", "convert", "descend"]
