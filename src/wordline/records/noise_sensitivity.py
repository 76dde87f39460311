"""Adversarial noise sensitivity (ANS) of the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from ..text import render_table
from ..values import Value, require_instance, require_number


@final
@dataclass(frozen=True)
class NoiseSensitivity(Value):
    """ANS of every layer, by name, in the order of the network, and the conditions of measurement.

    `attack`, `data`, `fingerprint`, `images`, `seed` and `batch_size` are the conditions.

    >>> from wordline.attacks import FGSM
    >>> ans = NoiseSensitivity((("conv", 0.5), ("head", 0.25)), FGSM(eps=0.1), "digits", "", 10)
    >>> ans.layers[0], NoiseSensitivity.from_json(ans.to_json()) == ans
    (('conv', 0.5), True)
    """

    layers: tuple[tuple[str, float], ...]
    attack: Value
    data: str
    fingerprint: str
    images: int
    seed: int = 0
    batch_size: int = 100

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("`layers` must hold at least one (name, ANS) pair")
        for name, value in self.layers:
            require_instance("layers", name, str)
            require_number(f"ANS of {name}", value, at_least=0.0)

    def __str__(self) -> str:
        rows = [(name, f"{value:.3f}") for name, value in self.layers]
        return render_table(("layer", "ANS"), rows)
