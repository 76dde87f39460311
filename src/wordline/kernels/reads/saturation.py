"""Straight-through derivatives without the conversions that saturated.

A conversion that saturated passes no derivative: its column is subtracted again, for its own
vector. Saturation is rare where a range is chosen well, so the columns are taken one by one.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ..compiler import kernel
from .blocks import addresses, gather, operands, place, split_into_digits
from .micro_kernels import OPERANDS, mark_saturated

Array = NDArray[Any]


class Derivative(NamedTuple):
    """A straight-through derivative, and what of it passed each conversion."""

    shares: Array  # (groups, row_tiles, column groups, columns, rows), as real numbers
    slopes: Array  # (reads,), share of a derivative that passes each read
    array_weights: Array  # (column groups,)
    towards: Array  # (groups, columns, vectors), derivative with respect to the sums
    grad: Array  # of the layout of `source`; what saturated is subtracted here


class Marks(NamedTuple):
    """Working memory of one thread."""

    marks: Array  # (signs, columns, lanes), slopes of the reads that saturated
    bits: Array  # the same memory as whole numbers
    taken: Array  # (signs, lanes, rows), what to subtract
    touched: Array  # (lanes,), True if anything
    clip_count: Array  # (lanes,), not used


@kernel()
@no_type_check
def _add_columns(marks, bits, towards, first, weight, devices, taken, touched):
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
                factor = marks[j, lane] * towards[j, first + lane] * weight
                touched[lane] = True
                for row in range(devices.shape[1]):
                    taken[lane, row] += factor * devices[j, row]


@kernel()
@no_type_check
def _collect(arrays, plan, derivative, scratch, memory, where):
    """Collect in `taken` what saturated at one tile of one block.

    `where`: (first vector, group, tile, rows of the tile that carry inputs).
    """
    first, g, t, used = where
    marks, bits = memory.marks, memory.bits
    width = scratch.gathered.shape[1]
    kept = derivative.towards.shape[1] // OPERANDS
    at_count = np.int64(memory.clip_count.ctypes.data)
    at_w, at_affine, w_size, affine_size = addresses(arrays, g, t)
    for q in range(arrays.weights.shape[2]):
        marks[:] = 0
        for read in range(len(derivative.slopes)):
            if plan.levels and not scratch.active[read]:
                continue
            at_out = np.int64(marks.ctypes.data)
            if read >= plan.reads_per_sign:
                at_out += OPERANDS * width * marks.itemsize
            at_u, rows, at_sums = operands(plan, scratch, read, used)
            at = (plan.form, at_u, at_w, rows, at_out, at_count, at_sums, at_affine, plan.unit)
            numbers = (derivative.slopes[read], plan.low, plan.high)
            mark_saturated(scratch.sums, at, numbers)
        towards = derivative.towards[g, (q % kept) * OPERANDS : (q % kept + 1) * OPERANDS]
        weight, devices = derivative.array_weights[q], derivative.shares[g, t, q]
        for sign in range(memory.taken.shape[0]):
            _add_columns(
                marks[sign], bits[sign], towards, first, weight, devices, memory.taken[sign],
                memory.touched,
            )  # fmt: skip
        at_w += w_size
        at_affine += affine_size


@kernel()
@no_type_check
def subtract_blocks(inputs, arrays, plan, derivative, scratch, memory):
    """Subtract from `derivative.grad` what saturated, block after block."""
    width, grad, taken = scratch.gathered.shape[1], derivative.grad, memory.taken
    vectors = len(inputs.starts)
    for first in range(0, vectors, width):
        grain = place(inputs, plan, first, scratch.starts)
        for g in range(inputs.offsets.shape[0]):
            for t in range(arrays.weights.shape[1]):
                offsets = inputs.offsets[g, t * plan.rows : (t + 1) * plan.rows]
                used = max(1, len(offsets))
                gather(inputs, scratch, offsets, grain)
                split_into_digits(plan, scratch, used)
                taken[:] = 0
                memory.touched[:] = False
                _collect(arrays, plan, derivative, scratch, memory, (first, g, t, used))
                for lane in range(min(width, vectors - first)):
                    if memory.touched[lane]:
                        for row in range(len(offsets)):
                            is_negative = scratch.gathered[row, lane] < 0
                            sign = 1 if taken.shape[0] == 2 and is_negative else 0
                            at = inputs.starts[first + lane] + offsets[row]
                            grad[at] -= taken[sign, lane, row]
