"""Numbers and small matrices as LLVM values: running the Python below emits the instructions.

An entry is an LLVM vector or a Python float; zeros and ones are floats and cost nothing.
"""

from __future__ import annotations

from typing import Any

from .simd import Emitter

Row = list[Any]
Table = list[Row]


class Algebra:
    """Sums and products of entries, dot products, matrix products and inverses."""

    def __init__(self, emitter: Emitter) -> None:
        self.e, self.builder = emitter, emitter.builder

    def mul(self, x: Any, y: Any) -> Any:
        """Multiply; a float factor must be 0, 1 or -1."""
        if isinstance(x, float) and isinstance(y, float):
            return x * y
        if isinstance(y, float):
            x, y = y, x
        if isinstance(x, float):
            return {0.0: 0.0, 1.0: y}[x] if x >= 0 else self.neg(self.mul(-x, y))
        return self.builder.fmul(x, y)

    def add(self, x: Any, y: Any) -> Any:
        """Add."""
        if isinstance(x, float) and isinstance(y, float):
            return x + y
        if isinstance(x, float) and x == 0.0:
            return y
        if isinstance(y, float) and y == 0.0:
            return x
        return self.builder.fadd(self.vector(x), self.vector(y))

    def neg(self, x: Any) -> Any:
        """Negate."""
        return -x if isinstance(x, float) else self.builder.fneg(x)

    def muladd(self, x: Any, y: Any, z: Any) -> Any:
        """Emit x y + z, fused where all three are vectors."""
        if any(isinstance(v, float) for v in (x, y)) or (isinstance(z, float) and z == 0.0):
            return self.add(self.mul(x, y), z)
        return self.e.muladd(x, y, self.vector(z))

    def vector(self, x: Any) -> Any:
        """Convert a float to a vector."""
        return self.e.full(x) if isinstance(x, float) else x

    def dot(self, xs: Row, ys: Row, start: Any = 0.0) -> Any:
        """Emit start + sum_k x_k y_k."""
        for x, y in zip(xs, ys, strict=True):
            start = self.muladd(x, y, start)
        return start

    def matmul(self, a: Table, b: Table) -> Table:
        """Multiply two matrices."""
        return [[self.dot(row, list(col)) for col in zip(*b, strict=True)] for row in a]

    def matadd(self, a: Table, b: Table) -> Table:
        """Add two matrices."""
        return [
            [self.add(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)
        ]

    def inverse(self, x: Table) -> Table:
        """Invert a matrix of vectors by Gauss-Jordan elimination without pivoting."""
        x = [row[:] for row in x]
        for p in range(len(x)):
            pivot = self.builder.fdiv(self.e.full(1.0), x[p][p])
            x[p] = [self.mul(v, pivot) for v in x[p]]
            x[p][p] = pivot
            for i in range(len(x)):
                if i != p:
                    factor = self.neg(x[i][p])
                    x[i] = [self.muladd(factor, x[p][j], x[i][j]) for j in range(len(x))]
                    x[i][p] = self.mul(factor, pivot)
        return x
