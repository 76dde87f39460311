"""Arrays in the order in which the kernels read them, and the formats of inputs and codes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .micro_kernels import FOURS, MIDDLE, NARROW, OPERANDS, PRODUCTS, REAL, TWOS

# By bytes of a device: (levels above zero, which are multiples of those of 1, 2, 4 and 8 bit cells;
# codes that a sum may be off before it is rounded, where the ADC itself is off by up to half a
# code). One byte is for devices that are whole numbers already.
_BYTES = {1: (2**8 - 1, 0.01), 2: (2**16 - 1, 0.1)}
_DEVICES_AT_ONCE = 1 << 20
_MARGIN = 1e-3  # of a bound on sums, far above what rounding adds to them
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


class Reach(NamedTuple):
    """The least and the largest sum of any column, in codes, for inputs of one sign and of both."""

    low: float
    high: float
    both: float

    def certain(self, adc: Quantiser, *, negative: bool) -> bool:
        """Tell whether no conversion can saturate; inputs are between -1 or 0 and 1."""
        low, high = (-self.both, self.both) if negative else (self.low, self.high)
        wider = 1 + _MARGIN
        return low * wider >= adc.low and high * wider <= adc.high


@dataclass(frozen=True, eq=False)
class PackedColumns:
    """Arrays in codes of the ADC for one unit of a digit, columns of a micro-kernel side by side.

    `form`: how devices are held (`micro_kernels`), whole numbers being multiples of `unit`.
    `weights` `(groups, row_tiles, column groups, bytes)`; `affine`
    `(groups, row_tiles, column groups, columns, 2)`: scale and offset of each column in whole
    numbers.
    """

    shape: tuple[int, ...]  # of the columns: arrays, groups, row tiles, column tiles, rows, cols
    dtype: torch.dtype
    form: int
    unit: int
    weights: Tensor
    affine: Tensor
    adc: Quantiser
    bit_planes: BitPlanes
    reach: Reach

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.weights.nbytes + self.affine.nbytes


def pack_columns(
    response: Tensor, adc: Quantiser, bit_planes: BitPlanes, *, unit: float = 1.0,
    columns: slice | None = None, forms: Collection[int] = (REAL, *PRODUCTS),
) -> PackedColumns:  # fmt: skip
    """Pack the responses of columns, `(arrays, groups, row_tiles, col_tiles, rows, cols)`.

    `unit`: of the response, so that response / unit is in shares. `columns`: the columns to pack,
    of all column tiles one after another, which then count as one tile. Where inputs are digits,
    devices become whole numbers of one or two bytes, between the smallest and the largest of the
    layer or of each column, as long as no column can be wrong by more than `_BYTES` allows; else
    they stay real. `forms`: the formats to choose from. A large layer is packed some tiles at a
    time.
    """
    shape, dtype, rows = tuple(response.shape), response.dtype, response.shape[4]

    def in_codes(at: Slices, columns: slice | None = columns) -> Tensor:
        """Columns `(groups, row_tiles, arrays, col_tiles, cols, rows)`."""
        part = response.detach()[:, at[0], at[1]].permute(1, 2, 0, 3, 5, 4)
        if columns is not None:
            part = part.flatten(3, 4)[:, :, :, None, columns]
        shares = (part / unit).double()
        return (shares - adc.offset) * (adc.codes_per_share / bit_planes.max_digit)

    def pack(lay_out: Callable[[Tensor], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        packed: tuple[Tensor, ...] = ()
        for at in _batches(shape):
            if not (part := lay_out(in_codes(at))):
                return ()
            packed = packed or tuple(x.new_empty(*shape[1:3], *x.shape[2:]) for x in part)
            for k, values in enumerate(part):
                packed[k][at] = values
        return packed

    ends, reach = _survey(map(in_codes, _batches(shape)), bit_planes.max_digit)
    if columns is not None:  # the ends are those of the whole layer, whatever is packed of it
        every = (in_codes(at, None) for at in _batches(shape))
        ends, _ = _survey(every, bit_planes.max_digit)
        shape = (*shape[:3], 1, rows, len(range(*columns.indices(shape[3] * shape[5]))))
    whole_inputs = bit_planes.levels and bit_planes.max_digit < 128
    attempts = itertools.product(_BYTES.items(), (ends, ()))
    for (device_bytes, (levels, wrong)), given in attempts:
        fits = rows * bit_planes.max_digit * levels < 2**31
        if not (whole_inputs and dtype == torch.float32 and fits):
            continue
        tolerance = wrong / bit_planes.max_digit
        if found := pack(partial(_in_levels, given, levels, tolerance, device_bytes)):
            weights, affine = found
            form, step = TWOS, 1
            if device_bytes == 1:
                form, step, weights = _bytes_for(weights, rows, bit_planes.max_digit, forms)
            return PackedColumns(shape, dtype, form, step, weights, affine, adc, bit_planes, reach)
    (real,) = pack(lambda part: (_real(part, dtype),))
    none = torch.zeros(0, dtype=torch.float32)
    return PackedColumns(shape, dtype, REAL, 1, real, none, adc, bit_planes, reach)


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


def _survey(parts: Iterable[Tensor], max_digit: int) -> tuple[tuple[Tensor, Tensor], Reach]:
    """Find the smallest and the largest device in codes, and what sums can reach."""
    found = []
    for part in parts:
        low, high = part.clamp(max=0).sum(-1), part.clamp(min=0).sum(-1)
        found.append(torch.stack([*part.aminmax(), low.amin(), high.amax(), (high - low).amax()]))
    each = torch.stack(found)
    least, most = each.amin(0), each.amax(0)
    reach = (float(end) * max_digit for end in (least[2], most[3], most[4]))
    return (least[0], most[1]), Reach(*reach)


def _in_levels(
    ends: tuple[Tensor, ...], levels: int, tolerance: float, device_bytes: int, columns: Tensor
) -> tuple[Tensor, ...]:
    """Lay out columns in whole numbers between two ends, or between those of each column.

    Empty where a column would be wrong by more than `tolerance`.
    """
    low, high = columns.amin(-1, keepdim=True), columns.amax(-1, keepdim=True)
    low, high = (ends[0].expand_as(low), ends[1].expand_as(high)) if ends else (low, high)
    scale = (high - low) / levels
    divisor = scale.where(scale > 0, torch.ones_like(scale))
    whole = ((columns - low) / divisor).round_()
    wrong = (whole * scale + low - columns).abs_().sum(-1).amax()
    if wrong > tolerance:
        return ()
    affine = side_by_side(torch.cat([scale, low], -1)).float().unflatten(2, (-1, OPERANDS))
    whole = functional.pad(side_by_side(whole.int()), (0, -whole.shape[-1] % 4))
    if device_bytes == 1:
        return _words(whole.to(torch.uint8), 4), affine.contiguous()
    return _words((whole - MIDDLE).to(torch.int16), 2), affine.contiguous()


def _words(whole: Tensor, rows: int) -> Tensor:
    """Lay out so many rows of a column in a word, the words of a micro-kernel side by side."""
    words = whole.unflatten(2, (-1, OPERANDS)).unflatten(-1, (-1, rows))
    return words.movedim(-2, 3).contiguous().view(torch.uint8).flatten(3)


def _bytes_for(
    weights: Tensor, rows: int, max_digit: int, forms: Collection[int]
) -> tuple[int, int, Tensor]:
    """Choose the format of devices of one byte: it, their unit, and the weights in it."""
    if FOURS in forms:
        return FOURS, 1, weights
    used = np.flatnonzero(torch.bincount(weights.flatten(), minlength=256).numpy())
    unit = max(1, int(np.gcd.reduce(used)))
    most = 2 * -(-rows // 4) * max_digit * int(used[-1]) // unit  # in either half of a word
    if NARROW in forms and most < 2**15:
        return NARROW, unit, weights // unit
    twos = weights.unflatten(-1, (-1, OPERANDS, 2, 2)).transpose(-2, -3)
    moved = (twos.to(torch.int32) - MIDDLE).to(torch.int16).contiguous()
    return TWOS, 1, moved.view(torch.uint8).flatten(3)
