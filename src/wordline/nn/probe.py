"""One probing pass through a network: every product it computes, and whether its answers come from the arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..records import Products
from .mapped_layer import MappedLayer
from .product_counter import ProductCounter
from .usage import undisturbed

Example = Tensor | tuple[Any, ...]
NOTHING: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Probe:
    """The products of a pass, and `from_arrays`: whether what it returned depends on what arrays computed."""

    products: Products
    from_arrays: bool


def probe(root: nn.Module, *arguments: Any) -> Probe:
    """Run one pass through a network that holds a chip, and account for every product in it.

    Samples are counted by the first dimension of the first argument. Nothing changes: evaluation mode, no gradients,
    read noise and counts of conversions as they were.
    """
    layers = {name: m for name, m in root.named_modules() if isinstance(m, MappedLayer)}
    chips = {name: m for name, m in root.named_modules() if isinstance(getattr(m, "skipped", None), tuple)}
    digital = {layer: why for chip in chips.values() for layer, why in chip.skipped}
    around = next(iter(chips), "")
    counter = ProductCounter(root, digital, len(arguments[0]), f"{around}.model" if around else "model")
    with undisturbed(root, layers), counter.watching():
        counter.mark_images(*arguments)
        out = root(*arguments)
    return Probe(counter.result(), counter.depends_on_arrays(out))


def example_arguments(example: Example) -> tuple[Any, ...]:
    """The arguments of a pass: of one tensor, or as they are given."""
    arguments = (example,) if isinstance(example, Tensor) else example
    if not isinstance(arguments, tuple) or (arguments and not isinstance(arguments[0], Tensor)):
        got = type(arguments[0] if isinstance(arguments, tuple) else example).__name__
        raise TypeError(f"`example` must be Tensor, images, or a tuple of arguments that begins with it, got {got}")
    if arguments and (arguments[0].dim() == 0 or len(arguments[0]) == 0):
        raise ValueError(f"`example` must hold at least one image, got shape {tuple(arguments[0].shape)}")
    return arguments


def require_products(found: Probe, *, strict: bool) -> None:
    """Refuse answers that arrays have no part in and, if `strict`, any digital product that was not asked for."""
    if not found.from_arrays:
        raise ValueError(
            "`model` gives answers on `example` that do not depend on its arrays: no mapped layer takes part in them"
            + "".join(f"; {product}" for product in found.products.digital[:3])
        )
    if strict and found.products.unaccounted:
        raise ValueError(
            f"`model` computes a product that is not on arrays ({found.products.unaccounted[0]}); "
            "map without strict=True to keep it digital"
        )
