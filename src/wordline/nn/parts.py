"""A layer taken apart into its matrices, and how it is put together again around mapped ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from .product import AbstractProduct


@dataclass(frozen=True, eq=False)
class Part:
    """One matrix of a layer: weight and bias as torch keeps them, the product they enter, and the layer's class."""

    weight: Tensor
    bias: Tensor | None
    product: AbstractProduct
    kind: str

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C)."""
        return self.product.matrix_shape(self.weight.shape)


@dataclass(frozen=True, eq=False)
class Lowered:
    """A layer's parts by name ("" where it is one matrix), and the module that computes with modules for them."""

    parts: Mapping[str, Part]
    assemble: Callable[[Mapping[str, nn.Module]], nn.Module]


class DigitalPart(nn.Module):
    """A part that was asked to stay digital inside a layer whose other parts are on arrays."""

    bias: nn.Parameter | None

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.product, self.weight, self.bias = part.product, kept(part.weight), kept_bias(part.bias)

    def forward(self, input: Tensor) -> Tensor:
        """The product with the software weight."""
        return self.product(input, self.weight, self.bias)


def whole(part: Part) -> Lowered:
    """A layer that is one matrix."""
    return Lowered({"": part}, lambda modules: modules[""])


def kept(tensor: Tensor) -> nn.Parameter:
    """The very parameter where there is one, so that what shares it goes on sharing; otherwise a new one."""
    if isinstance(tensor, nn.Parameter):
        return tensor
    return nn.Parameter(tensor.detach().clone(), requires_grad=tensor.requires_grad)


def kept_bias(bias: Tensor | None) -> nn.Parameter | None:
    """As `kept`, for a bias that may be absent."""
    return None if bias is None else kept(bias)


def carry_over(source: nn.Module, target: nn.Module) -> None:
    """Give a module the plain public attributes of the one it stands for: networks read `in_features` and the like."""
    for name, value in vars(source).items():
        plain = value is None or isinstance(value, bool | int | float | str | tuple)
        if plain and not name.startswith("_") and name != "training" and not hasattr(target, name):
            setattr(target, name, value)


def attribute(layer: nn.Module, name: str) -> Tensor | None:
    """A tensor of a layer by name, None where the layer has none of that name."""
    return cast(Tensor | None, getattr(layer, name, None))
