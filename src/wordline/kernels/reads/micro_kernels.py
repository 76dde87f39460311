"""Products of a few columns of a tile with many input vectors, converted in the registers.

One lane holds one input vector. A micro-kernel multiplies `VECTORS` vectors of lanes by `OPERANDS`
columns, all rows of a tile, puts each sum through the ADC and adds the codes to what other row
tiles, slices and reads gave.

In real numbers, or in whole ones: inputs are digits below 128, a column is
q (hi - lo) / levels + lo with q of one byte or of two, and four rows are multiplied at once
(AVX-512 VNNI); the sums are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from ..compiler import processor_features
from ..registers import VECTOR_BYTES
from ..simd import INTEGER, Emitter, call_outlined, vector_operation

VECTORS, OPERANDS = 6, 4  # 24 sums, and what they are made of, fill the 32 registers
AVAILABLE = VECTOR_BYTES == 64  # with 16 registers torch's own products are as quick
WHOLE_NUMBERS = AVAILABLE and "avx512vnni" in processor_features()

Sums = list[list[Any]]  # of each column, by vector of lanes
Finish = Callable[..., None]


def _real_products(finish: Finish) -> Callable[..., None]:
    """Multiply real numbers; `finish` does with the sums what is to be done."""

    def emit(
        e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, at_sums: Any,
        at_affine: Any, *numbers: Any,
    ) -> None:  # fmt: skip
        def product(u: Any, w: Any, total: Any) -> Any:
            return e.muladd(u, w, total)

        sums = _loop(e, e.element, e.full(0.5), (at_u, at_w, rows), product)
        finish(e, sums, at_out, at_count, *numbers)

    return emit


def _whole_products(device_bytes: int, finish: Finish) -> Callable[..., None]:
    """Multiply digits by devices of one or two bytes; `rows` counts fours of rows."""

    def emit(
        e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, at_sums: Any,
        at_affine: Any, *numbers: Any,
    ) -> None:  # fmt: skip
        builder = e.builder
        if e.size != 4 or not WHOLE_NUMBERS:
            return  # never called: other types and processors multiply real numbers
        element = ir.IntType(32)
        vector = ir.VectorType(element, e.lanes)
        name = "llvm.x86.avx512.vpdpbusd.512"
        kind = ir.FunctionType(vector, [vector] * 3)
        dot_of_fours = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)

        def product(u: Any, w: Any, total: Any) -> Any:
            return builder.call(dot_of_fours, [total, w, u])

        sums = _loop(e, element, ir.Constant(vector, None), (at_u, at_w, rows), product)
        if device_bytes == 2:  # 256 high + low
            byte = ir.Constant(vector, [8] * e.lanes)
            sums = [
                [builder.add(builder.shl(high, byte), low) for high, low in zip(*pair, strict=True)]
                for pair in zip(sums[::2], sums[1::2], strict=True)
            ]
        # sum of digits times devices = scale (sum of digits times q) + offset (sum of digits)
        digit_sums = [_load(e, e.vector, at_sums, v) for v in range(VECTORS)]
        scaled = []
        for j, column in enumerate(sums):
            scale, offset = (e.spread(_load(e, e.element, at_affine, 2 * j + n)) for n in (0, 1))
            starts = [e.muladd(offset, some, e.full(0.5)) for some in digit_sums]
            scaled.append(
                [
                    e.muladd(builder.sitofp(total, e.vector), scale, start)
                    for total, start in zip(column, starts, strict=True)
                ]
            )
        finish(e, scaled, at_out, at_count, *numbers)

    return emit


def _loop(
    e: Emitter, element: Any, start: Any, operands: tuple[Any, Any, Any],
    product: Callable[[Any, Any, Any], Any],
) -> Sums:  # fmt: skip
    """Add the products over all rows to `start`: `OPERANDS` lists of `VECTORS` sums.

    `operands`: addresses of the vectors and of the columns, and the number of rows.
    """
    at_u, at_w, rows = operands
    builder, vector = e.builder, ir.VectorType(element, e.lanes)
    before, loop = builder.block, builder.append_basic_block("row")
    after = builder.append_basic_block("converter")
    builder.branch(loop)
    builder.position_at_end(loop)
    zero, one = ir.Constant(INTEGER, 0), ir.Constant(INTEGER, 1)
    row = builder.phi(INTEGER)
    row.add_incoming(zero, before)
    sums = [[builder.phi(vector) for _ in range(VECTORS)] for _ in range(OPERANDS)]
    for total in itertools.chain(*sums):
        total.add_incoming(start, before)
    row_bytes = ir.Constant(INTEGER, VECTORS * VECTOR_BYTES)
    u_here = builder.add(at_u, builder.mul(row, row_bytes))
    w_here = builder.add(at_w, builder.mul(row, ir.Constant(INTEGER, OPERANDS * e.size)))
    ws = [e.spread(_load(e, element, w_here, j)) for j in range(OPERANDS)]
    new: Sums = [[] for _ in range(OPERANDS)]
    for v in range(VECTORS):
        u = _load(e, vector, u_here, v)
        for j in range(OPERANDS):
            new[j].append(product(u, ws[j], sums[j][v]))
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
            more = builder.add(count, ir.Constant(whole, [1] * e.lanes))
            count = builder.select(builder.fcmp_unordered("!=", code, clipped), more, count)
            place = j * VECTORS + v
            _store(e, e.muladd(clipped, weight, _load(e, e.vector, at_out, place)), at_out, place)
        _store(e, count, at_count, v)


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


def _code(e: Emitter, total: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Emit the code of a sum, and the nearest code that the ADC has."""
    builder = e.builder
    code = builder.call(e.llvm_function("llvm.floor", 1), [total])
    clipped = builder.select(builder.fcmp_ordered("<", code, high), code, high)
    return code, builder.select(builder.fcmp_ordered(">", clipped, low), clipped, low)


def _load(e: Emitter, kind: Any, address: Any, index: int) -> Any:
    at = e.builder.inttoptr(address, kind.as_pointer())
    return e.builder.load(e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _store(e: Emitter, value: Any, address: Any, index: int) -> None:
    at = e.builder.inttoptr(address, value.type.as_pointer())
    e.builder.store(value, e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _by_format(name: str, finish: Finish) -> Any:
    """Make an operation whose first integer is the bytes of a device, 0 for real numbers."""
    formats = {
        0: _real_products(finish),
        1: _whole_products(1, finish),
        2: _whole_products(2, finish),
    }

    def emit(e: Emitter, device_bytes: Any, *arguments: Any) -> None:
        cases = {
            code: partial(call_outlined, e, f"{name}_{code}", multiply, list(arguments))
            for code, multiply in formats.items()
        }
        e.switch(device_bytes, cases)

    return vector_operation(name, emit)


def _gather(grain: int) -> Callable[..., None]:
    """Gather one input of every vector of a block, `grain` of them side by side; 0: whole vectors.

    Takes the addresses of the starts, of what start 0 is of, and of the result.
    """

    def emit(e: Emitter, at_starts: Any, at_source: Any, at_result: Any) -> None:
        lanes = grain or e.lanes
        piece = ir.VectorType(e.element, lanes)
        for n in range(VECTORS * e.lanes // lanes):
            start = _load(e, INTEGER, at_starts, n * lanes)
            size = ir.Constant(INTEGER, e.size)
            address = e.builder.add(at_source, e.builder.mul(start, size))
            _store(e, _load(e, piece, address, 0), at_result, n)

    return emit


gather_vectors = vector_operation("gather_vectors", _gather(0))
gather_fours = vector_operation("gather_fours", _gather(4))
gather_ones = vector_operation("gather_ones", _gather(1))
# f(ws, (device_bytes, at_u, at_w, rows, at_out, at_count, at_sums, at_affine), (weight, low, high))
convert_columns = _by_format("convert_columns", _convert)
mark_saturated = _by_format("mark_saturated", _mark)
