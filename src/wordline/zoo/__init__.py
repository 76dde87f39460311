"""Data sets and trained networks by name; training."""

from .accuracy import accuracy, correct
from .architectures import ARCHITECTURES, build_model
from .body import AbstractBody, Plain
from .cards import Card, read_card
from .custom import from_factory
from .data import ImageData, ImageSplit, to_float
from .files import load_state, read_weights, save_weights
from .load import load_dataset, load_model, packaged_models
from .objective import AbstractObjective, CrossEntropy
from .pairs import Pairs, as_split, clipped
from .recipe import Recipe
from .schedules import AbstractSchedule, Milestones, OneCycle
from .train import train

__all__ = [
    "ARCHITECTURES",
    "AbstractBody",
    "AbstractObjective",
    "AbstractSchedule",
    "Card",
    "CrossEntropy",
    "ImageData",
    "ImageSplit",
    "Milestones",
    "OneCycle",
    "Pairs",
    "Plain",
    "Recipe",
    "accuracy",
    "as_split",
    "build_model",
    "clipped",
    "correct",
    "from_factory",
    "load_dataset",
    "load_model",
    "load_state",
    "packaged_models",
    "read_card",
    "read_weights",
    "save_weights",
    "to_float",
    "train",
]
