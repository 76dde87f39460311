"""Quantisation: weights and activations of few bits, by layer, and the rule of QUANOS for them."""

from .bit_rule import BitRule, assign_bits
from .layers import QuantisedLayer, quantised_layers
from .matching import levels_for, matching
from .noise_sensitivity import adversarial_noise_sensitivity
from .quanos import quanos, quantised_as
from .quantise import quantise
from .rounding import InputRounding
from .training_forward import QuantisedForward

__all__ = [
    "BitRule",
    "InputRounding",
    "QuantisedForward",
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
