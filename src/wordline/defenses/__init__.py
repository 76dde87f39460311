"""What is done to a network or to its images so that it errs less: training, preprocessing, precision."""

from .discretise import Discretised, discretise
from .matching import levels_for, matching
from .quantise import quantise
from .quantised_layer import QuantisedLayer, quantised_layers

__all__ = [
    "Discretised",
    "QuantisedLayer",
    "discretise",
    "levels_for",
    "matching",
    "quantise",
    "quantised_layers",
]
