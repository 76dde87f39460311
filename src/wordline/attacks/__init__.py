"""Adversarial attacks: small frozen values that know torch and nothing of crossbars."""

from wordline.attacks.apgd import APGD
from wordline.attacks.attack import AbstractAttack
from wordline.attacks.autoattack import AutoAttack
from wordline.attacks.fab import FAB
from wordline.attacks.fgsm import FGSM
from wordline.attacks.hop_skip_jump import HopSkipJump
from wordline.attacks.losses import Loss
from wordline.attacks.mifgsm import MIFGSM
from wordline.attacks.multi_targeted import MultiTargeted
from wordline.attacks.norms import Norm, distance
from wordline.attacks.pgd import PGD
from wordline.attacks.random_search import RandomSearch
from wordline.attacks.square import Square
from wordline.attacks.surrogate import SurrogateGradient
from wordline.attacks.targeted import Targeted
from wordline.attacks.worst_case import WorstCase

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
    "Square",
    "SurrogateGradient",
    "Targeted",
    "WorstCase",
    "distance",
]
