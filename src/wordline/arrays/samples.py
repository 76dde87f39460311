"""Conductances and voltages as a chip uses them: what a surrogate learns from, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Wires
from ..values import Value, require_instance, require_integer, require_number

DIGITS = 16  # levels of a 4-bit weight slice, and of a 4-bit input stream
VARIATION = 0.1  # of every fourth array: relative standard deviation of its conductances
REACH = 0.5  # conductances lie between (1 - REACH) g_off and (1 + REACH) g_on, or are those of open devices
_OPEN = 0.02  # share of open devices in every eighth array


@dataclass(frozen=True, kw_only=True)
class ArrayDesign(Value):
    """The arrays that a surrogate stands for.

    `tile`: rows and columns; `g_off_siemens`, `g_on_siemens`: window of the devices; `wires`; `law`: current of a
    device; `volts`: the largest row voltage.
    """

    tile: tuple[int, int]
    g_off_siemens: float
    g_on_siemens: float
    wires: Wires
    law: AbstractDeviceLaw
    volts: float

    def __post_init__(self) -> None:
        if not isinstance(self.tile, tuple) or len(self.tile) != 2:
            raise TypeError(f"`tile` must be a pair (rows, cols) such as (64, 64), got {self.tile!r}")
        require_integer("tile rows", self.tile[0], at_least=1)
        require_integer("tile cols", self.tile[1], at_least=1)
        require_number("g_off_siemens", self.g_off_siemens, at_least=0.0)
        require_number("g_on_siemens", self.g_on_siemens, above=self.g_off_siemens)
        require_instance("wires", self.wires, Wires)
        require_instance("law", self.law, AbstractDeviceLaw)
        require_number("volts", self.volts, above=0.0)

    @property
    def full_scale_ampere(self) -> float:
        """Current of an ideal column of devices that are all on, at full voltage."""
        return self.tile[0] * self.g_on_siemens * self.volts


@dataclass(frozen=True)
class Mixture(Value):
    """How sparse and how heavy-tailed the drawn weights and inputs are.

    The share of zeros of an array or an input that has them is u^zeros, with u uniform in (0, 1); the magnitudes that
    fill a top slice or a top stream are |n|^tail, with n standard normal.
    """

    zeros: float
    tail: float


TRAINING = Mixture(zeros=1.0, tail=1.0)
HELD_OUT = Mixture(zeros=0.5, tail=2.0)


class Samples(NamedTuple):
    """Arrays, and inputs for each of them."""

    g: Float[Tensor, "tiles rows cols"]
    volts: Float[Tensor, "tiles vectors rows"]


def sample(design: ArrayDesign, tiles: int, vectors: int, mixture: Mixture, *, generator: torch.Generator) -> Samples:
    """Draw arrays of sliced differential weights and streamed activations after a ReLU.

    A quarter of the arrays and inputs each hold digits that are all equally likely (lower slices and streams), digits
    of half-normal or heavier-tailed magnitudes (the top ones), continuous values, all thinned out by zeros, and values
    between two levels without zeros, up to arrays that are nearly all on. A third of the arrays are padded, with their
    pad rows at 0 V; a quarter scatter by 10 %; an eighth have open devices.
    """
    rows, cols = design.tile
    low, high = design.g_off_siemens, design.g_on_siemens
    share = _values((tiles, rows, cols), (tiles, 1, 1), mixture, generator)
    x = _values((tiles, vectors, rows), (tiles, vectors, 1), mixture, generator)

    padded = _uniform((tiles,), generator) < 1 / 3
    used_rows = torch.where(padded, 1 + (rows * _uniform((tiles,), generator)).floor(), rows)[:, None]
    used_cols = torch.where(padded, 1 + (cols * _uniform((tiles,), generator)).floor(), cols)[:, None]
    live_rows, live_cols = torch.arange(rows) < used_rows, torch.arange(cols) < used_cols
    share = share * live_rows[:, :, None] * live_cols[:, None, :]

    scattered = 1 + VARIATION * torch.randn(share.shape, generator=generator, dtype=torch.float64)
    some = (_uniform((tiles, 1, 1), generator) < 1 / 4).expand_as(share)
    g = (low + (high - low) * share) * torch.where(some, scattered.clamp(1 - REACH, 1 + REACH), 1)
    holed = _uniform((tiles, 1, 1), generator) < 1 / 8
    g = g.masked_fill((_uniform(tuple(share.shape), generator) < _OPEN) & holed, 0)
    return Samples(g, design.volts * x * live_rows[:, None, :])


def _values(shape: tuple[int, ...], each: tuple[int, ...], mixture: Mixture, generator: torch.Generator) -> Tensor:
    """Numbers in [0, 1]; `each`: the shape of what is drawn once for a whole array or input."""
    top = DIGITS - 1
    flat = (DIGITS * _uniform(shape, generator)).floor().clamp_max(top) / top
    normal = torch.randn(shape, generator=generator, dtype=torch.float64).abs() ** mixture.tail
    peaked = (normal * top * _uniform(each, generator)).round().clamp_max(top) / top
    ends, within = _uniform((*each, 2), generator), _uniform(shape, generator)
    band = ends[..., 0] + (ends[..., 1] - ends[..., 0]) * within
    kind = torch.randint(4, each, generator=generator)
    values = torch.where(kind == 0, flat, torch.where(kind == 1, peaked, _uniform(shape, generator)))
    kept = _uniform(shape, generator) >= _uniform(each, generator) ** mixture.zeros
    return torch.where(kind == 3, band, values * kept)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)
