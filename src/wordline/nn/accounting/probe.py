"""Probes of networks: one pass, with every product that it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ...records import Products
from ..abstract_mapped_layer import AbstractMappedLayer
from .product_counter import ProductCounter
from .usage import unchanged_evaluation

Example = Tensor | tuple[Any, ...]
NO_EXAMPLE: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Probe:
    """The products of a pass; `from_arrays`: whether its outputs depend on arrays."""

    products: Products
    from_arrays: bool


def probe(root: nn.Module, *arguments: Any) -> Probe:
    """Run one pass through a network that holds a chip, and account for every product in it.

    The first dimension of the first argument counts samples. The pass is in evaluation mode and
    without gradients; the network, its read noise and its counts of conversions do not change.
    """
    modules = dict(root.named_modules())
    layers = {name: m for name, m in modules.items() if isinstance(m, AbstractMappedLayer)}
    chips = [name for name, m in modules.items() if isinstance(_digital_layers(m), tuple)]
    digital = dict(pair for name in chips for pair in _digital_layers(modules[name]))
    prefix = ".".join(filter(None, (*chips[:1], "model")))
    counter = ProductCounter(root, digital, len(arguments[0]), prefix)
    with unchanged_evaluation(root, layers), counter.watching():
        counter.mark_images(*arguments)
        out = root(*arguments)
    return Probe(counter.result(), counter.depends_on_arrays(out))


def _digital_layers(module: nn.Module) -> Any:
    return getattr(module, "digital_layers", None)


def example_arguments(example: Example) -> tuple[Any, ...]:
    """Return the arguments of a pass: of one tensor, or as they are given."""
    arguments = example if isinstance(example, tuple) else (example,)
    first = arguments[0] if arguments else None
    number = isinstance(first, bool | int | float)  # a tensor of no dimensions arrives as one
    if number or (isinstance(first, Tensor) and first.dim() == 0):
        raise ValueError(
            "`example` must be a batch whose first dimension counts images, got a single number; "
            "stack the images, or write example[None] for one of them"
        )
    if arguments and not isinstance(first, Tensor):
        raise TypeError(
            "`example` must be Tensor, images, or a tuple of arguments that begins with it, "
            f"got {type(first).__name__}"
        )
    if arguments and len(arguments[0]) == 0:
        shape = tuple(arguments[0].shape)
        raise ValueError(f"`example` must hold at least one image, got shape {shape}")
    return arguments


def require_products(found: Probe, *, strict: bool) -> None:
    """Refuse outputs that do not depend on arrays.

    With `strict`, refuse any digital product that was not asked for, too.
    """
    if not found.from_arrays:
        raise ValueError(
            "`model` gives answers on `example` that do not depend on its arrays: no mapped layer "
            "takes part in them" + "".join(f"; {product}" for product in found.products.digital[:3])
        )
    if strict and found.products.unaccounted:
        raise ValueError(
            "`model` computes a product that is not on arrays "
            f"({found.products.unaccounted[0]}); "
            "map without strict=True to keep it digital"
        )
