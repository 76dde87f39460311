"""Products of a sparse vector with a block of columns, a small network on them, and their codes.

A block is `BLOCK` columns of four matrices, row by row, in single precision: it stays in the
nearest cache while many vectors pass. A vector is a list of terms, one for each row that is driven:
its number and x, x^2, x^3, 16 bytes. The four sums of a column,

    m1 = sum x W1    m2 = sum x^2 W2    m3 = sum x^3 W3    m4 = sum x^3 W4

never leave the registers: a network of a few hidden units makes of them a current, an ADC a code.

    z = (m2, m3, m4) / max(m1, rest), m1 share
    r = skip + k . z + sum_h o_h y_h / sqrt(1 + y_h^2),   y_h = bias_h + u_h . z
    code = clip(floor(factor m1 (1 + r) + shift), low, high)
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from ..compiler import processor_features
from ..registers import REGISTERS, VECTOR_BYTES

LANES = VECTOR_BYTES // 4
# Of columns, with four sums each: small layers have 16 columns, and processors hide the latency of
# eight products. A block of 64 rows takes 16 KB of the nearest cache; 32 with 512 bits.
VECTORS = 4 if (VECTOR_BYTES, REGISTERS) == (16, 32) else 2
BLOCK = LANES * VECTORS
MATRICES = 4
TERM_BYTES = 16
# Numbers before those of the hidden units, of which each has u (4) and o.
K, REST, SHARE, FACTOR, LOW, HIGH, HEAD, UNIT = 0, 4, 5, 6, 7, 8, 9, 5

_INTEGER, _FLOAT, _DOUBLE = ir.IntType(64), ir.FloatType(), ir.DoubleType()
_VECTOR, _WIDE = ir.VectorType(_FLOAT, LANES), ir.VectorType(_DOUBLE, LANES)
_WHOLE = ir.VectorType(ir.IntType(32), LANES)
_FAST = ("contract", "reassoc")
_ROW_BYTES = MATRICES * BLOCK * 4


class _Emitter:
    """Vector operations at addresses."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def at(self, address: Any, offset: int | Any) -> Any:
        """Add bytes to an address."""
        more = ir.Constant(_INTEGER, offset) if isinstance(offset, int) else offset
        return self.builder.add(address, more)

    def load(self, kind: Any, address: Any, offset: int = 0) -> Any:
        """Load a value of a kind."""
        pointer = self.builder.inttoptr(self.at(address, offset), kind.as_pointer())
        return self.builder.load(pointer, align=4)

    def store(self, value: Any, address: Any, offset: int = 0) -> None:
        """Store a value."""
        pointer = self.builder.inttoptr(self.at(address, offset), value.type.as_pointer())
        self.builder.store(value, pointer, align=4)

    def spread(self, scalar: Any) -> Any:
        """Fill all lanes with a number."""
        kind = ir.VectorType(scalar.type, LANES)
        index = ir.IntType(32)
        first = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), scalar, ir.Constant(index, 0)
        )
        everywhere = ir.Constant(ir.VectorType(index, LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), everywhere)

    def number(self, address: Any, index: int = 0) -> Any:
        """Load the index-th float of an array into all lanes."""
        return self.spread(self.load(_FLOAT, address, 4 * index))

    def full(self, value: float) -> Any:
        """Fill all lanes with a constant."""
        return ir.Constant(_VECTOR, [value] * LANES)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call an LLVM operation on vectors of one kind."""
        module, kind = self.builder.module, arguments[0].type
        signature = ir.FunctionType(kind, [kind] * len(arguments))
        function = module.globals.get(name) or ir.Function(module, signature, name)
        return self.builder.call(function, arguments)

    def muladd(self, a: Any, b: Any, c: Any) -> Any:
        """Emit a b + c."""
        return self.call(f"llvm.fmuladd.v{LANES}f{64 if a.type == _WIDE else 32}", a, b, c)

    def mul(self, a: Any, b: Any) -> Any:
        """Emit a b."""
        return self.builder.fmul(a, b, flags=_FAST)

    def larger(self, a: Any, b: Any) -> Any:
        """Emit the larger of two."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def inverse_root(self, square: Any) -> Any:
        """Emit 1 / sqrt(square), square >= 1: an estimate of the processor and a Newton step."""
        estimate = self._estimate(square)
        if estimate is None:
            return self.builder.fdiv(self.full(1.0), self.call(f"llvm.sqrt.v{LANES}f32", square))
        half = self.mul(square, self.full(-0.5))
        correction = self.muladd(self.mul(half, estimate), estimate, self.full(1.5))
        return self.mul(estimate, correction)

    def _estimate(self, square: Any) -> Any:
        if platform.machine().lower() not in ("x86_64", "amd64"):
            return None
        features = processor_features()
        if LANES == 4:
            return self.call("llvm.x86.sse.rsqrt.ps", square)
        if LANES == 8 and "avx" in features:
            return self.call("llvm.x86.avx.rsqrt.ps.256", square)
        if LANES == 16 and "avx512f" in features:
            name, module = "llvm.x86.avx512.rsqrt14.ps.512", self.builder.module
            signature = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, ir.IntType(16)])
            function = module.globals.get(name) or ir.Function(module, signature, name)
            return self.builder.call(function, [square, square, ir.Constant(ir.IntType(16), -1)])
        return None

    def loop(
        self, count: Any, starts: Sequence[Any], body: Callable[[Any, list[Any]], list[Any]]
    ) -> list[Any]:
        """Emit `count` rounds of a body, which takes the round and makes new values of the old."""
        builder = self.builder
        before, loop = builder.block, builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        zero = ir.Constant(_INTEGER, 0)
        builder.cbranch(builder.icmp_signed(">", count, zero), loop, after)
        builder.position_at_end(loop)
        number = builder.phi(_INTEGER)
        number.add_incoming(zero, before)
        olds = [builder.phi(start.type) for start in starts]
        for old, start in zip(olds, starts, strict=True):
            old.add_incoming(start, before)
        fresh = body(number, olds)
        following, end = builder.add(number, ir.Constant(_INTEGER, 1)), builder.block
        number.add_incoming(following, end)
        for old, new in zip(olds, fresh, strict=True):
            old.add_incoming(new, end)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        builder.position_at_end(after)
        found = []
        for start, new in zip(starts, fresh, strict=True):
            value = builder.phi(start.type)
            value.add_incoming(start, before)
            value.add_incoming(new, end)
            found.append(value)
        return found


def _at_row(e: _Emitter, row: Any, row_bytes: int) -> Any:
    return e.builder.mul(e.builder.sext(row, _INTEGER), ir.Constant(_INTEGER, row_bytes))


def _sums(e: _Emitter, at_terms: Any, count: Any, at_block: Any) -> list[list[Any]]:
    """Emit m1, m2, m3, m4 of every vector of columns."""

    def add_row(n: Any, sums: list[Any]) -> list[Any]:
        term = e.at(at_terms, e.builder.mul(n, ir.Constant(_INTEGER, TERM_BYTES)))
        row = e.at(at_block, _at_row(e, e.load(ir.IntType(32), term), _ROW_BYTES))
        x, square, cube = (e.number(term, power) for power in (1, 2, 3))
        out = []
        for m, power in enumerate((x, square, cube, cube)):
            for v in range(VECTORS):
                w = e.load(_VECTOR, row, 4 * (m * BLOCK + v * LANES))
                out.append(e.muladd(power, w, sums[m * VECTORS + v]))
        return out

    found = e.loop(count, [e.full(0.0)] * (MATRICES * VECTORS), add_row)
    return [found[m * VECTORS : (m + 1) * VECTORS] for m in range(MATRICES)]


def _features(e: _Emitter, sums: list[list[Any]], v: int, at_numbers: Any) -> tuple[list[Any], Any]:
    """Emit z of a vector of columns, and 1 / m1."""
    m1 = sums[0][v]
    inverse = e.builder.fdiv(e.full(1.0), e.larger(m1, e.number(at_numbers, REST)))
    z = [e.mul(sums[m][v], inverse) for m in (1, 2, 3)]
    return [*z, e.mul(m1, e.number(at_numbers, SHARE))], inverse


def _network(
    e: _Emitter, zs: list[list[Any]], at_static: Any, at_numbers: Any, hidden: Any, slopes: bool
) -> tuple[list[Any], list[list[Any]]]:
    """Emit r + 1 of every vector of columns, and with `slopes` dr/dz."""
    k = [e.number(at_numbers, K + i) for i in range(4)]
    skip = e.at(at_static, e.builder.mul(hidden, ir.Constant(_INTEGER, 4 * BLOCK)))
    starts = []
    for v, z in enumerate(zs):
        r = e.builder.fadd(e.load(_VECTOR, skip, 4 * v * LANES), e.full(1.0))
        for weight, feature in zip(k, z, strict=True):
            r = e.muladd(weight, feature, r)
        starts.append(r)
    if slopes:
        starts += k * VECTORS

    def add_unit(h: Any, olds: list[Any]) -> list[Any]:
        bias = e.at(at_static, e.builder.mul(h, ir.Constant(_INTEGER, 4 * BLOCK)))
        unit = e.at(at_numbers, e.builder.mul(h, ir.Constant(_INTEGER, 4 * UNIT)))
        u = [e.number(unit, HEAD + i) for i in range(4)]
        o, out, steep = e.number(unit, HEAD + 4), [], []
        for v, z in enumerate(zs):
            y = e.load(_VECTOR, bias, 4 * v * LANES)
            for weight, feature in zip(u, z, strict=True):
                y = e.muladd(weight, feature, y)
            down = e.inverse_root(e.muladd(y, y, e.full(1.0)))
            out.append(e.muladd(o, e.mul(y, down), olds[v]))
            if slopes:
                flat = e.mul(e.mul(o, down), e.mul(down, down))
                old = olds[VECTORS + 4 * v : VECTORS + 4 * v + 4]
                steep += [e.muladd(flat, weight, s) for weight, s in zip(u, old, strict=True)]
        return out + steep

    found = e.loop(hidden, starts, add_unit)
    return found[:VECTORS], [found[VECTORS + 4 * v : VECTORS + 4 * v + 4] for v in range(VECTORS)]


def _code(
    e: _Emitter, m1: Any, ratio: Any, factor: Any, shift: Any, at_numbers: Any
) -> tuple[Any, Any]:
    """Emit the code of a vector of columns, and the nearest that the ADC has."""
    raw = e.muladd(e.mul(m1, factor), ratio, shift)
    code = e.call(f"llvm.floor.v{LANES}f32", raw)
    low, high = e.number(at_numbers, LOW), e.number(at_numbers, HIGH)
    below = e.builder.select(e.builder.fcmp_ordered("<", code, high), code, high)
    return code, e.larger(below, low)


def _convert(
    e: _Emitter, at_terms: Any, count: Any, at_block: Any, at_static: Any, at_numbers: Any,
    hidden: Any, at_out: Any, at_clipped: Any, weight: Any, shift: Any,
) -> None:  # fmt: skip
    builder = e.builder
    sums = _sums(e, at_terms, count, at_block)
    zs = [_features(e, sums, v, at_numbers)[0] for v in range(VECTORS)]
    ratios, _ = _network(e, zs, at_static, at_numbers, hidden, slopes=False)
    factor, shift, weight = e.number(at_numbers, FACTOR), e.spread(shift), e.spread(weight)
    for v in range(VECTORS):
        code, clipped = _code(e, sums[0][v], ratios[v], factor, shift, at_numbers)
        total = e.load(_WIDE, at_out, 8 * v * LANES)
        wide = builder.fpext(clipped, _WIDE)
        e.store(e.muladd(wide, weight, total), at_out, 8 * v * LANES)
        over = builder.sext(builder.fcmp_unordered("!=", code, clipped), _WHOLE)
        known = e.load(_WHOLE, at_clipped, 4 * v * LANES)
        e.store(builder.sub(known, over), at_clipped, 4 * v * LANES)


def _descend(
    e: _Emitter, at_terms: Any, count: Any, at_block: Any, at_static: Any, at_numbers: Any,
    hidden: Any, at_rest: Any, rest_count: Any, at_grad: Any, at_down: Any, weight: Any, shift: Any,
) -> None:  # fmt: skip
    builder = e.builder
    sums = _sums(e, at_terms, count, at_block)
    features = [_features(e, sums, v, at_numbers) for v in range(VECTORS)]
    zs = [z for z, _ in features]
    ratios, slopes = _network(e, zs, at_static, at_numbers, hidden, slopes=True)
    factor, shift = e.number(at_numbers, FACTOR), e.spread(shift)
    weight = e.mul(e.spread(weight), factor)
    down: list[list[Any]] = [[], [], [], []]
    for v, (z, inverse) in enumerate(features):
        m1, ratio = sums[0][v], ratios[v]
        code, clipped = _code(e, m1, ratio, factor, shift, at_numbers)
        g = e.mul(e.load(_VECTOR, at_grad, 4 * v * LANES), weight)
        g = builder.select(builder.fcmp_ordered("==", code, clipped), g, e.full(0.0))
        dr = e.mul(g, m1)
        relative = e.mul(dr, inverse)
        d2, d3, d4 = (e.mul(slopes[v][i], relative) for i in range(3))
        back = e.muladd(d2, z[0], e.muladd(d3, z[1], e.mul(d4, z[2])))
        alive = builder.fcmp_ordered(">", m1, e.number(at_numbers, REST))
        back = builder.select(alive, back, e.full(0.0))
        through = e.mul(e.mul(slopes[v][3], dr), e.number(at_numbers, SHARE))
        down[0].append(builder.fsub(e.muladd(g, ratio, through), back))
        down[1].append(e.mul(d2, e.full(2.0)))
        down[2].append(e.mul(d3, e.full(3.0)))
        down[3].append(e.mul(d4, e.full(3.0)))

    def dot(row: Any, matrices: Sequence[int], total: Any) -> Any:
        for m in matrices:
            for v in range(VECTORS):
                w = e.load(_VECTOR, row, 4 * (m * BLOCK + v * LANES))
                total = e.mul(down[m][v], w) if total is None else e.muladd(down[m][v], w, total)
        return total

    def driven(n: Any, _: list[Any]) -> list[Any]:
        term = e.at(at_terms, builder.mul(n, ir.Constant(_INTEGER, TERM_BYTES)))
        number = e.load(ir.IntType(32), term)
        row = e.at(at_block, _at_row(e, number, _ROW_BYTES))
        place = e.at(at_down, _at_row(e, number, VECTOR_BYTES))
        total = dot(row, (0,), e.load(_VECTOR, place))
        total = e.muladd(e.number(term, 1), dot(row, (1,), None), total)
        total = e.muladd(e.number(term, 2), dot(row, (2, 3), None), total)
        e.store(total, place)
        return []

    def at_rest_row(n: Any, _: list[Any]) -> list[Any]:
        number = e.load(ir.IntType(32), e.at(at_rest, builder.mul(n, ir.Constant(_INTEGER, 4))))
        place = e.at(at_down, _at_row(e, number, VECTOR_BYTES))
        row = e.at(at_block, _at_row(e, number, _ROW_BYTES))
        e.store(dot(row, (0,), e.load(_VECTOR, place)), place)
        return []

    e.loop(count, [], driven)
    e.loop(rest_count, [], at_rest_row)


def _list(
    e: _Emitter, at_codes: Any, at_own: Any, rows: Any, shift: Any, mask: Any, at_powers: Any,
    at_terms: Any, at_rest: Any, at_sizes: Any,
) -> None:  # fmt: skip
    """List the rows that a digit drives, and those at rest; which is which cannot be foretold."""
    builder, whole = e.builder, ir.IntType(32)
    fours, places = ir.VectorType(whole, 4), ir.Constant(_INTEGER, TERM_BYTES)
    zero, one = ir.Constant(_INTEGER, 0), ir.Constant(_INTEGER, 1)

    def add_row(n: Any, sizes: list[Any]) -> list[Any]:
        driven, quiet = sizes
        here = builder.mul(n, ir.Constant(_INTEGER, 4))
        code = builder.zext(e.load(whole, e.at(at_codes, here)), _INTEGER)
        own = builder.zext(e.load(whole, e.at(at_own, here)), _INTEGER)
        digit = builder.and_(builder.lshr(code, shift), mask)
        row = builder.trunc(n, whole)
        powers = e.load(fours, e.at(at_powers, builder.mul(digit, places)))
        term = builder.insert_element(powers, row, ir.Constant(whole, 0))
        e.store(term, e.at(at_terms, builder.mul(driven, places)))
        e.store(row, e.at(at_rest, builder.mul(quiet, ir.Constant(_INTEGER, 4))))
        counts = builder.zext(builder.icmp_unsigned("!=", digit, zero), _INTEGER)
        rests = builder.and_(builder.xor(counts, one), own)
        return [builder.add(driven, counts), builder.add(quiet, rests)]

    driven, quiet = e.loop(rows, [zero, zero], add_row)
    e.store(driven, at_sizes)
    e.store(quiet, at_sizes, 8)


def _copy(
    e: _Emitter, at_source: Any, row_bytes: Any, matrix_bytes: Any, rows: Any, at_block: Any,
    vectors: Any,
) -> None:  # fmt: skip
    """Copy some vectors of columns of four matrices into a block."""

    def copy_row(i: Any, _: list[Any]) -> list[Any]:
        source = e.at(at_source, e.builder.mul(i, row_bytes))
        target = e.at(at_block, e.builder.mul(i, ir.Constant(_INTEGER, _ROW_BYTES)))
        for m in range(MATRICES):
            matrix = e.builder.mul(matrix_bytes, ir.Constant(_INTEGER, m))

            def copy_vector(v: Any, _: list[Any], matrix: Any = matrix, m: int = m) -> list[Any]:
                along = e.builder.mul(v, ir.Constant(_INTEGER, VECTOR_BYTES))
                vector = e.load(_VECTOR, e.at(e.at(source, matrix), along))
                e.store(vector, e.at(target, along), m * BLOCK * 4)
                return []

            e.loop(vectors, [], copy_vector)
        return []

    e.loop(rows, [], copy_row)


def _operation(emit: Callable[..., None], integers: int, numbers: Sequence[Any]) -> Any:
    """Make a function of addresses and counts, and then of numbers."""
    kinds = (*(types.int64,) * integers, *numbers)

    @intrinsic
    def operation(typingctx: Any, given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [context.get_value_type(k) for k in kinds])
            symbol = f"wordline_columns{emit.__name__}"
            function = builder.module.globals.get(symbol)
            if function is None:
                function = ir.Function(builder.module, kind, symbol)
                function.linkage = "internal"
                function.attributes.add("noinline")
                body = ir.IRBuilder(function.append_basic_block("entry"))
                emit(_Emitter(body), *function.args)
                body.ret_void()
            arguments = [builder.extract_value(values[0], n) for n in range(len(kinds))]
            builder.call(function, arguments)
            return context.get_dummy_value()

        return types.void(types.Tuple(kinds)), codegen

    return operation


# f((at_codes, at_own, rows, shift, mask, at_powers, at_terms, at_rest, at_sizes))
list_digits = _operation(_list, 9, ())
# f((at_source, row_bytes, matrix_bytes, rows, at_block, vectors))
copy_columns = _operation(_copy, 6, ())
# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_out, at_clipped, weight, shift))
convert_sparse = _operation(_convert, 8, (types.float64, types.float32))
# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_rest, rest_count, at_grad,
#    at_down, weight, shift))
descend_sparse = _operation(_descend, 10, (types.float32, types.float32))
