"""Arithmetic on many tiles at once: every number is a vector with one lane per tile.

Tiles are independent, so the same operation on eight of them (float64; sixteen float32) is one vector instruction, at
full speed for any matrix size, and no tile can influence another one's bits. numba compiles scalars only; the few
inner operations below are therefore spelled out as LLVM vector code. A workspace is a flat array whose n-th vector
stands at `[n * lanes, (n + 1) * lanes)`; all offsets and strides below count vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

VECTOR_BYTES = 64 if llvmlite.binding.get_host_cpu_features().get("avx512f", False) else 32


class Emitter:
    """Vector loads, stores and arithmetic at offsets of one workspace."""

    def __init__(self, context: Any, builder: Any, kind: Any, workspace: Any) -> None:
        self.builder = builder
        self.element = ir.DoubleType() if kind.dtype == types.float64 else ir.FloatType()
        self.size = kind.dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.size
        self.vector = ir.VectorType(self.element, self.lanes)
        data = context.make_array(kind)(context, builder, workspace).data
        self.base = builder.bitcast(data, ir.IntType(8).as_pointer())
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.size}"
        kinds = ir.FunctionType(self.vector, [self.vector] * 3)
        self.fused = builder.module.globals.get(name) or ir.Function(builder.module, kinds, name)

    def bytes(self, offset: Any) -> Any:
        return self.builder.mul(offset, ir.Constant(ir.IntType(64), VECTOR_BYTES))

    def load(self, offset: Any, *more: Any) -> Any:
        return self.builder.load(self.pointer(offset, *more), align=self.size)

    def store(self, value: Any, offset: Any, *more: Any) -> None:
        self.builder.store(value, self.pointer(offset, *more), align=self.size)

    def pointer(self, *offsets: Any) -> Any:
        at = self.base
        for offset in offsets:
            at = self.builder.gep(at, [offset])
        return self.builder.bitcast(at, self.vector.as_pointer())

    def full(self, value: float) -> Any:
        return ir.Constant(self.vector, [value] * self.lanes)

    def spread(self, scalar: Any) -> Any:
        one = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(self.vector, ir.Undefined), mask)

    def muladd(self, a: Any, b: Any, c: Any) -> Any:
        return self.builder.call(self.fused, [a, b, c])


def _product(m: int, n: int) -> Callable[..., None]:
    """An m x n corner of a matrix product, held in registers while it sums over k.

    C[i, j] = or += or -= sum_k A[i, k] B[k, j] for mode 0, 1, 2; row i of A is `ai` after row i - 1, and so on.
    """

    @intrinsic
    def product(
        typing: Any, ws: Any, c: Any, ci: Any, a: Any, ai: Any, ak: Any, b: Any, bk: Any, bj: Any, depth: Any, mode: Any
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, signature.args[0], args[0])
            c, ci, a, ai, ak, b, bk, bj, depth, mode = args[1:]
            integer = ir.IntType(64)
            ci, ai_, ak, b_, bk, bj = e.bytes(ci), e.bytes(ai), e.bytes(ak), e.bytes(b), e.bytes(bk), e.bytes(bj)
            corner, a_ = e.bytes(c), e.bytes(a)

            def multiples(start: Any, step: Any, count: int) -> list[Any]:
                out = [start]
                for _ in range(count - 1):
                    out.append(builder.add(out[-1], step))
                return out

            a_rows, b_cols, c_rows = multiples(a_, ai_, m), multiples(b_, bj, n), multiples(corner, ci, m)
            before = builder.block
            loop, after = builder.append_basic_block(), builder.append_basic_block()
            builder.branch(loop)
            builder.position_at_end(loop)
            zero = ir.Constant(integer, 0)
            left, ka, kb = builder.phi(integer), builder.phi(integer), builder.phi(integer)
            sums = [[builder.phi(e.vector) for _ in range(n)] for _ in range(m)]
            a_now = [e.load(row, ka) for row in a_rows]
            b_now = [e.load(col, kb) for col in b_cols]
            total = [[e.muladd(a_now[i], b_now[j], sums[i][j]) for j in range(n)] for i in range(m)]
            fewer = builder.sub(left, ir.Constant(integer, 1))
            starts = [(left, depth, fewer), (ka, zero, builder.add(ka, ak)), (kb, zero, builder.add(kb, bk))]
            starts += [(sums[i][j], e.full(0.0), total[i][j]) for i in range(m) for j in range(n)]
            for phi, start, new in starts:
                phi.add_incoming(start, before)
                phi.add_incoming(new, loop)
            builder.cbranch(builder.icmp_signed(">", fewer, zero), loop, after)
            builder.position_at_end(after)
            step = ir.Constant(integer, VECTOR_BYTES)
            places = [multiples(c_rows[i], step, n) for i in range(m)]

            def finish(combine: Callable[[Any, Any], Any]) -> None:
                for i in range(m):
                    for j in range(n):
                        e.store(combine(total[i][j], places[i][j]), places[i][j])

            with builder.if_else(builder.icmp_signed("==", mode, zero)) as (then, otherwise):
                with then:
                    finish(lambda x, at: x)
                with otherwise, builder.if_else(builder.icmp_signed("==", mode, ir.Constant(integer, 1))) as (plus, minus):
                    with plus:
                        finish(lambda x, at: builder.fadd(e.load(at), x))
                    with minus:
                        finish(lambda x, at: builder.fsub(e.load(at), x))
            return context.get_dummy_value()

        return types.void(ws, *(types.int64,) * 10), codegen

    return product


def _inverse(m: int) -> Callable[..., None]:
    """Gauss-Jordan of an m x m block in registers, in place; rows are `ld` apart."""

    @intrinsic
    def inverse(typing: Any, ws: Any, at: Any, ld: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, signature.args[0], args[0])
            at, ld = e.bytes(args[1]), e.bytes(args[2])
            step = ir.Constant(ir.IntType(64), VECTOR_BYTES)
            places = []
            for _ in range(m):
                row = [at]
                for _ in range(m - 1):
                    row.append(builder.add(row[-1], step))
                places.append(row)
                at = builder.add(at, ld)
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
            return context.get_dummy_value()

        return types.void(ws, types.int64, types.int64), codegen

    return inverse


@intrinsic
def copy(typing: Any, ws: Any, to: Any, source: Any) -> Any:
    """ws[to] = ws[source], one vector."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, signature.args[0], args[0])
        e.store(e.load(e.bytes(args[2])), e.bytes(args[1]))
        return context.get_dummy_value()

    return types.void(ws, types.int64, types.int64), codegen


@intrinsic
def fill(typing: Any, ws: Any, to: Any, value: Any) -> Any:
    """ws[to] = value in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emitter(context, builder, signature.args[0], args[0])
        e.store(e.spread(args[2]), e.bytes(args[1]))
        return context.get_dummy_value()

    return types.void(ws, types.int64, ws.dtype), codegen


product_11, product_12, product_13, product_14 = (_product(1, n) for n in (1, 2, 3, 4))
product_21, product_22, product_23, product_24 = (_product(2, n) for n in (1, 2, 3, 4))
product_31, product_32, product_33, product_34 = (_product(3, n) for n in (1, 2, 3, 4))
product_41, product_42, product_43, product_44 = (_product(4, n) for n in (1, 2, 3, 4))
inverse_1, inverse_2, inverse_3, inverse_4 = (_inverse(m) for m in (1, 2, 3, 4))
