"""Errors of a chip layer by layer, measured and drawn again as Gaussian noise.

The one place for both users of such noise: training (`MatchedNoise`) and the matched-noise baseline
of evaluations and audits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..hooks import forward_pre_hooks

WHOLE = "model"  # a chip's name of a layer that is the whole network


class LayerOutputs(NamedTuple):
    """Outputs of one layer in software and on the chip, both given software's activations."""

    software_out: Tensor
    chip_out: Tensor


def layer_named(model: nn.Module, name: str) -> nn.Module | None:
    """Find a layer by the name a chip gives it; None where there is none.

    >>> net = nn.Sequential(nn.Identity())
    >>> layer_named(net, "0") is net[0], layer_named(net, "model") is net, layer_named(net, "9")
    (True, True, None)
    """
    if name == WHOLE and WHOLE not in dict(model.named_children()):
        return model
    try:
        return model.get_submodule(name)
    except AttributeError:
        return None


def layer_outputs(
    software: nn.Module,
    software_layers: Mapping[str, nn.Module],
    chip_layers: Mapping[str, nn.Module],
    images: Tensor,
    *,
    without_bias: bool = False,
) -> dict[str, LayerOutputs]:
    """Compute each layer in software and on the chip, with only that layer on hardware.

    Both are given the activations of the software network for `images`, which must fit it; all
    layers before are software's. Of a layer that is called several times, the last call counts.
    `without_bias` subtracts each layer's output for zero activations.

    Raises ValueError where the two outputs differ in shape.
    """
    activations: dict[str, Tensor] = {}

    def record(name: str, layer: nn.Module, arguments: tuple[Any, ...], keywords: Any) -> None:
        activations[name] = arguments[0].clone()

    found = {}
    with torch.no_grad():
        with forward_pre_hooks(software_layers, record):
            software(images)
        for name, x in activations.items():
            outputs = LayerOutputs(
                *(
                    layer(x) - layer(torch.zeros_like(x[:1])) if without_bias else layer(x)
                    for layer in (software_layers[name], chip_layers[name])
                )
            )
            _require_same_shape(name, *outputs)
            found[name] = outputs
    return found


def draw_noise(like: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Draw Gaussian noise of zero mean for an output, from a generator on the CPU.

    >>> draw_noise(torch.zeros(2), 0.0, torch.Generator())
    tensor([0., 0.])
    """
    normal = torch.randn(like.shape, generator=generator, dtype=torch.float32)
    return deviation * normal.to(like)


def _require_same_shape(name: str, software_out: Tensor, chip_out: Tensor) -> None:
    if software_out.shape != chip_out.shape:
        raise ValueError(
            f"`chip` layer {name!r} makes {tuple(chip_out.shape)}, that of `software` "
            f"{tuple(software_out.shape)}; pass the network that was mapped"
        )
