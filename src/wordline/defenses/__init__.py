"""What is done to a network or to its images so that it errs less: training, preprocessing, precision."""

from .adversarial_training import AdversarialTraining, training_attack
from .ans import NoiseSensitivity, adversarial_noise_sensitivity
from .blinded import blinded
from .discretise import Discretised, discretise
from .fast_fgsm import FastFGSM
from .lipschitz_penalty import LipschitzPenalty
from .matched_noise import MatchedNoise
from .matching import levels_for, matching
from .on_chip import OnChip
from .quanos import BitAssignment, BitRule, assign_bits, quanos, quantised_as
from .quantise import quantise
from .quantised_body import Quantised
from .quantised_layer import QuantisedLayer, quantised_layers
from .trades import TRADES

__all__ = [
    "TRADES",
    "AdversarialTraining",
    "BitAssignment",
    "BitRule",
    "Discretised",
    "FastFGSM",
    "LipschitzPenalty",
    "MatchedNoise",
    "NoiseSensitivity",
    "OnChip",
    "Quantised",
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
    "training_attack",
]
