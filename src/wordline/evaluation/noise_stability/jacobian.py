"""The Jacobian of the logits with respect to a layer's output: its norm and its products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(eq=False)
class JacobianProducts:
    """||J||_F^2 `(n,)` of one output, and J v `(n, classes)` for each vector v asked for."""

    squared: Tensor
    products: list[Tensor]


def jacobian_products(
    logits: Tensor,
    outputs: Sequence[Tensor],
    vectors: Sequence[Sequence[Tensor]],
    *,
    probes: int,
    generator: torch.Generator,
) -> list[JacobianProducts]:
    """Compute ||J||_F^2 and J v per image, for every layer output of one pass.

    Image k of a batch sees row k alone. With no more classes than `probes` all rows of J are taken,
    and everything is exact. With more, ||J||_F^2 is Hutchinson's estimate E ||J^T u||^2 over random
    signs u, and J v the derivative of u -> (J^T u) v, which is exact. `vectors[i]` are those of
    `outputs[i]`, each of its shape.
    """
    images, classes = logits.shape
    found = [
        JacobianProducts(
            output.new_zeros(images, dtype=torch.float64),
            [logits.new_zeros(logits.shape) for _ in asked],
        )
        for output, asked in zip(outputs, vectors, strict=True)
    ]
    if classes <= probes:
        for row in range(classes):
            gradients = _gradients(logits[:, row].sum(), outputs, images)
            for gradient, asked, one in zip(gradients, vectors, found, strict=True):
                one.squared += gradient.double().square().sum(1)
                for v, product in zip(asked, one.products, strict=True):
                    product[:, row] = (gradient * v.reshape(images, -1)).sum(1)
        return found
    for _ in range(probes):
        signs = torch.randint(0, 2, logits.shape, generator=generator).to(logits) * 2 - 1
        gradients = _gradients((logits * signs).sum(), outputs, images)
        for gradient, one in zip(gradients, found, strict=True):
            one.squared += gradient.double().square().sum(1) / probes
    u = torch.zeros_like(logits, requires_grad=True)
    pulled = torch.autograd.grad((logits * u).sum(), outputs, create_graph=True, allow_unused=True)
    for pull, asked, one in zip(pulled, vectors, found, strict=True):
        if pull is not None:
            one.products = [
                torch.autograd.grad((pull * v).sum(), u, retain_graph=True)[0] for v in asked
            ]
    return found


def _gradients(scalar: Tensor, outputs: Sequence[Tensor], images: int) -> list[Tensor]:
    """Compute the gradient at every output, an image a row; zero where none reaches the logits."""
    found = torch.autograd.grad(scalar, outputs, retain_graph=True, allow_unused=True)
    return [
        (torch.zeros_like(output) if g is None else g).reshape(images, -1)
        for output, g in zip(outputs, found, strict=True)
    ]
