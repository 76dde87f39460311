"""Products and inverses of matrices of vectors, one matrix per lane.

A product is made of 4 x 4 corners whose sixteen sums stay in registers, so that eight loads feed sixteen operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit

from .lanes import INTEGER, VECTOR_BYTES, Emitter, copy, vector_operation

SET, ADD, SUBTRACT, SET_MINUS = 0, 1, 2, 3


def _corner(m: int, n: int) -> Any:
    """C =, += or -= A B, or C = - A B, for an m x n corner C of a product; strides as in `product`."""

    def emit(
        e: Emitter, c: Any, ci: Any, a: Any, ai: Any, ak: Any, b: Any, bk: Any, bj: Any, depth: Any, mode: Any
    ) -> None:
        builder = e.builder
        c, ci, a, ai, ak, b, bk, bj = (e.bytes(x) for x in (c, ci, a, ai, ak, b, bk, bj))
        a_rows, b_cols, c_rows = e.steps(a, ai, m), e.steps(b, bj, n), e.steps(c, ci, m)
        zero, one = ir.Constant(INTEGER, 0), ir.Constant(INTEGER, 1)
        function, before = builder.function, builder.block
        loop, after = function.append_basic_block(), function.append_basic_block()
        builder.branch(loop)
        builder.position_at_end(loop)
        left, ka, kb = builder.phi(INTEGER), builder.phi(INTEGER), builder.phi(INTEGER)
        sums = [[builder.phi(e.vector) for _ in range(n)] for _ in range(m)]
        a_now, b_now = [e.load(row, ka) for row in a_rows], [e.load(col, kb) for col in b_cols]
        total = [[e.muladd(a_now[i], b_now[j], sums[i][j]) for j in range(n)] for i in range(m)]
        fewer = builder.sub(left, one)
        starts = [(left, depth, fewer), (ka, zero, builder.add(ka, ak)), (kb, zero, builder.add(kb, bk))]
        starts += [(sums[i][j], e.full(0.0), total[i][j]) for i in range(m) for j in range(n)]
        for phi, start, new in starts:
            phi.add_incoming(start, before)
            phi.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed(">", fewer, zero), loop, after)
        builder.position_at_end(after)
        places = [e.steps(row, ir.Constant(INTEGER, VECTOR_BYTES), n) for row in c_rows]
        finish: dict[int, Callable[[Any, Any], Any]] = {
            SET: lambda x, at: x,
            ADD: lambda x, at: builder.fadd(e.load(at), x),
            SUBTRACT: lambda x, at: builder.fsub(e.load(at), x),
            SET_MINUS: lambda x, at: builder.fneg(x),
        }
        for code, combine in finish.items():
            with builder.if_then(builder.icmp_signed("==", mode, ir.Constant(INTEGER, code))):
                for i in range(m):
                    for j in range(n):
                        e.store(combine(total[i][j], places[i][j]), places[i][j])

    return vector_operation(f"corner_{m}{n}", emit)


def _inverse(m: int) -> Any:
    """Gauss-Jordan on an m x m block in registers, in place; its rows are `ld` apart."""

    def emit(e: Emitter, at: Any, ld: Any) -> None:
        builder = e.builder
        rows = e.steps(e.bytes(at), e.bytes(ld), m)
        places = [e.steps(row, ir.Constant(INTEGER, VECTOR_BYTES), m) for row in rows]
        x = [[e.load(place) for place in row] for row in places]
        for p in range(m):
            pivot = builder.fdiv(e.full(1.0), x[p][p])
            x[p] = [builder.fmul(v, pivot) for v in x[p]]
            x[p][p] = pivot
            for i in range(m):
                if i != p:
                    factor = builder.fneg(x[i][p])
                    x[i] = [e.muladd(factor, x[p][j], x[i][j]) for j in range(m)]
                    x[i][p] = builder.fmul(factor, pivot)
        for i in range(m):
            for j in range(m):
                e.store(x[i][j], places[i][j])

    return vector_operation(f"inverse_{m}", emit)


def _identity() -> Any:
    """ws[to:] = 1, or 0 if `value` is 0, one vector."""

    def emit(e: Emitter, to: Any, value: Any) -> None:
        e.store(e.spread(value), e.bytes(to))

    return vector_operation("fill", emit)


corner_11, corner_12, corner_13, corner_14 = (_corner(1, n) for n in (1, 2, 3, 4))
corner_21, corner_22, corner_23, corner_24 = (_corner(2, n) for n in (1, 2, 3, 4))
corner_31, corner_32, corner_33, corner_34 = (_corner(3, n) for n in (1, 2, 3, 4))
corner_41, corner_42, corner_43, corner_44 = (_corner(4, n) for n in (1, 2, 3, 4))
inverse_1, inverse_2, inverse_3, inverse_4 = (_inverse(m) for m in (1, 2, 3, 4))
fill = _identity()


@njit(nogil=True, cache=True)
def _any_corner(ws, c, ci, a, ai, ak, b, bk, bj, depth, mode, m, n):
    x = (c, ci, a, ai, ak, b, bk, bj, depth, mode)
    if m == 4 and n == 4:
        corner_44(ws, x, ())
    elif m == 4:
        if n == 3:
            corner_43(ws, x, ())
        elif n == 2:
            corner_42(ws, x, ())
        else:
            corner_41(ws, x, ())
    elif m == 3:
        if n == 4:
            corner_34(ws, x, ())
        elif n == 3:
            corner_33(ws, x, ())
        elif n == 2:
            corner_32(ws, x, ())
        else:
            corner_31(ws, x, ())
    elif m == 2:
        if n == 4:
            corner_24(ws, x, ())
        elif n == 3:
            corner_23(ws, x, ())
        elif n == 2:
            corner_22(ws, x, ())
        else:
            corner_21(ws, x, ())
    elif n == 4:
        corner_14(ws, x, ())
    elif n == 3:
        corner_13(ws, x, ())
    elif n == 2:
        corner_12(ws, x, ())
    else:
        corner_11(ws, x, ())


@njit(nogil=True, cache=True)
def product(ws, c, ci, a, ai, ak, b, bk, bj, m, n, depth, mode):
    """C =, +=, -= A B or C = - A B: C[i, j] at c + i ci + j, A[i, k] at a + i ai + k ak, B[k, j] at b + k bk + j bj."""
    for first in range(0, n, 32):  # 32 columns of B stay in the cache while all rows of A pass by
        last = min(n, first + 32)
        for i in range(0, m, 4):
            for j in range(first, last, 4):
                _any_corner(
                    ws, c + i * ci + j, ci, a + i * ai, ai, ak, b + j * bj, bk, bj, depth, mode, min(4, m - i), min(4, last - j)
                )


@njit(nogil=True, cache=True)
def triangle(ws, c, ci, a, ai, ak, b, bk, bj, m, depth, mode):
    """As `product` where C is symmetric: its lower triangle, and what 4 x 4 corners cover above it."""
    for first in range(0, m, 32):
        for i in range(first, m, 4):
            for j in range(first, min(i + 4, m, first + 32), 4):
                _any_corner(
                    ws, c + i * ci + j, ci, a + i * ai, ai, ak, b + j * bj, bk, bj, depth, mode, min(4, m - i), min(4, m - j)
                )


@njit(nogil=True, cache=True)
def mirror(ws, x, ld, n):
    """Upper triangle = lower triangle."""
    for i in range(n):
        for j in range(i):
            copy(ws, x + j * ld + i, x + i * ld + j)


@njit(nogil=True, cache=True)
def invert(ws, x, ld, n, scratch):
    """X <- X^-1 by halves, in place and without pivoting; needs n^2 vectors of scratch.

    Each number is updated by whole sums, once per halving, which keeps float32 good.
    """
    if n == 1:
        inverse_1(ws, (x, ld), ())
    elif n == 2:
        inverse_2(ws, (x, ld), ())
    elif n == 3:
        inverse_3(ws, (x, ld), ())
    elif n == 4:
        inverse_4(ws, (x, ld), ())
    else:
        h = (n // 2 + 3) // 4 * 4
        r = n - h
        b, c = x + h, x + h * ld
        d = c + h
        t, u = scratch, scratch + h * r
        invert(ws, x, ld, h, scratch)
        product(ws, t, r, x, ld, 1, b, ld, 1, h, r, h, SET_MINUS)  # T = - A^-1 B
        product(ws, u, h, c, ld, 1, x, ld, 1, r, h, h, SET_MINUS)  # U = - C A^-1
        product(ws, d, ld, c, ld, 1, t, r, 1, r, r, h, ADD)
        invert(ws, d, ld, r, scratch + 2 * h * r)
        product(ws, b, ld, t, r, 1, d, ld, 1, h, r, r, SET)
        product(ws, c, ld, d, ld, 1, u, h, 1, r, h, r, SET)
        product(ws, x, ld, b, ld, 1, u, h, 1, h, h, r, ADD)
