"""Whether the answers of a chip are those of its arrays: every product accounted for, before anything is measured."""

from __future__ import annotations

import torch
from torch import nn

from ..datasets import ImageSplit, to_float
from ..nn import AbstractMappedLayer, Chip, probe
from ..records import NOT_PROBED, Products
from .party import device_of, dtype_of

_SAME = 8  # images on which a chip is compared with software


def account(name: str, model: nn.Module, split: ImageSplit) -> Products:
    """The products of one inference of a network that holds a chip; none of another network.

    Raises ValueError where the answers do not depend on the chip's arrays.
    """
    if not holds_chip(model):
        return NOT_PROBED
    image = to_float(split.images[:1]).to(device_of(model), dtype_of(model))
    found = probe(model, image)
    if not found.from_arrays:
        raise ValueError(
            f"`{name}` holds a chip whose arrays have no part in its answers; map the network again with "
            "`example=` images to see which of its products are digital"
        )
    return found.products


def holds_chip(model: nn.Module) -> bool:
    """Whether any part of a network is a chip."""
    return any(isinstance(module, Chip) for module in model.modules())


def warnings_of(products: Products) -> tuple[str, ...]:
    """A sentence about the products that stay digital without having been asked to."""
    digital = products.unaccounted
    if not digital:
        return ()
    layers = ", ".join(dict.fromkeys(product.layer for product in digital))
    return (f"{1 - products.share:.2%} of multiply-accumulates are digital, in {layers}",)


def same_answers(victim: nn.Module, source: nn.Module, split: ImageSplit) -> tuple[str, ...]:
    """A sentence where a chip answers like software to the bit although its arrays are not ideal."""
    if not holds_chip(victim) or holds_chip(source) or not any(map(_lossy, victim.modules())):
        return ()
    logits = []
    for model in (victim, source):
        images = to_float(split.images[:_SAME]).to(device_of(model), dtype_of(model))
        with torch.no_grad():
            logits.append(model(images).detach().cpu())
    if logits[0].shape != logits[1].shape or not torch.equal(*logits):
        return ()
    return (f"the chip answers {len(logits[0])} images like software to the bit, although its arrays are not ideal",)


def _lossy(module: nn.Module) -> bool:
    """Whether a mapped layer computes another product than its software."""
    if not isinstance(module, AbstractMappedLayer):
        return False
    crossbar = module.crossbar
    return bool(float(module.nf) > 1e-3 or crossbar.nonidealities or not crossbar.is_matrix)
