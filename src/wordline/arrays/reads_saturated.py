"""What saturated conversions take away from a straight-through derivative: each its own column, for its own vector.

Saturation is rare where a range is chosen well, so the columns are taken one by one.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from ..kernels import kernel
from .reads_compiled import drive, gather
from .reads_lanes import OPERANDS, mark_bytes, mark_floats, mark_pairs


@kernel()
@no_type_check
def _take(marks, bits, towards, first, worth, devices, taken, touched):
    """taken[lane] += mark * towards * column, for every mark that is not zero."""
    some = bits[0, 0] & 0
    for j in range(bits.shape[0]):
        for lane in range(bits.shape[1]):
            some |= bits[j, lane]
    if some == 0:
        return
    for j in range(marks.shape[0]):
        for lane in range(marks.shape[1]):
            if bits[j, lane]:
                factor = marks[j, lane] * towards[j, first + lane] * worth
                touched[lane] = True
                for row in range(devices.shape[1]):
                    taken[lane, row] += factor * devices[j, row]


@kernel()
@no_type_check
def take_blocks(
    source, starts, grains, offsets, weights, affine, shares, slopes, worth, pieces, rows, levels, bits, each, low,
    high, towards, vectors, grad, gathered, codes, digits, words, sums, busy, acc, marks, marked, taken, touched, count,
):  # fmt: skip
    """Subtract from `grad`, of the layout of `source`, what saturated among the first `vectors` of these vectors.

    `shares` `(groups, row_tiles, column groups, columns, rows)`; `slopes` `(reads,)`: share of a derivative that passes
    each read; `worth` `(column groups,)`; `towards` `(groups, columns, vectors)`: derivative by the sums; `marks`
    `(signs, columns, lanes)` and `marked`, the same memory as whole numbers. The rest as in `read_blocks`.
    """
    row_tiles, column_groups, size = weights.shape[1:]
    reads, width = slopes.shape[0], gathered.shape[1]
    columns = OPERANDS // 2 if pieces == 2 else OPERANDS
    held = towards.shape[1] // columns
    at_count = np.int64(count.ctypes.data)
    for block in range(grains.shape[0]):
        first = block * width
        for g in range(offsets.shape[0]):
            for t in range(row_tiles):
                some = offsets[g, t * rows : (t + 1) * rows]
                gather(source, starts, grains[block], first, some, gathered)
                drive(gathered, pieces, levels, bits, each, reads, codes, digits, words, sums, busy)
                taken[:] = 0
                touched[:] = False
                at_w = np.int64(weights.ctypes.data) + (g * row_tiles + t) * column_groups * size
                at_affine = np.int64(affine.ctypes.data) + (g * row_tiles + t) * column_groups * columns * 8
                for q in range(column_groups):
                    marks[:] = 0
                    for read in range(reads):
                        at_out = np.int64(marks.ctypes.data)
                        if read >= each:
                            at_out += OPERANDS * width * marks.itemsize
                        numbers = (slopes[read], low, high)
                        if pieces and busy[read]:
                            at_u = np.int64(words.ctypes.data) + read * words.shape[1] * width * 4
                            at_sums = np.int64(sums.ctypes.data) + read * width * 4
                            at = (at_u, at_w, words.shape[1], at_out, at_count, at_sums, at_affine)
                            if pieces == 1:
                                mark_bytes(acc, at, numbers)
                            else:
                                mark_pairs(acc, at, numbers)
                        elif not pieces and (levels == 0 or busy[read]):
                            at_u = np.int64(gathered.ctypes.data)
                            if levels:
                                at_u = np.int64(digits.ctypes.data) + read * digits.shape[1] * width * digits.itemsize
                            mark_floats(acc, (at_u, at_w, rows, at_out, at_count), numbers)
                    here = towards[g, (q % held) * columns : (q % held + 1) * columns]
                    for sign in range(taken.shape[0]):
                        mine, as_bits = marks[sign, :columns], marked[sign, :columns]
                        _take(mine, as_bits, here, first, worth[q], shares[g, t, q], taken[sign], touched)
                    at_w += size
                    at_affine += columns * 8
                for lane in range(min(width, vectors - first)):
                    if touched[lane]:
                        for row in range(len(some)):
                            sign = 1 if taken.shape[0] == 2 and gathered[row, lane] < 0 else 0
                            grad[starts[first + lane] + some[row]] -= taken[sign, lane, row]
