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
    JOINT,
    LANES,
    MATRICES,
    SHARE,
    UNIT,
    VECTORS,
    convert_alone,
    convert_joint,
    copy_columns,
    descend_alone,
    descend_joint,
    finish_descent,
    list_digits,
)

Array = NDArray[Any]
_BLOCK, _LANES, _MATRICES, _UNIT = BLOCK, LANES, MATRICES, UNIT
_FACTOR, _HIGH, _SHARE, _HEAD, _JOINT, _VECTORS = FACTOR, HIGH, SHARE, HEAD, JOINT, VECTORS


class Streams(NamedTuple):
    """How inputs are cut: rounded to `levels`, digits of `bits`, `total` of them.

    `powers` `(2^bits, 4)`: room for a row's number, x, x^2 and x^3 of each digit; `base`: of the
    weights of digits.
    """

    levels: float
    bits: int
    total: int
    powers: Array
    base: float


@kernel(error_model="numpy")
@no_type_check
def _list_terms(u, streams, terms, sizes):
    """List, for each vector, sign and segment of streams, the rows that are driven.

    A segment is `JOINT` streams, or one of what is left over. `terms`
    `(vectors, 2, segments, rows + 1, 12)`; `sizes` `(vectors, 2, segments)`.
    """
    rows, segments = u.shape[1], terms.shape[2]
    firsts, together, _ = _segments(streams)
    codes = np.empty((2, rows), np.int32)
    at_codes, at_powers, at_terms, at_sizes = (
        _at(codes),
        _at(streams.powers),
        _at(terms),
        _at(sizes),
    )
    segment_bytes = 48 * terms.shape[3]
    for n in range(u.shape[0]):
        negative = 0
        for i in range(rows):
            code = np.int32(np.floor(abs(np.float64(u[n, i])) * streams.levels + 0.5))
            below = np.int32(u[n, i] < 0)
            codes[0, i], codes[1, i] = code * (1 - below), code * below
            negative += below
        for sign in range(2):
            if sign == 1 and negative == 0:
                sizes[n, 1] = 0
                break
            for segment in range(segments):
                place = (n * 2 + sign) * segments + segment
                list_digits(
                    (
                        at_codes + 4 * sign * rows,
                        rows,
                        streams.bits * firsts[segment],
                        streams.bits,
                        together[segment],
                        at_powers,
                        at_terms + place * segment_bytes,
                        at_sizes + place * 8,
                    )
                )


@kernel()
@no_type_check
def _list_signs(u, own):
    """List the rows of each sign: `own` `(vectors, 2, rows + 1)`, their number and then they."""
    for n in range(u.shape[0]):
        own[n, :, 0] = 0
        for i in range(u.shape[1]):
            below = 1 if u[n, i] < 0 else 0
            own[n, below, 0] += 1
            own[n, below, own[n, below, 0]] = i


@kernel()
@no_type_check
def _segments(streams):
    """Lay out segments: their first streams, how many they have, the weights of the first."""
    joint = streams.total // _JOINT
    many = joint + streams.total % _JOINT
    firsts, sizes, weights = np.empty(many, np.int64), np.empty(many, np.int64), np.empty(many)
    for segment in range(many):
        firsts[segment] = _JOINT * min(segment, joint) + max(0, segment - joint)
        sizes[segment] = _JOINT if segment < joint else 1
        weights[segment] = streams.base ** firsts[segment]
    return firsts, sizes, weights


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
    terms, sizes, _, block, static, clipped = memory
    _, together, weights = _segments(streams)
    saturated, segments, hidden = 0, terms.shape[2], np.int64(static.shape[0] - 1)
    at_terms, segment_bytes, out_bytes = _at(terms), 48 * terms.shape[3], 8 * out.shape[1]
    at_block, at_static, at_numbers = _at(block), _at(static), _at(numbers)
    at_out, at_clipped = _at(out), _at(clipped)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, sizes)
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(out.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                clipped[:] = 0
                for n in range(u.shape[0]):
                    here = at_out + n * out_bytes + 8 * _BLOCK * b
                    for place in range(2 * segments):
                        sign, segment = place // segments, place % segments
                        size = sizes[n, sign, segment]
                        if size == 0:
                            continue
                        weight = slice_weights[s] * weights[segment] * (1 - 2 * sign)
                        listed = at_terms + (n * 2 * segments + place) * segment_bytes
                        if together[segment] == 1:
                            convert_alone(
                                (
                                    listed, size, at_block, at_static, at_numbers, hidden, here,
                                    at_clipped, weight, streams.base,
                                )
                            )  # fmt: skip
                            continue
                        for v in range(_VECTORS):
                            more = v * 4 * _LANES
                            convert_joint(
                                (
                                    listed, size, at_block + more, at_static + more, at_numbers,
                                    hidden, here + 2 * more, at_clipped + more, weight,
                                    streams.base,
                                )
                            )  # fmt: skip
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
    terms, sizes, own, block, static, down = memory
    _, together, weights = _segments(streams)
    hidden, segments = np.int64(static.shape[0] - 1), terms.shape[2]
    segment_bytes, first = 48 * terms.shape[3], np.empty(_BLOCK, np.float32)
    at_terms, at_own, at_down, at_first = _at(terms), _at(own), _at(down), _at(first)
    at_block, at_static, at_numbers = _at(block), _at(static), _at(numbers)
    at_grad, down_bytes = _at(grad), 4 * down.shape[1] * down.shape[2]
    base = np.float32(streams.base)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        _list_terms(part, streams, terms, sizes)
        _list_signs(part, own)
        down[:] = 0
        for s in range(response.shape[0] // 2):
            at = s, group, tile
            if _cancels(response, at, outputs, rows, height, numbers):
                continue
            for b in range(grad.shape[1] // _BLOCK):
                _pack(response, at, b * _BLOCK, outputs, rows, height, block, static)
                for n in range(u.shape[0]):
                    towards = at_grad + 4 * (n * grad.shape[1] + _BLOCK * b)
                    below = at_down + n * down_bytes
                    for sign in range(2):
                        if own[n, sign, 0] == 0:
                            continue
                        first[:] = 0
                        quiet = 0.0  # streams without voltage have one slope: they go together
                        for segment in range(segments):
                            size = sizes[n, sign, segment]
                            weight = slice_weights[s] * weights[segment]
                            place = (n * 2 + sign) * segments + segment
                            listed = at_terms + place * segment_bytes
                            if size == 0:
                                for _ in range(together[segment]):
                                    quiet += weight
                                    weight *= streams.base
                            elif together[segment] == 1:
                                descend_alone(
                                    (
                                        listed, size, at_block, at_static, at_numbers, hidden,
                                        towards, below, at_first, np.float32(weight), base,
                                    )
                                )  # fmt: skip
                            else:
                                for v in range(_VECTORS):
                                    more = v * 4 * _LANES
                                    descend_joint(
                                        (
                                            listed, size, at_block + more, at_static + more,
                                            at_numbers, hidden, towards + more, below,
                                            at_first + more, np.float32(weight), base,
                                        )
                                    )  # fmt: skip
                        if quiet > 0:
                            descend_alone(
                                (
                                    at_terms, 0, at_block, at_static, at_numbers, hidden, towards,
                                    below, at_first, np.float32(quiet), base,
                                )
                            )  # fmt: skip
                        rows_of_sign = at_own + 4 * ((n * 2 + sign) * own.shape[2] + 1)
                        size = np.int64(own[n, sign, 0])
                        finish_descent((rows_of_sign, size, at_block, at_first, below))
        for n in range(u.shape[0]):
            for i in range(rows):
                total = down[n, i, 0]
                for lane in range(1, _LANES):
                    total += down[n, i, lane]
                du[n, tile * height + i] += total
