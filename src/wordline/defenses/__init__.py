"""What is done to a network or to its images so that it errs less: training, preprocessing, precision."""

from .ans import NoiseSensitivity, adversarial_noise_sensitivity
from .blinded import blinded
from .discretise import Discretised, discretise
from .matching import levels_for, matching
from .quanos import BitAssignment, BitRule, assign_bits, quanos, quantised_as
from .quantise import quantise
from .quantised_layer import QuantisedLayer, quantised_layers

__all__ = [
    "BitAssignment",
    "BitRule",
    "Discretised",
    "NoiseSensitivity",
    "QuantisedLayer",
    "adversarial_noise_sensitivity",
    "assign_bits",
    "blinded",
    "discretise",
    "levels_for",
    "matching",
    "quanos",
    "quantise",
    "quantised_as",
    "quantised_layers",
]
