"""Training: a recipe in, a weight file with its card out; interrupted, it resumes."""

from .cards import Card, read_card
from .forward import AbstractBody, Plain, tie
from .objective import AbstractObjective, CrossEntropy
from .recipe import Recipe
from .schedules import AbstractSchedule, Milestones, OneCycle
from .train import train

__all__ = [
    "AbstractBody",
    "AbstractObjective",
    "AbstractSchedule",
    "Card",
    "CrossEntropy",
    "Milestones",
    "OneCycle",
    "Plain",
    "Recipe",
    "read_card",
    "tie",
    "train",
]
