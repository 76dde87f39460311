"""Arrays in the order in which the kernels read them, and the formats of inputs and codes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from .micro_kernels import OPERANDS, WHOLE_NUMBERS

# By bytes of a device: (levels above zero, which are multiples of those of 1, 2, 4 and 8 bit cells;
# codes that a sum may be off before it is rounded, where the ADC itself is off by up to half a
# code). One byte is for devices that are whole numbers already.
_BYTES = {1: (2**8 - 1, 0.01), 2: (2**16 - 1, 0.1)}
_DEVICES_AT_ONCE = 1 << 20
Slices = tuple[slice, slice]  # of groups, and of row tiles


@dataclass(frozen=True)
class Quantiser:
    """An ADC of full scale `limit`, in shares, with codes from `low` to `high`.

    `offset`, in shares, is taken away for each unit of input voltage.
    """

    limit: float
    low: float
    high: float
    offset: float

    @property
    def codes_per_share(self) -> float:
        """Codes for each unit of a sum."""
        return self.high / self.limit


@dataclass(frozen=True)
class BitPlanes:
    """Inputs as whole numbers up to `levels` in digits of `bits`; levels = 0: as they are."""

    levels: int = 0
    bits: int = 0

    @property
    def max_digit(self) -> int:
        """The largest digit, which stands for the full read voltage."""
        return 2**self.bits - 1 if self.levels else 1

    @property
    def significances(self) -> Tensor:
        """Weight of a full read voltage at each read of positive inputs; negative ones as well."""
        if not self.levels:
            return torch.ones(1, dtype=torch.float64)
        count = -(-self.levels.bit_length() // self.bits)
        places = [self.max_digit * 2.0 ** (self.bits * k) / self.levels for k in range(count)]
        return torch.tensor(places, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class PackedColumns:
    """Arrays in codes of the ADC for one unit of a digit, columns of a micro-kernel side by side.

    `device_bytes`: 0 for real numbers, else bytes of each device. `weights`
    `(groups, row_tiles, column groups, bytes)`; `affine`
    `(groups, row_tiles, column groups, columns, 2)`: scale and offset of each column in bytes.
    """

    shape: tuple[int, ...]  # of the response: arrays, groups, row tiles, column tiles, rows, cols
    dtype: torch.dtype
    device_bytes: int
    weights: Tensor
    affine: Tensor
    adc: Quantiser
    bit_planes: BitPlanes


def pack_columns(
    response: Tensor, adc: Quantiser, bit_planes: BitPlanes, *, unit: float = 1.0
) -> PackedColumns:
    """Pack the responses of columns, `(arrays, groups, row_tiles, col_tiles, rows, cols)`.

    `unit`: of the response, so that response / unit is in shares. Where inputs are digits, devices
    become whole numbers of one or two bytes, between the smallest and the largest of the layer or
    of each column, as long as no column can be wrong by more than `_BYTES` allows; else they stay
    real. A large layer is packed some tiles at a time.
    """
    shape, dtype, rows = tuple(response.shape), response.dtype, response.shape[4]

    def in_codes(at: Slices) -> Tensor:
        """Columns `(groups, row_tiles, arrays, col_tiles, cols, rows)`."""
        shares = (response.detach()[:, at[0], at[1]] / unit).double()
        codes = (shares - adc.offset) * (adc.codes_per_share / bit_planes.max_digit)
        return codes.permute(1, 2, 0, 3, 5, 4)

    def pack(lay_out: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        packed: tuple[Tensor, ...] = ()
        for at in _batches(shape):
            if not (part := lay_out(in_codes(at))):
                return ()
            packed = packed or tuple(x.new_empty(*shape[1:3], *x.shape[2:]) for x in part)
            for k, values in enumerate(part):
                packed[k][at] = values
        return packed

    whole_inputs = bit_planes.levels and bit_planes.max_digit < 128
    if dtype == torch.float32 and whole_inputs and WHOLE_NUMBERS:
        ends = torch.stack([torch.stack(in_codes(at).aminmax()) for at in _batches(shape)])
        of_layer = ends[:, 0].amin(), ends[:, 1].amax()
        for device_bytes, (levels, wrong) in _BYTES.items():
            if rows * bit_planes.max_digit * levels < 2**31:
                tolerance = wrong / bit_planes.max_digit
                for given in (of_layer, ()):
                    lay_out = partial(_in_bytes, given, levels, tolerance, device_bytes)
                    if found := pack(lay_out):
                        weights, affine = found
                        return PackedColumns(
                            shape, dtype, device_bytes, weights, affine, adc, bit_planes
                        )
    (real,) = pack(lambda part: (_real(part, dtype),))
    none = torch.zeros(0, dtype=torch.float32)
    return PackedColumns(shape, dtype, 0, real, none, adc, bit_planes)


def side_by_side(columns: Tensor) -> Tensor:
    """Join columns `(groups, row_tiles, arrays, col_tiles, cols, ...)`, each tile's padded."""
    return functional.pad(columns, (0, 0, 0, -columns.shape[4] % OPERANDS)).flatten(2, 4)


def _batches(shape: tuple[int, ...]) -> list[Slices]:
    """Groups and row tiles that are packed together: whole groups, or tiles of one."""
    groups, row_tiles = shape[1:3]
    tiles = max(1, _DEVICES_AT_ONCE * groups * row_tiles // math.prod(shape))
    many, high = max(1, tiles // row_tiles), min(row_tiles, tiles)
    starts = itertools.product(range(0, groups, many), range(0, row_tiles, high))
    return [(slice(g, g + many), slice(r, r + high)) for g, r in starts]


def _real(columns: Tensor, dtype: torch.dtype) -> Tensor:
    """Lay out columns as they are."""
    grouped = side_by_side(columns).to(dtype).unflatten(2, (-1, OPERANDS))
    return grouped.transpose(-1, -2).contiguous().view(torch.uint8).flatten(3)


def _in_bytes(
    ends: tuple[Tensor, ...], levels: int, tolerance: float, device_bytes: int, columns: Tensor
) -> tuple[Tensor, ...]:
    """Lay out columns in bytes between two ends, or between those of each column.

    Empty where a column would be wrong by more than `tolerance`.
    """
    low, high = columns.amin(-1, keepdim=True), columns.amax(-1, keepdim=True)
    low, high = (ends[0].expand_as(low), ends[1].expand_as(high)) if ends else (low, high)
    scale = (high - low) / levels
    divisor = scale.where(scale > 0, torch.ones_like(scale))
    whole = ((columns - low) / divisor).round_()
    wrong = (whole * scale + low - columns).abs_().sum(-1).amax()
    return _bytes(whole.int(), scale, low, device_bytes) if wrong <= tolerance else ()


def _bytes(
    whole: Tensor, scale: Tensor, offset: Tensor, device_bytes: int
) -> tuple[Tensor, Tensor]:
    """Lay out four rows of a column in a word, its high byte's word before its low byte's."""
    whole = functional.pad(side_by_side(whole), (0, -whole.shape[-1] % 4))
    shifts = reversed(range(device_bytes))
    parts = torch.stack([whole >> 8 * n & 255 for n in shifts], 3).to(torch.uint8)
    each = OPERANDS // device_bytes
    # (.., column groups, each, bytes, rows / 4, 4)
    fours = parts.unflatten(2, (-1, each)).unflatten(-1, (-1, 4))
    affine = side_by_side(torch.cat([scale, offset], -1)).float().unflatten(2, (-1, each))
    return fours.movedim(-2, 3).contiguous().flatten(3), affine.contiguous()
