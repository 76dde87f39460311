"""Networks to compare a chip with: explanations of its advantage without any robustness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from glob import escape

from torch import nn

from ...datasets import ImageSplit
from ...defenses.layer_noise import LayerOutputs, layer_outputs
from ...mapping import Crossbar, LeastSquaresGain
from ...nn import Chip, calibrate, map_model, recalibrate_batch_norm
from ..attenuated import attenuated
from ..layer_pairs import LayerPairs
from ..matched_noise import with_noise
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
    return _map_again(
        context, chip.seed, lambda crossbar: replace(crossbar, gain=LeastSquaresGain())
    )


def map_other_seed(context: AuditContext) -> nn.Module:
    """Map another sample of the same crossbar."""
    return _map_again(context, _chip(context).seed + 1, lambda crossbar: crossbar)


def attenuate(context: AuditContext) -> nn.Module:
    """Multiply software's mapped weights by the chip's mean gain in each layer; biases stay.

    Of a layer without a matrix it is measured on the first batch of the audited images.
    """
    chip, settings = _chip(context), context.settings
    count = min(settings.batch_size, len(settings.labels))
    images = ImageSplit(settings.images[:count], settings.labels[:count])
    try:
        return attenuated(software=context.software.model, chip=chip, data=images)
    except ValueError as error:
        raise Skip(str(error)) from error


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
TWIN = Control("software, attenuated as the chip", attenuate)
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


def _map_again(context: AuditContext, seed: int, change: Callable[[Crossbar], Crossbar]) -> Chip:
    """Map software's layers that the chip has on arrays, each onto its own crossbar, changed.

    Converter ranges that were calibrated are measured anew, on the audit's calibration images.
    """
    chip = _chip(context)
    mapped = map_model(
        context.software.model,
        change(chip.crossbar),
        seed,
        only=[escape(name) for name in chip.layers],
        overrides=[(pattern, change(crossbar)) for pattern, crossbar in chip.overrides],
    )
    return calibrate(mapped, context.calibration, limit=0)


def _chip(context: AuditContext) -> Chip:
    if not isinstance(context.chip.model, Chip):
        raise Skip(NOT_A_CHIP)
    return context.chip.model
