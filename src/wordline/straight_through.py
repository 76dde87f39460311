"""One tensor's value with another tensor's gradient: straight-through estimators and BPDA."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad


def value_with_gradient_of(value: Tensor, gradient_source: Tensor) -> Tensor:
    """Return the numbers of `value` with the derivatives of `gradient_source`, of the same shape.

    Derivatives of every order and of both modes pass to `gradient_source`; none pass to `value`.
    Sources: straight-through estimator, Bengio et al. 2013 (arXiv 1308.3432); backward pass
    differentiable approximation (BPDA), Athalye et al. 2018 (arXiv 1802.00420).

    >>> x = torch.tensor(1.4, requires_grad=True)
    >>> y = value_with_gradient_of(x.round(), 3 * x)  # rounds, and has slope 3
    >>> y.item(), torch.autograd.grad(y, x)[0].item()
    (1.0, 3.0)
    """
    if torch.compiler.is_compiling():  # which knows no function with a forward-mode derivative
        return value.detach() + (gradient_source - gradient_source.detach())
    return cast(Tensor, _ValueWithGradientOf.apply(value.detach(), gradient_source))


class _ValueWithGradientOf(torch.autograd.Function):
    """Exact where value + (source - source.detach()) is not: that is NaN for an infinite source."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, gradient_source: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        return None, grads[0]

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        # torch turns forward mode off in here, and would lose second derivatives
        with forward_ad._set_fwd_grad_enabled(True):
            return tangents[1].clone()
