"""Training that hardens a network."""

from .adversarial_training import AdversarialTraining, training_attack
from .fast_fgsm import FastFGSM

__all__ = ["AdversarialTraining", "FastFGSM", "training_attack"]
