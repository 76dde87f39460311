"""The card beside a weight file: what the network is, how it was trained and what it scored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ..files import write_atomically
from ..values import Value, require_instance, require_integer, require_number
from .recipe import Recipe


@dataclass(frozen=True)
class Card(Value):
    """What a trained network is: enough to build it, to repeat its training and to know what to expect of it.

    `test_accuracy` is that of the weights as they stand in the file, in full precision arithmetic. `kept_epoch` is the
    one of the best `validation_score`, where the recipe validates; 0 says that the last epoch was kept unseen.
    `initial` is the fingerprint of the weights that a fine-tuning started from.
    """

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
    versions: dict[str, str] = field(hash=False)
    command: str = ""
    note: str = ""
    kept_epoch: int = 0
    validation_score: float = 0.0
    initial: str = ""

    def __post_init__(self) -> None:
        require_instance("architecture", self.architecture, str)
        require_instance("recipe", self.recipe, Recipe)
        require_instance("versions", self.versions, dict)
        require_integer("classes", self.classes, at_least=2)
        require_integer("side", self.side, at_least=1)
        require_integer("test_images", self.test_images, at_least=1)
        require_integer("kept_epoch", self.kept_epoch, at_least=0)
        require_number("test_accuracy", self.test_accuracy, at_least=0.0, at_most=1.0)

    def write(self, path: Path) -> None:
        """Indented JSON, for people too."""
        text = json.dumps(json.loads(self.to_json()), indent=1) + "\n"
        write_atomically(path, lambda temporary: temporary.write_text(text))


def read_card(path: Path) -> Card:
    """The card in a JSON file; ValueError if it is missing, damaged or no card."""
    try:
        return Card.from_json(path.read_text())
    except OSError as error:
        raise ValueError(
            f"`weights` needs its card {str(path)!r} beside it ({error.strerror}); "
            "for a network of your own pass package.module:factory"
        ) from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"`weights` card {str(path)!r} is damaged ({error})") from error
