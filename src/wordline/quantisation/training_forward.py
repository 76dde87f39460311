"""Training with the rounding in the loop: the retraining of QUANOS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import nn

from ..training import AbstractBody
from ..values import require_instance, require_integer, require_number
from .shared_copy import quantised_twin


@final
@dataclass(frozen=True)
class Quantised(AbstractBody):
    """The network runs with few bits, and its unrounded weights learn from that, straight through the rounding.

    `layers`: (name, bits) of each layer, such as `BitAssignment.layers`, other layers keeping full precision;
    `activations`: whether each layer's inputs get its bits too, over the span of each batch; `percent`: of their
    magnitudes, that the span is. What is left at the end is a software network; `quantised_as(network, assignment,
    images)` gives it its bits. Source: arXiv 1308.3432 (straight-through), 2004.11233 (QUANOS).

    >>> body = Quantised((("0", 4),))
    >>> network = body.around(nn.Sequential(nn.Linear(2, 2)))
    >>> Quantised.from_json(body.to_json()) == body, network[0].bits
    (True, 4)
    """

    layers: tuple[tuple[str, int], ...]
    activations: bool = True
    percent: float = 99.9

    def __post_init__(self) -> None:
        require_instance("layers", self.layers, tuple)
        for name, bits in self.layers:
            require_instance("layers", name, str)
            require_integer("layers", bits, at_least=2)
        if not self.layers:
            raise ValueError("`layers` must hold at least one (name, bits) pair")
        require_instance("activations", self.activations, bool)
        require_number("percent", self.percent, above=0.0, at_most=100.0)

    def around(self, model: nn.Module) -> nn.Module:
        """See `AbstractBody.around`, and `quantised_twin`."""
        return quantised_twin(model, dict(self.layers), activations=self.activations, percent=self.percent)

    def begin_step(self, network: nn.Module, seed: int) -> None:
        """Nothing: rounding draws nothing."""
