"""Description of a network that is enough to build it: a field of the card of a weight file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from torch import nn

from ..values import Value, decode, require_instance, require_integer
from .architectures import build_model


@final
@dataclass(frozen=True)
class NetworkSpec(Value):
    """Name of an architecture, number of classes, and image side in pixels.

    >>> NetworkSpec("digits-cnn", classes=10, side=8).build().fc2.out_features
    10
    """

    architecture: str
    classes: int
    side: int

    def __post_init__(self) -> None:
        require_instance("architecture", self.architecture, str)
        require_integer("classes", self.classes, at_least=2)
        require_integer("side", self.side, at_least=1)

    def build(self, *, seed: int = 0) -> nn.Module:
        """Build an untrained network in training mode (see `build_model`)."""
        return build_model(self.architecture, self.classes, self.side, seed=seed)


def read_spec(path: Path) -> NetworkSpec:
    """Read the field `network` of a card, a JSON file; ValueError if it is missing or damaged."""
    with card_errors(path):
        spec = decode(json.loads(path.read_text())["network"])
        require_instance("network", spec, NetworkSpec)
        return spec


@contextmanager
def card_errors(path: Path) -> Iterator[None]:
    """Turn the errors of reading a card into a ValueError that names its file."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"`weights` needs its card {str(path)!r} beside it ({error.strerror}); "
            "for a network of your own pass package.module:factory"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"`weights` card {str(path)!r} is damaged ({error})") from error
