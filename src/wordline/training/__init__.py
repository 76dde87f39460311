"""Training: a recipe in, a weight file with its card out; interrupted, it resumes.

`train` runs a `Recipe`: an objective (`AbstractObjective`), a learning-rate schedule
(`AbstractSchedule`) and the forward pass used meanwhile (`AbstractTrainingForward`).
"""

from .cards import Card, read_card
from .forward import AbstractTrainingForward, IdentityForward, share_parameters
from .objective import AbstractObjective, CrossEntropy
from .recipe import Recipe
from .schedules import AbstractSchedule, Milestones, OneCycle
from .train import train

__all__ = [
    "AbstractObjective",
    "AbstractSchedule",
    "AbstractTrainingForward",
    "Card",
    "CrossEntropy",
    "IdentityForward",
    "Milestones",
    "OneCycle",
    "Recipe",
    "read_card",
    "share_parameters",
    "train",
]
