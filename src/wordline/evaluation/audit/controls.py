"""Networks to compare a chip with: explanations of its advantage without any robustness."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...defenses.layer_noise import LayerOutputs, layer_outputs
from ...mapping import LeastSquaresGain
from ...nn import Chip, map_model, recalibrate_batch_norm
from ..layer_pairs import LayerPairs
from ..matched_noise import replace_layer, with_noise
from .check import Skip
from .context import AuditContext

NOT_A_CHIP = "the audited module is no `Chip`, so it cannot be mapped again"
NO_PAIR = "the software network has no layers of the names and shapes that the chip has"
SINGLE = "the network is a single layer, which cannot be wrapped in place"


@dataclass(frozen=True, eq=False)
class Control:
    """A network to compare with, and how to build it; building raises `Skip` with the reason."""

    name: str
    build: Callable[[AuditContext], nn.Module]


def recalibrate(context: AuditContext) -> nn.Module:
    """Measure the batch-norm statistics again, on the chip itself."""
    try:
        return recalibrate_batch_norm(context.chip.model, context.calibration)
    except ValueError as error:
        raise Skip(str(error)) from error


def map_with_gain(context: AuditContext) -> nn.Module:
    """Map the same chip with one least-squares gain a layer."""
    chip = _chip(context)
    crossbar = replace(chip.crossbar, gain=LeastSquaresGain())
    return map_model(context.software.model, crossbar, chip.seed)


def map_other_seed(context: AuditContext) -> nn.Module:
    """Map another sample of the same crossbar."""
    chip = _chip(context)
    return map_model(context.software.model, chip.crossbar, chip.seed + 1)


def shrink(context: AuditContext) -> nn.Module:
    """Multiply the outputs of software's mapped layers by the chip's factor; biases stay."""
    model = copy.deepcopy(context.software.model)
    for name, (software_out, chip_out) in outputs_of(context).items():
        tiny = torch.finfo(software_out.dtype).tiny
        square = (software_out * software_out).sum().clamp_min(tiny)
        factor = (software_out * chip_out).sum() / square
        try:
            replace_layer(model, name, lambda layer, factor=factor: _Shrunk(layer, factor))
        except ValueError as error:
            raise Skip(SINGLE) from error
    return model.eval()


def add_noise(context: AuditContext) -> nn.Module:
    """Add Gaussian noise to each mapped layer's output, as much as mapping that layer alone costs.

    Matched Gaussian baseline of arXiv 2109.09060: fresh noise at every forward pass, one mean and
    deviation a layer.
    """
    gaps = {name: chip_out - own for name, (own, chip_out) in outputs_of(context).items()}
    moments = {name: (float(gap.mean()), float(gap.std())) for name, gap in gaps.items()}
    try:
        return with_noise(context.software.model, moments, context.settings.seed)
    except ValueError as error:
        raise Skip(SINGLE) from error


BATCH_NORM = Control("batch norm recalibrated", recalibrate)
GAIN = Control("least-squares gain", map_with_gain)
SHRINK = Control("software, uniformly shrunk", shrink)
NOISE = Control("software, matched noise", add_noise)
OTHER_SEED = Control("another seed's chip", map_other_seed)


def outputs_of(context: AuditContext) -> dict[str, LayerOutputs]:
    """Compute each mapped layer in software and on the chip, with that layer alone on hardware."""

    def measure() -> dict[str, LayerOutputs]:
        chip, software = _chip(context), context.software
        images = software.prepare(context.settings.images[: context.settings.batch_size])
        try:
            pairs = LayerPairs.of(software.model, chip)
            if pairs.left_out:
                raise Skip(NO_PAIR)
            return layer_outputs(
                software.model, pairs.software, pairs.chip, images, without_bias=True
            )
        except ValueError as error:
            raise Skip(NO_PAIR) from error

    outputs: dict[str, LayerOutputs] = context.cached("layer outputs", measure)
    return outputs


class _Shrunk(nn.Module):
    """A layer whose product is multiplied by a factor; its bias is not."""

    def __init__(self, layer: nn.Module, factor: Tensor) -> None:
        super().__init__()
        self.layer, self.factor = layer, float(factor)
        self._at_zero: dict[torch.Size, Tensor] = {}  # by the shape of one input: always the same

    def forward(self, x: Tensor) -> Tensor:
        if (shape := x.shape[1:]) not in self._at_zero:
            with torch.no_grad():
                self._at_zero[shape] = self.layer(torch.zeros_like(x[:1]))
        at_zero = self._at_zero[shape]
        return at_zero + self.factor * (self.layer(x) - at_zero)


def _chip(context: AuditContext) -> Chip:
    if not isinstance(context.chip.model, Chip):
        raise Skip(NOT_A_CHIP)
    return context.chip.model
