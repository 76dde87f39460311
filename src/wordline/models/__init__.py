"""Networks: architectures by name, trained networks by name or file, weight files, accuracy.

`build_model` makes an untrained network, `load_model` a trained one, `from_factory` a network of
the user's own module. Nothing here knows how a network was trained; `wordline.training` does.
"""

from .accuracy import accuracy
from .architectures import ARCHITECTURES, build_model
from .batches import correct
from .custom import from_factory
from .files import load_state, read_weights, save_weights
from .load import SUFFIXES, load_model, packaged_models
from .spec import NetworkSpec

__all__ = [
    "ARCHITECTURES",
    "SUFFIXES",
    "NetworkSpec",
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
