"""Vector code for products, copies and inverses of matrices of vectors, one matrix per lane.

A product is made of 4 x 4 corners whose sixteen sums stay in registers, so that eight loads feed
sixteen operations. `dense` is what compiled code calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils

from .algebra import Algebra
from .registers import VECTOR_BYTES
from .simd import INTEGER, Emitter, call_outlined, vector_operation

SET, ADD, SET_MINUS = 0, 1, 2  # C = A B, C += A B, C = - A B
_CORNER = 4  # rows and columns of C whose sums fit the registers
_COLUMNS = 32  # of B that stay in the cache while all rows of A pass by


def _integer(value: int) -> Any:
    return ir.Constant(INTEGER, value)


def _corner(m: int, n: int) -> Callable[..., None]:
    """Emit an m x n corner C of a product; strides as in `dense.product`."""

    def emit(e: Emitter, *arguments: Any) -> None:
        *places, depth, mode = arguments
        c, ci, a, ai, ak, b, bk, bj = (e.bytes(x) for x in places)
        builder = e.builder
        a_rows, b_cols, c_rows = e.steps(a, ai, m), e.steps(b, bj, n), e.steps(c, ci, m)
        zero, one = _integer(0), _integer(1)
        function, before = builder.function, builder.block
        loop, after = function.append_basic_block(), function.append_basic_block()
        # for k in range(depth): sums[i][j] += a[i, k] b[k, j]
        builder.branch(loop)
        builder.position_at_end(loop)
        left, ka, kb = builder.phi(INTEGER), builder.phi(INTEGER), builder.phi(INTEGER)
        sums = [[builder.phi(e.vector) for _ in range(n)] for _ in range(m)]
        a_now, b_now = [e.load(row, ka) for row in a_rows], [e.load(col, kb) for col in b_cols]
        total = [[e.muladd(a_now[i], b_now[j], sums[i][j]) for j in range(n)] for i in range(m)]
        fewer = builder.sub(left, one)
        starts = [
            (left, depth, fewer),
            (ka, zero, builder.add(ka, ak)),
            (kb, zero, builder.add(kb, bk)),
        ]
        starts += [(sums[i][j], e.full(0.0), total[i][j]) for i in range(m) for j in range(n)]
        for phi, start, new in starts:
            phi.add_incoming(start, before)
            phi.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed(">", fewer, zero), loop, after)
        builder.position_at_end(after)
        targets = [e.steps(row, _integer(VECTOR_BYTES), n) for row in c_rows]
        finish: dict[int, Callable[[Any, Any], Any]] = {
            SET: lambda x, at: x,
            ADD: lambda x, at: builder.fadd(e.load(at), x),
            SET_MINUS: lambda x, at: builder.fneg(x),
        }
        for code, combine in finish.items():
            with builder.if_then(builder.icmp_signed("==", mode, _integer(code))):
                for i in range(m):
                    for j in range(n):
                        e.store(combine(total[i][j], targets[i][j]), targets[i][j])

    return emit


def _corners(symmetric: bool) -> Callable[..., None]:
    """Emit all corners of a product; of a symmetric one those that touch the lower triangle."""

    def emit(e: Emitter, *arguments: Any) -> None:
        c, ci, a, ai, ak, b, bk, bj, m, n, depth, mode = arguments
        builder = e.builder
        zero, corner, wide = (_integer(x) for x in (0, _CORNER, _COLUMNS))
        add, mul = builder.add, builder.mul
        sizes = range(1, _CORNER + 1)
        with cgutils.for_range_slice(builder, zero, n, wide, INTEGER) as (left, _):
            right = _minimum(builder, n, add(left, wide))
            top = left if symmetric else zero
            with cgutils.for_range_slice(builder, top, m, corner, INTEGER) as (i, _):
                m_here = _minimum(builder, corner, builder.sub(m, i))
                stop = _minimum(builder, right, add(i, corner)) if symmetric else right
                with cgutils.for_range_slice(builder, left, stop, corner, INTEGER) as (j, _):
                    n_here = _minimum(builder, corner, builder.sub(right, j))
                    at_c = add(c, add(mul(i, ci), j))
                    at_a, at_b = add(a, mul(i, ai)), add(b, mul(j, bj))
                    values = [at_c, ci, at_a, ai, ak, at_b, bk, bj, depth, mode]
                    cases = {
                        _CORNER * mm + nn: partial(
                            call_outlined, e, f"corner_{mm}{nn}", _corner(mm, nn), values
                        )
                        for mm in sizes
                        for nn in sizes
                    }
                    e.switch(add(mul(m_here, corner), n_here), cases)

    return emit


def _minimum(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.icmp_signed("<", x, y), x, y)


def _inverse(m: int) -> Any:
    """Invert an m x m matrix in registers, in place; its rows are `pitch` apart."""

    def emit(e: Emitter, at: Any, pitch: Any) -> None:
        rows = e.steps(e.bytes(at), e.bytes(pitch), m)
        places = [e.steps(row, _integer(VECTOR_BYTES), m) for row in rows]
        inverse = Algebra(e).inverse([[e.load(place) for place in row] for row in places])
        for i in range(m):
            for j in range(m):
                e.store(inverse[i][j], places[i][j])

    return vector_operation(f"inverse_{m}", emit)


def _copy() -> Any:
    """Copy a matrix, four columns at a time, then one; the loops are short and stay rolled."""

    def emit(e: Emitter, *arguments: Any) -> None:
        *places, m, n = arguments
        to, ti, tj, at, si, sj = (e.bytes(x) for x in places)
        builder, zero = e.builder, _integer(0)
        start, rows, done = (
            builder.block,
            builder.append_basic_block(),
            builder.append_basic_block(),
        )
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
            enough = builder.icmp_signed(">=", phis[0], _integer(wide))
            builder.cbranch(enough, body, after)
            builder.position_at_end(body)
            sources, targets = e.steps(phis[2], sj, wide + 1), e.steps(phis[1], tj, wide + 1)
            values = [e.load(x) for x in sources[:-1]]
            for value, target in zip(values, targets, strict=False):
                e.store(value, target)
            fewer = builder.sub(phis[0], _integer(wide))
            news = fewer, targets[-1], sources[-1]
            for phi, first, new in zip(phis, (j, j_to, j_at), news, strict=True):
                phi.add_incoming(first, before)
                phi.add_incoming(new, body)
            _forbid_unrolling(builder, builder.branch(head))
            builder.position_at_end(after)
            j, j_to, j_at = phis
        less = builder.sub(left, _integer(1))
        news = less, builder.add(row_to, ti), builder.add(row_at, si)
        for phi, first, new in zip((left, row_to, row_at), (m, to, at), news, strict=True):
            phi.add_incoming(first, start)
            phi.add_incoming(new, builder.block)
        builder.cbranch(builder.icmp_signed(">", less, zero), rows, done)
        builder.position_at_end(done)

    return vector_operation("copy", emit)


def _forbid_unrolling(builder: Any, jump_back: Any) -> None:
    module = builder.module
    off = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    jump_back.set_metadata("llvm.loop", module.add_metadata([off]))


def _scale() -> Any:
    """Multiply a matrix by factors of its columns (fj = 1) or of its rows (fi = 1)."""

    def emit(e: Emitter, *arguments: Any) -> None:
        *places, m, n = arguments
        to, at, pitch, f, fi, fj = (e.bytes(x) for x in places)
        builder = e.builder
        with cgutils.for_range(builder, m) as row, cgutils.for_range(builder, n) as col:
            place = builder.add(builder.mul(row.index, pitch), e.bytes(col.index))
            factor = e.load(f, builder.mul(row.index, fi), builder.mul(col.index, fj))
            e.store(builder.fmul(e.load(at, place), factor), to, place)

    return vector_operation("scale", emit)


def _split_near_one() -> Any:
    """If x > 1/2: x <- `less_one`, mask <- 1; else mask <- 0."""

    def emit(e: Emitter, x: Any, less_one: Any, mask: Any) -> None:
        builder = e.builder
        x, less_one, mask = (e.bytes(at) for at in (x, less_one, mask))
        value = e.load(x)
        near = builder.fcmp_ordered(">", value, e.full(0.5))
        e.store(builder.select(near, e.load(less_one), value), x)
        e.store(builder.select(near, e.full(1.0), e.full(0.0)), mask)

    return vector_operation("split_near_one", emit)


def _scalar(name: str, add: bool) -> Any:
    """Set one vector to a number, or add the number to it."""

    def emit(e: Emitter, to: Any, value: Any) -> None:
        number, place = e.spread(value), e.bytes(to)
        e.store(e.builder.fadd(e.load(place), number) if add else number, place)

    return vector_operation(name, emit)


product_operation = vector_operation("product", _corners(symmetric=False))
triangle_operation = vector_operation("triangle", _corners(symmetric=True))
inverse_1, inverse_2, inverse_3, inverse_4 = (_inverse(m) for m in (1, 2, 3, 4))
copy_operation, scale_operation, split_near_one = _copy(), _scale(), _split_near_one()
fill, increase = _scalar("fill", add=False), _scalar("increase", add=True)
