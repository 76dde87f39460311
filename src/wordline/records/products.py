"""The multiply-accumulates of a network: those that arrays compute, and those that stay digital."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..values import Value


@dataclass(frozen=True)
class DigitalProduct(Value):
    """A product of activations and weights that no array computes.

    `layer`: the module that computes it; `operation`: torch's name of it; `weight`: the parameter
    or buffer it multiplies by, or the shape of one without a name; `macs`: multiply-accumulates of
    one inference; `reason`: why it is digital; `chosen`: the user asked for that.
    """

    layer: str
    operation: str
    weight: str
    macs: float
    reason: str
    chosen: bool

    def __str__(self) -> str:
        product = f"{self.layer}: {self.operation} by {self.weight}"
        return f"{product}, {self.macs:.4g} multiply-accumulates: {self.reason}"


@dataclass(frozen=True)
class Products(Value):
    """Multiply-accumulates of one inference, counted in one probing pass.

    `on_arrays`: by weights that are programmed on arrays; `digital`: by other weights, product by
    product; `activations`: of activations with activations, such as the scores of attention, which
    no weight takes part in. All zero where no pass was probed.
    """

    on_arrays: float = 0.0
    digital: tuple[DigitalProduct, ...] = ()
    activations: float = 0.0

    @property
    def share(self) -> float:
        """Share of the multiply-accumulates with weights that arrays compute; NaN without any.

        >>> fc = DigitalProduct("fc", "mm", "fc.weight", 1.0, "", False)
        >>> Products(on_arrays=3.0, digital=(fc,)).share
        0.75
        """
        weighted = self.on_arrays + sum(product.macs for product in self.digital)
        return self.on_arrays / weighted if weighted else math.nan

    @property
    def unaccounted(self) -> tuple[DigitalProduct, ...]:
        """The digital products that the user did not ask for."""
        return tuple(product for product in self.digital if not product.chosen)

    def __str__(self) -> str:
        if self == NOT_PROBED:
            return "no pass was probed"
        total = f"{self.share:.2%} of multiply-accumulates with weights on arrays"
        return "\n".join([total, *(f"digital: {product}" for product in self.digital)])


NOT_PROBED = Products()
