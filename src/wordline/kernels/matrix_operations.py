"""Vector code for copies, inverses and diagonals of matrices; all numbers count vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils

from .algebra import Algebra
from .matrix_product import integer
from .registers import VECTOR_BYTES
from .simd import INTEGER, Emitter


def inverse(m: int) -> Callable[..., None]:
    """Invert an m x m matrix in registers, in place; its rows are `pitch` apart."""

    def emit(e: Emitter, at: Any, pitch: Any) -> None:
        rows = e.steps(e.bytes(at), e.bytes(pitch), m)
        places = [e.steps(row, integer(e.vector_bytes), m) for row in rows]
        found = Algebra(e).inverse([[e.load(place) for place in row] for row in places])
        for i in range(m):
            for j in range(m):
                e.store(found[i][j], places[i][j])

    return emit


def copy(e: Emitter, *arguments: Any) -> None:
    """Copy a matrix; arguments: to, source, then the steps ti, tj, si, sj, rows, columns."""
    if e.lanes > 1:
        return _copy_entries(e, *arguments)
    builder, one = e.builder, integer(1)
    to, at, ti, tj, si, sj, m, n = arguments
    contiguous = builder.and_(
        builder.icmp_signed("==", tj, one), builder.icmp_signed("==", sj, one)
    )
    with builder.if_else(contiguous) as (rows, entries):
        with rows, cgutils.for_range(builder, m) as row:
            to_row = e.bytes(builder.add(to, builder.mul(row.index, ti)))
            at_row = e.bytes(builder.add(at, builder.mul(row.index, si)))
            _along_row(e, n, lambda x, place: x.store(x.load(at_row, place), to_row, place))
        with entries:
            _copy_entries(e, *arguments)
    return None


def _along_row(e: Emitter, n: Any, body: Callable[[Emitter, Any], None]) -> None:
    """Emit `body(emitter, offset)` for `n` neighbours: vectors, or numbers that fill registers."""
    builder = e.builder
    done = integer(0)
    if e.lanes == 1:
        width = VECTOR_BYTES // e.size
        wide = Emitter(builder, e.dtype, e.base, width)
        done = builder.and_(n, integer(-width))
        with cgutils.for_range_slice(builder, integer(0), done, integer(width), INTEGER) as (at, _):
            body(wide, e.bytes(at))
    with cgutils.for_range_slice(builder, done, n, integer(1), INTEGER) as (at, _):
        body(e, e.bytes(at))


def _copy_entries(e: Emitter, *arguments: Any) -> None:
    """Copy four columns at a time, then one; the loops are short and stay rolled."""
    to, at, ti, tj, si, sj, m, n = (*(e.bytes(x) for x in arguments[:6]), *arguments[6:])
    builder, zero = e.builder, integer(0)
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
        enough = builder.icmp_signed(">=", phis[0], integer(wide))
        builder.cbranch(enough, body, after)
        builder.position_at_end(body)
        sources, targets = e.steps(phis[2], sj, wide + 1), e.steps(phis[1], tj, wide + 1)
        values = [e.load(x) for x in sources[:-1]]
        for value, target in zip(values, targets, strict=False):
            e.store(value, target)
        fewer = builder.sub(phis[0], integer(wide))
        news = fewer, targets[-1], sources[-1]
        for phi, first, new in zip(phis, (j, j_to, j_at), news, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(new, body)
        _forbid_unrolling(builder, builder.branch(head))
        builder.position_at_end(after)
        j, j_to, j_at = phis
    less = builder.sub(left, integer(1))
    news = less, builder.add(row_to, ti), builder.add(row_at, si)
    for phi, first, new in zip((left, row_to, row_at), (m, to, at), news, strict=True):
        phi.add_incoming(first, start)
        phi.add_incoming(new, builder.block)
    builder.cbranch(builder.icmp_signed(">", less, zero), rows, done)
    builder.position_at_end(done)


def mirror(e: Emitter, at: Any, pitch: Any, n: Any) -> None:
    """Copy the lower triangle of an n x n matrix to the upper one."""
    builder, at, pitch = e.builder, e.bytes(at), e.bytes(pitch)
    with cgutils.for_range(builder, n) as row, cgutils.for_range(builder, row.index) as col:
        i, j = (builder.mul(x.index, pitch) for x in (row, col))
        below = e.load(at, i, e.bytes(col.index))
        e.store(below, at, j, e.bytes(row.index))


def scale_rows(e: Emitter, *arguments: Any) -> None:
    """Compute to = diag(factors) source.

    Arguments: to, source, factors, then the two pitches, rows, columns.
    """
    to, at, f, to_pitch, pitch, m, n = (*(e.bytes(x) for x in arguments[:5]), *arguments[5:])
    builder = e.builder
    with cgutils.for_range(builder, m) as row:
        factor = e.load(f, e.bytes(row.index))
        to_row, at_row = (builder.mul(row.index, x) for x in (to_pitch, pitch))
        number = builder.extract_element(factor, ir.Constant(ir.IntType(32), 0))

        def scale(x: Emitter, place: Any) -> None:
            by = factor if x.lanes == e.lanes else x.spread(number)
            x.store(builder.fmul(x.load(at, at_row, place), by), to, to_row, place)

        _along_row(e, n, scale)


def add_to_diagonal(e: Emitter, at: Any, pitch: Any, n: Any) -> None:
    """Add one to each entry of the diagonal."""
    builder, step = e.builder, _diagonal_step(e, pitch)
    with cgutils.for_range(builder, n) as row:
        place = builder.mul(row.index, step)
        e.store(builder.fadd(e.load(e.bytes(at), place), e.full(1.0)), e.bytes(at), place)


def _diagonal_step(e: Emitter, pitch: Any) -> Any:
    """Find the bytes from one entry of a diagonal to the next."""
    return e.bytes(e.builder.add(pitch, integer(1)))


def minus_diagonal_of_product(e: Emitter, *arguments: Any) -> None:
    """Compute out_i = - sum_k a_ik b_ki; arguments: out, a, b, then their pitches, n."""
    out, a, b, a_pitch, b_pitch, n = (*(e.bytes(x) for x in arguments[:5]), arguments[5])
    builder, one = e.builder, integer(e.vector_bytes)
    with cgutils.for_range(builder, n) as row:
        a_row, b_col = builder.mul(row.index, a_pitch), builder.mul(row.index, one)
        total = cgutils.alloca_once_value(builder, e.full(0.0))
        with cgutils.for_range(builder, n) as k:
            left = e.load(a, a_row, builder.mul(k.index, one))
            right = e.load(b, b_col, builder.mul(k.index, b_pitch))
            builder.store(e.muladd(left, right, builder.load(total)), total)
        e.store(builder.fneg(builder.load(total)), out, builder.mul(row.index, one))


def split_near_one(e: Emitter, *arguments: Any) -> None:
    """For x of a diagonal: where x > 1/2, x <- less_one, ones <- 1; else ones <- 0.

    Arguments: x, less_one, ones, the pitch of x, n.
    """
    x, less_one, ones = (e.bytes(at) for at in arguments[:3])
    builder, step = e.builder, _diagonal_step(e, arguments[3])
    with cgutils.for_range(builder, arguments[4]) as row:
        place, index = builder.mul(row.index, step), e.bytes(row.index)
        value = e.load(x, place)
        near = builder.fcmp_ordered(">", value, e.full(0.5))
        e.store(builder.select(near, e.load(less_one, index), value), x, place)
        e.store(builder.select(near, e.full(1.0), e.full(0.0)), ones, index)


def zero(e: Emitter, at: Any, count: Any) -> None:
    """Set vectors that stand side by side to zero."""
    _along_row(e, count, lambda x, place: x.store(x.full(0.0), e.bytes(at), place))


def transfer(streamed: bool) -> Callable[..., None]:
    """Copy vectors that stand side by side; `streamed`: to memory, past the caches."""

    def emit(e: Emitter, to: Any, source: Any, count: Any) -> None:
        to, source = e.bytes(to), e.bytes(source)
        _along_row(e, count, lambda x, at: x.store(x.load(source, at), to, at, streamed=streamed))

    return emit


def _forbid_unrolling(builder: Any, jump_back: Any) -> None:
    module = builder.module
    off = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    jump_back.set_metadata("llvm.loop", module.add_metadata([off]))
