"""Products of a sparse vector with a block of columns, a small network on them, and their codes.

A block is `BLOCK` columns of four matrices, row by row, in single precision: it stays in the
nearest cache while many vectors pass. A vector is a list of terms, one for each row that is driven:
its number and x, x^2, x^3, 16 bytes. Three streams of an input drive nearly the same rows: they are
multiplied together, `JOINT` of them with a vector of columns, each weight loaded once, from terms
of 48 bytes; a stream on its own takes the whole block. The four sums of a column,

    m1 = sum x W1    m2 = sum x^2 W2    m3 = sum x^3 W3    m4 = sum x^3 W4

never leave the registers: a network of a few hidden units makes of them a current, an ADC a code.

    z = (m2, m3, m4) / max(m1, rest), m1 share
    r = skip + k . z + sum_h o_h y_h / sqrt(1 + y_h^2),   y_h = bias_h + u_h . z
    code = clip(floor(factor m1 (1 + r) + 1/2), low, high)
"""

from __future__ import annotations

import itertools
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
TERM_BYTES = 16  # of a stream
JOINT = 3  # streams, whose twelve sums fill sixteen registers
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


def _sums(
    e: _Emitter, at_terms: Any, count: Any, at_block: Any, streams: int, vectors: int
) -> list[list[Any]]:
    """Emit m1, m2, m3, m4 of every stream and vector of columns."""
    many = streams * vectors

    def add_row(n: Any, sums: list[Any]) -> list[Any]:
        term = e.at(at_terms, e.builder.mul(n, ir.Constant(_INTEGER, TERM_BYTES * streams)))
        row = e.at(at_block, _at_row(e, e.load(ir.IntType(32), term), _ROW_BYTES))
        out = []
        powers: list[Any] = []
        for m, power in enumerate((1, 2, 3, 3)):
            if m < 3:
                powers = [e.number(term, 4 * t + power) for t in range(streams)]
            ws = [e.load(_VECTOR, row, 4 * (m * BLOCK + v * LANES)) for v in range(vectors)]
            for t, v in itertools.product(range(streams), range(vectors)):
                out.append(e.muladd(powers[t], ws[v], sums[m * many + t * vectors + v]))
        return out

    found = e.loop(count, [e.full(0.0)] * (MATRICES * many), add_row)
    return [found[m * many : (m + 1) * many] for m in range(MATRICES)]


def _features(
    e: _Emitter, sums: list[list[Any]], place: int, at_numbers: Any
) -> tuple[list[Any], Any]:
    """Emit z of a vector of columns, and 1 / m1."""
    m1 = sums[0][place]
    inverse = e.builder.fdiv(e.full(1.0), e.larger(m1, e.number(at_numbers, REST)))
    z = [e.mul(sums[m][place], inverse) for m in (1, 2, 3)]
    return [*z, e.mul(m1, e.number(at_numbers, SHARE))], inverse


def _network(
    e: _Emitter, zs: list[list[Any]], at_static: Any, at_numbers: Any, hidden: Any, vectors: int,
    slopes: bool,
) -> tuple[list[Any], list[list[Any]]]:  # fmt: skip
    """Emit r + 1 of every stream and vector of columns, and with `slopes` dr/dz."""
    k, many = [e.number(at_numbers, K + i) for i in range(4)], len(zs)
    skip = e.at(at_static, e.builder.mul(hidden, ir.Constant(_INTEGER, 4 * BLOCK)))
    starts = []
    for place, z in enumerate(zs):
        r = e.load(_VECTOR, skip, VECTOR_BYTES * (place % vectors))
        r = e.builder.fadd(r, e.full(1.0))
        for weight, feature in zip(k, z, strict=True):
            r = e.muladd(weight, feature, r)
        starts.append(r)
    if slopes:
        starts += k * many

    def add_unit(h: Any, olds: list[Any]) -> list[Any]:
        bias = e.at(at_static, e.builder.mul(h, ir.Constant(_INTEGER, 4 * BLOCK)))
        unit = e.at(at_numbers, e.builder.mul(h, ir.Constant(_INTEGER, 4 * UNIT)))
        u = [e.number(unit, HEAD + i) for i in range(4)]
        o, out, steep = e.number(unit, HEAD + 4), [], []
        for place, z in enumerate(zs):
            y = e.load(_VECTOR, bias, VECTOR_BYTES * (place % vectors))
            for weight, feature in zip(u, z, strict=True):
                y = e.muladd(weight, feature, y)
            down = e.inverse_root(e.muladd(y, y, e.full(1.0)))
            out.append(e.muladd(o, e.mul(y, down), olds[place]))
            if slopes:
                flat = e.mul(e.mul(o, down), e.mul(down, down))
                old = olds[many + 4 * place : many + 4 * place + 4]
                steep += [e.muladd(flat, weight, s) for weight, s in zip(u, old, strict=True)]
        return out + steep

    found = e.loop(hidden, starts, add_unit)
    return found[:many], [found[many + 4 * n : many + 4 * n + 4] for n in range(many)]


def _weights(e: _Emitter, weight: Any, base: Any, streams: int) -> list[Any]:
    """Emit the weights of streams, each `base` times the one before, in all lanes."""
    scalars = [weight]
    for _ in range(streams - 1):
        scalars.append(e.builder.fmul(scalars[-1], base))
    return [e.spread(scalar) for scalar in scalars]


def _code(e: _Emitter, m1: Any, ratio: Any, factor: Any, at_numbers: Any) -> tuple[Any, Any]:
    """Emit the code of a vector of columns, and the nearest that the ADC has."""
    raw = e.muladd(e.mul(m1, factor), ratio, e.full(0.5))
    code = e.call(f"llvm.floor.v{LANES}f32", raw)
    low, high = e.number(at_numbers, LOW), e.number(at_numbers, HIGH)
    below = e.builder.select(e.builder.fcmp_ordered("<", code, high), code, high)
    return code, e.larger(below, low)


def _convert(streams: int, vectors: int) -> Callable[..., None]:
    """Add the codes of some streams at `at_out`, and count those that saturate."""

    def emit(
        e: _Emitter, at_terms: Any, count: Any, at_block: Any, at_static: Any, at_numbers: Any,
        hidden: Any, at_out: Any, at_clipped: Any, weight: Any, base: Any,
    ) -> None:  # fmt: skip
        builder = e.builder
        sums = _sums(e, at_terms, count, at_block, streams, vectors)
        zs = [_features(e, sums, n, at_numbers)[0] for n in range(streams * vectors)]
        ratios, _ = _network(e, zs, at_static, at_numbers, hidden, vectors, slopes=False)
        factor, weights = e.number(at_numbers, FACTOR), _weights(e, weight, base, streams)
        for v in range(vectors):
            total = e.load(_WIDE, at_out, 8 * v * LANES)
            known = e.load(_WHOLE, at_clipped, 4 * v * LANES)
            for t in range(streams):
                place = t * vectors + v
                code, clipped = _code(e, sums[0][place], ratios[place], factor, at_numbers)
                total = e.muladd(builder.fpext(clipped, _WIDE), weights[t], total)
                over = builder.sext(builder.fcmp_unordered("!=", code, clipped), _WHOLE)
                known = builder.sub(known, over)
            e.store(total, at_out, 8 * v * LANES)
            e.store(known, at_clipped, 4 * v * LANES)

    return emit


def _descend(streams: int, vectors: int) -> Callable[..., None]:
    """Add the derivatives by the rows that are driven at `at_down`, a vector for each row.

    All but that by way of m1, which every row has: it is W1 times what is added up at `at_first`.
    """

    def emit(
        e: _Emitter, at_terms: Any, count: Any, at_block: Any, at_static: Any, at_numbers: Any,
        hidden: Any, at_grad: Any, at_down: Any, at_first: Any, weight: Any, base: Any,
    ) -> None:  # fmt: skip
        builder = e.builder
        sums = _sums(e, at_terms, count, at_block, streams, vectors)
        features = [_features(e, sums, n, at_numbers) for n in range(streams * vectors)]
        zs = [z for z, _ in features]
        ratios, slopes = _network(e, zs, at_static, at_numbers, hidden, vectors, slopes=True)
        factor, weights = e.number(at_numbers, FACTOR), _weights(e, weight, base, streams)
        down: list[list[Any]] = [[], [], []]
        firsts = [e.load(_VECTOR, at_first, VECTOR_BYTES * v) for v in range(vectors)]
        for place, (z, inverse) in enumerate(features):
            m1, ratio, v = sums[0][place], ratios[place], place % vectors
            code, clipped = _code(e, m1, ratio, factor, at_numbers)
            scale = e.mul(weights[place // vectors], factor)
            g = e.mul(e.load(_VECTOR, at_grad, VECTOR_BYTES * v), scale)
            g = builder.select(builder.fcmp_ordered("==", code, clipped), g, e.full(0.0))
            dr = e.mul(g, m1)
            relative = e.mul(dr, inverse)
            d2, d3, d4 = (e.mul(slopes[place][i], relative) for i in range(3))
            back = e.muladd(d2, z[0], e.muladd(d3, z[1], e.mul(d4, z[2])))
            alive = builder.fcmp_ordered(">", m1, e.number(at_numbers, REST))
            back = builder.select(alive, back, e.full(0.0))
            through = e.mul(e.mul(slopes[place][3], dr), e.number(at_numbers, SHARE))
            first = builder.fsub(e.muladd(g, ratio, through), back)
            firsts[v] = builder.fadd(firsts[v], first)
            down[0].append(e.mul(d2, e.full(2.0)))
            down[1].append(e.mul(d3, e.full(3.0)))
            down[2].append(e.mul(d4, e.full(3.0)))
        for v, first in enumerate(firsts):
            e.store(first, at_first, VECTOR_BYTES * v)

        def add_row(n: Any, _: list[Any]) -> list[Any]:
            term = e.at(at_terms, builder.mul(n, ir.Constant(_INTEGER, TERM_BYTES * streams)))
            number = e.load(ir.IntType(32), term)
            row = e.at(at_block, _at_row(e, number, _ROW_BYTES))
            place = e.at(at_down, _at_row(e, number, VECTOR_BYTES))
            total = e.load(_VECTOR, place)
            for m, power in ((1, 1), (2, 2), (3, 2)):
                xs = [e.number(term, 4 * t + power) for t in range(streams)]
                for v in range(vectors):
                    inner = e.mul(xs[0], down[m - 1][v])
                    for t in range(1, streams):
                        inner = e.muladd(xs[t], down[m - 1][t * vectors + v], inner)
                    w = e.load(_VECTOR, row, 4 * (m * BLOCK + v * LANES))
                    total = e.muladd(inner, w, total)
            e.store(total, place)
            return []

        e.loop(count, [], add_row)

    return emit


def _finish(
    e: _Emitter, at_rows: Any, count: Any, at_block: Any, at_first: Any, at_down: Any
) -> None:
    """Add the derivatives by way of m1."""
    firsts = [e.load(_VECTOR, at_first, VECTOR_BYTES * v) for v in range(VECTORS)]

    def add_row(n: Any, _: list[Any]) -> list[Any]:
        at_row = e.at(at_rows, e.builder.mul(n, ir.Constant(_INTEGER, 4)))
        number = e.load(ir.IntType(32), at_row)
        place = e.at(at_down, _at_row(e, number, VECTOR_BYTES))
        row = e.at(at_block, _at_row(e, number, _ROW_BYTES))
        total = e.load(_VECTOR, place)
        for v, first in enumerate(firsts):
            total = e.muladd(first, e.load(_VECTOR, row, VECTOR_BYTES * v), total)
        e.store(total, place)
        return []

    e.loop(count, [], add_row)


def _list(
    e: _Emitter, at_codes: Any, rows: Any, shift: Any, bits: Any, streams: Any, at_powers: Any,
    at_terms: Any, at_size: Any,
) -> None:  # fmt: skip
    """List the rows that some streams drive; which do cannot be foretold, so nothing branches.

    Room for two more streams than there are is written.
    """
    builder, whole = e.builder, ir.IntType(32)
    fours, one = ir.VectorType(whole, 4), ir.Constant(_INTEGER, 1)
    mask = builder.sub(builder.shl(one, bits), one)
    together = builder.sub(builder.shl(one, builder.mul(bits, streams)), one)
    term_bytes = builder.mul(streams, ir.Constant(_INTEGER, TERM_BYTES))

    def add_row(n: Any, sizes: list[Any]) -> list[Any]:
        here = builder.mul(n, ir.Constant(_INTEGER, 4))
        code = builder.zext(e.load(whole, e.at(at_codes, here)), _INTEGER)
        code = builder.and_(builder.lshr(code, shift), together)
        term = e.at(at_terms, builder.mul(sizes[0], term_bytes))
        row, rest = builder.trunc(n, whole), code
        for t in range(JOINT):
            digit = builder.and_(rest, mask)
            place = builder.mul(digit, ir.Constant(_INTEGER, TERM_BYTES))
            powers = e.load(fours, e.at(at_powers, place))
            powers = builder.insert_element(powers, row, ir.Constant(whole, 0))
            e.store(powers, term, TERM_BYTES * t)
            rest = builder.lshr(rest, bits)
        driven = builder.icmp_unsigned("!=", code, ir.Constant(_INTEGER, 0))
        return [builder.add(sizes[0], builder.zext(driven, _INTEGER))]

    e.store(e.loop(rows, [ir.Constant(_INTEGER, 0)], add_row)[0], at_size)


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


def _operation(name: str, emit: Callable[..., None], integers: int, *numbers: Any) -> Any:
    """Make a function of addresses and counts, and then of numbers."""
    kinds = (*(types.int64,) * integers, *numbers)

    @intrinsic
    def operation(typingctx: Any, given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [context.get_value_type(k) for k in kinds])
            symbol = f"wordline_columns_{name}"
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


# f((at_codes, rows, shift, bits, streams, at_powers, at_terms, at_size))
list_digits = _operation("list", _list, 8)
# f((at_source, row_bytes, matrix_bytes, rows, at_block, vectors))
copy_columns = _operation("copy", _copy, 6)
# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_out, at_clipped, weight, base))
_wide = types.float64, types.float64
convert_joint = _operation("convert_joint", _convert(JOINT, 1), 8, *_wide)
convert_alone = _operation("convert_alone", _convert(1, VECTORS), 8, *_wide)
# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_grad, at_down, at_first, weight,
#    base))
_short = types.float32, types.float32
descend_joint = _operation("descend_joint", _descend(JOINT, 1), 9, *_short)
descend_alone = _operation("descend_alone", _descend(1, VECTORS), 9, *_short)
# f((at_rows, count, at_block, at_first, at_down))
finish_descent = _operation("finish", _finish, 5)
