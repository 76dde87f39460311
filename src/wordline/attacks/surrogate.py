"""Logits of one network with the gradient of another: BPDA.

BPDA stands for backward pass differentiable approximation.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from ..straight_through import value_with_gradient_of
from ..transforms import needs_derivative


@final
class SurrogateGradient(nn.Module):
    """A network with the logits of `model` and, at the same images, the gradient of another.

    For a network that has no useful gradient of its own (rounding, an array without an adjoint), or
    to ask if its own is the best one. Pass it as the `source` of an attack; the victim stays the
    network itself. `model` and `gradient_from` must give as many logits. BPDA: Athalye et al. 2018
    (arXiv 1802.00420), section 4.

    >>> class Rounded(nn.Module):
    ...     def forward(self, images):
    ...         return images.round()
    >>> rounded = SurrogateGradient(Rounded(), nn.Identity())
    >>> x = torch.tensor([[0.4, 0.8]], requires_grad=True)
    >>> rounded(x).tolist(), torch.autograd.grad(rounded(x)[0, 1], x)[0].tolist()
    ([[0.0, 1.0]], [[0.0, 1.0]])
    """

    def __init__(self, model: nn.Module, gradient_from: nn.Module) -> None:
        super().__init__()
        for name, network in (("model", model), ("gradient_from", gradient_from)):
            if not isinstance(network, nn.Module):
                raise TypeError(f"`{name}` must be a torch.nn.Module, got {type(network).__name__}")
        self.model, self.gradient_from = model, gradient_from
        self.training = model.training or gradient_from.training

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits `(n, classes)`."""
        with torch.no_grad():
            logits = self.model(images.detach())
        if not needs_derivative(images):
            return logits
        other = self.gradient_from(images)
        if other.shape != logits.shape:
            raise ValueError(
                f"`gradient_from` must give logits of shape {tuple(logits.shape)} as `model` does, "
                f"got {tuple(other.shape)}"
            )
        return value_with_gradient_of(logits, other)
