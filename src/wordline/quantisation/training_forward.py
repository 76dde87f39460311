"""Training through the rounding: the retraining of QUANOS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from torch import nn

from ..training import AbstractTrainingForward
from ..values import require_instance, require_integer, require_number
from .shared_parameter_copy import shared_parameter_copy


@final
@dataclass(frozen=True)
class QuantisedForward(AbstractTrainingForward):
    """Quantised passes in training, from which the unrounded weights learn straight through.

    `layers`: (name, bits) of each layer, such as `BitAssignment.layers`; other layers keep full
    precision. `activations`: round each layer's inputs too, over the span of each batch; `percent`:
    percentile of their magnitudes that is the span. The result is a software network;
    `quantised_as(network, assignment, images)` gives it its bits. Source: arXiv 1308.3432
    (straight-through), 2004.11233 (QUANOS).

    >>> forward = QuantisedForward((("0", 4),))
    >>> network = forward.wrap(nn.Sequential(nn.Linear(2, 2)))
    >>> QuantisedForward.from_json(forward.to_json()) == forward, network[0].bits
    (True, 4)
    """

    former_names: ClassVar[tuple[str, ...]] = ("Quantised",)

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

    def wrap(self, model: nn.Module) -> nn.Module:
        bits = dict(self.layers)
        return shared_parameter_copy(
            model, bits, activations=self.activations, percent=self.percent
        )

    def on_step(self, network: nn.Module, seed: int) -> None:
        """Do nothing: rounding draws no random numbers."""
