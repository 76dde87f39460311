"""The sensitivity of a randomised network: how far an image moves its first noisy outputs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...hooks import forward_hooks
from ...nn import AbstractMappedLayer, Chip
from ...nn.accounting.usage import unchanged_evaluation
from ...nn.layers.linear import LinearProduct
from ...seeds import stream_seed
from ..matched_noise import NoisyLayer
from ..read_noise import restart_noise
from .image_flow import CHANGED, ImageFlow
from .normalised_map import is_input_noise, normalised_map
from .operator_norm import operator_bound

MARGIN = 1e-5  # layers compute in float32: their matrices and noise are known to some 1e-6


class Sensitivity(NamedTuple):
    """`layer`: the first noisy one; `bound`: of the norm of images to its outputs in noise units.

    1 / bound is the standard deviation of noise at the input that gives the same radii.
    """

    layer: str
    bound: float


def sensitivity(victim: nn.Module, image: Tensor) -> Sensitivity:
    """Bound || D^(-1/2) W diag(c) ||_2 of a network from above: see docs/certificate.md.

    W is the matrix of the first layer that adds noise, D the variance of its outputs, c the factors
    of a normalisation in front of it. `image` `(1, ...)`: any one, in [0, 1] and on the network's
    device, for a pass that is followed operation by operation.

    Raises ValueError for half precision; for a network without such a layer; where anything but a
    shift and a factor for each pixel stands in front of it; and where the answers depend
    on the images in another way than through its outputs.
    """
    if image.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"`victim` computes in {image.dtype}, which rounds images, and so moves them by more "
            "than a small change does; certify it in single precision"
        )
    layers = _noisy_layers(victim)
    zeros, ones = torch.zeros_like(image), torch.ones_like(image)
    images = torch.cat((zeros, ones, image))
    flow = ImageFlow(layers)
    with unchanged_evaluation(victim, _arrays(layers)), flow.watching(images):
        logits = victim(images)
    if not flow.entered:
        raise ValueError(
            "`victim` has no mapped layer that the images reach, and no noise at its input; map it "
            "onto a crossbar with output_noise=OutputNoise(...), or use `with_input_noise`"
        )
    name, layer, inputs = flow.entered[0]
    if flow.marks.of([inputs]) & CHANGED:
        raise ValueError(
            f"`victim` changes images in front of its first noisy layer {name!r} by "
            f"{', '.join(dict.fromkeys(flow.changes))}; a certificate needs a normalisation there, "
            "a shift and a factor for each pixel, or nothing"
        )
    if flow.depends(logits):
        flow.leaks.append("a part of the network passes them around it")
    _require_alone(name, flow.leaks)
    with unchanged_evaluation(victim, _arrays(layers)):
        _require_same_answers(victim, name, layer, images)
    scale = _factors(inputs, image, name)
    product, matrix = normalised_map(layer, name)
    if isinstance(product, LinearProduct):
        scale = scale.reshape(-1, matrix.shape[1])
    bound = operator_bound(product, matrix.cpu(), scale.cpu())
    return Sensitivity(name, bound * (1 + MARGIN))


def _noisy_layers(victim: nn.Module) -> dict[str, nn.Module]:
    """Return mapped layers by their names in software, and noise at the input as "input"."""
    named = dict(victim.named_modules())
    chip = next((name for name, module in named.items() if isinstance(module, Chip)), None)
    prefix = "" if chip is None else f"{chip}.model." if chip else "model."
    found = {}
    for name, module in named.items():
        if is_input_noise(module):
            found["input"] = module
        elif isinstance(module, AbstractMappedLayer):
            found[name.removeprefix(prefix) or "model"] = module
    return found


def restart(victim: nn.Module, *stream: int | str) -> None:
    """Begin all noise of a network anew: that of its chips, and that of its noisy layers."""
    restart_noise(victim, *stream)
    for name, module in victim.named_modules():
        if isinstance(module, NoisyLayer):
            module.generator.manual_seed(stream_seed(repr((*stream, name))))


def _factors(inputs: Tensor, image: Tensor, name: str) -> Tensor:
    """Return the factor of each pixel, bounded from above, in the shape of one input.

    `inputs`: of the layer, for images of zeros, of ones, and `image`.
    """
    zeros, ones, given = inputs.detach().double().reshape(3, -1)
    factors = ones - zeros
    spread = zeros.abs() + ones.abs()
    foreseen = zeros + factors * image.double().flatten()
    if not bool(((given - foreseen).abs() <= 1e-5 * (1 + spread)).all()):
        raise ValueError(
            f"`victim` gives its first noisy layer {name!r} other inputs than a shift and a factor "
            "for each pixel make of an image; a certificate needs a normalisation there, or nothing"
        )
    rounding = 4 * torch.finfo(torch.float32).eps * spread
    bounds = (factors.abs() + rounding).view(-1, *inputs.shape[1:])
    return bounds.amax(0)  # a network may lay an image out as several inputs


def _require_alone(name: str, leaks: list[str]) -> None:
    if leaks:
        raise ValueError(
            f"`victim` sees the images not only through the noisy outputs of {name!r}: "
            f"{'; '.join(dict.fromkeys(leaks))}; what passes by the noise has no certificate"
        )


def _require_same_answers(
    victim: nn.Module, name: str, layer: nn.Module, images: Tensor
) -> None:  # fmt: skip
    """Refuse a network that answers otherwise for other images with the same noisy outputs.

    The flow of tensors does not show what a network does with numbers outside torch.
    """
    kept: list[Tensor] = []

    def replay(_: str, __: nn.Module, ___: tuple[object, ...], out: Tensor) -> Tensor:
        kept.append(out)
        return kept[0]

    with forward_hooks({name: layer}, replay):
        answers = []
        for seen in (images, images.flip(0), 1 - images):
            restart(victim, "replay")
            answers.append(victim(seen))
    if not all(torch.equal(answer.nan_to_num(), answers[0].nan_to_num()) for answer in answers):
        _require_alone(name, ["its answers differ for the same outputs of that layer"])


def _arrays(layers: dict[str, nn.Module]) -> dict[str, AbstractMappedLayer]:
    return {name: m for name, m in layers.items() if isinstance(m, AbstractMappedLayer)}
