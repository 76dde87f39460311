"""Training and preprocessing that harden a network against attacks and noise."""

from .adversarial_training import AdversarialTraining, training_attack
from .discretise import Discretised, discretise
from .fast_fgsm import FastFGSM
from .lipschitz_penalty import LipschitzPenalty
from .matched_noise import MatchedNoise
from .on_chip import OnChip
from .trades import TRADES
from .without_gradient import without_gradient

__all__ = [
    "TRADES",
    "AdversarialTraining",
    "Discretised",
    "FastFGSM",
    "LipschitzPenalty",
    "MatchedNoise",
    "OnChip",
    "discretise",
    "training_attack",
    "without_gradient",
]
