"""A network as an attack sees it that does not adapt to rounding."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import nn

from ..quantisation import InputRounding
from ..values import require_instance
from .discretise import Discretised


def without_gradient(model: nn.Module) -> nn.Module:
    """Copy a network so that its rounded pixels and activations pass no gradient.

    The copy computes the same; zero is the derivative of a staircase. It is the naive attack's
    source, to stand beside the adaptive one: robustness only against attacks on this copy is none
    (arXiv 1802.00420). Converters of crossbars keep the gradient that they declare. Raises
    ValueError for a network that rounds nothing.

    >>> from wordline.attacks import FGSM
    >>> import torch
    >>> model = without_gradient(Discretised(nn.Flatten(), bits=4))
    >>> images = torch.full((1, 1, 1, 2), 0.5)
    >>> FGSM(eps=0.1)(model, images, torch.tensor([0])).flatten().tolist()  # nothing moves
    [0.5, 0.5]
    """
    require_instance("model", model, nn.Module)
    copied = copy.deepcopy(model)
    rounding = [m for m in copied.modules() if isinstance(m, (Discretised, InputRounding))]
    if not rounding:
        raise ValueError(
            "`model` rounds neither pixels nor activations; there is no gradient to take away"
        )
    for module in rounding:
        module.gradient, module.codes = "none", replace(module.codes, gradient="none")
    return copied
