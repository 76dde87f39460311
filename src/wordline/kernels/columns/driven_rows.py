"""Lists of the rows that an input drives: terms of each segment of its streams, and of each sign.

`u` `(vectors, rows)` are inputs in [-1, 1]; whole numbers round(|u| levels) are cut into digits, a
stream each. Digits of negative inputs are reads of their own.
"""

from __future__ import annotations

from typing import Any, NamedTuple, no_type_check

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ..compiler import kernel
from .emitter import INTEGER, Emitter, operation
from .products import JOINT, TERM_BYTES

Array = NDArray[Any]


class Streams(NamedTuple):
    """Cuts of inputs: rounded to `levels`, digits of `bits`, `total` of them.

    `powers` `(2^bits, 4)`: room for a row's number, x, x^2 and x^3 of each digit; `base`: of the
    weights of digits.
    """

    levels: float
    bits: int
    total: int
    powers: Array
    base: float


def _list(
    e: Emitter, at_codes: Any, rows: Any, shift: Any, bits: Any, streams: Any, *places: Any
) -> None:
    """List the rows that some streams drive; which do cannot be foretold, so nothing branches.

    Room for two more streams than there are is written.
    """
    at_powers, at_terms, at_size = places
    builder, whole = e.builder, ir.IntType(32)
    fours, one = ir.VectorType(whole, 4), ir.Constant(INTEGER, 1)
    mask = builder.sub(builder.shl(one, bits), one)
    together = builder.sub(builder.shl(one, builder.mul(bits, streams)), one)
    term_bytes = builder.mul(streams, ir.Constant(INTEGER, TERM_BYTES))

    def add_row(n: Any, sizes: list[Any]) -> list[Any]:
        here = builder.mul(n, ir.Constant(INTEGER, 4))
        code = builder.zext(e.load(whole, e.at(at_codes, here)), INTEGER)
        code = builder.and_(builder.lshr(code, shift), together)
        term = e.at(at_terms, builder.mul(sizes[0], term_bytes))
        row, rest = builder.trunc(n, whole), code
        for t in range(JOINT):
            digit = builder.and_(rest, mask)
            place = builder.mul(digit, ir.Constant(INTEGER, TERM_BYTES))
            powers = e.load(fours, e.at(at_powers, place))
            powers = builder.insert_element(powers, row, ir.Constant(whole, 0))
            e.store(powers, term, TERM_BYTES * t)
            rest = builder.lshr(rest, bits)
        driven = builder.icmp_unsigned("!=", code, ir.Constant(INTEGER, 0))
        return [builder.add(sizes[0], builder.zext(driven, INTEGER))]

    e.store(e.loop(rows, [ir.Constant(INTEGER, 0)], add_row)[0], at_size)


# f((at_codes, rows, shift, bits, streams, at_powers, at_terms, at_size))
_list_digits = operation("list", _list, 8)


@kernel()
@no_type_check
def address(array):
    """Return the address of a contiguous array."""
    return np.int64(array.ctypes.data)


@kernel()
@no_type_check
def lay_out_segments(streams):
    """Lay out segments: their first streams, how many they have, the weights of the first."""
    joint = streams.total // JOINT
    many = joint + streams.total % JOINT
    firsts, sizes, weights = np.empty(many, np.int64), np.empty(many, np.int64), np.empty(many)
    for segment in range(many):
        firsts[segment] = JOINT * min(segment, joint) + max(0, segment - joint)
        sizes[segment] = JOINT if segment < joint else 1
        weights[segment] = streams.base ** firsts[segment]
    return firsts, sizes, weights


@kernel(error_model="numpy")
@no_type_check
def list_terms(u, streams, terms, sizes):
    """List, for each vector, sign and segment of streams, the rows that are driven.

    A segment is `JOINT` streams, or one of what is left over. `terms`
    `(vectors, 2, segments, rows + 1, 12)`; `sizes` `(vectors, 2, segments)`.
    """
    rows, segments = u.shape[1], terms.shape[2]
    firsts, together, _ = lay_out_segments(streams)
    codes = np.empty((2, rows), np.int32)
    at_codes, at_powers, at_terms, at_sizes = (
        address(codes),
        address(streams.powers),
        address(terms),
        address(sizes),
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
                _list_digits(
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
def list_signs(u, own):
    """List the rows of each sign: `own` `(vectors, 2, rows + 1)`, their number and then they."""
    for n in range(u.shape[0]):
        own[n, :, 0] = 0
        for i in range(u.shape[1]):
            below = 1 if u[n, i] < 0 else 0
            own[n, below, 0] += 1
            own[n, below, own[n, below, 0]] = i
