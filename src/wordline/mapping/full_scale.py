"""Full scale behind the columns of a tile, and the output noise of a column in its unit.

The unit is a share of the window: the current of one device at g_on less one at g_off, under full
voltage, which is the product of the largest weight and the largest input.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from ..devices.ranges import AbstractOutputRange
from .crossbar import Crossbar
from .encoding import AbstractEncoding

UNMEASURED = torch.tensor(torch.nan)  # in the place of what `calibrate` measured


def adc_limit(crossbar: Crossbar, measured: Tensor) -> Tensor | float:
    """Return the full scale of the ADC in shares; `measured`: by `calibrate`, NaN before."""
    finest = crossbar.slicing.product_step * crossbar.adc.steps
    return _limit(crossbar, cast(AbstractOutputRange, crossbar.adc.range), finest, measured)


def column_noise(crossbar: Crossbar, measured: Tensor) -> Tensor | float:
    """Return the standard deviation in shares of what output noise adds to a column of a tile."""
    noise = crossbar.output_noise
    return noise.sigma * _limit(crossbar, noise.range, 0.0, measured) if noise.sigma else 0.0


def output_noise_shares(
    crossbar: Crossbar, measured: Tensor, row_tiles: int, streams: tuple[float, ...] = (1.0,)
) -> Tensor | float:
    """Return the standard deviation in shares of output noise in a decoded sum of column currents.

    Independent noise of row tiles, slices, arrays of a pair and reads of a stream adds up by its
    squares, each with its weight:

        s = s_column sqrt(row_tiles  sum_slices w^2  sum_streams v^2  sum_arrays d^2)

    Slices or arrays whose currents are merged in front of one converter have one number together,
    and a factor of 1. `streams`: significances of the reads; without converters between, this is
    exact.
    """
    encoding, slicing = crossbar.encoding, crossbar.slicing
    slices = (1.0,) if slicing.shares_columns else slicing.slices(encoding.sign_bits)
    squares = row_tiles * math.fsum(w * w for w in slices) * math.fsum(v * v for v in streams)
    decoded = 1.0 if encoding.subtracts_currents else noise_factor(encoding, slicing.zero_share)
    return column_noise(crossbar, measured) * (math.sqrt(squares) * decoded)


def noise_factor(encoding: AbstractEncoding, zero_share: float) -> float:
    """Return the standard deviation of a decoded output, of independent columns of deviation one.

    >>> round(noise_factor(Crossbar.preset("ideal").encoding, 0.5) ** 2, 6)
    2.0
    """
    cols = 1 + encoding.spare_cols
    arrays = len(encoding.shares(torch.zeros(1, 1), zero_share))
    each = torch.eye(arrays * cols, dtype=torch.float64).view(-1, arrays, cols)
    return float(encoding.difference(each.movedim(1, 0), zero_share).norm())


def full_scale_ampere(crossbar: Crossbar) -> float:
    """Return the amperes of one share: the window at the read voltage.

    >>> round(1e6 * full_scale_ampere(Crossbar.preset("ideal")), 6)  # 45 uS at 0.25 V
    11.25
    """
    return crossbar.read_volt * crossbar.window_siemens


def _limit(
    crossbar: Crossbar, of: AbstractOutputRange, finest: float, measured: Tensor
) -> Tensor | float:
    on_share = 1.0
    if not crossbar.adc.less_off_current and not crossbar.encoding.subtracts_currents:
        on_share = crossbar.device.g_on_siemens / crossbar.window_siemens
    largest, ampere = crossbar.tile[0] * on_share, 1 / full_scale_ampere(crossbar)
    return of.of_outputs(largest, finest, ampere, measured)
