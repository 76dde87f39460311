"""Card beside a weight file: the network, its training and its test accuracy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from ..files import write_atomically
from ..models.spec import NetworkSpec, card_errors
from ..values import Value, require_instance, require_integer, require_number
from .recipe import Recipe


@final
@dataclass(frozen=True)
class Card(Value):
    """Facts about a trained network: enough to build it, and to repeat its training.

    `test_accuracy` is that of the weights as they stand in the file, in full precision arithmetic.
    `best_epoch` is the one of the best `validation_score`, if the recipe validates, and the one
    that the file holds; 0 says that the last epoch was kept. `initial` is the fingerprint of the
    weights that a fine-tuning started from.
    """

    network: NetworkSpec
    data: str
    recipe: Recipe
    seed: int
    train_fingerprint: str
    test_fingerprint: str
    test_accuracy: float
    test_images: int
    minutes: float
    versions: dict[str, str] = field(hash=False)
    command: str = ""
    note: str = ""
    best_epoch: int = 0
    validation_score: float = 0.0
    initial: str = ""

    def __post_init__(self) -> None:
        require_instance("network", self.network, NetworkSpec)
        require_instance("recipe", self.recipe, Recipe)
        require_instance("versions", self.versions, dict)
        require_integer("test_images", self.test_images, at_least=1)
        require_integer("best_epoch", self.best_epoch, at_least=0)
        require_number("test_accuracy", self.test_accuracy, at_least=0.0, at_most=1.0)

    def write(self, path: Path) -> None:
        """Write the card as indented JSON."""
        text = json.dumps(json.loads(self.to_json()), indent=1) + "\n"
        write_atomically(path, lambda temporary: temporary.write_text(text))


def read_card(path: Path) -> Card:
    """Read the card in a JSON file; ValueError if it is missing, damaged or no card."""
    with card_errors(path):
        return Card.from_json(path.read_text())
