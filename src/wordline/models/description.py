"""The part of a weight file's card that says which network to build."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..values import require_instance, require_integer


@dataclass(frozen=True)
class Description:
    """Architecture, number of classes and image side in pixels."""

    architecture: str
    classes: int
    side: int

    def __post_init__(self) -> None:
        require_instance("architecture", self.architecture, str)
        require_integer("classes", self.classes, at_least=2)
        require_integer("side", self.side, at_least=1)


def read_description(path: Path) -> Description:
    """Read the description from a card, a JSON file; ValueError if it is missing or damaged."""
    try:
        card = json.loads(path.read_text())
        return Description(card["architecture"], card["classes"], card["side"])
    except OSError as error:
        raise ValueError(
            f"`weights` needs its card {str(path)!r} beside it ({error.strerror}); "
            "for a network of your own pass package.module:factory"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"`weights` card {str(path)!r} is damaged ({error})") from error
