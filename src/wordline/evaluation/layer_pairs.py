"""Pairs of layers of the same name in a software network and its chip."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..defenses.layer_noise import WHOLE, layer_named
from ..nn import Chip


@dataclass(frozen=True, eq=False)
class LayerPairs:
    """Software's layer and the chip's, by name; `left_out`: the chip's layers without a pair."""

    software: dict[str, nn.Module]
    chip: dict[str, nn.Module]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, software: nn.Module, chip: nn.Module) -> LayerPairs:
        """Pair the mapped layers of a `Chip`, or of another module its layers by name.

        Only layers that have a weight matrix in software are paired.
        """
        own: dict[str, nn.Module] = dict(chip.layers) if isinstance(chip, Chip) else _named(chip)
        named = {name: layer_named(software, name) for name in own}
        paired = {
            name: layer for name, layer in named.items() if layer is not None and _multiplies(layer)
        }
        if not paired:
            raise ValueError(
                "`chip` has no layer that `software` has by the same name; pass the network that "
                "was mapped (map a wrapper such as Normalized with its network inside)"
            )
        unpaired = tuple(name for name in own if name not in paired)
        left_out = unpaired if isinstance(chip, Chip) else ()
        return cls(paired, {name: own[name] for name in paired}, left_out)


def _named(model: nn.Module) -> dict[str, nn.Module]:
    return {name or WHOLE: module for name, module in model.named_modules()}


def _multiplies(layer: nn.Module) -> bool:
    """Tell if it is a layer of its own with a weight of at least two dimensions."""
    weight = getattr(layer, "weight", None)
    return getattr(weight, "ndim", 0) >= 2 and not list(layer.children())
