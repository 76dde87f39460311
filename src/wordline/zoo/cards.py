"""The card beside a weight file: what the network is, how it was trained and what it scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..values import Value, decode
from .files import write_atomically
from .recipe import Recipe


@dataclass(frozen=True)
class Card(Value):
    """What a trained network is: enough to build it, to repeat its training and to know what to expect of it."""

    architecture: str
    data: str
    classes: int
    side: int
    recipe: Recipe
    seed: int
    train_fingerprint: str
    test_fingerprint: str
    test_accuracy: float
    test_images: int
    minutes: float
    versions: dict[str, str]
    command: str = ""
    note: str = ""

    def write(self, path: Path) -> None:
        """Indented JSON, for people too."""
        text = json.dumps(json.loads(self.to_json()), indent=1) + "\n"
        write_atomically(path, lambda temporary: temporary.write_text(text))


def read_card(path: Path) -> Card:
    """The card in a JSON file."""
    try:
        plain: Any = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"`weights` needs its card {str(path)!r} beside it ({error})") from error
    card = decode(plain)
    if not isinstance(card, Card):
        raise ValueError(f"`weights` card {str(path)!r} holds no Card")
    return card
