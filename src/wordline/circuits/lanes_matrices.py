"""Products and inverses of matrices of vectors, one matrix per lane.

A product is made of 4 x 4 corners whose sixteen sums stay in registers, so that eight loads feed sixteen operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils

from ..kernels import kernel
from .lanes import INTEGER, VECTOR_BYTES, Emitter, outlined, vector_operation

SET, ADD, SUBTRACT, SET_MINUS = 0, 1, 2, 3


def _corner(m: int, n: int) -> Callable[..., None]:
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

    return emit


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


def _number(name: str, add: bool) -> Any:
    """Set one vector to a number, or add the number to it."""

    def emit(e: Emitter, to: Any, value: Any) -> None:
        number, place = e.spread(value), e.bytes(to)
        e.store(e.builder.fadd(e.load(place), number) if add else number, place)

    return vector_operation(name, emit)


def _block() -> Any:
    """Copy of a matrix, four columns at a time, then one; loops that stay as short as they are written."""

    def emit(e: Emitter, to: Any, ti: Any, tj: Any, at: Any, si: Any, sj: Any, m: Any, n: Any) -> None:
        builder, zero = e.builder, ir.Constant(INTEGER, 0)
        to, ti, tj, at, si, sj = (e.bytes(x) for x in (to, ti, tj, at, si, sj))
        start, rows, done = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.icmp_signed(">", m, zero), rows, done)
        builder.position_at_end(rows)
        left, row_to, row_at = (builder.phi(INTEGER) for _ in range(3))
        j, j_to, j_at = n, row_to, row_at
        for wide in (4, 1):
            before, head = builder.block, builder.append_basic_block()
            body, after = builder.append_basic_block(), builder.append_basic_block()
            builder.branch(head)
            builder.position_at_end(head)
            phis = [builder.phi(INTEGER) for _ in range(3)]
            builder.cbranch(builder.icmp_signed(">=", phis[0], ir.Constant(INTEGER, wide)), body, after)
            builder.position_at_end(body)
            sources, places = e.steps(phis[2], sj, wide + 1), e.steps(phis[1], tj, wide + 1)
            for value, place in zip([e.load(x) for x in sources[:-1]], places, strict=False):
                e.store(value, place)
            fewer = builder.sub(phis[0], ir.Constant(INTEGER, wide))
            for phi, first, new in zip(phis, (j, j_to, j_at), (fewer, places[-1], sources[-1]), strict=True):
                phi.add_incoming(first, before)
                phi.add_incoming(new, body)
            _rolled(builder, builder.branch(head))
            builder.position_at_end(after)
            j, j_to, j_at = phis
        less = builder.sub(left, ir.Constant(INTEGER, 1))
        news = less, builder.add(row_to, ti), builder.add(row_at, si)
        for phi, first, new in zip((left, row_to, row_at), (m, to, at), news, strict=True):
            phi.add_incoming(first, start)
            phi.add_incoming(new, builder.block)
        builder.cbranch(builder.icmp_signed(">", less, zero), rows, done)
        builder.position_at_end(done)

    return vector_operation("block", emit)


def _rolled(builder: Any, back: Any) -> None:
    """Mark a loop, by its jump back, as one not to be unrolled."""
    module = builder.module
    off = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    back.set_metadata("llvm.loop", module.add_metadata([off]))


def _masked() -> Any:
    """Entries of a matrix times those of a vector: of its columns (bj = 1) or of its rows (bi = 1)."""

    def emit(e: Emitter, to: Any, at: Any, pitch: Any, b: Any, bi: Any, bj: Any, m: Any, n: Any) -> None:
        builder = e.builder
        to, at, pitch, b, bi, bj = (e.bytes(x) for x in (to, at, pitch, b, bi, bj))
        with cgutils.for_range(builder, m) as row, cgutils.for_range(builder, n) as col:
            place = builder.add(builder.mul(row.index, pitch), e.bytes(col.index))
            factor = e.load(b, builder.mul(row.index, bi), builder.mul(col.index, bj))
            e.store(builder.fmul(e.load(at, place), factor), to, place)

    return vector_operation("masked", emit)


def _near_one() -> Any:
    """Where x > 1/2: x <- `less_one`, mask <- 1; elsewhere mask <- 0."""

    def emit(e: Emitter, x: Any, less_one: Any, mask: Any) -> None:
        builder = e.builder
        x, less_one, mask = (e.bytes(at) for at in (x, less_one, mask))
        value = e.load(x)
        near = builder.fcmp_ordered(">", value, e.full(0.5))
        e.store(builder.select(near, e.load(less_one), value), x)
        e.store(builder.select(near, e.full(1.0), e.full(0.0)), mask)

    return vector_operation("near_one", emit)


def _least(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.icmp_signed("<", x, y), x, y)


def _corners(symmetric: bool) -> Callable[..., None]:
    """All corners of a product; of a symmetric one those that touch the lower triangle."""

    def emit(e: Emitter, *arguments: Any) -> None:
        c, ci, a, ai, ak, b, bk, bj, m, n, depth, mode = arguments
        builder = e.builder
        zero, four, wide = (ir.Constant(INTEGER, x) for x in (0, 4, 32))
        add, mul = builder.add, builder.mul
        # 32 columns of B stay in the cache while all rows of A pass by
        with cgutils.for_range_slice(builder, zero, n, wide, INTEGER) as (left, _):
            right = _least(builder, n, add(left, wide))
            with cgutils.for_range_slice(builder, left if symmetric else zero, m, four, INTEGER) as (i, _):
                m_here = _least(builder, four, builder.sub(m, i))
                stop = _least(builder, right, add(i, four)) if symmetric else right
                with cgutils.for_range_slice(builder, left, stop, four, INTEGER) as (j, _):
                    n_here = _least(builder, four, builder.sub(right, j))
                    at_c = add(c, add(mul(i, ci), j))
                    values = [at_c, ci, add(a, mul(i, ai)), ai, ak, add(b, mul(j, bj)), bk, bj, depth, mode]
                    after = builder.append_basic_block()
                    size = add(mul(m_here, four), n_here)
                    switch = builder.switch(size, after)
                    for mm in range(1, 5):
                        for nn in range(1, 5):
                            block = builder.append_basic_block()
                            switch.add_case(ir.Constant(INTEGER, 4 * mm + nn), block)
                            builder.position_at_end(block)
                            outlined(e, f"corner_{mm}{nn}", _corner(mm, nn), values)
                            builder.branch(after)
                    builder.position_at_end(after)

    return emit


inverse_1, inverse_2, inverse_3, inverse_4 = (_inverse(m) for m in (1, 2, 3, 4))
fill, increase, _copy = _number("fill", False), _number("increase", True), _block()
masked, near_one = _masked(), _near_one()
_product, _triangle = vector_operation("product", _corners(False)), vector_operation("triangle", _corners(True))


@kernel()
@no_type_check
def product(ws, c, ci, a, ai, ak, b, bk, bj, m, n, depth, mode):
    """C =, +=, -= A B or C = - A B, of m x depth and depth x n matrices.

    C[i, j] stands at c + i ci + j, A[i, k] at a + i ai + k ak, B[k, j] at b + k bk + j bj.
    """
    _product(ws, (c, ci, a, ai, ak, b, bk, bj, m, n, depth, mode), ())


@kernel()
@no_type_check
def triangle(ws, c, ci, a, ai, ak, b, bk, bj, m, depth, mode):
    """As `product` where C is symmetric: its lower triangle, and what 4 x 4 corners cover above it."""
    _triangle(ws, (c, ci, a, ai, ak, b, bk, bj, m, m, depth, mode), ())


@kernel()
@no_type_check
def block(ws, to, ti, tj, at, si, sj, m, n):
    """Copy an m x n matrix: its entries stand at `at` + i si + j sj, the copy's at `to` + i ti + j tj."""
    _copy(ws, (to, ti, tj, at, si, sj, m, n), ())


@kernel()
@no_type_check
def mirror(ws, x, ld, n):
    """Upper triangle = lower triangle."""
    for i in range(1, n):
        block(ws, x + i, 1, ld, x + i * ld, 1, 1, 1, i)


@kernel()
@no_type_check
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
