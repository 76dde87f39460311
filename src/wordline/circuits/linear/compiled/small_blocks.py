"""Leaves, blocks of up to 4 x 4 cells, as straight-line vector code.

The formulas are those of `reference` and of `linear.merge`, written once with the numbers of
`kernels.algebra`, for blocks with all their ports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from ....kernels.algebra import Algebra, Row, Table
from ....kernels.machine import Operation
from ....kernels.program import FREE
from ....kernels.simd import INTEGER, Emitter
from ..dissection import Block, Merge, merge_of
from .joins import LEAVES, leaf, pitch, ports_of

Forms = dict[tuple[int, int], Row]  # of each cell, its device's voltage as a form in the ports


class SmallBlock:
    """Emission of a small block's H, or of the voltages across its devices.

    `g[row][col]`, `a[col]` (ohm to the left), `b[row]` (ohm below) are vectors.
    """

    def __init__(self, algebra: Algebra, g: Table, a: Row, b: Row) -> None:
        self.m, self.builder, self.e = algebra, algebra.builder, algebra.e
        self.g, self.a, self.b = g, a, b

    def cell(self, block: Block, row: int, col: int) -> tuple[Table, Any]:
        """Emit H of one cell, and the device voltage as a part of the outer one.

        Products of positive terms: nothing cancels.
        """
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

    def factors(self, up_h: Table, down_h: Table, step: Merge) -> tuple[Table, ...]:
        """Emit X_up, X_down, K Y, K and -Z K of a merge."""
        m = self.m
        x_up = [[up_h[i][j] for j in step.upstream_interior] for i in step.upstream_exterior]
        x_down = [
            [down_h[i][j] for j in step.downstream_interior] for i in step.downstream_exterior
        ]
        y = [[down_h[i][j] for j in step.downstream_interior] for i in step.downstream_interior]
        z = [[up_h[i][j] for j in step.upstream_interior] for i in step.upstream_interior]
        q = range(len(y))
        loop = [[m.dot([m.neg(v) for v in y[i]], z[j], float(i == j)) for j in q] for i in q]
        k = m.inverse(loop)
        return x_up, x_down, m.matmul(k, y), k, m.matmul(z, k)

    def matrix(self, block: Block, row: int = 0, col: int = 0) -> Table:
        """Emit H of the block, all of it."""
        if block.is_cell:
            return self.cell(block, row, col)[0]
        m, step = self.m, merge_of(block)
        up_h = self.matrix(step.upstream, row + step.rows_above, col)
        down_h = self.matrix(step.downstream, row, col + step.cols_left)
        x_up, x_down, ky, k, minus_zk = self.factors(up_h, down_h, step)
        size, split = len(step.ports), len(step.upstream_exterior)
        h: Table = [[0.0] * size for _ in range(size)]
        # H_up,up + X_up (K Y) X_up^T
        t = m.matmul(x_up, ky)
        for i, port in enumerate(step.upstream_exterior):
            for j in range(i + 1):
                start = up_h[port][step.upstream_exterior[j]]
                h[i][j] = h[j][i] = m.dot(t[i], x_up[j], start)
        # H_down,down + X_down (-Z K) X_down^T
        t = m.matmul(x_down, minus_zk)
        for i, port in enumerate(step.downstream_exterior):
            for j in range(i + 1):
                start = down_h[port][step.downstream_exterior[j]]
                value = m.dot(t[i], x_down[j], start)
                h[split + i][split + j] = h[split + j][split + i] = value
        # X_up K X_down^T
        t = m.matmul(x_up, k)
        for i in range(split):
            for j in range(size - split):
                h[i][split + j] = h[split + j][i] = m.dot(t[i], x_down[j])
        return h

    def voltages(self, block: Block, values: Table, row: int = 0, col: int = 0) -> Forms:
        """Emit each device's voltage as a linear form in the outermost ports.

        `values`: such forms for this block's port values.
        """
        m = self.m
        if block.is_cell:
            a, b = self.a[col], self.b[row]
            weight = {"L": 1.0, "B": -1.0, "R": self.builder.fneg(a), "T": b}
            weights = [weight[side] for side, _ in block.ports]
            part = self.cell(block, row, col)[1]
            forms = [m.mul(part, m.dot(weights, list(v))) for v in zip(*values, strict=True)]
            return {(row, col): forms}
        step = merge_of(block)
        up_h = self.matrix(step.upstream, row + step.rows_above, col)
        down_h = self.matrix(step.downstream, row, col + step.cols_left)
        x_up, x_down, ky, k, minus_zk = self.factors(up_h, down_h, step)
        split = len(step.upstream_exterior)
        up_values, down_values = values[:split], values[split:]
        # i = K Y X_up^T p_up + K X_down^T p_down,  v = K^T X_up^T p_up - Z K X_down^T p_down
        from_up = m.matmul(_transpose(x_up), up_values)
        from_down = m.matmul(_transpose(x_down), down_values)
        currents = m.matadd(m.matmul(ky, from_up), m.matmul(k, from_down))
        voltages = m.matadd(m.matmul(_transpose(k), from_up), m.matmul(minus_zk, from_down))
        at_up = dict(zip(step.upstream_exterior, up_values, strict=True))
        at_up |= dict(zip(step.upstream_interior, currents, strict=True))
        at_down = dict(zip(step.downstream_exterior, down_values, strict=True))
        at_down |= dict(zip(step.downstream_interior, voltages, strict=True))
        up_forms = [at_up[n] for n in sorted(at_up)]
        down_forms = [at_down[n] for n in sorted(at_down)]
        out = self.voltages(step.upstream, up_forms, row + step.rows_above, col)
        return out | self.voltages(step.downstream, down_forms, row, col + step.cols_left)


def _transpose(x: Table) -> Table:
    return [list(column) for column in zip(*x, strict=True)]


def _stored(block: Block) -> list[int]:
    """Find the port of a leaf's arithmetic for each port in the order in which H is stored."""
    return [block.ports.index(port) for port in ports_of(block)]


def _load(
    e: Emitter, block: Block, source: Any, cols: Any, borders: tuple[Any, Any], ohms: Row
) -> SmallBlock:
    """Load the conductances, `cols` vectors from row to row, and spread the resistances.

    `borders`: whether the block touches the drivers, and the sense amplifiers.
    """
    builder, one = e.builder, ir.Constant(INTEGER, 1)
    driver, row_ohm, col_ohm, sense = ohms
    at_driver, at_sense = (builder.icmp_signed("==", border, one) for border in borders)
    rows = e.steps(source, cols, block.rows)
    g = [[e.load(e.bytes(at)) for at in e.steps(row, one, block.cols)] for row in rows]
    first = e.spread(builder.select(at_driver, driver, row_ohm))
    last = e.spread(builder.select(at_sense, sense, col_ohm))
    a = [e.spread(row_ohm) if col else first for col in range(block.cols)]
    b = [e.spread(col_ohm) if row < block.rows - 1 else last for row in range(block.rows)]
    return SmallBlock(Algebra(e), g, a, b)


def _matrix(block: Block) -> Callable[..., None]:
    """Store H of a leaf (lower triangle) at `to`; its conductances begin at `source`."""

    def emit(
        e: Emitter, to: Any, source: Any, cols: Any, at_driver: Any, at_sense: Any, *ohms: Any
    ) -> None:
        h = _load(e, block, source, cols, (at_driver, at_sense), list(ohms)).matrix(block)
        order = _stored(block)
        for i, row in enumerate(order):
            for j, col in enumerate(order[: i + 1]):
                index = ir.Constant(INTEGER, i * pitch(len(h)) + j)
                e.store(h[row][col], e.bytes(e.builder.add(to, index)))

    return emit


def _gradient(block: Block) -> Callable[..., None]:
    """Store dL/dG of a leaf's cells at `to` from dL/dH at `bar`: u^T (dL/dH) u.

    u is the voltage across a device as a form in the ports.
    """

    def emit(
        e: Emitter, to: Any, source: Any, bar: Any, cols: Any, at_driver: Any, at_sense: Any,
        *ohms: Any,
    ) -> None:  # fmt: skip
        small = _load(e, block, source, cols, (at_driver, at_sense), list(ohms))
        size, m = len(block.ports), small.m
        forms = small.voltages(block, [[float(i == j) for j in range(size)] for i in range(size)])
        sums: dict[tuple[int, int], Any] = dict.fromkeys(forms, 0.0)
        order = _stored(block)
        for i in range(size):
            rows: dict[tuple[int, int], Any] = dict.fromkeys(forms, 0.0)
            for j in range(i + 1):
                index = ir.Constant(INTEGER, i * pitch(size) + j)
                value = e.load(e.bytes(e.builder.add(bar, index)))
                value = value if i == j else m.add(value, value)
                rows = {at: m.muladd(value, form[order[j]], rows[at]) for at, form in forms.items()}
            sums = {at: m.muladd(rows[at], form[order[i]], sums[at]) for at, form in forms.items()}
        for (row, col), value in sums.items():
            start = e.steps(to, cols, block.rows)[row]
            e.store(value, e.bytes(e.builder.add(start, ir.Constant(INTEGER, col))))

    return emit


# MATRICES: at (to, source), of (cols, at_driver, at_sense); GRADIENTS: at (to, source, bar)
MATRIX = {shape: FREE + n for n, shape in enumerate(LEAVES)}
GRADIENT = {shape: FREE + len(LEAVES) + n for n, shape in enumerate(LEAVES)}
MATRICES = {code: Operation(_matrix(leaf(*shape)), 2, 3, True) for shape, code in MATRIX.items()}
GRADIENTS = {
    code: Operation(_gradient(leaf(*shape)), 3, 3, True) for shape, code in GRADIENT.items()
}
