"""Weights and activations of few bits: rounding, quantised layers, noise sensitivity, QUANOS."""

from .ans import NoiseSensitivity, adversarial_noise_sensitivity
from .layer import QuantisedLayer, quantised_layers
from .matching import levels_for, matching
from .quanos import BitAssignment, BitRule, assign_bits, quanos, quantised_as
from .quantise import quantise
from .rounding import InputRounding
from .training_forward import Quantised

__all__ = [
    "BitAssignment",
    "BitRule",
    "InputRounding",
    "NoiseSensitivity",
    "Quantised",
    "QuantisedLayer",
    "adversarial_noise_sensitivity",
    "assign_bits",
    "levels_for",
    "matching",
    "quanos",
    "quantise",
    "quantised_as",
    "quantised_layers",
]
