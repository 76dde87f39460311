"""Torch's transformer encoder without the fused kernels, which read weights past the layers."""

from __future__ import annotations

from torch import nn


def disable_fused_encoders(root: nn.Module) -> None:
    """Make every transformer encoder of a network call its layers, in place.

    In evaluation mode torch hands the weights of a whole encoder layer to one kernel and drops
    padded positions by nested tensors; both bypass the arrays. Instead the encoders compute as in
    training mode without dropout: the same numbers, except that padded positions carry numbers
    where nested tensors leave zeros.
    """
    for module in root.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0
        elif isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
