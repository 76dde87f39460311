"""Torch's transformer encoder, kept off the fused kernels that read weights past the layers that hold them."""

from __future__ import annotations

from torch import nn


def call_the_layers(root: nn.Module) -> None:
    """Make every encoder of a network call its layers, in this copy of it.

    In evaluation mode torch hands the weights of a whole encoder layer to one kernel, and drops padded positions by
    nested tensors; both know nothing of arrays. What is computed instead is what torch computes in training mode
    without dropout: the same numbers, but for padded positions, which carry numbers where nested tensors leave zeros.
    """
    for module in root.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0
        elif isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
