"""The Jacobian of the logits with respect to what a layer made: its size, and what it does to a vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(eq=False)
class Pushed:
    """Of one place in the network: ||J||_F^2 `(n,)`, and J v `(n, classes)` for each vector v that was asked about."""

    squared: Tensor
    products: list[Tensor]


def push(
    logits: Tensor, places: Sequence[Tensor], vectors: Sequence[Sequence[Tensor]], *, probes: int,
    generator: torch.Generator,
) -> list[Pushed]:  # fmt: skip
    """||J||_F^2 and J v per image, for every place of one pass; image k of a batch sees row k alone.

    With no more classes than `probes` all rows of J are taken, and everything is exact. With more, ||J||_F^2 is
    Hutchinson's estimate E ||J^T u||^2 over random signs u, and J v the derivative of u -> (J^T u) v, which is exact.
    `vectors[i]` are those of `places[i]`, each of its shape.
    """
    found = [
        Pushed(place.new_zeros(len(logits), dtype=torch.float64), [logits.new_zeros(logits.shape) for _ in asked])
        for place, asked in zip(places, vectors, strict=True)
    ]
    images, classes = logits.shape
    if classes <= probes:
        for row in range(classes):
            for gradient, asked, one in zip(_pull(logits[:, row].sum(), places, images), vectors, found, strict=True):
                one.squared += gradient.double().square().sum(1)
                for v, product in zip(asked, one.products, strict=True):
                    product[:, row] = (gradient * v.reshape(images, -1)).sum(1)
        return found
    for _ in range(probes):
        signs = torch.randint(0, 2, logits.shape, generator=generator).to(logits) * 2 - 1
        for gradient, one in zip(_pull((logits * signs).sum(), places, images), found, strict=True):
            one.squared += gradient.double().square().sum(1) / probes
    u = torch.zeros_like(logits, requires_grad=True)
    pulled = torch.autograd.grad((logits * u).sum(), places, create_graph=True, allow_unused=True)
    for gradient, asked, one in zip(pulled, vectors, found, strict=True):
        if gradient is not None:
            one.products = [torch.autograd.grad((gradient * v).sum(), u, retain_graph=True)[0] for v in asked]
    return found


def _pull(scalar: Tensor, places: Sequence[Tensor], images: int) -> list[Tensor]:
    """The gradient at every place, an image a row; zero where nothing reaches the logits."""
    gradients = torch.autograd.grad(scalar, places, retain_graph=True, allow_unused=True)
    return [
        (torch.zeros_like(p) if g is None else g).reshape(images, -1) for p, g in zip(places, gradients, strict=True)
    ]
