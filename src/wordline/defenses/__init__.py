"""Training that hardens a network."""

from .adversarial_training import AdversarialTraining, training_attack
from .fast_fgsm import FastFGSM
from .lipschitz_penalty import LipschitzPenalty
from .matched_noise import MatchedNoise
from .on_chip import OnChip
from .trades import TRADES

__all__ = [
    "TRADES",
    "AdversarialTraining",
    "FastFGSM",
    "LipschitzPenalty",
    "MatchedNoise",
    "OnChip",
    "training_attack",
]
