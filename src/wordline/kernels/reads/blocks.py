"""Blocks of input vectors through all arrays: gather, split into digits, multiply, convert, add.

A block stays in the cache from its inputs to its sums.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ..compiler import kernel
from .micro_kernels import OPERANDS, convert_columns, gather_fours, gather_ones, gather_vectors

Array = NDArray[Any]


class Inputs(NamedTuple):
    """The input of row k for vector n of group g is `source[starts[n] + offsets[g, k]]`."""

    source: Array
    starts: Array  # of whole blocks
    grains: Array  # (blocks,), how many inputs of neighbouring vectors lie side by side at least
    offsets: Array


class Arrays(NamedTuple):
    """Weights and affine of `packing.PackedColumns`."""

    weights: Array
    affine: Array


class Plan(NamedTuple):
    """Formats of devices, inputs and codes."""

    device_bytes: int  # 0 for real numbers
    rows: int  # of a tile
    levels: int  # of the inputs, 0 for real numbers
    bits: int  # of a digit
    reads_per_sign: int  # the reads after these are of negative inputs
    low: Any  # codes of the ADC
    high: Any


class Scratch(NamedTuple):
    """Working memory of one thread; `width` input vectors of a block stand side by side."""

    gathered: Array  # (rows, width)
    codes: Array  # (rows, width), signed whole inputs
    digits: Array  # (reads, rows, width), as numbers
    words: Array  # (reads, rows / 4, width), four bytes of digits in a word
    digit_sums: Array  # (reads, width)
    active: Array  # (reads,), True if any digit is not zero
    sums: Array  # (columns, width)


@kernel()
@no_type_check
def gather(inputs, block, offsets, into):
    """Gather the inputs of one tile's rows for a block of vectors; missing rows are 0."""
    at_starts = np.int64(inputs.starts.ctypes.data) + block * into.shape[1] * 8
    at_source, grain = np.int64(inputs.source.ctypes.data), inputs.grains[block]
    for row in range(into.shape[0]):
        at_row = np.int64(into.ctypes.data) + row * into.shape[1] * into.itemsize
        if row >= len(offsets):
            into[row] = 0
            continue
        at = (at_starts, at_source + offsets[row] * into.itemsize, at_row)
        if grain == 1:
            gather_ones(into, at, ())
        elif grain == 4:
            gather_fours(into, at, ())
        else:
            gather_vectors(into, at, ())


@kernel()
@no_type_check
def _to_codes(u, codes, levels):
    """Round inputs to whole numbers, halves away from zero."""
    for row in range(u.shape[0]):
        for lane in range(u.shape[1]):
            value = np.float64(u[row, lane])
            size = np.int32(np.floor(abs(value) * levels + 0.5))
            codes[row, lane] = size if value >= 0 else -size


@kernel()
@no_type_check
def _float_digits(codes, sign, shift, mask, digits):
    """Write the digits of one read as numbers; tell if any is not zero."""
    some = np.int32(0)
    for row in range(codes.shape[0]):
        for lane in range(codes.shape[1]):
            digit = (max(sign * codes[row, lane], np.int32(0)) >> shift) & mask
            digits[row, lane] = digit
            some |= digit
    return some != 0


@kernel()
@no_type_check
def _byte_digits(codes, sign, shift, mask, words, sums):
    """Write the digits of one read, four rows a word, and their sums; tell if any is not 0."""
    some, zero = np.int32(0), np.int32(0)
    for lane in range(codes.shape[1]):
        sums[lane] = 0
    for four in range(codes.shape[0] // 4):
        for lane in range(codes.shape[1]):
            a = (max(sign * codes[4 * four, lane], zero) >> shift) & mask
            b = (max(sign * codes[4 * four + 1, lane], zero) >> shift) & mask
            c = (max(sign * codes[4 * four + 2, lane], zero) >> shift) & mask
            d = (max(sign * codes[4 * four + 3, lane], zero) >> shift) & mask
            word = a | (b << np.int32(8)) | (c << np.int32(16)) | (d << np.int32(24))
            words[four, lane] = word
            sums[lane] += a + b + c + d
            some |= word
    return some != 0


@kernel()
@no_type_check
def split_into_digits(plan, scratch):
    """Write the digits that the rows of a tile carry at each read, if inputs are digits."""
    if plan.levels:
        _to_codes(scratch.gathered, scratch.codes, np.float64(plan.levels))
    for read in range(len(scratch.active) if plan.levels else 0):
        sign = np.int32(1 if read < plan.reads_per_sign else -1)
        shift = np.int32(plan.bits * (read % plan.reads_per_sign))
        mask = np.int32((1 << plan.bits) - 1)
        if plan.device_bytes:
            words, sums = scratch.words[read], scratch.digit_sums[read]
            scratch.active[read] = _byte_digits(scratch.codes, sign, shift, mask, words, sums)
        else:
            digits = scratch.digits[read]
            scratch.active[read] = _float_digits(scratch.codes, sign, shift, mask, digits)


@kernel()
@no_type_check
def operands(plan, scratch, read):
    """Address what one read multiplies: (vectors, number of rows, sums of digits)."""
    width = scratch.gathered.shape[1]
    if plan.device_bytes:
        fours = scratch.words.shape[1]
        at_words = np.int64(scratch.words.ctypes.data) + read * fours * width * 4
        return at_words, fours, np.int64(scratch.digit_sums.ctypes.data) + read * width * 4
    if plan.levels:
        size = scratch.digits.shape[1] * width * scratch.digits.itemsize
        return np.int64(scratch.digits.ctypes.data) + read * size, plan.rows, np.int64(0)
    return np.int64(scratch.gathered.ctypes.data), plan.rows, np.int64(0)


@kernel()
@no_type_check
def columns_at_once(plan):
    """Count the columns that a micro-kernel multiplies: a two-byte device takes two operands."""
    return OPERANDS // 2 if plan.device_bytes == 2 else OPERANDS


@kernel()
@no_type_check
def addresses(arrays, plan, g, t):
    """Address the weights and the affine maps of one tile's columns, and the bytes of a group."""
    _, row_tiles, groups, size = arrays.weights.shape
    affine_size = columns_at_once(plan) * 8
    tile = (g * row_tiles + t) * groups
    at_w = np.int64(arrays.weights.ctypes.data) + tile * size
    at_affine = np.int64(arrays.affine.ctypes.data) + tile * affine_size
    return at_w, at_affine, size, affine_size


@kernel()
@no_type_check
def convert_blocks(inputs, arrays, plan, read_weights, scratch, total, count, blocks):
    """Read `blocks` (first, last + 1) of input vectors with all arrays; see `adc_kernel.convert`.

    `read_weights` `(reads, column groups)`: the weight of a code; `total`
    `(groups, columns, vectors)` and `count` `(vectors,)` receive.
    """
    column_groups = arrays.weights.shape[2]
    reads, width = read_weights.shape[0], scratch.gathered.shape[1]
    columns, sums = columns_at_once(plan), scratch.sums
    kept = total.shape[1] // columns
    begin, end = blocks
    for block in range(begin, end):
        first = block * width
        count[first : first + width] = 0
        at_count = np.int64(count.ctypes.data) + first * count.itemsize
        for g in range(inputs.offsets.shape[0]):
            sums[:] = 0
            for t in range(arrays.weights.shape[1]):
                offsets = inputs.offsets[g, t * plan.rows : (t + 1) * plan.rows]
                gather(inputs, block, offsets, scratch.gathered)
                split_into_digits(plan, scratch)
                at_w, at_affine, w_size, affine_size = addresses(arrays, plan, g, t)
                for q in range(column_groups):
                    at_out = np.int64(sums.ctypes.data) + (
                        (q % kept) * columns * width * sums.itemsize
                    )
                    for read in range(reads):
                        if plan.levels and not scratch.active[read]:
                            continue
                        at_u, rows, at_sums = operands(plan, scratch, read)
                        at = (
                            plan.device_bytes, at_u, at_w, rows, at_out, at_count, at_sums,
                            at_affine,
                        )  # fmt: skip
                        convert_columns(sums, at, (read_weights[read, q], plan.low, plan.high))
                    at_w += w_size
                    at_affine += affine_size
            total[g, :, first : first + width] = sums
