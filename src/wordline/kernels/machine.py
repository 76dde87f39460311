"""A machine that runs lists of operations on the matrices of a workspace.

Compiling one loop takes seconds, compiling an algorithm as long as minutes. So an algorithm is
written out once, in Python, as a table of operations (`program`), and what is compiled is the loop
that runs such tables. A row of a program is

    code | register, offset | register, offset | ... | integers ...

and means an operation at addresses `registers[register] + offset`. A row of `steps` is

    first row of the program | last row + 1 | registers ...

so that one program serves all places of a workspace where the same is to be done. All addresses
count vectors: of as many numbers as a register has, each of another problem (`lanes=0`), or of one
number (`lanes=1`), when the columns of a matrix share registers instead. Both do the same
arithmetic to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, no_type_check

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .simd import INTEGER, Emitter, call_outlined

ROW = 20  # integers of an operation, at most
REGISTERS = 8  # of a step; the last one is counted from `shift`


class Operation(NamedTuple):
    """Code of one kind: `emit(emitter, *addresses, *integers)`, and how many of each it takes.

    `takes_numbers`: the numbers of the run follow.
    """

    emit: Callable[..., None]
    addresses: int
    integers: int
    takes_numbers: bool = False


def machine(name: str, operations: Mapping[int, Operation], lanes: int = 0) -> Any:
    """Make `run(ws, steps, program, shift, numbers)` for compiled code.

    - `ws`: the workspace, `(numbers,)`; `steps` and `program`: tables of int64, `(rows, columns)`.
    - `shift`: added to the last register of every step; `numbers`: a tuple of the type of `ws`.
    """

    @intrinsic
    @no_type_check
    def run(typing: Any, ws: Any, steps: Any, program: Any, shift: Any, numbers: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = [
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args[:3], args[:3], strict=True)
            ]
            base = builder.bitcast(data[0].data, ir.IntType(8).as_pointer())
            e = Emitter(builder, ws.dtype, base, lanes)
            last = builder.extract_value(data[1].shape, 0)
            given = cgutils.unpack_tuple(builder, args[4])
            values = [data[1].data, last, data[2].data, args[3], *given]
            call_outlined(e, name, partial(_run, operations, name), values)
            return context.get_dummy_value()

        return types.void(ws, steps, program, types.int64, numbers), codegen

    return run


def _run(
    operations: Mapping[int, Operation], name: str, e: Emitter,
    steps: Any, count: Any, program: Any, shift: Any, *numbers: Any,
) -> None:  # fmt: skip
    builder = e.builder
    with cgutils.for_range(builder, count) as step:
        at_step = _pointer(builder, steps, step.index, 2 + REGISTERS)
        first, stop = (_integer(builder, at_step, n) for n in (0, 1))
        one = ir.Constant(INTEGER, 1)
        with cgutils.for_range_slice(builder, first, stop, one, INTEGER) as (row, _):
            at = _pointer(builder, program, row, ROW)
            cases = {
                code: partial(_execute, e, f"{name}_{code}", kind, at, at_step, shift, numbers)
                for code, kind in operations.items()
            }
            e.switch(_integer(builder, at, 0), cases)


def _execute(
    e: Emitter, name: str, kind: Operation, at: Any, at_step: Any, shift: Any, numbers: Any
) -> None:
    """Take one operation apart and call it."""
    builder, values = e.builder, []
    for n in range(kind.addresses):
        register, offset = (_integer(builder, at, 1 + 2 * n + m) for m in (0, 1))
        place = builder.add(register, ir.Constant(INTEGER, 2))
        start = builder.load(builder.gep(at_step, [place]))
        is_last = builder.icmp_signed("==", register, ir.Constant(INTEGER, REGISTERS - 1))
        more = builder.select(is_last, shift, ir.Constant(INTEGER, 0))
        values.append(builder.add(builder.add(start, offset), more))
    after = 1 + 2 * kind.addresses
    values += [_integer(builder, at, after + n) for n in range(kind.integers)]
    call_outlined(e, name, kind.emit, values + (list(numbers) if kind.takes_numbers else []))


def _pointer(builder: Any, table: Any, row: Any, width: int) -> Any:
    return builder.gep(table, [builder.mul(row, ir.Constant(INTEGER, width))])


def _integer(builder: Any, at: Any, n: int) -> Any:
    return builder.load(builder.gep(at, [ir.Constant(INTEGER, n)]))
