"""Matrix views: the matrices of a layer, and the layer put together again around other modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from .product import AbstractProduct


@dataclass(frozen=True, eq=False)
class MatrixView:
    """One matrix of a layer: weight and bias as torch keeps them, their product, the layer's class.

    `kind`: name of the class, such as "Conv2d".
    """

    weight: Tensor
    bias: Tensor | None
    product: AbstractProduct
    kind: str

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, inputs K, outputs C)."""
        return self.product.matrix_shape(self.weight.shape)


@dataclass(frozen=True, eq=False)
class LayerMatrices:
    """All matrices of a layer by name ("" where it is one), and the way back to a layer.

    `assemble(modules)`: the module that computes like the layer, with these in place of its
    matrices.
    """

    views: Mapping[str, MatrixView]
    assemble: Callable[[Mapping[str, nn.Module]], nn.Module]


class DigitalLayer(nn.Module):
    """A matrix that stays digital inside a layer whose other matrices are on arrays."""

    bias: nn.Parameter | None

    def __init__(self, view: MatrixView) -> None:
        super().__init__()
        self.product, self.weight = view.product, as_parameter(view.weight)
        self.bias = as_optional_parameter(view.bias)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Multiply by the software weight; `output_size` as in a mapped layer."""
        product = self.product
        if output_size is not None:
            product = product.with_output_size(input, output_size)
        return product(input, self.weight, self.bias)


def single_matrix(view: MatrixView) -> LayerMatrices:
    """Describe a layer that is one matrix."""
    return LayerMatrices({"": view}, lambda modules: modules[""])


def as_parameter(tensor: Tensor) -> nn.Parameter:
    """Return a parameter itself, so that sharing survives; make a new one of another tensor."""
    if isinstance(tensor, nn.Parameter):
        return tensor
    return nn.Parameter(tensor.detach().clone(), requires_grad=tensor.requires_grad)


def as_optional_parameter(bias: Tensor | None) -> nn.Parameter | None:
    """Apply `as_parameter` to a bias that may be absent."""
    return None if bias is None else as_parameter(bias)


def copy_attributes(source: nn.Module, target: nn.Module) -> None:
    """Copy the plain public attributes of a module, such as `in_features`, that `target` lacks."""
    for name, value in vars(source).items():
        plain = value is None or isinstance(value, bool | int | float | str | tuple)
        public = plain and not name.startswith("_") and name != "training"
        if public and not hasattr(target, name):
            setattr(target, name, value)


def optional_tensor(layer: nn.Module, name: str) -> Tensor | None:
    """Look a tensor of a layer up by name; None where the layer has none of that name."""
    return cast(Tensor | None, getattr(layer, name, None))
