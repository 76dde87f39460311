"""An account of a chip's products: on its arrays or digital, before anything is measured."""

from __future__ import annotations

import torch
from torch import nn

from ..datasets import ImageSplit
from ..models.batches import predict, prepare
from ..nn import AbstractMappedLayer, Chip, probe
from ..records import NOT_PROBED, Products

_COMPARED = 8  # images on which a chip is compared with software


def account(name: str, model: nn.Module, split: ImageSplit) -> Products:
    """Count the products of one inference of a network that holds a chip; none of another one.

    Raises ValueError where the answers do not depend on the chip's arrays.
    """
    if not holds_chip(model):
        return NOT_PROBED
    found = probe(model, prepare(model, split.images[:1]))
    if not found.from_arrays:
        raise ValueError(
            f"`{name}` holds a chip whose arrays have no part in its answers; map the network "
            "again with `example=` images to see which of its products are digital"
        )
    return found.products


def holds_chip(model: nn.Module) -> bool:
    """Tell if any part of a network is a chip."""
    return any(isinstance(module, Chip) for module in model.modules())


def warnings_of(products: Products) -> tuple[str, ...]:
    """Warn of products that stay digital although nobody excluded them."""
    digital = products.unaccounted
    if not digital:
        return ()
    layers = ", ".join(dict.fromkeys(product.layer for product in digital))
    return (f"{1 - products.share:.2%} of multiply-accumulates are digital, in {layers}",)


def same_answers(victim: nn.Module, source: nn.Module, split: ImageSplit) -> tuple[str, ...]:
    """Warn of a chip that answers like software to the bit although its arrays are not ideal."""
    if not holds_chip(victim) or holds_chip(source) or not any(map(_lossy, victim.modules())):
        return ()
    images = split.images[:_COMPARED]
    ours, theirs = (predict(model, images, batch_size=_COMPARED) for model in (victim, source))
    if ours.shape != theirs.shape or not torch.equal(ours, theirs):
        return ()
    return (
        f"the chip answers {len(ours)} images like software to the bit, although its arrays are "
        "not ideal",
    )


def _lossy(module: nn.Module) -> bool:
    """Tell if a mapped layer computes another product than its software."""
    if not isinstance(module, AbstractMappedLayer):
        return False
    crossbar = module.crossbar
    return bool(float(module.nf) > 1e-3 or crossbar.nonidealities or not crossbar.is_matrix)
