"""Codes of a block of columns: a small network makes of their sums a current, an ADC a code.

With m1 to m4 of `products`, which never leave the registers, and a few hidden units h,

    z = (m2, m3, m4) / max(m1, rest), m1 share
    r = skip + k . z + sum_h o_h y_h / sqrt(1 + y_h^2),   y_h = bias_h + u_h . z
    code = clip(floor(factor m1 (1 + r) + 1/2), low, high)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from ..registers import VECTOR_BYTES
from .emitter import INTEGER, LANES, VECTOR, WHOLE, WIDE, Emitter, operation
from .products import BLOCK, JOINT, VECTORS, Read, add_derivatives, sums_of_columns

# Numbers before those of the hidden units, of which each has u (4) and o.
K, REST, SHARE, FACTOR, LOW, HIGH, HEAD, UNIT = 0, 4, 5, 6, 7, 8, 9, 5


def _features(
    e: Emitter, sums: list[list[Any]], place: int, at_numbers: Any
) -> tuple[list[Any], Any]:
    """Emit z of a vector of columns, and 1 / m1."""
    m1 = sums[0][place]
    inverse = e.builder.fdiv(e.full(1.0), e.larger(m1, e.number(at_numbers, REST)))
    z = [e.mul(sums[m][place], inverse) for m in (1, 2, 3)]
    return [*z, e.mul(m1, e.number(at_numbers, SHARE))], inverse


def _network(
    e: Emitter, zs: list[list[Any]], read: Read, vectors: int, *, slopes: bool
) -> tuple[list[Any], list[list[Any]]]:
    """Emit r + 1 of every stream and vector of columns, and with `slopes` dr/dz."""
    k, many = [e.number(read.at_numbers, K + i) for i in range(4)], len(zs)
    skip = e.at(read.at_static, e.builder.mul(read.hidden, ir.Constant(INTEGER, 4 * BLOCK)))
    starts = []
    for place, z in enumerate(zs):
        r = e.load(VECTOR, skip, VECTOR_BYTES * (place % vectors))
        r = e.builder.fadd(r, e.full(1.0))
        for weight, feature in zip(k, z, strict=True):
            r = e.muladd(weight, feature, r)
        starts.append(r)
    if slopes:
        starts += k * many

    def add_unit(h: Any, olds: list[Any]) -> list[Any]:
        bias = e.at(read.at_static, e.builder.mul(h, ir.Constant(INTEGER, 4 * BLOCK)))
        unit = e.at(read.at_numbers, e.builder.mul(h, ir.Constant(INTEGER, 4 * UNIT)))
        u = [e.number(unit, HEAD + i) for i in range(4)]
        o, out, steep = e.number(unit, HEAD + 4), [], []
        for place, z in enumerate(zs):
            y = e.load(VECTOR, bias, VECTOR_BYTES * (place % vectors))
            for weight, feature in zip(u, z, strict=True):
                y = e.muladd(weight, feature, y)
            down = e.inverse_root(e.muladd(y, y, e.full(1.0)))
            out.append(e.muladd(o, e.mul(y, down), olds[place]))
            if slopes:
                flat = e.mul(e.mul(o, down), e.mul(down, down))
                old = olds[many + 4 * place : many + 4 * place + 4]
                steep += [e.muladd(flat, weight, s) for weight, s in zip(u, old, strict=True)]
        return out + steep

    found = e.loop(read.hidden, starts, add_unit)
    return found[:many], [found[many + 4 * n : many + 4 * n + 4] for n in range(many)]


def _weights(e: Emitter, weight: Any, base: Any, streams: int) -> list[Any]:
    """Emit the weights of streams, each `base` times the one before, in all lanes."""
    scalars = [weight]
    for _ in range(streams - 1):
        scalars.append(e.builder.fmul(scalars[-1], base))
    return [e.spread(scalar) for scalar in scalars]


def _code(e: Emitter, m1: Any, ratio: Any, factor: Any, at_numbers: Any) -> tuple[Any, Any]:
    """Emit the code of a vector of columns, and the nearest that the ADC has."""
    raw = e.muladd(e.mul(m1, factor), ratio, e.full(0.5))
    code = e.call(f"llvm.floor.v{LANES}f32", raw)
    low, high = e.number(at_numbers, LOW), e.number(at_numbers, HIGH)
    below = e.builder.select(e.builder.fcmp_ordered("<", code, high), code, high)
    return code, e.larger(below, low)


def _convert(streams: int, vectors: int) -> Callable[..., None]:
    """Add the codes of some streams at `at_out`, and count those that saturate."""

    def emit(e: Emitter, *arguments: Any) -> None:
        read = Read(*arguments[:6])
        at_out, at_clipped, weight, base = arguments[6:]
        builder = e.builder
        sums = sums_of_columns(e, read, streams, vectors)
        zs = [_features(e, sums, n, read.at_numbers)[0] for n in range(streams * vectors)]
        ratios, _ = _network(e, zs, read, vectors, slopes=False)
        factor, weights = e.number(read.at_numbers, FACTOR), _weights(e, weight, base, streams)
        for v in range(vectors):
            total = e.load(WIDE, at_out, 8 * v * LANES)
            known = e.load(WHOLE, at_clipped, 4 * v * LANES)
            for t in range(streams):
                place = t * vectors + v
                code, clipped = _code(e, sums[0][place], ratios[place], factor, read.at_numbers)
                total = e.muladd(builder.fpext(clipped, WIDE), weights[t], total)
                over = builder.sext(builder.fcmp_unordered("!=", code, clipped), WHOLE)
                known = builder.sub(known, over)
            e.store(total, at_out, 8 * v * LANES)
            e.store(known, at_clipped, 4 * v * LANES)

    return emit


def _descend(streams: int, vectors: int) -> Callable[..., None]:
    """Add the derivatives by the rows that are driven at `at_down`, a vector for each row.

    All but that by way of m1, which every row has: it is W1 times what is added up at `at_first`.
    """

    def emit(e: Emitter, *arguments: Any) -> None:
        read = Read(*arguments[:6])
        at_grad, at_down, at_first, weight, base = arguments[6:]
        builder = e.builder
        sums = sums_of_columns(e, read, streams, vectors)
        features = [_features(e, sums, n, read.at_numbers) for n in range(streams * vectors)]
        zs = [z for z, _ in features]
        ratios, slopes = _network(e, zs, read, vectors, slopes=True)
        factor, weights = e.number(read.at_numbers, FACTOR), _weights(e, weight, base, streams)
        down: list[list[Any]] = [[], [], []]
        firsts = [e.load(VECTOR, at_first, VECTOR_BYTES * v) for v in range(vectors)]
        for place, (z, inverse) in enumerate(features):
            m1, ratio, v = sums[0][place], ratios[place], place % vectors
            code, clipped = _code(e, m1, ratio, factor, read.at_numbers)
            scale = e.mul(weights[place // vectors], factor)
            g = e.mul(e.load(VECTOR, at_grad, VECTOR_BYTES * v), scale)
            g = builder.select(builder.fcmp_ordered("==", code, clipped), g, e.full(0.0))
            dr = e.mul(g, m1)
            relative = e.mul(dr, inverse)
            d2, d3, d4 = (e.mul(slopes[place][i], relative) for i in range(3))
            back = e.muladd(d2, z[0], e.muladd(d3, z[1], e.mul(d4, z[2])))
            alive = builder.fcmp_ordered(">", m1, e.number(read.at_numbers, REST))
            back = builder.select(alive, back, e.full(0.0))
            through = e.mul(e.mul(slopes[place][3], dr), e.number(read.at_numbers, SHARE))
            first = builder.fsub(e.muladd(g, ratio, through), back)
            firsts[v] = builder.fadd(firsts[v], first)
            down[0].append(e.mul(d2, e.full(2.0)))
            down[1].append(e.mul(d3, e.full(3.0)))
            down[2].append(e.mul(d4, e.full(3.0)))
        for v, first in enumerate(firsts):
            e.store(first, at_first, VECTOR_BYTES * v)
        add_derivatives(e, read, at_down, down, streams, vectors)

    return emit


# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_out, at_clipped, weight, base))
_wide = types.float64, types.float64
convert_joint = operation("convert_joint", _convert(JOINT, 1), 8, *_wide)
convert_alone = operation("convert_alone", _convert(1, VECTORS), 8, *_wide)
# f((at_terms, count, at_block, at_static, at_numbers, hidden, at_grad, at_down, at_first, weight,
#    base))
_short = types.float32, types.float32
descend_joint = operation("descend_joint", _descend(JOINT, 1), 9, *_short)
descend_alone = operation("descend_alone", _descend(1, VECTORS), 9, *_short)
