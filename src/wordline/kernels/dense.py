"""Products and inverses of matrices of vectors, one matrix per lane, for compiled code.

A `Matrix` describes where entries stand in a workspace; all numbers count vectors.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

from .compiler import kernel
from .dense_emission import (
    ADD,
    SET,
    SET_MINUS,
    copy_operation,
    fill,
    increase,
    inverse_1,
    inverse_2,
    inverse_3,
    inverse_4,
    product_operation,
    scale_operation,
    split_near_one,
    triangle_operation,
)

__all__ = [
    "ADD",
    "SET",
    "SET_MINUS",
    "Matrix",
    "copy",
    "fill",
    "increase",
    "invert",
    "mirror",
    "product",
    "row_major",
    "scale_columns",
    "scale_rows",
    "split_near_one",
    "transposed",
    "triangle",
]


class Matrix(NamedTuple):
    """Entry (i, j) stands at `at` + i `row_step` + j `col_step`."""

    at: int
    row_step: int
    col_step: int


@kernel()
@no_type_check
def row_major(at, pitch):
    """Describe a matrix whose rows are `pitch` apart."""
    return Matrix(at, pitch, 1)


@kernel()
@no_type_check
def transposed(at, pitch):
    """Describe the transpose of a matrix whose rows are `pitch` apart."""
    return Matrix(at, 1, pitch)


@kernel()
@no_type_check
def product(ws, c, a, b, shape, mode):
    """Compute C = A B, C += A B or C = - A B, by `mode`.

    `shape` is (rows of C, columns of C, depth); C is row-major.
    """
    m, n, depth = shape
    at_c, at_a = (c.at, c.row_step), (a.at, a.row_step, a.col_step)
    at_b = (b.at, b.row_step, b.col_step)
    product_operation(ws, at_c + at_a + at_b + (m, n, depth, mode), ())


@kernel()
@no_type_check
def triangle(ws, c, a, b, shape, mode):
    """Compute `product` where C is symmetric; `shape` is (rows of C, depth).

    Only the lower triangle, and what 4 x 4 corners cover above it.
    """
    n, depth = shape
    at_c, at_a = (c.at, c.row_step), (a.at, a.row_step, a.col_step)
    at_b = (b.at, b.row_step, b.col_step)
    triangle_operation(ws, at_c + at_a + at_b + (n, n, depth, mode), ())


@kernel()
@no_type_check
def copy(ws, to, source, shape):
    """Copy a matrix of `shape` (rows, columns) from `source` to `to`."""
    at_to = (to.at, to.row_step, to.col_step)
    at_source = (source.at, source.row_step, source.col_step)
    copy_operation(ws, at_to + at_source + shape, ())


@kernel()
@no_type_check
def scale_columns(ws, to, source, factors, shape):
    """Compute to = source diag(factors), both row-major with one pitch."""
    m, n = shape
    scale_operation(ws, (to.at, source.at, source.row_step, factors, 0, 1, m, n), ())


@kernel()
@no_type_check
def scale_rows(ws, to, source, factors, shape):
    """Compute to = diag(factors) source, both row-major with one pitch."""
    m, n = shape
    scale_operation(ws, (to.at, source.at, source.row_step, factors, 1, 0, m, n), ())


@kernel()
@no_type_check
def mirror(ws, x, n):
    """Copy the lower triangle of a row-major n x n matrix to the upper one."""
    for i in range(1, n):
        row = x.at + i * x.row_step
        copy(ws, Matrix(x.at + i, 1, x.row_step), Matrix(row, 1, 1), (1, i))


@kernel()
@no_type_check
def invert(ws, x, n, scratch):
    """Invert a row-major n x n matrix in place, by halves and without pivoting.

        [A B]^-1   [A^-1 + T S U   T S]     S = (D - C A^-1 B)^-1,  T = - A^-1 B,  U = - C A^-1
        [C D]    = [     S U        S ]

    Needs n^2 vectors of scratch. Each number is updated by whole sums, once per halving, which
    keeps float32 good.
    """
    at, pitch = x.at, x.row_step
    if n == 1:
        inverse_1(ws, (at, pitch), ())
    elif n == 2:
        inverse_2(ws, (at, pitch), ())
    elif n == 3:
        inverse_3(ws, (at, pitch), ())
    elif n == 4:
        inverse_4(ws, (at, pitch), ())
    else:
        h = (n // 2 + 3) // 4 * 4
        r = n - h
        a, b = x, row_major(at + h, pitch)
        c, d = row_major(at + h * pitch, pitch), row_major(at + h * pitch + h, pitch)
        t, u = row_major(scratch, r), row_major(scratch + h * r, h)
        invert(ws, a, h, scratch)  # A <- A^-1
        product(ws, t, a, b, (h, r, h), SET_MINUS)  # T = - A^-1 B
        product(ws, u, c, a, (r, h, h), SET_MINUS)  # U = - C A^-1
        product(ws, d, c, t, (r, r, h), ADD)  # D <- D - C A^-1 B
        invert(ws, d, r, scratch + 2 * h * r)  # D <- S
        product(ws, b, t, d, (h, r, r), SET)  # B <- T S
        product(ws, c, d, u, (r, h, r), SET)  # C <- S U
        product(ws, a, b, u, (h, h, r), ADD)  # A <- A^-1 + T S U
