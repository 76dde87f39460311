"""Programs of matrix operations, written in Python and run by `machine`.

A `Matrix` says where entries stand in the workspace; all numbers count vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import matrix_operations as operations
from .machine import ROW, Operation
from .matrix_product import ADD, SET, SET_MINUS, product, triangle

__all__ = ["ADD", "OPERATIONS", "SET", "SET_MINUS", "Matrix", "Place", "Program", "row_major"]

PRODUCT, TRIANGLE, COPY, MIRROR, SCALE_ROWS, ADD_TO_DIAGONAL = 0, 1, 2, 3, 4, 5
MINUS_DIAGONAL, SPLIT_NEAR_ONE, ZERO, STREAM_OUT, STREAM_IN = 6, 7, 8, 9, 10
INVERSE = 10  # INVERSE + n inverts n x n matrices, n up to 4
FREE = 20  # codes from here on are the user's
OPERATIONS = {
    PRODUCT: Operation(product, 3, 9),
    TRIANGLE: Operation(triangle, 3, 9),
    COPY: Operation(operations.copy, 2, 6),
    MIRROR: Operation(operations.mirror, 1, 2),
    SCALE_ROWS: Operation(operations.scale_rows, 3, 4),
    ADD_TO_DIAGONAL: Operation(operations.add_to_diagonal, 1, 2),
    MINUS_DIAGONAL: Operation(operations.minus_diagonal_of_product, 3, 3),
    SPLIT_NEAR_ONE: Operation(operations.split_near_one, 3, 2),
    ZERO: Operation(operations.zero, 1, 1),
    STREAM_OUT: Operation(operations.transfer(streamed=True), 2, 1),
    STREAM_IN: Operation(operations.transfer(streamed=False), 2, 1),
} | {INVERSE + n: Operation(operations.inverse(n), 1, 1) for n in (1, 2, 3, 4)}


class Place(NamedTuple):
    """An address: a register of the step, and an offset from what it holds."""

    register: int
    offset: int = 0

    def plus(self, offset: int) -> Place:
        """Move by an offset."""
        return Place(self.register, self.offset + offset)


class Matrix(NamedTuple):
    """Entry (i, j) stands at `at` + i `row_step` + j `col_step`."""

    at: Place
    row_step: int
    col_step: int = 1

    @property
    def T(self) -> Matrix:  # noqa: N802
        """The transpose."""
        return Matrix(self.at, self.col_step, self.row_step)

    def from_entry(self, row: int, col: int) -> Matrix:
        """The part that begins at entry (row, col)."""
        offset = row * self.row_step + col * self.col_step
        return Matrix(self.at.plus(offset), self.row_step, self.col_step)


def row_major(at: Place, pitch: int) -> Matrix:
    """Describe a matrix whose rows are `pitch` apart."""
    return Matrix(at, pitch, 1)


class Program:
    """A list of operations; each method writes one, or none where there is nothing to do."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []

    def table(self) -> NDArray[np.int64]:
        """Write the rows out for the machine, `(operations, ROW)`."""
        table = np.zeros((len(self.rows), ROW), np.int64)
        for n, row in enumerate(self.rows):
            table[n, : len(row)] = row
        return table

    def write(self, code: int, places: tuple[Place, ...], *integers: int) -> None:
        """Write an operation."""
        self.rows.append([code, *(x for place in places for x in place), *integers])

    def product(self, c: Matrix, a: Matrix, b: Matrix, shape: Any, mode: int) -> None:
        """Write C = A B, C += A B or C = - A B; `shape`: rows and columns of C, depth."""
        self._multiply(PRODUCT, c, a, b, tuple(shape), mode)

    def triangle(self, c: Matrix, a: Matrix, b: Matrix, shape: Any, mode: int) -> None:
        """Write `product` where C is symmetric; `shape`: rows of C, depth.

        Only the lower triangle, and what corners cover above it.
        """
        n, depth = shape
        self._multiply(TRIANGLE, c, a, b, (n, n, depth), mode)

    def _multiply(
        self, code: int, c: Matrix, a: Matrix, b: Matrix, shape: tuple[int, ...], mode: int
    ) -> None:
        if 0 in shape[:2]:
            return
        if c.col_step != 1 or shape[2] == 0:
            raise ValueError(f"C must be row-major and the depth positive, got {c}, {shape}")
        steps = c.row_step, a.row_step, a.col_step, b.row_step, b.col_step
        self.write(code, (c.at, a.at, b.at), *steps, *shape, mode)

    def copy(self, to: Matrix, source: Matrix, shape: tuple[int, int]) -> None:
        """Write a copy of a matrix of `shape` (rows, columns)."""
        if 0 not in shape:
            steps = to.row_step, to.col_step, source.row_step, source.col_step
            self.write(COPY, (to.at, source.at), *steps, *shape)

    def mirror(self, x: Matrix, n: int) -> None:
        """Write a copy of the lower triangle to the upper one."""
        self.write(MIRROR, (x.at,), x.row_step, n)

    def scale_rows(self, to: Matrix, source: Matrix, factors: Place, shape: Any) -> None:
        """Write to = diag(factors) source."""
        if 0 not in shape:
            places = to.at, source.at, factors
            self.write(SCALE_ROWS, places, to.row_step, source.row_step, *shape)

    def invert(self, x: Matrix, n: int, scratch: Place) -> None:
        """Write the inverse of an n x n matrix in place, by halves and without pivoting.

            [A B]^-1   [A^-1 + T S U   T S]    S = (D - C A^-1 B)^-1,  T = - A^-1 B,  U = - C A^-1
            [C D]    = [     S U        S ]

        Needs n^2 vectors of scratch. Each number is updated by whole sums, once per halving, which
        keeps float32 good.
        """
        if n <= 4:
            self.write(INVERSE + n, (x.at,), x.row_step)
            return
        h = (n // 2 + 3) // 4 * 4
        r = n - h
        a, b = x, x.from_entry(0, h)
        c, d = x.from_entry(h, 0), x.from_entry(h, h)
        t, u = row_major(scratch, r), row_major(scratch.plus(h * r), h)
        self.invert(a, h, scratch)  # A <- A^-1
        self.product(t, a, b, (h, r, h), SET_MINUS)  # T = - A^-1 B
        self.product(u, c, a, (r, h, h), SET_MINUS)  # U = - C A^-1
        self.product(d, c, t, (r, r, h), ADD)  # D <- D - C A^-1 B
        self.invert(d, r, scratch.plus(2 * h * r))  # D <- S
        self.product(b, t, d, (h, r, r), SET)  # B <- T S
        self.product(c, d, u, (r, h, r), SET)  # C <- S U
        self.product(a, b, u, (h, h, r), ADD)  # A <- A^-1 + T S U
