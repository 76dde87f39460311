"""Instructions on vectors of single-precision numbers at addresses, and functions made of them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from ..compiler import processor_features
from ..registers import VECTOR_BYTES

LANES = VECTOR_BYTES // 4
INTEGER, FLOAT = ir.IntType(64), ir.FloatType()
VECTOR, WIDE = ir.VectorType(FLOAT, LANES), ir.VectorType(ir.DoubleType(), LANES)
WHOLE = ir.VectorType(ir.IntType(32), LANES)
_FAST = ("contract", "reassoc")


class Emitter:
    """Vector operations at addresses."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def at(self, address: Any, offset: int | Any) -> Any:
        """Add bytes to an address."""
        more = ir.Constant(INTEGER, offset) if isinstance(offset, int) else offset
        return self.builder.add(address, more)

    def offset(self, number: Any, size: int) -> Any:
        """Count the bytes before the item of a number, 32 bits, among items of one size."""
        return self.builder.mul(self.builder.sext(number, INTEGER), ir.Constant(INTEGER, size))

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
        return self.spread(self.load(FLOAT, address, 4 * index))

    def full(self, value: float) -> Any:
        """Fill all lanes with a constant."""
        return ir.Constant(VECTOR, [value] * LANES)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call an LLVM operation on vectors of one kind."""
        module, kind = self.builder.module, arguments[0].type
        signature = ir.FunctionType(kind, [kind] * len(arguments))
        function = module.globals.get(name) or ir.Function(module, signature, name)
        return self.builder.call(function, arguments)

    def muladd(self, a: Any, b: Any, c: Any) -> Any:
        """Emit a b + c."""
        return self.call(f"llvm.fmuladd.v{LANES}f{64 if a.type == WIDE else 32}", a, b, c)

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
            signature = ir.FunctionType(VECTOR, [VECTOR, VECTOR, ir.IntType(16)])
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
        zero = ir.Constant(INTEGER, 0)
        builder.cbranch(builder.icmp_signed(">", count, zero), loop, after)
        builder.position_at_end(loop)
        number = builder.phi(INTEGER)
        number.add_incoming(zero, before)
        olds = [builder.phi(start.type) for start in starts]
        for old, start in zip(olds, starts, strict=True):
            old.add_incoming(start, before)
        fresh = body(number, olds)
        following, end = builder.add(number, ir.Constant(INTEGER, 1)), builder.block
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


def operation(name: str, emit: Callable[..., None], integers: int, *numbers: Any) -> Any:
    """Make a function of addresses and counts, and then of numbers."""
    kinds = (*(types.int64,) * integers, *numbers)

    @intrinsic
    def call(typingctx: Any, given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [context.get_value_type(k) for k in kinds])
            symbol = f"wordline_columns_{name}"
            function = builder.module.globals.get(symbol)
            if function is None:
                function = ir.Function(builder.module, kind, symbol)
                function.linkage = "internal"
                function.attributes.add("noinline")
                body = ir.IRBuilder(function.append_basic_block("entry"))
                emit(Emitter(body), *function.args)
                body.ret_void()
            arguments = [builder.extract_value(values[0], n) for n in range(len(kinds))]
            builder.call(function, arguments)
            return context.get_dummy_value()

        return types.void(types.Tuple(kinds)), codegen

    return call
