"""Vector code for products of matrices that share registers or have one lane each.

A product is made of corners whose sums stay in registers: 4 x 3 of them where there are 16
registers, 6 x 4 where there are 32, so that 7 loads feed 12 operations. Where every lane is another
problem, a corner's columns are vectors of the workspace; where a vector is one number (one lane),
they are as many neighbouring columns as a register holds, and what is left over goes one by one.
Each sum is added up in the same order either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from .registers import REGISTERS, VECTOR_BYTES
from .simd import INTEGER, Emitter, call_outlined

SET, ADD, SET_MINUS = 0, 1, 2  # C = A B, C += A B, C = - A B
_ROWS, _COLUMNS = (4, 3) if REGISTERS == 16 else (6, 4)  # of a corner
_PANEL = 4  # corners of a panel of B that stays in the cache while all rows of A pass by


def product(e: Emitter, *arguments: Any) -> None:
    """Emit C = A B; C and B are row-major where vectors are single numbers.

    Arguments: c, a, b, then the steps ci, ai, ak, bk, bj, rows, columns, depth and the mode.
    """
    _all_corners(e, False, *arguments)


def triangle(e: Emitter, *arguments: Any) -> None:
    """Emit `product` for a symmetric C: its lower triangle, and what corners cover above it."""
    _all_corners(e, True, *arguments)


def _all_corners(e: Emitter, symmetric: bool, *arguments: Any) -> None:
    n = arguments[9]
    if e.lanes > 1:
        _corners(e, symmetric, e.lanes, arguments, (integer(0), n))
        return
    width = VECTOR_BYTES // e.size
    full = e.builder.and_(n, integer(-width))
    _corners(e, symmetric, width, arguments, (integer(0), full))
    _corners(e, symmetric, 1, arguments, (full, n))


def _corners(
    e: Emitter, symmetric: bool, width: int, arguments: tuple[Any, ...], columns: tuple[Any, Any]
) -> None:
    """Emit all corners of some columns, `width` numbers of a row of C in a register."""
    c, a, b, ci, ai, ak, bk, bj, m, _, depth, mode = arguments
    builder, (first, last) = e.builder, columns
    add, mul = builder.add, builder.mul
    each = width if e.lanes == 1 else 1  # columns of C in a vector of a corner
    panel = integer(each * _COLUMNS * _PANEL)
    with _counting(e, first, last, lambda rest: minimum(builder, rest, panel)) as (left, wide):
        right = add(left, wide)
        # rows above the panel's first column have nothing in the lower triangle
        top = left if symmetric else integer(0)
        with _counting(e, top, m, partial(_even, e, _ROWS)) as (i, rows):
            stop = right
            if symmetric:
                reach = builder.sub(add(i, rows), left)
                whole = builder.and_(add(reach, integer(each - 1)), integer(-each))
                stop = minimum(builder, right, add(left, whole))
            even = partial(_even_columns, e, each)
            with _counting(e, left, stop, even) as (j, some):
                at_c = add(c, add(mul(i, ci), j))
                at_a, at_b = add(a, mul(i, ai)), add(b, mul(j, bj))
                values = [at_c, ci, at_a, ai, ak, at_b, bk, bj, depth, mode]
                cases = {
                    8 * mm + nn: partial(
                        call_outlined, e, f"corner_{mm}{nn}_{width}", _corner(mm, nn, width), values
                    )
                    for mm in range(1, _ROWS + 1)
                    for nn in range(1, _COLUMNS + 1)
                }
                vectors = builder.sdiv(some, integer(each))
                e.switch(add(mul(rows, integer(8)), vectors), cases)


def _corner(m: int, n: int, width: int) -> Callable[..., None]:
    """Emit an m x n corner C of a product, `width` numbers in a vector."""

    def emit(e: Emitter, *arguments: Any) -> None:
        *places, depth, mode = arguments
        builder, wide = e.builder, Emitter(e.builder, e.dtype, e.base, width)
        c, ci, a, ai, ak, b, bk, bj = (e.bytes(x) for x in places)
        one_column = integer(wide.vector_bytes)  # from vector to vector of a row
        bj = one_column if e.lanes == 1 else bj
        a_rows, b_cols, c_rows = e.steps(a, ai, m), e.steps(b, bj, n), e.steps(c, ci, m)
        before, loop = builder.block, builder.append_basic_block()
        after = builder.append_basic_block()
        # for k in range(depth): sums[i][j] += a[i, k] b[k, j]
        builder.branch(loop)
        builder.position_at_end(loop)
        left, ka, kb = builder.phi(INTEGER), builder.phi(INTEGER), builder.phi(INTEGER)
        sums = [[builder.phi(wide.vector) for _ in range(n)] for _ in range(m)]
        b_now = [wide.load(col, kb) for col in b_cols]
        total = []
        for i in range(m):
            a_now = e.load(a_rows[i], ka)
            if e.lanes == 1:
                a_now = wide.spread(builder.extract_element(a_now, ir.Constant(ir.IntType(32), 0)))
            total.append([wide.muladd(a_now, b_now[j], sums[i][j]) for j in range(n)])
        fewer = builder.sub(left, integer(1))
        starts = [
            (left, depth, fewer),
            (ka, integer(0), builder.add(ka, ak)),
            (kb, integer(0), builder.add(kb, bk)),
        ]
        starts += [(sums[i][j], wide.full(0.0), total[i][j]) for i in range(m) for j in range(n)]
        for phi, start, new in starts:
            phi.add_incoming(start, before)
            phi.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed(">", fewer, integer(0)), loop, after)
        builder.position_at_end(after)
        targets = [wide.steps(row, one_column, n) for row in c_rows]
        finish: dict[int, Callable[[Any, Any], Any]] = {
            SET: lambda x, at: x,
            ADD: lambda x, at: builder.fadd(wide.load(at), x),
            SET_MINUS: lambda x, at: builder.fneg(x),
        }
        for code, combine in finish.items():
            with builder.if_then(builder.icmp_signed("==", mode, integer(code))):
                for i in range(m):
                    for j in range(n):
                        wide.store(combine(total[i][j], targets[i][j]), targets[i][j])

    return emit


def _even(e: Emitter, most: int, rest: Any) -> Any:
    """Take `most` of the rest, or half of what would leave a small remainder."""
    builder = e.builder
    half = builder.lshr(builder.add(rest, integer(1)), integer(1))
    few = builder.select(builder.icmp_signed("<=", rest, integer(most)), rest, half)
    return builder.select(builder.icmp_signed(">=", rest, integer(2 * most)), integer(most), few)


def _even_columns(e: Emitter, each: int, rest: Any) -> Any:
    vectors = e.builder.sdiv(rest, integer(each))
    return e.builder.mul(_even(e, _COLUMNS, vectors), integer(each))


@contextmanager
def _counting(
    e: Emitter, start: Any, stop: Any, size: Callable[[Any], Any]
) -> Iterator[tuple[Any, Any]]:
    """Emit a loop over pieces of a range: yields where one begins and its size."""
    builder = e.builder
    before = builder.block
    head, body = builder.append_basic_block(), builder.append_basic_block()
    after = builder.append_basic_block()
    builder.branch(head)
    builder.position_at_end(head)
    at = builder.phi(INTEGER)
    at.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", at, stop), body, after)
    builder.position_at_end(body)
    piece = size(builder.sub(stop, at))
    yield at, piece
    at.add_incoming(builder.add(at, piece), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


def integer(value: int) -> Any:
    """Make an integer known while compiling."""
    return ir.Constant(INTEGER, value)


def minimum(builder: Any, x: Any, y: Any) -> Any:
    """Emit the smaller of two integers."""
    return builder.select(builder.icmp_signed("<", x, y), x, y)
