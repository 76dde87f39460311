"""A network as an attack sees it that does not adapt to rounding."""

from __future__ import annotations

import copy
from dataclasses import replace

from torch import nn

from ..quantisation import InputRounding
from ..values import require_instance
from .discretise import Discretised


def blinded(model: nn.Module) -> nn.Module:
    """A copy that computes the same, whose rounded pixels and activations pass no gradient: the derivative of a stair.

    The naive attack, to stand beside the adaptive one: what a network seems to withstand only when attacked on this
    copy, it does not withstand (arXiv 1802.00420). Converters of crossbars keep the gradient that they declare. Raises
    ValueError where there is nothing to blind.

    >>> from wordline.attacks import FGSM
    >>> import torch
    >>> model = blinded(Discretised(nn.Flatten(), bits=4))
    >>> FGSM(eps=0.1)(model, torch.full((1, 1, 1, 2), 0.5), torch.tensor([0])).flatten().tolist()  # nothing moves
    [0.5, 0.5]
    """
    require_instance("model", model, nn.Module)
    made = copy.deepcopy(model)
    rounding = [module for module in made.modules() if isinstance(module, (Discretised, InputRounding))]
    if not rounding:
        raise ValueError("`model` rounds neither pixels nor activations; there is no gradient to take away")
    for module in rounding:
        module.gradient, module.codes = "none", replace(module.codes, gradient="none")
    return made
