"""Blocks of up to 2 x 2 cells as straight-line vector code that never leaves the registers.

The formulas are those of `portable.py`, written once for the numbers of `lanes_algebra.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, no_type_check

from llvmlite import ir  # type: ignore[import-untyped]

from ..kernels import kernel
from .dissection import Block, Join, join
from .lanes import INTEGER, Emitter, vector_operation
from .lanes_algebra import Algebra, Row, Table


class SmallBlock:
    """Emits a small block's H, or the voltages across its devices.

    `g[row][col]`, `a[col]` (ohm to the left), `b[row]` (ohm below) are vectors.
    """

    def __init__(self, algebra: Algebra, g: Table, a: Row, b: Row) -> None:
        self.m, self.builder, self.e, self.g, self.a, self.b = algebra, algebra.builder, algebra.e, g, a, b

    def cell(self, block: Block, row: int, col: int) -> tuple[Table, Any]:
        """H, and the device voltage as a part of the outer one. Products of positive terms: nothing cancels."""
        builder, one = self.builder, self.e.full(1.0)
        g, a, b = self.g[row][col], self.a[col], self.b[row]
        ab = builder.fadd(a, b)
        part = builder.fdiv(one, builder.fadd(one, builder.fmul(g, ab)))
        large = builder.fdiv(one, builder.fadd(builder.fdiv(one, g), ab))
        d = builder.select(builder.fcmp_ordered("<", g, one), builder.fmul(g, part), large)
        ad, bd = builder.fmul(a, d), builder.fmul(b, d)
        along_row, along_col = builder.fadd(part, bd), builder.fadd(part, ad)
        minus = builder.fneg
        full = [
            [d, minus(d), along_row, bd],
            [minus(d), d, ad, along_col],
            [along_row, ad, minus(builder.fmul(a, along_row)), minus(builder.fmul(ad, b))],
            [bd, along_col, minus(builder.fmul(ad, b)), minus(builder.fmul(b, along_col))],
        ]
        there = ["LBRT".index(side) for side, _ in block.ports]
        return [[full[i][j] for j in there] for i in there], part

    def loop(self, giver: Table, taker: Table, step: Join) -> tuple[Table, Table, Table, Table, Table]:
        """The ports' way to the meeting ports, and the loop closed there: X_giver, X_taker, Y', K, minus Z'."""
        m = self.m
        x_giver = [[giver[i][j] for j in step.giver_met] for i in step.giver_kept]
        x_taker = [[taker[i][j] for j in step.taker_met] for i in step.taker_kept]
        y = [[taker[i][j] for j in step.taker_met] for i in step.taker_met]
        z = [[giver[i][j] for j in step.giver_met] for i in step.giver_met]
        q = range(len(y))
        open_loop = [[m.dot([m.neg(v) for v in y[i]], z[j], float(i == j)) for j in q] for i in q]
        k = m.inverse(open_loop)
        return x_giver, x_taker, m.by(k, y), k, m.by(z, k)

    def matrix(self, block: Block, row: int = 0, col: int = 0) -> Table:
        """H of the block, all of it."""
        if block.cell:
            return self.cell(block, row, col)[0]
        m, step = self.m, join(block)
        giver = self.matrix(step.giver, row + step.down, col)
        taker = self.matrix(step.taker, row, col + step.across)
        x_giver, x_taker, y, k, z = self.loop(giver, taker, step)
        size, split = len(step.ports), len(step.giver_kept)
        h: Table = [[0.0] * size for _ in range(size)]
        t = m.by(x_giver, y)
        for i, kept in enumerate(step.giver_kept):
            for j in range(i + 1):
                h[i][j] = h[j][i] = m.dot(t[i], x_giver[j], giver[kept][step.giver_kept[j]])
        t = m.by(x_taker, z)
        for i, kept in enumerate(step.taker_kept):
            for j in range(i + 1):
                value = m.dot(t[i], x_taker[j], taker[kept][step.taker_kept[j]])
                h[split + i][split + j] = h[split + j][split + i] = value
        t = m.by(x_giver, k)
        for i in range(split):
            for j in range(size - split):
                h[i][split + j] = h[split + j][i] = m.dot(t[i], x_taker[j])
        return h

    def voltages(self, block: Block, values: Table, row: int = 0, col: int = 0) -> dict[tuple[int, int], Row]:
        """Each device's voltage as a linear form of the outermost ports, as `values` are for this block's ports."""
        m = self.m
        if block.cell:
            a, b = self.a[col], self.b[row]
            weight = {"L": 1.0, "B": -1.0, "R": self.builder.fneg(a), "T": b}
            weights = [weight[side] for side, _ in block.ports]
            part = self.cell(block, row, col)[1]
            return {(row, col): [m.mul(part, m.dot(weights, list(v))) for v in zip(*values, strict=True)]}
        step = join(block)
        giver = self.matrix(step.giver, row + step.down, col)
        taker = self.matrix(step.taker, row, col + step.across)
        x_giver, x_taker, y, k, z = self.loop(giver, taker, step)
        split = len(step.giver_kept)
        seen_giver = m.by([list(x) for x in zip(*x_giver, strict=True)], values[:split])
        seen_taker = m.by([list(x) for x in zip(*x_taker, strict=True)], values[split:])
        k_t = [list(x) for x in zip(*k, strict=True)]
        currents = m.plus(m.by(y, seen_giver), m.by(k, seen_taker))
        voltages = m.plus(m.by(k_t, seen_giver), m.by(z, seen_taker))
        at_giver = dict(zip(step.giver_kept, values[:split], strict=True))
        at_giver |= dict(zip(step.giver_met, currents, strict=True))
        at_taker = dict(zip(step.taker_kept, values[split:], strict=True))
        at_taker |= dict(zip(step.taker_met, voltages, strict=True))
        out = self.voltages(step.giver, [at_giver[n] for n in sorted(at_giver)], row + step.down, col)
        return out | self.voltages(step.taker, [at_taker[n] for n in sorted(at_taker)], row, col + step.across)


def _small(e: Emitter, block: Block, source: Any, pitch: Any, ohms: Row) -> SmallBlock:
    """Load the conductances, `pitch` vectors from row to row, and spread the resistances over the lanes."""
    rows = e.steps(source, pitch, block.rows)
    g = [[e.load(e.bytes(at)) for at in e.steps(row, ir.Constant(INTEGER, 1), block.cols)] for row in rows]
    a_first, a_rest, b_rest, b_last = (e.spread(ohm) for ohm in ohms)
    a = [a_first if col == 0 else a_rest for col in range(block.cols)]
    b = [b_last if row == block.rows - 1 else b_rest for row in range(block.rows)]
    return SmallBlock(Algebra(e), g, a, b)


def _matrix(block: Block, name: str) -> Any:
    """ws[to:] = H of a small block (lower triangle); its conductances begin at `source`."""

    def emit(e: Emitter, to: Any, source: Any, pitch: Any, *ohms: Any) -> None:
        h = _small(e, block, source, pitch, list(ohms)).matrix(block)
        for i, row in enumerate(h):
            for j in range(i + 1):
                index = ir.Constant(INTEGER, i * len(h) + j)
                e.store(row[j], e.bytes(e.builder.add(to, index)))

    return vector_operation("matrix_" + name, emit)


def _gradient(block: Block, name: str) -> Any:
    """ws[to:] = dL/dG of a small block's cells from dL/dH at `bar`: u^T (dL/dH) u, u the voltage across the device."""

    def emit(e: Emitter, to: Any, source: Any, pitch: Any, bar: Any, *ohms: Any) -> None:
        small = _small(e, block, source, pitch, list(ohms))
        size, m = len(block.ports), small.m
        forms = small.voltages(block, [[float(i == j) for j in range(size)] for i in range(size)])
        sums: dict[tuple[int, int], Any] = dict.fromkeys(forms, 0.0)
        for i in range(size):
            rows: dict[tuple[int, int], Any] = dict.fromkeys(forms, 0.0)
            for j in range(i + 1):
                value = e.load(e.bytes(e.builder.add(bar, ir.Constant(INTEGER, i * size + j))))
                value = value if i == j else m.add(value, value)
                rows = {at: m.muladd(value, form[j], rows[at]) for at, form in forms.items()}
            sums = {at: m.muladd(rows[at], form[i], sums[at]) for at, form in forms.items()}
        for (row, col), value in sums.items():
            start = e.steps(to, pitch, block.rows)[row]
            e.store(value, e.bytes(e.builder.add(start, ir.Constant(INTEGER, col))))

    return vector_operation("gradient_" + name, emit)


def _four(make: Callable[[Block, str], Any], rows: int, cols: int) -> tuple[Any, ...]:
    """Inside the array, without right ports, without top ports, without either."""
    borders = (False, False), (True, False), (False, True), (True, True)
    return tuple(
        make(Block(rows, cols, True, True, right, top), f"{rows}{cols}{right:d}{top:d}") for right, top in borders
    )


matrix_11, matrix_11r, matrix_11t, matrix_11rt = _four(_matrix, 1, 1)
matrix_12, matrix_12r, matrix_12t, matrix_12rt = _four(_matrix, 1, 2)
matrix_21, matrix_21r, matrix_21t, matrix_21rt = _four(_matrix, 2, 1)
matrix_22, matrix_22r, matrix_22t, matrix_22rt = _four(_matrix, 2, 2)
gradient_11, gradient_11r, gradient_11t, gradient_11rt = _four(_gradient, 1, 1)
gradient_12, gradient_12r, gradient_12t, gradient_12rt = _four(_gradient, 1, 2)
gradient_21, gradient_21r, gradient_21t, gradient_21rt = _four(_gradient, 2, 1)
gradient_22, gradient_22r, gradient_22t, gradient_22rt = _four(_gradient, 2, 2)


@kernel()
@no_type_check
def small_matrix(ws, kind, to, source, pitch, a_first, a_rest, b_rest, b_last):
    """H of a small block; `kind` is 8 (rows - 1) + 4 (cols - 1) + (no right ports) + 2 (no top ports)."""
    at, ohms = (to, source, pitch), (a_first, a_rest, b_rest, b_last)
    if kind == 0:
        matrix_11(ws, at, ohms)
    elif kind == 1:
        matrix_11r(ws, at, ohms)
    elif kind == 2:
        matrix_11t(ws, at, ohms)
    elif kind == 3:
        matrix_11rt(ws, at, ohms)
    elif kind == 4:
        matrix_12(ws, at, ohms)
    elif kind == 5:
        matrix_12r(ws, at, ohms)
    elif kind == 6:
        matrix_12t(ws, at, ohms)
    elif kind == 7:
        matrix_12rt(ws, at, ohms)
    elif kind == 8:
        matrix_21(ws, at, ohms)
    elif kind == 9:
        matrix_21r(ws, at, ohms)
    elif kind == 10:
        matrix_21t(ws, at, ohms)
    elif kind == 11:
        matrix_21rt(ws, at, ohms)
    elif kind == 12:
        matrix_22(ws, at, ohms)
    elif kind == 13:
        matrix_22r(ws, at, ohms)
    elif kind == 14:
        matrix_22t(ws, at, ohms)
    elif kind == 15:
        matrix_22rt(ws, at, ohms)


@kernel()
@no_type_check
def small_gradient(ws, kind, to, source, pitch, bar, a_first, a_rest, b_rest, b_last):
    """dL/dG of a small block's cells; `kind` as for `small_matrix`."""
    at, ohms = (to, source, pitch, bar), (a_first, a_rest, b_rest, b_last)
    if kind == 0:
        gradient_11(ws, at, ohms)
    elif kind == 1:
        gradient_11r(ws, at, ohms)
    elif kind == 2:
        gradient_11t(ws, at, ohms)
    elif kind == 3:
        gradient_11rt(ws, at, ohms)
    elif kind == 4:
        gradient_12(ws, at, ohms)
    elif kind == 5:
        gradient_12r(ws, at, ohms)
    elif kind == 6:
        gradient_12t(ws, at, ohms)
    elif kind == 7:
        gradient_12rt(ws, at, ohms)
    elif kind == 8:
        gradient_21(ws, at, ohms)
    elif kind == 9:
        gradient_21r(ws, at, ohms)
    elif kind == 10:
        gradient_21t(ws, at, ohms)
    elif kind == 11:
        gradient_21rt(ws, at, ohms)
    elif kind == 12:
        gradient_22(ws, at, ohms)
    elif kind == 13:
        gradient_22r(ws, at, ohms)
    elif kind == 14:
        gradient_22t(ws, at, ohms)
    elif kind == 15:
        gradient_22rt(ws, at, ohms)
