"""Loops around the operations of `emission`: digits, blocks of columns, vectors.

`u` `(vectors, rows)` are inputs in [-1, 1]; whole numbers round(|u| levels) are cut into digits.
Digits of negative inputs are reads of their own, whose codes count negative. `response` is
`(slices * 2, groups, row tiles, column tiles, 4 rows + hidden + 1, columns)`: pairs of arrays,
whose columns are taken side by side, `2 outputs` of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ..compiler import kernel
from .emission import BLOCK, FACTOR, HIGH, LANES, MATRICES, UNIT, convert_sparse, descend_sparse
from .emission import HEAD as _HEAD
from .emission import SHARE as _SHARE

Array = NDArray[Any]
_BLOCK, _LANES, _MATRICES, _UNIT = BLOCK, LANES, MATRICES, UNIT
_FACTOR, _HIGH = FACTOR, HIGH


class Streams(NamedTuple):
    """How inputs are cut: rounded to `levels`, digits of `bits`, `count` of them.

    `powers` `(2^bits, 3)`: x, x^2 and x^3 of each digit; `base`: of the weights of digits.
    """

    levels: float
    bits: int
    count: int
    powers: Array
    base: float


@kernel(error_model="numpy")
@no_type_check
def _list_terms(u, streams, terms, numbers, rest, sizes):
    """List, for each vector and read, the rows that are driven and those of its sign at rest.

    `terms` `(vectors, 2 count, rows, 4)` and the same memory as integers `numbers`; `rest`
    `(vectors, 2 count, rows)`; `sizes` `(vectors, 2 count, 2)`. Without branches: which digits are
    zero cannot be foretold.
    """
    count, mask, rows = streams.count, (1 << streams.bits) - 1, u.shape[1]
    codes = np.empty(rows, np.int64)
    of_sign = np.empty(rows, np.int64)
    for n in range(u.shape[0]):
        negative = 0
        for i in range(rows):
            codes[i] = np.int64(np.floor(abs(np.float64(u[n, i])) * streams.levels + 0.5))
            of_sign[i] = np.int64(u[n, i] >= 0)
            negative += 1 - of_sign[i]
        for t in range(2 * count):
            sizes[n, t, 0] = sizes[n, t, 1] = 0
            if t == count:
                if negative == 0:
                    sizes[n, t:] = 0
                    break
                for i in range(rows):
                    of_sign[i] = 1 - of_sign[i]
            shift, driven, quiet = streams.bits * (t % count), 0, 0
            for i in range(rows):
                digit = (codes[i] >> shift) & mask & -of_sign[i]
                terms[n, t, driven, 1] = streams.powers[digit, 0]
                terms[n, t, driven, 2] = streams.powers[digit, 1]
                terms[n, t, driven, 3] = streams.powers[digit, 2]
                numbers[n, t, driven, 0] = i
                rest[n, t, quiet] = i
                driven += np.int64(digit > 0)
                quiet += np.int64(digit == 0) & of_sign[i]
            sizes[n, t, 0], sizes[n, t, 1] = driven, quiet


@kernel()
@no_type_check
def _pack(response, at, first, outputs, rows, height, block, static):
    """Copy the columns from `first` of the pair of arrays `at` = (slice, group, row tile).

    `height`: rows of a whole tile, of which `rows` are used. `block` `(rows, 4, BLOCK)`; `static`
    `(hidden + 1, BLOCK)`; columns beyond the last are zero.
    """
    s, group, tile = at
    width, lane = response.shape[5], 0
    while lane < _BLOCK and first + lane < 2 * outputs:
        half, column = (first + lane) // outputs, (first + lane) % outputs
        column_tile, place = column // width, column % width
        many = min(_BLOCK - lane, min(outputs - column, width - place))
        source = response[2 * s + half, group, tile, column_tile]
        for m in range(_MATRICES):
            for i in range(rows):
                for j in range(many):
                    block[i, m, lane + j] = source[m * height + i, place + j]
        for h in range(static.shape[0]):
            for j in range(many):
                static[h, lane + j] = source[_MATRICES * height + h, place + j]
        lane += many
    block[:, :, lane:] = 0
    static[:, lane:] = 0


@kernel()
@no_type_check
def _cancels(response, at, outputs, rows, height, numbers):
    """Tell whether the two arrays of a pair are equal, and too weak to saturate the ADC."""
    s, group, tile = at
    width, units = response.shape[5], response.shape[4] - _MATRICES * height - 1
    most = 1.0  # of 1 + r: features are at most 1, and m4 and the last at most 2
    for i in range(4):
        most += 2 * abs(numbers[i])
    for h in range(units):
        most += abs(numbers[_HEAD + _UNIT * h + 4])
    for first in range(0, outputs, width):
        plus = response[2 * s, group, tile, first // width]
        minus = response[2 * s + 1, group, tile, first // width]
        many = min(width, outputs - first)
        for h in range(plus.shape[0] - 1, -1, -1):
            if h < _MATRICES * height and h % height >= rows:
                continue  # a row that no input drives
            for j in range(many):
                if plus[h, j] != minus[h, j]:
                    return False
        for j in range(many):
            total = 0.0
            for i in range(rows):
                total += plus[i, j]
            largest = total * (most + abs(plus[plus.shape[0] - 1, j])) * numbers[_FACTOR]
            if not (total * numbers[_SHARE] <= 2 and largest <= numbers[_HIGH]):
                return False
    return True


@kernel()
@no_type_check
def convert(u, response, group, outputs, height, streams, slice_weights, numbers, memory, out):
    """Add up codes: `out` `(vectors, 2 outputs in whole blocks)`, float64, exact whole numbers.

    Returns how many codes saturated.
    """
    terms, integers, rest, sizes, block, static, clipped = memory
    saturated = 0
    hidden = static.shape[0] - 1
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, integers, rest, sizes)
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(out.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                clipped[:] = 0
                for n in range(u.shape[0]):
                    weight = slice_weights[s]
                    for t in range(2 * streams.count):
                        if t == streams.count:
                            weight = -slice_weights[s]
                        if sizes[n, t, 0] > 0:
                            convert_sparse(
                                (
                                    terms[n, t].ctypes.data,
                                    np.int64(sizes[n, t, 0]),
                                    block.ctypes.data,
                                    static.ctypes.data,
                                    numbers.ctypes.data,
                                    hidden,
                                    out[n, b * _BLOCK :].ctypes.data,
                                    clipped.ctypes.data,
                                    weight,
                                    np.float32(0.5),
                                )
                            )
                        weight *= streams.base
                for lane in range(min(_BLOCK, 2 * outputs - b * _BLOCK)):
                    saturated += clipped[lane]
    return saturated


@kernel()
@no_type_check
def descend(u, response, group, outputs, height, streams, slice_weights, numbers, memory, grad, du):
    """Add to `du` `(vectors, rows)` the derivative for dL/d(codes added up).

    `grad` `(vectors, 2 outputs in whole blocks)`: negative for the second array of a pair.
    """
    terms, integers, rest, sizes, block, static, down = memory
    hidden, count = static.shape[0] - 1, streams.count
    half = np.float32(0.5)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, integers, rest, sizes)
        down[:] = 0
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(grad.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                for n in range(u.shape[0]):
                    weight, quiet, still = slice_weights[s], 0.0, -1
                    for t in range(2 * count):
                        if t == count:
                            weight = slice_weights[s]
                        if sizes[n, t, 0] > 0:
                            descend_sparse(
                                (
                                    terms[n, t].ctypes.data,
                                    np.int64(sizes[n, t, 0]),
                                    block.ctypes.data,
                                    static.ctypes.data,
                                    numbers.ctypes.data,
                                    hidden,
                                    rest[n, t].ctypes.data,
                                    np.int64(sizes[n, t, 1]),
                                    grad[n, b * _BLOCK :].ctypes.data,
                                    down[n].ctypes.data,
                                    np.float32(weight),
                                    half,
                                )
                            )
                        elif sizes[n, t, 1] > 0:
                            quiet, still = quiet + weight, t
                        weight *= streams.base
                        # Reads without voltage have one slope: theirs are done together.
                        if (t == count - 1 or t == 2 * count - 1) and still >= 0:
                            descend_sparse(
                                (
                                    terms[n, still].ctypes.data,
                                    0,
                                    block.ctypes.data,
                                    static.ctypes.data,
                                    numbers.ctypes.data,
                                    hidden,
                                    rest[n, still].ctypes.data,
                                    np.int64(sizes[n, still, 1]),
                                    grad[n, b * _BLOCK :].ctypes.data,
                                    down[n].ctypes.data,
                                    np.float32(quiet),
                                    half,
                                )
                            )
                            quiet, still = 0.0, -1
        for n in range(u.shape[0]):
            for i in range(rows):
                total = down[n, i, 0]
                for lane in range(1, _LANES):
                    total += down[n, i, lane]
                du[n, tile * height + i] += total
