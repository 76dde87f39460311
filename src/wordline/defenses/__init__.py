"""Training and preprocessing that harden a network."""

from .adversarial_training import AdversarialTraining, training_attack
from .blinded import blinded
from .discretise import Discretised, discretise
from .fast_fgsm import FastFGSM
from .lipschitz_penalty import LipschitzPenalty
from .matched_noise import MatchedNoise
from .on_chip import OnChip
from .trades import TRADES

__all__ = [
    "TRADES",
    "AdversarialTraining",
    "Discretised",
    "FastFGSM",
    "LipschitzPenalty",
    "MatchedNoise",
    "OnChip",
    "blinded",
    "discretise",
    "training_attack",
]
