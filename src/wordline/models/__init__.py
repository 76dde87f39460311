"""Networks: architectures by name, weight files, accuracy."""

from .accuracy import accuracy
from .architectures import ARCHITECTURES, build_model
from .batches import correct
from .custom import from_factory
from .files import load_state, read_weights, save_weights
from .load import SUFFIXES, load_model, packaged_models

__all__ = [
    "ARCHITECTURES",
    "SUFFIXES",
    "accuracy",
    "build_model",
    "correct",
    "from_factory",
    "load_model",
    "load_state",
    "packaged_models",
    "read_weights",
    "save_weights",
]
