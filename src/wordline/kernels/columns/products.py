"""Products of a sparse vector with a block of columns, and of derivatives with the same block.

A block is `BLOCK` columns of four matrices, row by row, in single precision: it stays in the
nearest cache while many vectors pass. A vector is a list of terms, one for each row that is driven:
its number and x, x^2, x^3, 16 bytes. Three streams of an input drive nearly the same rows: they are
multiplied together, `JOINT` of them with a vector of columns, each weight loaded once, from terms
of 48 bytes; a stream on its own takes the whole block. The four sums of a column

    m1 = sum x W1    m2 = sum x^2 W2    m3 = sum x^3 W3    m4 = sum x^3 W4

stay in registers.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped]

from ..registers import REGISTERS, VECTOR_BYTES
from .emitter import INTEGER, LANES, VECTOR, Emitter, operation

# Of columns, with four sums each: small layers have 16 columns, and processors hide the latency of
# eight products. A block of 64 rows takes 16 KB of the nearest cache; 32 with 512 bits.
VECTORS = 4 if (VECTOR_BYTES, REGISTERS) == (16, 32) else 2
BLOCK = LANES * VECTORS
MATRICES = 4
TERM_BYTES = 16  # of a stream
JOINT = 3  # streams, whose twelve sums fill sixteen registers
_ROW_BYTES = MATRICES * BLOCK * 4


class Read(NamedTuple):
    """Operands of one read: terms, a block of columns, and the network behind it."""

    at_terms: Any
    count: Any  # of terms
    at_block: Any
    at_static: Any  # biases and skip of each column
    at_numbers: Any  # of the network and the ADC
    hidden: Any  # units


def sums_of_columns(e: Emitter, read: Read, streams: int, vectors: int) -> list[list[Any]]:
    """Emit m1, m2, m3, m4 of every stream and vector of columns."""
    many = streams * vectors

    def add_row(n: Any, sums: list[Any]) -> list[Any]:
        term = e.at(read.at_terms, e.builder.mul(n, ir.Constant(INTEGER, TERM_BYTES * streams)))
        row = e.at(read.at_block, e.offset(e.load(ir.IntType(32), term), _ROW_BYTES))
        out = []
        powers: list[Any] = []
        for m, power in enumerate((1, 2, 3, 3)):
            if m < 3:
                powers = [e.number(term, 4 * t + power) for t in range(streams)]
            ws = [e.load(VECTOR, row, 4 * (m * BLOCK + v * LANES)) for v in range(vectors)]
            for t, v in itertools.product(range(streams), range(vectors)):
                out.append(e.muladd(powers[t], ws[v], sums[m * many + t * vectors + v]))
        return out

    found = e.loop(read.count, [e.full(0.0)] * (MATRICES * many), add_row)
    return [found[m * many : (m + 1) * many] for m in range(MATRICES)]


def add_derivatives(
    e: Emitter, read: Read, at_down: Any, down: list[list[Any]], streams: int, vectors: int
) -> None:
    """Add the derivatives by the rows that are driven at `at_down`, a vector for each row.

    All but that by way of m1. `down`: what x W2, x^2 W3 and x^2 W4 are to be multiplied by, for
    every stream and vector of columns.
    """

    def add_row(n: Any, _: list[Any]) -> list[Any]:
        term = e.at(read.at_terms, e.builder.mul(n, ir.Constant(INTEGER, TERM_BYTES * streams)))
        number = e.load(ir.IntType(32), term)
        row = e.at(read.at_block, e.offset(number, _ROW_BYTES))
        place = e.at(at_down, e.offset(number, VECTOR_BYTES))
        total = e.load(VECTOR, place)
        for m, power in ((1, 1), (2, 2), (3, 2)):
            xs = [e.number(term, 4 * t + power) for t in range(streams)]
            for v in range(vectors):
                inner = e.mul(xs[0], down[m - 1][v])
                for t in range(1, streams):
                    inner = e.muladd(xs[t], down[m - 1][t * vectors + v], inner)
                w = e.load(VECTOR, row, 4 * (m * BLOCK + v * LANES))
                total = e.muladd(inner, w, total)
        e.store(total, place)
        return []

    e.loop(read.count, [], add_row)


def _finish(
    e: Emitter, at_rows: Any, count: Any, at_block: Any, at_first: Any, at_down: Any
) -> None:
    """Add the derivatives by way of m1."""
    firsts = [e.load(VECTOR, at_first, VECTOR_BYTES * v) for v in range(VECTORS)]

    def add_row(n: Any, _: list[Any]) -> list[Any]:
        at_row = e.at(at_rows, e.builder.mul(n, ir.Constant(INTEGER, 4)))
        number = e.load(ir.IntType(32), at_row)
        place = e.at(at_down, e.offset(number, VECTOR_BYTES))
        row = e.at(at_block, e.offset(number, _ROW_BYTES))
        total = e.load(VECTOR, place)
        for v, first in enumerate(firsts):
            total = e.muladd(first, e.load(VECTOR, row, VECTOR_BYTES * v), total)
        e.store(total, place)
        return []

    e.loop(count, [], add_row)


def _copy(
    e: Emitter, at_source: Any, row_bytes: Any, matrix_bytes: Any, rows: Any, at_block: Any,
    vectors: Any,
) -> None:  # fmt: skip
    """Copy some vectors of columns of four matrices into a block."""

    def copy_row(i: Any, _: list[Any]) -> list[Any]:
        source = e.at(at_source, e.builder.mul(i, row_bytes))
        target = e.at(at_block, e.builder.mul(i, ir.Constant(INTEGER, _ROW_BYTES)))
        for m in range(MATRICES):
            matrix = e.builder.mul(matrix_bytes, ir.Constant(INTEGER, m))

            def copy_vector(v: Any, _: list[Any], matrix: Any = matrix, m: int = m) -> list[Any]:
                along = e.builder.mul(v, ir.Constant(INTEGER, VECTOR_BYTES))
                vector = e.load(VECTOR, e.at(e.at(source, matrix), along))
                e.store(vector, e.at(target, along), m * BLOCK * 4)
                return []

            e.loop(vectors, [], copy_vector)
        return []

    e.loop(rows, [], copy_row)


# f((at_source, row_bytes, matrix_bytes, rows, at_block, vectors))
copy_columns = operation("copy", _copy, 6)
# f((at_rows, count, at_block, at_first, at_down))
finish_descent = operation("finish", _finish, 5)
