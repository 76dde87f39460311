"""Layers that stay digital, and the reason of each."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .layer_rules import RULES, replaced_method

BY_DESIGN = "digital by design"
SUSPECTED = "may multiply by"
NORMALISATIONS = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.LocalResponseNorm,
    nn.PReLU,
)
TABLES = (nn.Embedding, nn.EmbeddingBag)
_QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")
_NO_WEIGHTS = (torch.bool, torch.int64)  # masks and indices


def digital_reason(layer: nn.Module) -> str | None:
    """Say why a layer with weights of its own stays digital; None for a mere container."""
    name = type(layer).__name__
    if isinstance(layer, NORMALISATIONS):
        return f"{BY_DESIGN}: {name} scales and shifts single channels"
    if isinstance(layer, TABLES):
        return f"{BY_DESIGN}: {name} looks up rows of its weights"
    if type(layer).__module__.startswith(_QUANTISED):
        why = f"{name} keeps packed, quantised weights; map the network before it is quantised"
        return why if _is_layer(layer) else None
    if isinstance(layer, torch.jit.ScriptModule):
        if next(iter(layer.parameters(recurse=False)), None) is None:
            return None
        return "it is compiled by TorchScript; map the network before it is scripted"
    if reads_own_weights(layer):
        if method := replaced_method(layer):
            return (
                f"{name} has a `{method}` of its own on this instance, which may change what it "
                "computes"
            )
        if layer._forward_hooks or layer._forward_pre_hooks:
            return f"{name} has forward hooks, which may change what it computes"
        return f"{name} multiplies by its weights itself, in a way of its own"
    own_names = [name for name, _ in layer.named_parameters(recurse=False)]
    if own_names:
        return (
            f"{name} uses its parameters ({', '.join(own_names)}) in a way that is not a known "
            "product"
        )
    if held := dict(_matrices(layer)):
        return (
            f"{name} {SUSPECTED} tensors that are no parameters ({', '.join(held)}); pass "
            "`example=`, images, to know whether it does"
        )
    return None


def reads_own_weights(layer: nn.Module) -> bool:
    """Tell whether a layer reads the weights of modules in it instead of calling these modules.

    Nothing inside such a layer may be replaced.
    """
    known = isinstance(layer, (nn.RNNBase, nn.RNNCellBase, *RULES))
    return known or (type(layer).__module__.startswith(_QUANTISED) and _is_layer(layer))


def _is_layer(layer: nn.Module) -> bool:
    """Tell whether a quantised module is a layer, not an activation or a container."""
    return hasattr(layer, "_packed_params") or hasattr(layer, "weight")


def _matrices(layer: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield buffers and plain attributes that could be weights: two dimensions or more."""
    if type(layer).__module__.startswith(("torch.nn.", "wordline.")):
        return
    for name, held in [*layer.named_buffers(recurse=False), *vars(layer).items()]:
        if isinstance(held, Tensor) and held.dim() > 1 and held.dtype not in _NO_WEIGHTS:
            yield name, held
