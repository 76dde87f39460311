"""Reads of linear arrays on the CPU: inputs gathered block by block, multiplied, converted and added in the cache."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from ..kernels import kernel
from .reads_lanes import (
    OPERANDS,
    convert_bytes,
    convert_floats,
    convert_pairs,
    gather_fours,
    gather_ones,
    gather_vectors,
)


@kernel()
@no_type_check
def gather(source, starts, grain, first, offsets, into):
    """The inputs of one tile's rows, for a block of vectors; `grain`: how many of them lie side by side at least."""
    at_starts = np.int64(starts.ctypes.data) + first * 8
    for row in range(into.shape[0]):
        at_row = np.int64(into.ctypes.data) + row * into.shape[1] * into.itemsize
        if row >= len(offsets):
            into[row] = 0
            continue
        at = (at_starts, np.int64(source.ctypes.data) + offsets[row] * into.itemsize, at_row)
        if grain == 1:
            gather_ones(into, at, ())
        elif grain == 4:
            gather_fours(into, at, ())
        else:
            gather_vectors(into, at, ())


@kernel()
@no_type_check
def _codes(u, codes, levels):
    for row in range(u.shape[0]):
        for lane in range(u.shape[1]):
            value = np.float64(u[row, lane])
            size = np.int32(np.floor(abs(value) * levels + 0.5))
            codes[row, lane] = size if value >= 0 else -size


@kernel()
@no_type_check
def _float_digits(codes, sign, shift, mask, digits):
    """Digits of one read as numbers; whether there is one that is not zero."""
    some = np.int32(0)
    for row in range(codes.shape[0]):
        for lane in range(codes.shape[1]):
            digit = (max(sign * codes[row, lane], np.int32(0)) >> shift) & mask
            digits[row, lane] = digit
            some |= digit
    return some != 0


@kernel()
@no_type_check
def _byte_digits(codes, sign, shift, mask, digits, sums):
    """Digits of one read, four rows in a word, and their sums; whether there is one that is not zero."""
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
            digits[four, lane] = word
            sums[lane] += a + b + c + d
            some |= word
    return some != 0


@kernel()
@no_type_check
def drive(gathered, pieces, levels, bits, each, reads, codes, digits, words, sums, busy):
    """What the rows of a tile carry at each read, and whether they carry anything."""
    if levels:
        _codes(gathered, codes, np.float64(levels))
    for read in range(reads if levels else 0):
        sign = np.int32(1 if read < each else -1)
        shift, mask = np.int32(bits * (read % each)), np.int32((1 << bits) - 1)
        if pieces:
            busy[read] = _byte_digits(codes, sign, shift, mask, words[read], sums[read])
        else:
            busy[read] = _float_digits(codes, sign, shift, mask, digits[read])


@kernel()
@no_type_check
def read_blocks(
    source, starts, grains, offsets, weights, affine, weigh, pieces, rows, levels, bits, each, low, high, total, count,
    begin, end, gathered, codes, digits, words, sums, busy, acc,
):  # fmt: skip
    """Blocks `begin` to `end` of input vectors through all arrays; see `reads.Columns` and `reads.convert`.

    `weigh` `(reads, column groups)`: what a code counts for; the first `each` reads are those of positive inputs.
    `total` `(groups, columns, vectors)` and `count` `(vectors,)` receive; from `gathered` on it is working memory.
    """
    row_tiles, column_groups, size = weights.shape[1:]
    reads, width = weigh.shape[0], gathered.shape[1]
    columns = OPERANDS // 2 if pieces == 2 else OPERANDS
    held = total.shape[1] // columns
    for block in range(begin, end):
        first = block * width
        count[first : first + width] = 0
        at_count = np.int64(count.ctypes.data) + first * count.itemsize
        for g in range(offsets.shape[0]):
            acc[:] = 0
            for t in range(row_tiles):
                some = offsets[g, t * rows : (t + 1) * rows]
                gather(source, starts, grains[block], first, some, gathered)
                drive(gathered, pieces, levels, bits, each, reads, codes, digits, words, sums, busy)
                at_w = np.int64(weights.ctypes.data) + (g * row_tiles + t) * column_groups * size
                at_affine = np.int64(affine.ctypes.data) + (g * row_tiles + t) * column_groups * columns * 8
                for q in range(column_groups):
                    at_out = np.int64(acc.ctypes.data) + (q % held) * columns * width * acc.itemsize
                    for read in range(reads):
                        numbers = (weigh[read, q], low, high)
                        if pieces and busy[read]:
                            at_u = np.int64(words.ctypes.data) + read * words.shape[1] * width * 4
                            at_sums = np.int64(sums.ctypes.data) + read * width * 4
                            at = (at_u, at_w, words.shape[1], at_out, at_count, at_sums, at_affine)
                            if pieces == 1:
                                convert_bytes(acc, at, numbers)
                            else:
                                convert_pairs(acc, at, numbers)
                        elif not pieces and (levels == 0 or busy[read]):
                            at_u = np.int64(gathered.ctypes.data)
                            if levels:
                                at_u = np.int64(digits.ctypes.data) + read * digits.shape[1] * width * digits.itemsize
                            convert_floats(acc, (at_u, at_w, rows, at_out, at_count), numbers)
                    at_w += size
                    at_affine += columns * 8
            total[g, :, first : first + width] = acc
