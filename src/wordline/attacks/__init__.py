"""Adversarial attacks: small frozen values that know torch and nothing of crossbars."""

from .attack import AbstractAttack
from .autoattack import APGD, FAB, AutoAttack, Square
from .fgsm import FGSM
from .hop_skip_jump import HopSkipJump
from .losses import Loss
from .mifgsm import MIFGSM
from .multi_targeted import MultiTargeted
from .norms import Norm, distance
from .pgd import PGD
from .random_search import RandomSearch
from .repeated_fgsm import RepeatedFGSM
from .surrogate import SurrogateGradient
from .targeted import Targeted
from .worst_case import WorstCase

__all__ = [
    "APGD",
    "FAB",
    "FGSM",
    "MIFGSM",
    "PGD",
    "AbstractAttack",
    "AutoAttack",
    "HopSkipJump",
    "Loss",
    "MultiTargeted",
    "Norm",
    "RandomSearch",
    "RepeatedFGSM",
    "Square",
    "SurrogateGradient",
    "Targeted",
    "WorstCase",
    "distance",
]
