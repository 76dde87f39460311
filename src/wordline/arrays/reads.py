"""Reads of linear arrays whose columns each pass an ADC, on the CPU.

    total = sum over reads r, slices k and row tiles t of significance_r c_k limit code(share_rt @ W_kt / limit)

The generic way writes every partial product to memory several times; here none ever gets there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..circuits.lanes import VECTOR_BYTES
from .reads_compiled import read_blocks
from .reads_lanes import AVAILABLE, OPERANDS, VECTORS, WHOLE_NUMBERS
from .reads_saturated import take_blocks

# Bytes of a device: (levels above zero, multiples of those of 1, 2, 4 and 8 bit cells; codes that a sum may be off
# before it is rounded, where the ADC itself is off by up to half a code). One byte is for what is whole already.
_BYTES = {1: (2**8 - 1, 0.01), 2: (2**16 - 1, 0.1)}
_LAID_OUT = 1 << 20  # devices laid out at a time


@dataclass(frozen=True)
class Staircase:
    """An ADC: `limit` in shares, codes from `low` to `high`; `off` in shares is taken away per unit of voltage."""

    limit: float
    low: float
    high: float
    off: float

    @property
    def steps_per_share(self) -> float:
        """Codes for each unit of an answer."""
        return self.high / self.limit


@dataclass(frozen=True)
class Digits:
    """Inputs as fixed-point numbers: whole numbers up to `levels`, in digits of `bits`; levels = 0: as they are."""

    levels: int = 0
    bits: int = 0

    @property
    def top(self) -> int:
        """The largest digit, which stands for the full read voltage."""
        return 2**self.bits - 1 if self.levels else 1

    @property
    def significances(self) -> Tensor:
        """What a full read voltage counts for at each read of a positive input; a negative one has as many reads."""
        if not self.levels:
            return torch.ones(1, dtype=torch.float64)
        count = -(-self.levels.bit_length() // self.bits)
        places = [self.top * 2.0 ** (self.bits * k) / self.levels for k in range(count)]
        return torch.tensor(places, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays as the kernel reads them: in steps of the ADC for one unit of a digit, four columns side by side.

    `pieces`: 0 for real numbers, else bytes of each device. `weights` `(groups, row_tiles, column groups, bytes)`;
    `affine` `(groups, row_tiles, column groups, columns, 2)`: scale and offset of each column in bytes.
    """

    shape: tuple[int, int, int, int, int, int]  # of the response: arrays, groups, row tiles, column tiles, rows, cols
    dtype: torch.dtype
    pieces: int
    weights: Tensor
    affine: Tensor
    adc: Staircase
    digits: Digits


def available(response: Tensor) -> bool:
    """Whether this machine and these arrays have a kernel."""
    return AVAILABLE and response.device.type == "cpu" and response.dtype in (torch.float32, torch.float64)


def columns(response: Tensor, adc: Staircase, digits: Digits, *, unit: float = 1.0) -> Columns:
    """What a column answers to one, `(arrays, groups, row_tiles, col_tiles, rows, cols)` -> for the kernel.

    `unit`: of the response, so that response / unit is in shares. Where inputs are digits, devices become whole numbers
    of one or two bytes, between the smallest and the largest of the layer or of each column, as long as no column can
    be wrong by more than `_BYTES` allows; else they stay real. A large layer is laid out some tiles at a time.
    """
    shape, dtype, rows = tuple(response.shape), response.dtype, response.shape[4]

    def steps(at: tuple[slice, slice]) -> Tensor:
        shares = (response.detach()[:, at[0], at[1]] / unit).double()
        answers = (shares - adc.off) * (adc.steps_per_share / digits.top)
        return answers.permute(1, 2, 0, 3, 5, 4)  # (groups, row_tiles, arrays, col_tiles, cols, rows)

    def laid_out(lay: Callable[[Tensor], tuple[Tensor, ...] | None]) -> tuple[Tensor, ...] | None:
        whole: tuple[Tensor, ...] = ()
        for at in _places(shape):
            if (part := lay(steps(at))) is None:
                return None
            whole = whole or tuple(x.new_empty(*shape[1:3], *x.shape[2:]) for x in part)
            for k, values in enumerate(part):
                whole[k][at] = values
        return whole

    if dtype == torch.float32 and digits.levels and digits.top < 128 and WHOLE_NUMBERS:
        ends = torch.stack([torch.stack(steps(at).aminmax()) for at in _places(shape)])
        of_layer = ends[:, 0].amin(), ends[:, 1].amax()
        for pieces, (levels, wrong) in _BYTES.items():
            if rows * digits.top * levels < 2**31:
                for given in (of_layer, ()):
                    if found := laid_out(partial(_in_bytes, given, levels, wrong / digits.top, pieces)):
                        return Columns(shape, dtype, pieces, found[0], found[1], adc, digits)  # type: ignore[arg-type]
    (real,) = cast(tuple[Tensor], laid_out(lambda part: (_real(part, dtype),)))
    return Columns(shape, dtype, 0, real, torch.zeros(0, dtype=torch.float32), adc, digits)  # type: ignore[arg-type]


def _places(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Groups and row tiles that are laid out together: whole groups, or tiles of one."""
    groups, row_tiles = shape[1:3]
    tiles = max(1, _LAID_OUT * groups * row_tiles // math.prod(shape))
    many, high = max(1, tiles // row_tiles), min(row_tiles, tiles)
    starts = itertools.product(range(0, groups, many), range(0, row_tiles, high))
    return [(slice(g, g + many), slice(r, r + high)) for g, r in starts]


def _real(steps: Tensor, dtype: torch.dtype) -> Tensor:
    """Columns as they are."""
    weights = _side_by_side(steps).to(dtype).unflatten(2, (-1, OPERANDS)).transpose(-1, -2).contiguous()
    return weights.view(torch.uint8).flatten(3)


def _in_bytes(
    ends: tuple[Tensor, ...], levels: int, tolerance: float, pieces: int, steps: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Columns in bytes between two ends, or between those of each column; None where that would be too wrong."""
    low, high = steps.amin(-1, keepdim=True), steps.amax(-1, keepdim=True)
    low, high = (ends[0].expand_as(low), ends[1].expand_as(high)) if ends else (low, high)
    whole = _whole(steps, low, high, levels, tolerance)
    return None if whole is None else _bytes(*whole, pieces)


def _whole(
    steps: Tensor, least: Tensor, most: Tensor, levels: int, tolerance: float
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Columns `(..., rows)` as whole numbers, their scale and offset; None where that would be too wrong."""
    scale = (most - least) / levels
    whole = ((steps - least) / scale.where(scale > 0, torch.ones_like(scale))).round_()
    wrong = (whole * scale + least - steps).abs_().sum(-1).amax()
    return (whole.int(), scale, least) if wrong <= tolerance else None


def _bytes(whole: Tensor, scale: Tensor, offset: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
    """Four rows of a column in a word, its high byte's word before its low byte's."""
    whole = functional.pad(_side_by_side(whole), (0, -whole.shape[-1] % 4))
    parts = torch.stack([whole >> 8 * n & 255 for n in reversed(range(pieces))], 3).to(torch.uint8)
    each = OPERANDS // pieces
    fours = parts.unflatten(2, (-1, each)).unflatten(-1, (-1, 4))  # (.., column groups, each, pieces, rows / 4, 4)
    affine = _side_by_side(torch.cat([scale, offset], -1)).float().unflatten(2, (-1, each)).contiguous()
    return fours.movedim(-2, 3).contiguous().flatten(3), affine


def _side_by_side(columns: Tensor) -> Tensor:
    """Columns `(groups, row_tiles, arrays, col_tiles, cols, ...)` in one row, each tile's padded for the kernel."""
    return functional.pad(columns, (0, 0, 0, -columns.shape[4] % OPERANDS)).flatten(2, 4)


def convert(
    source: Tensor, starts: NDArray[np.int64], offsets: NDArray[np.int64], held: Columns, weigh: Tensor, apart: int
) -> tuple[Tensor, NDArray[np.int64]]:
    """Finite inputs through arrays and ADCs: sums, and conversions out of range of each input vector.

    The input of row k for vector n of group g is `source.flatten()[starts[n] + offsets[g, k]]`. `weigh` `(reads,
    arrays)`: what a full scale counts for, in shares; reads of negative inputs are the second half, or left out. Sums
    `(apart, groups, col_tiles, n, cols)`, of every `apart`-th array.
    """
    _, groups, _, col_tiles, _, cols = held.shape
    number: np.dtype[Any] = np.dtype(np.float32 if held.dtype == torch.float32 else np.float64)
    lanes = VECTOR_BYTES // number.itemsize
    width, n, padded = VECTORS * lanes, len(starts), cols + -cols % OPERANDS
    blocks = -(-n // width)
    where, grains = _blocks(starts, width, lanes)
    total = torch.empty(groups, apart * col_tiles * padded, blocks * width, dtype=held.dtype)
    count = np.empty(blocks * width, f"i{number.itemsize}")
    worth = (weigh.double() * (held.adc.limit / held.adc.high)).to(held.dtype)  # of a code
    codes = worth.repeat_interleave(held.weights.shape[2] // weigh.shape[1], 1).numpy()
    inputs = source.detach().contiguous().view(-1).numpy()
    given = inputs, where, grains, offsets, held.weights.numpy(), held.affine.numpy()
    plan = _plan(held, number)
    answer = (total.numpy(), count)
    piece = max(1, blocks // (8 * torch.get_num_threads()))

    def work(begins: Iterator[int]) -> None:
        memory = _memory(held, len(codes), total.shape[1], width, number)
        for begin in begins:
            read_blocks(*given, codes, *plan, *answer, begin, min(blocks, begin + piece), *memory)

    _in_threads(work, range(0, blocks, piece))
    sums = total.view(groups, apart, col_tiles, padded, -1)[..., :cols, :n].permute(1, 0, 2, 4, 3)
    return sums, count[:n].astype(np.int64)


def take_saturated(
    grad: Tensor, towards: Tensor, source: Tensor, starts: NDArray[np.int64], offsets: NDArray[np.int64], held: Columns,
    shares: Tensor, slopes: Tensor, worth: Tensor, each: int,
) -> None:  # fmt: skip
    """Take from a straight-through derivative what did not pass a saturated converter; in place.

    `grad`: derivative by the source; `towards`: that by the sums of `convert`, of their shape; `shares`: what `columns`
    was made of; `slopes` `(reads,)`: how much of a derivative passes each read; `worth` `(arrays,)`: what each array
    counts for; `each`: vectors of one sample, whose inputs no other sample's vectors share.
    """
    n, cols = towards.shape[-2:]
    rows, number = held.shape[4], np.dtype(np.float32 if held.dtype == torch.float32 else np.float64)
    lanes = VECTOR_BYTES // number.itemsize
    width, padded = VECTORS * lanes, cols + -cols % OPERANDS
    count = OPERANDS // 2 if held.pieces == 2 else OPERANDS
    real = _side_by_side((shares.detach() - held.adc.off).permute(1, 2, 0, 3, 5, 4))
    real = real.to(held.dtype).unflatten(2, (-1, count)).contiguous()
    sums = functional.pad(towards.permute(1, 0, 2, 4, 3), (0, 0, 0, padded - cols)).to(held.dtype).flatten(1, 3)
    counts = worth.to(held.dtype).repeat_interleave(real.shape[2] // len(worth)).numpy()
    inputs, out = source.detach().contiguous().view(-1).numpy(), grad.view(-1).numpy()
    arrays = held.weights.numpy(), held.affine.numpy(), real.numpy(), slopes.to(held.dtype).numpy(), counts
    signs = 2 if len(slopes) > len(held.digits.significances) else 1
    piece = each * -(-8 * width // each)  # whole samples, the same ones for any number of threads

    def work(begins: Iterator[int]) -> None:
        memory = _memory(held, len(slopes), 1, width, number)
        marks = _aligned((signs, OPERANDS, width), number)
        taken, touched = np.empty((signs, width, rows), number), np.zeros(width, np.bool_)
        mine = marks, marks.view(f"i{number.itemsize}"), taken, touched
        for begin in begins:
            vectors = min(piece, n - begin)
            where, grains = _blocks(starts[begin : begin + vectors], width, lanes)
            here = functional.pad(sums[..., begin : begin + vectors], (0, len(where) - vectors)).contiguous().numpy()
            given = inputs, where, grains, offsets, *arrays, *_plan(held, number), here, vectors, out
            take_blocks(*given, *memory, *mine, np.zeros(width, f"i{number.itemsize}"))

    _in_threads(work, range(0, n, piece))


def _in_threads(work: Callable[[Iterator[int]], None], begins: range) -> None:
    """On as many threads as torch uses; whoever is free takes the next piece."""
    threads, shared = max(1, min(torch.get_num_threads(), len(begins))), iter(begins)
    if threads == 1:
        return work(shared)
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, shared) for _ in range(threads)]:
            done.result()


def _plan(held: Columns, number: np.dtype[Any]) -> tuple[Any, ...]:
    ends = number.type(held.adc.low), number.type(held.adc.high)
    digits = held.digits
    return held.pieces, held.shape[4], digits.levels, digits.bits, len(digits.significances), *ends


def _blocks(starts: NDArray[np.int64], width: int, lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts in whole blocks, the last one filled with the last vector, and how many lie together in each block."""
    where = np.concatenate([starts, np.full(-len(starts) % width, starts[-1])])
    blocks = where.reshape(-1, width)
    whole, fours = ((np.diff(blocks.reshape(len(blocks), -1, n), axis=2) == 1).all((1, 2)) for n in (lanes, 4))
    return where, np.where(whole, lanes, np.where(fours, 4, 1))


def _memory(
    held: Columns, reads: int, columns: int, width: int, number: np.dtype[Any]
) -> tuple[NDArray[np.generic], ...]:
    """One thread's working memory, in the order of `read_blocks`: gathered, codes, digits, words, sums, busy, acc."""
    rows = held.shape[4] + (-held.shape[4] % 4 if held.pieces else 0)
    fixed, whole = held.digits.levels > 0, held.pieces > 0
    return (
        _aligned((rows, width), number),
        _aligned((rows if fixed else 0, width), np.dtype(np.int32)),
        _aligned((reads if fixed and not whole else 0, rows, width), number),
        _aligned((reads if whole else 0, rows // 4, width), np.dtype(np.int32)),
        _aligned((reads, width), number),
        np.zeros(reads, np.bool_),
        _aligned((columns, width), number),
    )


def _aligned(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[np.generic]:
    """Memory that begins where a vector does."""
    size = int(np.prod(shape)) * kind.itemsize
    raw = np.empty(size + VECTOR_BYTES, np.uint8)
    skip = -raw.ctypes.data % VECTOR_BYTES
    return raw[skip : skip + size].view(kind).reshape(shape)
