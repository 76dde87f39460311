"""Which layer of a software network is which layer of its chip: those of the same name."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..nn import Chip

WHOLE = "model"  # how a chip calls a layer that is the whole network


@dataclass(frozen=True, eq=False)
class LayerPairs:
    """By name, software's layer and the chip's; `left_out` are layers of the chip without a twin in software."""

    software: dict[str, nn.Module]
    chip: dict[str, nn.Module]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, software: nn.Module, chip: nn.Module) -> LayerPairs:
        """Mapped layers of a `Chip`; of other modules, the layers of one name that have a weight matrix in software."""
        own: dict[str, nn.Module] = dict(chip.layers) if isinstance(chip, Chip) else _named(chip)
        twins = {name: part for name in own if (part := part_of(software, name)) is not None and _multiplies(part)}
        left_out = tuple(name for name in own if name not in twins) if isinstance(chip, Chip) else ()
        if not twins:
            raise ValueError(
                "`chip` has no layer that `software` has by the same name; pass the network that was mapped (map a "
                "wrapper such as Normalized with its network inside)"
            )
        return cls(twins, {name: own[name] for name in twins}, left_out)


def part_of(model: nn.Module, name: str) -> nn.Module | None:
    """The part of that name; the network itself where a chip calls it "model"; None where there is none."""
    if name == WHOLE and WHOLE not in dict(model.named_children()):
        return model
    try:
        return model.get_submodule(name)
    except AttributeError:
        return None


def _named(model: nn.Module) -> dict[str, nn.Module]:
    return {name or WHOLE: module for name, module in model.named_modules()}


def _multiplies(layer: nn.Module) -> bool:
    """Whether it is a layer of its own with a weight of at least two dimensions."""
    weight = getattr(layer, "weight", None)
    return getattr(weight, "ndim", 0) >= 2 and not list(layer.children())
