"""Emission of vector instructions: one lane holds one number of one independent problem.

Four problems in float64, or eight in float32, advance with each 256-bit instruction, at full speed
for matrices of any size, and no problem can influence another one's bits. numba compiles
scalars only; the few inner operations are therefore spelled out as LLVM vector code. A workspace is
a flat array whose n-th vector occupies `[n * lanes, (n + 1) * lanes)`; all offsets and strides
count vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, no_type_check

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .registers import VECTOR_BYTES

INTEGER = ir.IntType(64)


class Emitter:
    """Vector loads, stores and arithmetic at byte offsets of one workspace.

    `lanes`: numbers of one vector, by default as many as a register holds.
    """

    def __init__(self, builder: Any, dtype: Any, base: Any, lanes: int = 0) -> None:
        self.builder, self.dtype, self.base = builder, dtype, base
        self.size = dtype.bitwidth // 8
        self.lanes = lanes or VECTOR_BYTES // self.size
        self.vector_bytes = self.lanes * self.size
        self.element = ir.DoubleType() if dtype == types.float64 else ir.FloatType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.fused = self.llvm_function("llvm.fmuladd", 3)

    def llvm_function(self, name: str, arguments: int) -> Any:
        """Declare an LLVM operation from vectors to a vector."""
        full_name = f"{name}.v{self.lanes}f{8 * self.size}"
        kind = ir.FunctionType(self.vector, [self.vector] * arguments)
        module = self.builder.module
        return module.globals.get(full_name) or ir.Function(module, kind, full_name)

    def bytes(self, offset: Any) -> Any:
        """Convert an offset in vectors to bytes."""
        return self.builder.mul(offset, ir.Constant(INTEGER, self.vector_bytes))

    def pointer(self, *offsets: Any) -> Any:
        """Point to the vector at the sum of some byte offsets."""
        at = self.base
        for offset in offsets:
            at = self.builder.gep(at, [offset])
        return self.builder.bitcast(at, self.vector.as_pointer())

    def load(self, *offsets: Any) -> Any:
        """Load the vector at the sum of some byte offsets."""
        return self.builder.load(self.pointer(*offsets), align=self.size)

    def store(self, value: Any, *offsets: Any, streamed: bool = False) -> None:
        """Store one vector, past the caches if `streamed`."""
        align = self.vector_bytes if streamed else self.size
        instruction = self.builder.store(value, self.pointer(*offsets), align=align)
        if streamed:
            one = ir.Constant(ir.IntType(32), 1)
            instruction.set_metadata("nontemporal", self.builder.module.add_metadata([one]))

    def full(self, value: float) -> Any:
        """Fill every lane with a number known while compiling."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def spread(self, scalar: Any) -> Any:
        """Fill every lane with one scalar, a number or an integer."""
        vector = ir.VectorType(scalar.type, self.lanes)
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def muladd(self, a: Any, b: Any, c: Any) -> Any:
        """Emit a b + c."""
        return self.builder.call(self.fused, [a, b, c])

    def steps(self, start: Any, step: Any, count: int) -> list[Any]:
        """Emit start, start + step, ..., `count` values."""
        out = [start]
        for _ in range(count - 1):
            out.append(self.builder.add(out[-1], step))
        return out

    def switch(self, value: Any, cases: Mapping[int, Callable[[], None]]) -> None:
        """Emit a jump to the case of an integer; a value without a case does nothing."""
        builder = self.builder
        after = builder.append_basic_block()
        switch = builder.switch(value, after)
        for number, emit in cases.items():
            block = builder.append_basic_block()
            switch.add_case(ir.Constant(INTEGER, number), block)
            builder.position_at_end(block)
            emit()
            builder.branch(after)
        builder.position_at_end(after)


def call_outlined(e: Emitter, name: str, emit: Callable[..., None], values: list[Any]) -> None:
    """Call a function that is emitted once a module and never inlined: compiling stays quick."""
    symbol = f"wordline_{name}_{e.size * 8}x{e.lanes}"
    function = e.builder.module.globals.get(symbol)
    if function is None:
        kinds = [e.base.type, *(value.type for value in values)]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        function = ir.Function(e.builder.module, kind, symbol)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        inner = ir.IRBuilder(function.append_basic_block())
        emit(Emitter(inner, e.dtype, function.args[0], e.lanes), *function.args[1:])
        inner.ret_void()
    e.builder.call(function, [e.base, *values])


def vector_operation(name: str, emit: Callable[..., None]) -> Any:
    """Make an operation on a workspace for compiled code: `f(ws, (ints...), (numbers...))`.

    `emit` receives an `Emitter` and the LLVM values, and writes the body.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        ws = signature.args[0]
        data = context.make_array(ws)(context, builder, args[0]).data
        e = Emitter(builder, ws.dtype, builder.bitcast(data, ir.IntType(8).as_pointer()))
        values = [*cgutils.unpack_tuple(builder, args[1]), *cgutils.unpack_tuple(builder, args[2])]
        call_outlined(e, name, emit, values)
        return context.get_dummy_value()

    @intrinsic
    @no_type_check
    def operation(typing: Any, ws: Any, integers: Any, numbers: Any) -> Any:
        kinds = (types.UniTuple(types.int64, len(integers)), types.UniTuple(ws.dtype, len(numbers)))
        return types.void(ws, *kinds), codegen

    return operation
