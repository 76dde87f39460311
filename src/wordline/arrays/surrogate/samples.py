"""Random conductances and voltages as a chip uses them, to fit a surrogate and to judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from ...values import Value
from .design import ArrayDesign

DIGITS = 16  # levels of a 4-bit weight slice, and of a 4-bit input stream
VARIATION = 0.1  # relative standard deviation of the conductances of every fourth array
REACH = 0.5  # conductances are 0, or lie between (1 - REACH) g_off and (1 + REACH) g_on
_OPEN = 0.02  # share of open devices in every eighth array


@final
@dataclass(frozen=True)
class SampleDistribution(Value):
    """Sparsity and tails of the random weights and inputs.

    An array or an input with zeros has a share u^zeros of them, with u uniform in (0, 1). The
    magnitudes of a top slice or a top stream are |n|^tail, with n standard normal.
    """

    zeros: float
    tail: float


TRAINING = SampleDistribution(zeros=1.0, tail=1.0)
HELD_OUT = SampleDistribution(zeros=0.5, tail=2.0)


class Samples(NamedTuple):
    """Arrays, and inputs for each of them."""

    g: Float[Tensor, "tiles rows cols"]
    volts: Float[Tensor, "tiles vectors rows"]


def draw_samples(
    design: ArrayDesign,
    tiles: int,
    vectors: int,
    distribution: SampleDistribution,
    *,
    generator: torch.Generator,
) -> Samples:
    """Draw arrays of sliced differential weights and streamed activations after a ReLU.

    A quarter of the arrays and inputs each hold: digits that are all equally likely (lower slices
    and streams); digits of half-normal or heavier-tailed magnitudes (top slices and streams);
    continuous values; values between two levels, up to arrays that are nearly all on. The first
    three are thinned out by zeros. A third of the arrays are padded, with their pad rows at 0 V; a
    quarter have variation of 10 %; an eighth have open devices.
    """
    rows, cols = design.tile
    low, high = design.g_off_siemens, design.g_on_siemens
    share = _draw_values((tiles, rows, cols), (tiles, 1, 1), distribution, generator)
    x = _draw_values((tiles, vectors, rows), (tiles, vectors, 1), distribution, generator)

    padded = _uniform((tiles,), generator) < 1 / 3
    used_rows = torch.where(padded, 1 + (rows * _uniform((tiles,), generator)).floor(), rows)
    used_cols = torch.where(padded, 1 + (cols * _uniform((tiles,), generator)).floor(), cols)
    live_rows = torch.arange(rows) < used_rows[:, None]
    live_cols = torch.arange(cols) < used_cols[:, None]
    share = share * live_rows[:, :, None] * live_cols[:, None, :]

    normal = torch.randn(share.shape, generator=generator, dtype=torch.float64)
    factor = (1 + VARIATION * normal).clamp(1 - REACH, 1 + REACH)
    varies = (_uniform((tiles, 1, 1), generator) < 1 / 4).expand_as(share)
    g = (low + (high - low) * share) * torch.where(varies, factor, 1)
    has_open_devices = _uniform((tiles, 1, 1), generator) < 1 / 8
    g = g.masked_fill((_uniform(tuple(share.shape), generator) < _OPEN) & has_open_devices, 0)
    return Samples(g, design.volts * x * live_rows[:, None, :])


def _draw_values(
    shape: tuple[int, ...],
    group_shape: tuple[int, ...],
    distribution: SampleDistribution,
    generator: torch.Generator,
) -> Tensor:
    """Draw numbers in [0, 1]; `group_shape`: of numbers drawn once for each array or input."""
    top = DIGITS - 1
    flat = (DIGITS * _uniform(shape, generator)).floor().clamp_max(top) / top
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    magnitudes = normal.abs() ** distribution.tail
    peaked = (magnitudes * top * _uniform(group_shape, generator)).round().clamp_max(top) / top
    ends, within = _uniform((*group_shape, 2), generator), _uniform(shape, generator)
    band = ends[..., 0] + (ends[..., 1] - ends[..., 0]) * within
    kind = torch.randint(4, group_shape, generator=generator)
    continuous = _uniform(shape, generator)
    values = torch.where(kind == 0, flat, torch.where(kind == 1, peaked, continuous))
    nonzero = _uniform(shape, generator) >= _uniform(group_shape, generator) ** distribution.zeros
    return torch.where(kind == 3, band, values * nonzero)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)
