"""Loops around the operations of `conversion`: row tiles, slices, blocks of columns, vectors.

`u` `(vectors, rows)` are inputs of `driven_rows`; the codes of negative ones count negative. Pairs
of arrays lie side by side as columns, `2 outputs` of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from ..compiler import kernel
from .conversion import (
    FACTOR,
    HEAD,
    HIGH,
    SHARE,
    UNIT,
    convert_alone,
    convert_joint,
    descend_alone,
    descend_joint,
)
from .driven_rows import address, lay_out_segments, list_signs, list_terms
from .emitter import LANES
from .products import BLOCK, MATRICES, VECTORS, copy_columns, finish_descent

Array = NDArray[Any]


class Arrays(NamedTuple):
    """Pairs of arrays of one group, the network of their columns, and the ADC."""

    response: Array  # (slices * 2, groups, row tiles, column tiles, 4 rows + hidden + 1, columns)
    group: int
    outputs: int
    height: int  # rows of a whole tile
    slice_weights: Array
    numbers: Array  # as `conversion` reads them


@kernel()
@no_type_check
def _pack(arrays, at, first, rows, block, static):
    """Copy the columns from `first` of the pair of arrays `at` = (slice, row tile).

    `rows`: how many of the tile are used. `block` `(rows, 4, BLOCK)`; `static`
    `(hidden + 1, BLOCK)`; columns beyond the last are zero.
    """
    s, tile = at
    response, group, outputs, height, _, _ = arrays
    width, lane = response.shape[5], 0
    while lane < BLOCK and first + lane < 2 * outputs:
        half, column = (first + lane) // outputs, (first + lane) % outputs
        column_tile, place = column // width, column % width
        many = min(BLOCK - lane, min(outputs - column, width - place))
        source = response[2 * s + half, group, tile, column_tile]
        vectors = many // LANES
        copy_columns(
            (
                address(source) + 4 * place,
                4 * width,
                4 * width * height,
                rows,
                address(block) + 4 * lane,
                vectors,
            )
        )
        for m in range(MATRICES):
            for j in range(vectors * LANES, many):
                for i in range(rows):
                    block[i, m, lane + j] = source[m * height + i, place + j]
        for h in range(static.shape[0]):
            for j in range(many):
                static[h, lane + j] = source[MATRICES * height + h, place + j]
        lane += many
    if lane < BLOCK:
        block[:, :, lane:] = 0
        static[:, lane:] = 0


@kernel()
@no_type_check
def _cancels(arrays, at, rows):
    """Tell whether the two arrays of a pair are equal, and too weak to saturate the ADC."""
    s, tile = at
    response, group, outputs, height, _, numbers = arrays
    width, units = response.shape[5], response.shape[4] - MATRICES * height - 1
    most = 1.0  # of 1 + r: features are at most 1, and m4 and the last at most 2
    for i in range(4):
        most += 2 * abs(numbers[i])
    for h in range(units):
        most += abs(numbers[HEAD + UNIT * h + 4])
    for first in range(0, outputs, width):
        plus = response[2 * s, group, tile, first // width]
        minus = response[2 * s + 1, group, tile, first // width]
        many = min(width, outputs - first)
        for h in range(plus.shape[0] - 1, -1, -1):
            if h < MATRICES * height and h % height >= rows:
                continue  # a row that no input drives
            for j in range(many):
                if plus[h, j] != minus[h, j]:
                    return False
        for j in range(many):
            total = 0.0
            for i in range(rows):
                total += plus[i, j]
            largest = total * (most + abs(plus[plus.shape[0] - 1, j])) * numbers[FACTOR]
            if not (total * numbers[SHARE] <= 2 and largest <= numbers[HIGH]):
                return False
    return True


@kernel()
@no_type_check
def convert(u, arrays, streams, memory, out):
    """Add up codes: `out` `(vectors, 2 outputs in whole blocks)`, float64, exact whole numbers.

    Returns how many codes saturated.
    """
    terms, sizes, _, block, static, clipped = memory
    response, _, outputs, height, slice_weights, numbers = arrays
    _, together, weights = lay_out_segments(streams)
    saturated, segments, hidden = 0, terms.shape[2], np.int64(static.shape[0] - 1)
    at_terms, segment_bytes, out_bytes = address(terms), 48 * terms.shape[3], 8 * out.shape[1]
    at_block, at_static, at_numbers = address(block), address(static), address(numbers)
    at_out, at_clipped = address(out), address(clipped)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        list_terms(part, streams, terms, sizes)
        for s in range(response.shape[0] // 2):
            at = s, tile
            if _cancels(arrays, at, rows):
                continue
            for b in range(out.shape[1] // BLOCK):
                _pack(arrays, at, b * BLOCK, rows, block, static)
                clipped[:] = 0
                for n in range(u.shape[0]):
                    here = at_out + n * out_bytes + 8 * BLOCK * b
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
                        for v in range(VECTORS):
                            more = v * 4 * LANES
                            convert_joint(
                                (
                                    listed, size, at_block + more, at_static + more, at_numbers,
                                    hidden, here + 2 * more, at_clipped + more, weight,
                                    streams.base,
                                )
                            )  # fmt: skip
                for lane in range(min(BLOCK, 2 * outputs - b * BLOCK)):
                    saturated += clipped[lane]
    return saturated


@kernel()
@no_type_check
def descend(u, arrays, streams, memory, grad, du):
    """Add to `du` `(vectors, rows)` the derivative for dL/d(codes added up).

    `grad` `(vectors, 2 outputs in whole blocks)`: negative for the second array of a pair.
    """
    terms, sizes, own, block, static, down = memory
    response, _, _, height, slice_weights, numbers = arrays
    _, together, weights = lay_out_segments(streams)
    hidden, segments = np.int64(static.shape[0] - 1), terms.shape[2]
    segment_bytes, first = 48 * terms.shape[3], np.empty(BLOCK, np.float32)
    at_terms, at_own = address(terms), address(own)
    at_down, at_first = address(down), address(first)
    at_block, at_static, at_numbers = address(block), address(static), address(numbers)
    at_grad, down_bytes = address(grad), 4 * down.shape[1] * down.shape[2]
    base = np.float32(streams.base)
    for tile in range(response.shape[2]):
        rows = min(height, u.shape[1] - tile * height)
        part = u[:, tile * height : tile * height + rows]
        list_terms(part, streams, terms, sizes)
        list_signs(part, own)
        down[:] = 0
        for s in range(response.shape[0] // 2):
            at = s, tile
            if _cancels(arrays, at, rows):
                continue
            for b in range(grad.shape[1] // BLOCK):
                _pack(arrays, at, b * BLOCK, rows, block, static)
                for n in range(u.shape[0]):
                    towards = at_grad + 4 * (n * grad.shape[1] + BLOCK * b)
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
                                for v in range(VECTORS):
                                    more = v * 4 * LANES
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
                for lane in range(1, LANES):
                    total += down[n, i, lane]
                du[n, tile * height + i] += total
