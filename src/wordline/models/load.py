"""Trained networks by name, or from a weight file with its card."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from torch import nn

from .architectures import ARCHITECTURES
from .files import load_states, read_states
from .spec import read_spec

SUFFIXES = (".safetensors", ".pt", ".pth")


def packaged_models() -> dict[str, Path]:
    """Return the trained networks that ship with wordline: name -> weight file.

    >>> "digits-cnn" in packaged_models()
    True
    """
    folder = Path(str(resources.files("wordline.models") / "weights"))
    files = sorted(folder.glob("*.safetensors"))
    return {path.stem.removesuffix("-digits"): path for path in files}


def load_model(name: str | Path) -> nn.Module:
    """Load a trained network in evaluation mode: by name, or from a file with its card beside it.

    Names: "digits-cnn", "vgg8-half-cifar10", "resnet10-cifar10", "resnet20-cifar10"; and fine-tuned
    by fast FGSM at radii of 2, 4 and 8 /255 "resnet10-cifar10-fgsm-rs-2", "-4", "-8" and
    "resnet20-cifar10-fgsm-rs-8". Images in [0, 1] -> logits. Raises ValueError for an unknown name,
    a missing card, or weights that do not fit.

    >>> load_model("digits-cnn").training
    False
    """
    known = packaged_models()
    path = known.get(str(name), Path(name))
    if path.suffix not in SUFFIXES or not path.is_file():
        raise ValueError(
            f"`name` must be one of {', '.join(known)}, or an existing {SUFFIXES[0]} file, "
            f"got {str(name)!r}"
        )
    states = read_states(path)
    spec = read_spec(path.with_suffix(".json"))
    if spec.architecture not in ARCHITECTURES:
        raise ValueError(
            f"`name` {str(name)!r} has a card of architecture {spec.architecture!r}, unknown here"
        )
    return load_states(spec.build(), states, str(path)).eval()
