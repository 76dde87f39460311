"""Products of a few columns of a tile with many input vectors, converted before they leave the registers.

One lane holds one input vector. A micro-kernel multiplies `VECTORS` vectors of lanes by `OPERANDS` columns, all rows of
a tile, puts each sum through the ADC and adds the codes to what other row tiles, slices and reads gave. numba compiles
scalars only, so the loop is spelled out as LLVM vector code, as in `circuits.lanes`.

In whole numbers: inputs are digits below 128, a column is q (hi - lo) / levels + lo with q of one byte or of two, and
four rows are multiplied at once (AVX-512 VNNI); the sums are exact.
"""

from __future__ import annotations

import itertools
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from ..circuits.lanes import INTEGER, VECTOR_BYTES, Emitter, vector_operation
from ..kernels import processor_features

VECTORS, OPERANDS = 6, 4  # 24 sums, and what they are made of, fill the 32 registers
AVAILABLE = VECTOR_BYTES == 64  # with 16 registers torch's own products are as quick
WHOLE_NUMBERS = AVAILABLE and "avx512vnni" in processor_features()


def _floats(finish: Any) -> Any:
    """In real numbers. `finish` does with the sums what is to be done: `_convert` or `_mark`."""

    def emit(e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, *numbers: Any) -> None:
        def product(u: Any, w: Any, total: Any) -> Any:
            return e.muladd(u, w, total)

        sums = _loop(e, e.vector, e.element, e.full(0.5), at_u, at_w, rows, product)
        finish(e, sums, at_out, at_count, *numbers)

    return emit


def _digits(pieces: int, finish: Any) -> Any:
    """In whole numbers: `rows` counts fours; addresses of sums of digits and of (scale, offset) of columns besides."""

    def emit(
        e: Emitter, at_u: Any, at_w: Any, rows: Any, at_out: Any, at_count: Any, at_sums: Any, at_affine: Any,
        *numbers: Any,
    ) -> None:  # fmt: skip
        builder = e.builder
        if e.size != 4 or not WHOLE_NUMBERS:
            return  # never called: double precision, and processors without the instruction, multiply real numbers
        element = ir.IntType(32)
        vector = ir.VectorType(element, e.lanes)
        name = "llvm.x86.avx512.vpdpbusd.512"
        kind = ir.FunctionType(vector, [vector] * 3)
        fours = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)

        def product(u: Any, w: Any, total: Any) -> Any:
            return builder.call(fours, [total, w, u])

        sums = _loop(e, vector, element, ir.Constant(vector, None), at_u, at_w, rows, product)
        if pieces == 2:
            byte = ir.Constant(vector, [8] * e.lanes)
            sums = [
                [builder.add(builder.shl(high, byte), low) for high, low in zip(*pair, strict=True)]
                for pair in zip(sums[::2], sums[1::2], strict=True)
            ]
        digits = [_load(e, e.vector, at_sums, v) for v in range(VECTORS)]
        scaled = []
        for j, column in enumerate(sums):
            scale, offset = (e.spread(_load(e, e.element, at_affine, 2 * j + n)) for n in (0, 1))
            scaled.append(
                [
                    e.muladd(builder.sitofp(total, e.vector), scale, e.muladd(offset, some, e.full(0.5)))
                    for total, some in zip(column, digits, strict=True)
                ]
            )
        finish(e, scaled, at_out, at_count, *numbers)

    return emit


def _loop(
    e: Emitter, vector: Any, element: Any, start: Any, at_u: Any, at_w: Any, rows: Any, product: Any
) -> list[list[Any]]:
    """Start plus the sums of the products over all rows, `OPERANDS` lists of `VECTORS`."""
    builder = e.builder
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
    u_here = builder.add(at_u, builder.mul(row, ir.Constant(INTEGER, VECTORS * VECTOR_BYTES)))
    w_here = builder.add(at_w, builder.mul(row, ir.Constant(INTEGER, OPERANDS * e.size)))
    ws = [_spread(e, vector, _load(e, element, w_here, j)) for j in range(OPERANDS)]
    new: list[list[Any]] = [[] for _ in range(OPERANDS)]
    for v in range(VECTORS):
        u = _load(e, vector, u_here, v)
        for j in range(OPERANDS):
            new[j].append(product(u, ws[j], sums[j][v]))
    following = builder.add(row, one)
    row.add_incoming(following, loop)
    for old, fresh in zip(itertools.chain(*sums), itertools.chain(*new), strict=True):
        old.add_incoming(fresh, loop)
    builder.cbranch(builder.icmp_signed("<", following, rows), loop, after)
    builder.position_at_end(after)
    return new


def _convert(e: Emitter, sums: list[list[Any]], at_out: Any, at_count: Any, weight: Any, low: Any, high: Any) -> None:
    """floor(sum) between low and high, times weight, added at `at_out`; what was beyond is counted."""
    builder = e.builder
    weight, low, high = (e.spread(number) for number in (weight, low, high))
    whole = ir.VectorType(ir.IntType(8 * e.size), e.lanes)
    for v in range(VECTORS):
        count = _load(e, whole, at_count, v)
        for j, column in enumerate(sums):
            code, kept = _code(e, column[v], low, high)
            more = builder.add(count, ir.Constant(whole, [1] * e.lanes))
            count = builder.select(builder.fcmp_unordered("!=", code, kept), more, count)
            place = j * VECTORS + v
            _store(e, e.muladd(kept, weight, _load(e, e.vector, at_out, place)), at_out, place)
        _store(e, count, at_count, v)


def _mark(e: Emitter, sums: list[list[Any]], at_out: Any, at_count: Any, weight: Any, low: Any, high: Any) -> None:
    """Weight, added at `at_out` for every conversion that saturates."""
    builder = e.builder
    weight, low, high = (e.spread(number) for number in (weight, low, high))
    for v in range(VECTORS):
        for j, column in enumerate(sums):
            code, kept = _code(e, column[v], low, high)
            place = j * VECTORS + v
            old = _load(e, e.vector, at_out, place)
            beyond = builder.fcmp_unordered("!=", code, kept)
            _store(e, builder.select(beyond, builder.fadd(old, weight), old), at_out, place)


def _code(e: Emitter, total: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The code that a sum would have, and the one that there is for it."""
    builder = e.builder
    name = f"llvm.floor.v{e.lanes}f{8 * e.size}"
    kind = ir.FunctionType(e.vector, [e.vector])
    floor = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    code = builder.call(floor, [total])
    kept = builder.select(builder.fcmp_ordered("<", code, high), code, high)
    return code, builder.select(builder.fcmp_ordered(">", kept, low), kept, low)


def _spread(e: Emitter, vector: Any, scalar: Any) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    first = e.builder.insert_element(nothing, scalar, ir.Constant(ir.IntType(32), 0))
    return e.builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), e.lanes), [0] * e.lanes)
    )


def _load(e: Emitter, kind: Any, address: Any, index: int) -> Any:
    at = e.builder.inttoptr(address, kind.as_pointer())
    return e.builder.load(e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _store(e: Emitter, value: Any, address: Any, index: int) -> None:
    at = e.builder.inttoptr(address, value.type.as_pointer())
    e.builder.store(value, e.builder.gep(at, [ir.Constant(INTEGER, index)]), align=e.size)


def _gather(grain: int) -> Any:
    """One input of every vector of a block: addresses of the starts, of what start 0 is of, of the result."""

    def emit(e: Emitter, at_starts: Any, at_source: Any, at_result: Any) -> None:
        lanes = grain or e.lanes
        piece = ir.VectorType(e.element, lanes)
        for n in range(VECTORS * e.lanes // lanes):
            start = _load(e, INTEGER, at_starts, n * lanes)
            address = e.builder.add(at_source, e.builder.mul(start, ir.Constant(INTEGER, e.size)))
            _store(e, _load(e, piece, address, 0), at_result, n)

    return emit


gather_vectors = vector_operation("gather_vectors", _gather(0))  # where whole vectors of inputs lie side by side
gather_fours = vector_operation("gather_fours", _gather(4))
gather_ones = vector_operation("gather_ones", _gather(1))
convert_floats = vector_operation("convert_floats", _floats(_convert))
convert_bytes = vector_operation("convert_bytes", _digits(1, _convert))
convert_pairs = vector_operation("convert_pairs", _digits(2, _convert))
mark_floats = vector_operation("mark_floats", _floats(_mark))
mark_bytes = vector_operation("mark_bytes", _digits(1, _mark))
mark_pairs = vector_operation("mark_pairs", _digits(2, _mark))
