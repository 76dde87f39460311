"""Products of a few columns of a tile with many input vectors, converted in the registers.

One lane holds one input vector. A micro-kernel multiplies `VECTORS` vectors of lanes by `OPERANDS`
columns, all rows of a tile, puts each sum through the ADC and adds the codes to what other row
tiles, slices and reads gave.

In real numbers, or in whole ones: inputs are digits below 128, a column is
q (hi - lo) / levels + lo with q of one byte or of two. Their sums are exact, so that every format
and every processor gives the same bits; real numbers are added row after row, with one rounding
where the processor fuses, and give the same bits for registers of every width.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils

from ..compiler import processor_features
from ..registers import REGISTERS, VECTOR_BYTES
from ..simd import INTEGER, Emitter, call_outlined, vector_operation
from .products import Product, add_fours, add_narrow, add_twos, has_fours, has_narrow, multiply_twos

# 24 sums in 32 registers, or 12 in 16, and what they are made of
VECTORS, OPERANDS = (6, 4) if REGISTERS == 32 else (3, 4)
FEATURES = processor_features()

# Formats of columns: real numbers; bytes, four rows a word, summed in 32 bits or in 16; and numbers
# of 16 bits, two rows a word, less MIDDLE.
REAL, FOURS, NARROW, TWOS = range(4)
ROWS_OF_WORD = {REAL: 1, FOURS: 4, NARROW: 4, TWOS: 2}
MIDDLE = 1 << 15
PRODUCTS: dict[int, Product] = {TWOS: add_twos}
if has_fours(FEATURES):
    PRODUCTS[FOURS] = add_fours
elif has_narrow(FEATURES):
    PRODUCTS[NARROW] = add_narrow
CERTAIN = 8  # added to a format whose sums cannot be clipped

Sums = list[list[Any]]  # of each column, by vector of lanes
Finish = Callable[..., None]


def _real_products(finish: Finish) -> Callable[..., None]:
    """Multiply real numbers; `finish` does with the sums what is to be done."""

    def emit(
        e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, *more: Any
    ) -> None:
        _, _, _, *numbers = more  # sums of digits, affine maps and the unit are of whole numbers

        def product(u: Any, w: Any, total: Any) -> Any:
            return e.muladd(u, w, total)

        starts = [e.full(0.5)] * VECTORS
        finish(e, _loop(e, starts, (at_u, at_w, rows), product), at_out, at_count, *numbers)

    return emit


def _whole_products(form: int, finish: Finish) -> Callable[..., None]:
    """Multiply digits by devices, word by word; `rows` counts words."""

    def emit(
        e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, *more: Any
    ) -> None:
        at_sums, at_affine, unit, *numbers = more
        builder = e.builder
        if e.size != 4:
            return  # never called: double precision multiplies real numbers
        word = ir.IntType(32)
        words = ir.VectorType(word, e.lanes)
        digit_sums = [_load(e, e.vector, at_sums, v) for v in range(VECTORS)]
        starts = [ir.Constant(words, None)] * VECTORS
        if form == TWOS:  # devices are less MIDDLE, once for every digit
            middle = ir.Constant(words, [MIDDLE] * e.lanes)
            starts = [builder.mul(builder.fptosi(some, words), middle) for some in digit_sums]

        def product(u: Any, w: Any, total: Any) -> Any:
            return PRODUCTS[form](builder, FEATURES, total, w, u)

        sums = _loop(e, starts, (at_u, at_w, rows), product, fold_last=REGISTERS == 16)
        if form == NARROW:  # `unit` times the sum of both halves
            low = builder.trunc(unit, word)
            units = e.spread(builder.or_(low, builder.shl(low, ir.Constant(word, 16))))
            sums = [
                [multiply_twos(builder, FEATURES, total, units) for total in column]
                for column in sums
            ]
        # sum of digits times devices = scale (sum of digits times q) + offset (sum of digits)
        scaled = []
        for j, column in enumerate(sums):
            scale, offset = (e.spread(_load(e, e.element, at_affine, 2 * j + n)) for n in (0, 1))
            shifts = [e.muladd(offset, some, e.full(0.5)) for some in digit_sums]
            scaled.append(
                [
                    e.muladd(builder.sitofp(total, e.vector), scale, shift)
                    for total, shift in zip(column, shifts, strict=True)
                ]
            )
        finish(e, scaled, at_out, at_count, *numbers)

    return emit


def _loop(
    e: Emitter, starts: list[Any], operands: tuple[Any, Any, Any],
    product: Callable[[Any, Any, Any], Any], *, fold_last: bool = False,
) -> Sums:  # fmt: skip
    """Add the products over all rows to `starts`: `OPERANDS` lists of `VECTORS` sums.

    `operands`: addresses of the vectors and of the columns, and the number of rows. `fold_last`:
    read the last vector from memory for each column, where a product and its sum take one more
    register than there are.
    """
    at_u, at_w, rows = operands
    vector = starts[0].type
    builder, element = e.builder, vector.element
    before, loop = builder.block, builder.append_basic_block("row")
    after = builder.append_basic_block("converter")
    builder.branch(loop)
    builder.position_at_end(loop)
    zero, one = ir.Constant(INTEGER, 0), ir.Constant(INTEGER, 1)
    row = builder.phi(INTEGER)
    row.add_incoming(zero, before)
    sums = [[builder.phi(vector) for _ in range(VECTORS)] for _ in range(OPERANDS)]
    for column in sums:
        for total, start in zip(column, starts, strict=True):
            total.add_incoming(start, before)
    row_bytes = ir.Constant(INTEGER, VECTORS * VECTOR_BYTES)
    u_here = builder.add(at_u, builder.mul(row, row_bytes))
    w_here = builder.add(at_w, builder.mul(row, ir.Constant(INTEGER, OPERANDS * e.size)))
    us = [_load(e, vector, u_here, v) for v in range(VECTORS)]
    new: Sums = []
    for j in range(OPERANDS):  # one column in a register at a time
        w = e.spread(_load(e, element, w_here, j))
        if fold_last and j:
            u_here = _same(builder, u_here)
            us[-1] = _load(e, vector, u_here, VECTORS - 1)
        new.append([product(u, w, total) for u, total in zip(us, sums[j], strict=True)])
    next_row = builder.add(row, one)
    row.add_incoming(next_row, loop)
    for old, fresh in zip(itertools.chain(*sums), itertools.chain(*new), strict=True):
        old.add_incoming(fresh, loop)
    builder.cbranch(builder.icmp_signed("<", next_row, rows), loop, after)
    builder.position_at_end(after)
    return new


def _convert(
    e: Emitter, sums: Sums, at_out: Any, at_count: Any, weight: Any, low: Any, high: Any
) -> None:
    """Add weight * clip(floor(sum), low, high) at `at_out`; count the sums that were clipped."""
    builder = e.builder
    weight, low, high = (e.spread(number) for number in (weight, low, high))
    whole = ir.VectorType(ir.IntType(8 * e.size), e.lanes)
    for v in range(VECTORS):
        count = _load(e, whole, at_count, v)
        for j, column in enumerate(sums):
            code, clipped = _code(e, column[v], low, high)
            apart = builder.sext(builder.fcmp_unordered("!=", code, clipped), whole)  # -1
            count = builder.sub(count, apart)
            place = j * VECTORS + v
            _store(e, e.muladd(clipped, weight, _load(e, e.vector, at_out, place)), at_out, place)
        _store(e, count, at_count, v)


def _convert_certain(
    e: Emitter, sums: Sums, at_out: Any, at_count: Any, weight: Any, low: Any, high: Any
) -> None:
    """Add weight * floor(sum) at `at_out`, where no sum can be out of range."""
    weight = e.spread(weight)
    for v, (j, column) in itertools.product(range(VECTORS), enumerate(sums)):
        code, place = _floor(e, column[v]), j * VECTORS + v
        _store(e, e.muladd(code, weight, _load(e, e.vector, at_out, place)), at_out, place)


def _mark(
    e: Emitter, sums: Sums, at_out: Any, at_count: Any, weight: Any, low: Any, high: Any
) -> None:
    """Add weight at `at_out` for every sum that is clipped."""
    builder = e.builder
    weight, low, high = (e.spread(number) for number in (weight, low, high))
    for v in range(VECTORS):
        for j, column in enumerate(sums):
            code, clipped = _code(e, column[v], low, high)
            place = j * VECTORS + v
            old = _load(e, e.vector, at_out, place)
            saturated = builder.fcmp_unordered("!=", code, clipped)
            _store(e, builder.select(saturated, builder.fadd(old, weight), old), at_out, place)


def _floor(e: Emitter, total: Any) -> Any:
    return e.builder.call(e.llvm_function("llvm.floor", 1), [total])


def _code(e: Emitter, total: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Emit the code of a sum, and the nearest code that the ADC has."""
    builder, code = e.builder, _floor(e, total)
    clipped = builder.select(builder.fcmp_ordered("<", code, high), code, high)
    return code, builder.select(builder.fcmp_ordered(">", clipped, low), clipped, low)


def _same(builder: Any, address: Any) -> Any:
    """Return an address that LLVM cannot know to be the same, so that it loads again."""
    kind = ir.FunctionType(INTEGER, [INTEGER])
    return builder.call(ir.InlineAsm(kind, "", "=r,0", side_effect=False), [address])


def _load(e: Emitter, kind: Any, address: Any, index: int) -> Any:
    at = e.builder.inttoptr(address, kind.as_pointer())
    return e.builder.load(e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _store(e: Emitter, value: Any, address: Any, index: int) -> None:
    at = e.builder.inttoptr(address, value.type.as_pointer())
    e.builder.store(value, e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _by_format(name: str, finishes: dict[int, Finish]) -> Any:
    """Make an operation whose first integer is the format of a column, plus a key of `finishes`."""

    def emit(e: Emitter, form: Any, *arguments: Any) -> None:
        cases = {}
        for key, finish in finishes.items():
            kernels = {REAL: _real_products(finish)}
            if e.size == 4:
                kernels |= {whole: _whole_products(whole, finish) for whole in PRODUCTS}
            for code, multiply in kernels.items():
                label = f"{name}_{code + key}"
                cases[code + key] = partial(call_outlined, e, label, multiply, list(arguments))
        e.switch(form, cases)

    return vector_operation(name, emit)


def _gather(grain: int) -> Callable[..., None]:
    """Gather one input of every vector of a block, row after row; `grain` of them side by side.

    0: whole vectors. Takes the addresses of the starts, of what start 0 is of, of the offsets of
    rows, the number of these, and the address of the result.
    """

    def emit(
        e: Emitter, at_starts: Any, at_source: Any, at_offsets: Any, rows: Any, at_result: Any
    ) -> None:
        builder, lanes = e.builder, grain or e.lanes
        piece, size = ir.VectorType(e.element, lanes), ir.Constant(INTEGER, e.size)
        pieces = range(VECTORS * e.lanes // lanes)
        starts = [
            builder.add(at_source, builder.mul(_load(e, INTEGER, at_starts, n * lanes), size))
            for n in pieces
        ]
        row_bytes = ir.Constant(INTEGER, VECTORS * VECTOR_BYTES)
        with cgutils.for_range(builder, rows) as loop:
            at = builder.add(at_offsets, builder.mul(loop.index, ir.Constant(INTEGER, 8)))
            offset = builder.mul(_load(e, INTEGER, at, 0), size)
            into = builder.add(at_result, builder.mul(loop.index, row_bytes))
            for n, start in zip(pieces, starts, strict=True):
                _store(e, _load(e, piece, builder.add(start, offset), 0), into, n)

    return emit


gather_vectors = vector_operation("gather_vectors", _gather(0))
gather_fours = vector_operation("gather_fours", _gather(4))
gather_ones = vector_operation("gather_ones", _gather(1))
# f(ws, (format, at_u, at_w, rows, at_out, at_count, at_sums, at_affine, unit), (weight, low, high))
convert_columns = _by_format("convert_columns", {0: _convert, CERTAIN: _convert_certain})
mark_saturated = _by_format("mark_saturated", {0: _mark})
