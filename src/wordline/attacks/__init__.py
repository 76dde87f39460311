"""Adversarial attacks: small frozen values that know torch and nothing of crossbars."""

from wordline.attacks.attack import AbstractAttack
from wordline.attacks.fgsm import FGSM
from wordline.attacks.losses import Loss
from wordline.attacks.norms import Norm, distance
from wordline.attacks.pgd import PGD

__all__ = ["FGSM", "PGD", "AbstractAttack", "Loss", "Norm", "distance"]
