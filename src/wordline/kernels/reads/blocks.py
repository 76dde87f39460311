"""Blocks of input vectors through all arrays: gather, split into digits, multiply, convert, add.

A block stays in the cache from its inputs to its sums.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ..compiler import kernel
from .micro_kernels import (
    OPERANDS,
    REAL,
    TWOS,
    convert_columns,
    gather_fours,
    gather_ones,
    gather_vectors,
)

Array = NDArray[Any]


class Inputs(NamedTuple):
    """The input of row k for vector n of group g is `source[starts[n] + offsets[g, k]]`."""

    source: Array
    starts: Array
    offsets: Array


class Arrays(NamedTuple):
    """Weights and affine of `packing.PackedColumns`."""

    weights: Array
    affine: Array


class Plan(NamedTuple):
    """Formats of devices, inputs and codes."""

    form: int  # of the columns, see `micro_kernels`
    code: int  # the form, plus CERTAIN where no conversion can saturate
    unit: int  # of whole numbers
    lanes: int  # of a register
    rows: int  # of a tile
    levels: int  # of the inputs, 0 for real numbers
    bits: int  # of a digit
    reads_per_sign: int  # the reads after these are of negative inputs
    low: Any  # codes of the ADC
    high: Any


class Scratch(NamedTuple):
    """Working memory of one thread; `width` input vectors of a block stand side by side."""

    starts: Array  # (width,)
    gathered: Array  # (rows, width)
    codes: Array  # (rows, width), signed whole inputs
    digits: Array  # (reads, rows, width), as numbers
    words: Array  # (reads, words, width), digits of four rows in a word, or of two
    digit_sums: Array  # (reads, width)
    active: Array  # (reads,), True if any digit is not zero
    sums: Array  # (columns, width)


@kernel()
@no_type_check
def place(inputs, plan, first, starts):
    """Write the starts of a block, the last one again beyond the end; tell the gather's grain.

    That is how many inputs of neighbouring vectors lie side by side: `plan.lanes`, 4 or 1.
    """
    last = len(inputs.starts) - 1
    wide, four = True, len(starts) % 4 == 0
    for lane in range(len(starts)):
        starts[lane] = inputs.starts[min(first + lane, last)]
        apart = lane > 0 and starts[lane] != starts[lane - 1] + 1
        wide &= not (apart and lane % plan.lanes)
        four &= not (apart and lane % 4)
    return plan.lanes if wide else 4 if four else 1


@kernel()
@no_type_check
def gather(inputs, scratch, offsets, grain):
    """Gather the inputs of one tile's rows for a block of vectors; missing rows are 0."""
    into = scratch.gathered
    into[len(offsets) :] = 0
    at = (
        np.int64(scratch.starts.ctypes.data), np.int64(inputs.source.ctypes.data),
        np.int64(offsets.ctypes.data), np.int64(len(offsets)), np.int64(into.ctypes.data),
    )  # fmt: skip
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
def _word_digits(codes, sign, shift, mask, words, sums, rows_of_word):
    """Write the digits of one read in words, and their sums; tell if any is not 0."""
    some, zero, size = np.int32(0), np.int32(0), np.int32(32 // rows_of_word)
    for lane in range(codes.shape[1]):
        sums[lane] = 0
    for n in range(codes.shape[0] // rows_of_word):
        for lane in range(codes.shape[1]):
            words[n, lane] = 0
        for place in range(rows_of_word):
            row, up = n * rows_of_word + place, np.int32(place) * size
            for lane in range(codes.shape[1]):
                digit = (max(sign * codes[row, lane], zero) >> shift) & mask
                words[n, lane] |= digit << up
                sums[lane] += digit
                some |= digit
    return some != 0


@kernel()
@no_type_check
def split_into_digits(plan, scratch, rows):
    """Write the digits that the rows of a tile carry at each read, if inputs are digits."""
    if plan.levels == 0:
        return
    some = (rows + 3) // 4 * 4 if plan.form != REAL else rows
    codes = scratch.codes[:some]
    _to_codes(scratch.gathered[:some], codes, np.float64(plan.levels))
    for read in range(len(scratch.active)):
        sign = np.int32(1 if read < plan.reads_per_sign else -1)
        shift = np.int32(plan.bits * (read % plan.reads_per_sign))
        mask = np.int32((1 << plan.bits) - 1)
        if plan.form == REAL:
            digits = scratch.digits[read]
            scratch.active[read] = _float_digits(codes, sign, shift, mask, digits)
        else:
            words, sums = scratch.words[read], scratch.digit_sums[read]
            of = 2 if plan.form == TWOS else 4
            scratch.active[read] = _word_digits(codes, sign, shift, mask, words, sums, of)


@kernel()
@no_type_check
def operands(plan, scratch, read, rows):
    """Address what one read multiplies: (vectors, number of rows or words, sums of digits)."""
    width = scratch.gathered.shape[1]
    if plan.form != REAL:
        of = 2 if plan.form == TWOS else 4
        size = scratch.words.shape[1] * width * 4
        at_sums = np.int64(scratch.digit_sums.ctypes.data) + read * width * 4
        return np.int64(scratch.words.ctypes.data) + read * size, (rows + of - 1) // of, at_sums
    if plan.levels:
        size = scratch.digits.shape[1] * width * scratch.digits.itemsize
        return np.int64(scratch.digits.ctypes.data) + read * size, rows, np.int64(0)
    return np.int64(scratch.gathered.ctypes.data), rows, np.int64(0)


@kernel()
@no_type_check
def addresses(arrays, g, t):
    """Address the weights and the affine maps of one tile's columns, and the bytes of a group."""
    _, row_tiles, groups, size = arrays.weights.shape
    affine_size = OPERANDS * 8
    tile = (g * row_tiles + t) * groups
    at_w = np.int64(arrays.weights.ctypes.data) + tile * size
    at_affine = np.int64(arrays.affine.ctypes.data) + tile * affine_size
    return at_w, at_affine, size, affine_size


@kernel()
@no_type_check
def _write(sums, total, first):
    """Copy a block's sums; assigned as a slice they compile for four seconds, for its message."""
    for column in range(sums.shape[0]):
        for lane in range(sums.shape[1]):
            total[column, first + lane] = sums[column, lane]


@kernel()
@no_type_check
def convert_blocks(inputs, arrays, plan, read_weights, scratch, total, count, blocks):
    """Read `blocks` (first, last + 1) of input vectors with all arrays; see `adc_kernel.convert`.

    `read_weights` `(reads, column groups)`: the weight of a code; `total`
    `(groups, columns, vectors)` and `count` `(vectors,)` receive.
    """
    column_groups = arrays.weights.shape[2]
    reads, width = read_weights.shape[0], scratch.gathered.shape[1]
    sums = scratch.sums
    kept = total.shape[1] // OPERANDS
    begin, end = blocks
    for block in range(begin, end):
        first = block * width
        count[first : first + width] = 0
        at_count = np.int64(count.ctypes.data) + first * count.itemsize
        grain = place(inputs, plan, first, scratch.starts)
        for g in range(inputs.offsets.shape[0]):
            sums[:] = 0
            for t in range(arrays.weights.shape[1]):
                offsets = inputs.offsets[g, t * plan.rows : (t + 1) * plan.rows]
                used = max(1, len(offsets))
                gather(inputs, scratch, offsets, grain)
                split_into_digits(plan, scratch, used)
                at_w, at_affine, w_size, affine_size = addresses(arrays, g, t)
                for q in range(column_groups):
                    at_out = np.int64(sums.ctypes.data) + (
                        (q % kept) * OPERANDS * width * sums.itemsize
                    )
                    for read in range(reads):
                        if plan.levels and not scratch.active[read]:
                            continue
                        at_u, rows, at_sums = operands(plan, scratch, read, used)
                        at = (
                            plan.code, at_u, at_w, rows, at_out, at_count, at_sums, at_affine,
                            plan.unit,
                        )  # fmt: skip
                        convert_columns(sums, at, (read_weights[read, q], plan.low, plan.high))
                    at_w += w_size
                    at_affine += affine_size
            _write(sums, total[g], first)
