"""The networks that a chip is compared with: what might explain its advantage without any robustness."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...mapping import LeastSquaresGain
from ...nn import Chip, map_model, recalibrate_batch_norm
from ..layer_pairs import LayerPairs
from ..matched_noise import alone, replace_layer, with_noise
from .bench import Bench
from .check import Skip

NOT_A_CHIP = "the audited module is no `Chip`, so it cannot be mapped again"
NO_TWIN = "the software network has no layers of the names and shapes that the chip has"
SINGLE = "the network is a single layer, which cannot be wrapped in place"


@dataclass(frozen=True, eq=False)
class Control:
    """A name and how to build the network; building raises `Skip` with the reason where it is not possible."""

    name: str
    build: Callable[[Bench], nn.Module]


def recalibrated(bench: Bench) -> nn.Module:
    """The chip whose batch-norm statistics were measured again on the chip itself."""
    try:
        return recalibrate_batch_norm(bench.chip.model, bench.calibration)
    except ValueError as error:
        raise Skip(str(error)) from error


def gained(bench: Bench) -> nn.Module:
    """The same chip with one least-squares gain a layer."""
    chip = _chip(bench)
    return map_model(bench.software.model, replace(chip.crossbar, gain=LeastSquaresGain()), chip.seed)


def another(bench: Bench) -> nn.Module:
    """Another sample of the same crossbar."""
    chip = _chip(bench)
    return map_model(bench.software.model, chip.crossbar, chip.seed + 1)


def shrunk(bench: Bench) -> nn.Module:
    """Software whose mapped layers give outputs smaller by the factor that the chip's do; biases stay."""
    model = copy.deepcopy(bench.software.model)
    for name, (wanted, made) in layer_outputs(bench).items():
        factor = (wanted * made).sum() / (wanted * wanted).sum().clamp_min(torch.finfo(wanted.dtype).tiny)
        _replace(model, name, lambda layer, factor=factor: _Shrunk(layer, factor))
    return model.eval()


def noisy(bench: Bench) -> nn.Module:
    """Software with Gaussian noise on each mapped layer's output, as much as mapping that layer alone costs.

    Matched Gaussian baseline of arXiv 2109.09060: fresh noise at every forward pass, one mean and deviation a layer.
    """
    gaps = {name: made - wanted for name, (wanted, made) in layer_outputs(bench).items()}
    moments = {name: (float(gap.mean()), float(gap.std())) for name, gap in gaps.items()}
    try:
        return with_noise(bench.software.model, moments, bench.conditions.seed)
    except ValueError as error:
        raise Skip(SINGLE) from error


RECALIBRATED = Control("batch norm recalibrated", recalibrated)
GAINED = Control("least-squares gain", gained)
SHRUNK = Control("software, uniformly shrunk", shrunk)
NOISY = Control("software, matched noise", noisy)
ANOTHER = Control("another seed's chip", another)


def layer_outputs(bench: Bench) -> dict[str, tuple[Tensor, Tensor]]:
    """Per mapped layer what software and chip make of the software's clean activations, less what they make of 0."""

    def measure() -> dict[str, tuple[Tensor, Tensor]]:
        chip, software = _chip(bench), bench.software.model
        try:
            pairs = LayerPairs.of(software, chip)
            if pairs.left_out:
                raise Skip(NO_TWIN)
            return alone(software, pairs, bench.conditions.images[: bench.conditions.batch_size])
        except ValueError as error:
            raise Skip(NO_TWIN) from error

    outputs: dict[str, tuple[Tensor, Tensor]] = bench.once("layer outputs", measure)
    return outputs


class _Shrunk(nn.Module):
    """A layer whose product is multiplied by a factor; its bias is not."""

    def __init__(self, layer: nn.Module, factor: Tensor) -> None:
        super().__init__()
        self.layer, self.factor = layer, float(factor)

    def forward(self, x: Tensor) -> Tensor:
        at_zero = self.layer(torch.zeros_like(x[:1]))
        return at_zero + self.factor * (self.layer(x) - at_zero)


def _chip(bench: Bench) -> Chip:
    if not isinstance(bench.chip.model, Chip):
        raise Skip(NOT_A_CHIP)
    return bench.chip.model


def _replace(model: nn.Module, name: str, wrap: Callable[[nn.Module], nn.Module]) -> None:
    try:
        replace_layer(model, name, wrap)
    except ValueError as error:
        raise Skip(SINGLE) from error
