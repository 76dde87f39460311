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
from .emission import (
    BLOCK,
    FACTOR,
    HEAD,
    HIGH,
    LANES,
    MATRICES,
    SHARE,
    UNIT,
    convert_sparse,
    copy_columns,
    descend_sparse,
    list_digits,
)

Array = NDArray[Any]
_BLOCK, _LANES, _MATRICES, _UNIT = BLOCK, LANES, MATRICES, UNIT
_FACTOR, _HIGH, _SHARE, _HEAD = FACTOR, HIGH, SHARE, HEAD


class Streams(NamedTuple):
    """How inputs are cut: rounded to `levels`, digits of `bits`, `count` of them.

    `powers` `(2^bits, 4)`: room for a row's number, x, x^2 and x^3 of each digit; `base`: of the
    weights of digits.
    """

    levels: float
    bits: int
    count: int
    powers: Array
    base: float


@kernel(error_model="numpy")
@no_type_check
def _list_terms(u, streams, terms, rest, sizes):
    """List, for each vector and read, the rows that are driven and those of its sign at rest.

    `terms` `(vectors, 2 count, rows + 1, 4)`; `rest` `(vectors, 2 count, rows + 1)`; `sizes`
    `(vectors, 2 count, 2)`. One row more is written than is listed.
    """
    count, rows = streams.count, u.shape[1]
    codes, own = np.empty((2, rows), np.int32), np.empty((2, rows), np.int32)
    at_codes, at_own, at_powers = _at(codes), _at(own), _at(streams.powers)
    at_terms, at_rest, at_sizes = _at(terms), _at(rest), _at(sizes)
    reads, mask = 2 * count, np.int64((1 << streams.bits) - 1)
    for n in range(u.shape[0]):
        negative = 0
        for i in range(rows):
            code = np.int32(np.floor(abs(np.float64(u[n, i])) * streams.levels + 0.5))
            below = np.int32(u[n, i] < 0)
            codes[0, i], codes[1, i] = code * (1 - below), code * below
            own[0, i], own[1, i] = 1 - below, below
            negative += below
        for sign in range(2):
            if sign == 1 and negative == 0:
                sizes[n, count:] = 0
                break
            for t in range(count):
                place = n * reads + sign * count + t
                list_digits(
                    (
                        at_codes + 4 * sign * rows,
                        at_own + 4 * sign * rows,
                        rows,
                        streams.bits * t,
                        mask,
                        at_powers,
                        at_terms + place * 16 * terms.shape[2],
                        at_rest + place * 4 * rest.shape[2],
                        at_sizes + place * 16,
                    )
                )


@kernel()
@no_type_check
def _at(array):
    """Return the address of a contiguous array."""
    return np.int64(array.ctypes.data)


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
        vectors = many // _LANES
        copy_columns(
            (
                _at(source) + 4 * place,
                4 * width,
                4 * width * height,
                rows,
                _at(block) + 4 * lane,
                vectors,
            )
        )
        for m in range(_MATRICES):
            for j in range(vectors * _LANES, many):
                for i in range(rows):
                    block[i, m, lane + j] = source[m * height + i, place + j]
        for h in range(static.shape[0]):
            for j in range(many):
                static[h, lane + j] = source[_MATRICES * height + h, place + j]
        lane += many
    if lane < _BLOCK:
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
    terms, rest, sizes, block, static, clipped = memory
    saturated, reads, hidden = 0, 2 * streams.count, np.int64(static.shape[0] - 1)
    at_terms, term_bytes, out_bytes = _at(terms), 16 * terms.shape[2], 8 * out.shape[1]
    at_block, at_static, at_numbers = _at(block), _at(static), _at(numbers)
    at_out, at_clipped = _at(out), _at(clipped)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, rest, sizes)
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(out.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                clipped[:] = 0
                for n in range(u.shape[0]):
                    weight = slice_weights[s]
                    for t in range(reads):
                        if t == streams.count:
                            weight = -slice_weights[s]
                        if sizes[n, t, 0] > 0:
                            convert_sparse(
                                (
                                    at_terms + (n * reads + t) * term_bytes,
                                    sizes[n, t, 0],
                                    at_block,
                                    at_static,
                                    at_numbers,
                                    hidden,
                                    at_out + n * out_bytes + 8 * _BLOCK * b,
                                    at_clipped,
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
def descend(
    u, response, group, outputs, height, streams, slice_weights, numbers, memory, grad, du
):  # fmt: skip
    """Add to `du` `(vectors, rows)` the derivative for dL/d(codes added up).

    `grad` `(vectors, 2 outputs in whole blocks)`: negative for the second array of a pair.
    """
    terms, rest, sizes, block, static, down = memory
    hidden, count = np.int64(static.shape[0] - 1), streams.count
    reads, term_bytes, rest_bytes = 2 * count, 16 * terms.shape[2], 4 * rest.shape[2]
    at_terms, at_rest, at_down = _at(terms), _at(rest), _at(down)
    at_block, at_static, at_numbers = _at(block), _at(static), _at(numbers)
    at_grad, down_bytes = _at(grad), 4 * down.shape[1] * down.shape[2]
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, rest, sizes)
        down[:] = 0
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(grad.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                for n in range(u.shape[0]):
                    for sign in range(2):
                        # Reads without voltage have one slope: theirs are done together, last.
                        weight, quiet, still = slice_weights[s], 0.0, -1
                        for t in range(count + 1):
                            read, scale = sign * count + t, weight
                            if t == count:
                                read, scale = still, quiet
                            elif sizes[n, read, 0] == 0:
                                still, quiet = read, quiet + weight
                            weight *= streams.base
                            if read < 0 or (t < count and sizes[n, read, 0] == 0):
                                continue
                            if sizes[n, read, 0] + sizes[n, read, 1] == 0:
                                continue
                            descend_sparse(
                                (
                                    at_terms + (n * reads + read) * term_bytes,
                                    sizes[n, read, 0],
                                    at_block,
                                    at_static,
                                    at_numbers,
                                    hidden,
                                    at_rest + (n * reads + read) * rest_bytes,
                                    sizes[n, read, 1],
                                    at_grad + 4 * (n * grad.shape[1] + _BLOCK * b),
                                    at_down + n * down_bytes,
                                    np.float32(scale),
                                    np.float32(0.5),
                                )
                            )
        for n in range(u.shape[0]):
            for i in range(rows):
                total = down[n, i, 0]
                for lane in range(1, _LANES):
                    total += down[n, i, lane]
                du[n, tile * height + i] += total
