"""The star product of two blocks as a program of matrix operations.

Let p be the values at the exterior ports of the upstream and the downstream block and X their
couplings to the shared ports, Y the downstream block's admittance and Z the upstream block's
impedance there. The currents i and voltages v at the shared ports close a loop:

    i = Y v + X_down^T p_down,    v = X_up^T p_up - Z i

    i = Y s + r,  v = s - Z r        s = K^T X_up^T p_up,  r = K X_down^T p_down,  K = (1 + Y Z)^-1

K exists: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative. No
pivoting is needed, as closing the loop port by port is itself a sequence of passive networks.

Only lower triangles of H are computed, and nothing that the borders of the array make useless: how
driven ports respond to driven ones, and grounded ports to grounded ones, is never needed.

A merge leaves its factors one after the other, each matrix with `interior` rows:

    K X_down^T | K^T X_up^T | Y | -Z
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ....kernels.program import (
    ADD,
    MINUS_DIAGONAL,
    SET,
    SET_MINUS,
    SPLIT_NEAR_ONE,
    Matrix,
    Place,
    Program,
    row_major,
)
from ....kernels.program import ADD_TO_DIAGONAL as ADD_ONES
from .joins import Join, Side, Span, pitch, ports_of

# Interior ports from which numbers near one in K are held as their difference from one. In smaller
# merges K changes little, and its entries near one cost nothing that matters.
MIN_SPLIT = 8

# registers of a step
SCRATCH, UPSTREAM, DOWNSTREAM, RESULT, FACTORS, G, OUT, SAVED = range(8)


class Factors(NamedTuple):
    """Places of the factors of a merge."""

    k_x_down: Matrix  # K X_down^T
    kt_x_up: Matrix  # K^T X_up^T
    y: Matrix
    minus_z: Matrix

    @classmethod
    def of(cls, join: Join) -> Factors:
        """Lay the factors out."""
        q, up, down = join.interior, pitch(join.upstream.count), pitch(join.downstream.count)
        at = Place(FACTORS)
        y = at.plus(q * (up + down))
        return cls(
            row_major(at, down),
            row_major(at.plus(q * down), up),
            row_major(y, pitch(q)),
            row_major(y.plus(q * pitch(q)), pitch(q)),
        )


class _Scratch(NamedTuple):
    """Places of a merge's scratch, which nobody needs afterwards."""

    x_up: Matrix  # X_up^T
    x_down: Matrix
    k: Matrix  # K - E
    ones: Place  # the diagonal E, one where that of K is near one and else zero
    ky: Matrix  # also room for the inversion
    t: Matrix

    @classmethod
    def of(cls, join: Join) -> _Scratch:
        q, up, down = join.interior, pitch(join.upstream.count), pitch(join.downstream.count)
        x_down, k = Place(SCRATCH, q * up), Place(SCRATCH, q * (up + down))
        ones = k.plus(q * pitch(q))
        ky = ones.plus(q)
        return cls(
            row_major(Place(SCRATCH), up),
            row_major(x_down, down),
            row_major(k, pitch(q)),
            ones,
            row_major(ky, pitch(q)),
            row_major(ky.plus(q * pitch(q)), max(up, down)),
        )


def factors_size(join: Join) -> int:
    """Count the vectors of one merge's factors."""
    q = join.interior
    return q * (pitch(join.upstream.count) + pitch(join.downstream.count) + 2 * pitch(q))


def scratch_size(join: Join) -> int:
    """Count the vectors of scratch that the merge and its adjoint need."""
    q, up, down = join.interior, join.upstream.count, join.downstream.count
    wide = max(pitch(up), pitch(down))
    merge = q * (pitch(up) + pitch(down) + 2 * pitch(q) + 1) + max(q * (q + 1), q * wide)
    return max(merge, 3 * (up + down) * pitch(q) + 5 * q * pitch(q))


def child_h(register: int, side: Side) -> Matrix:
    """Describe H of a child, whose rows are its exterior, interior and idle ports."""
    return row_major(Place(register), pitch(len(ports_of(side.block))))


def write_factors(p: Program, join: Join, *, adjoint: bool) -> None:
    """Close the loop between two blocks: write the factors; K^T X_up^T only for an `adjoint`."""
    q, up, down = join.interior, join.upstream, join.downstream
    factors, scratch = Factors.of(join), _Scratch.of(join)
    up_h, down_h = child_h(UPSTREAM, up), child_h(DOWNSTREAM, down)
    _gather(p, scratch.x_up, up_h, up.interior, up.exterior)
    _gather(p, scratch.x_down, down_h, down.interior, down.exterior)
    _gather_triangle(p, factors.y, down_h, down.interior)
    _gather_triangle(p, factors.minus_z, up_h, up.interior)
    p.mirror(factors.y, q)
    p.mirror(factors.minus_z, q)
    p.product(scratch.k, factors.y, factors.minus_z, (q, q, q), SET_MINUS)
    _invert_loop(p, scratch, q)
    _k_times(p, factors.k_x_down, scratch, scratch.k, scratch.x_down, (q, down.count))
    if adjoint:
        _k_times(p, factors.kt_x_up, scratch, scratch.k.T, scratch.x_up, (q, up.count))


def _invert_loop(p: Program, scratch: _Scratch, q: int) -> None:
    """Write M <- K - E, K = (1 + M)^-1.

    Near one, K would be rounded like one: there its diagonal comes from K - 1 = - K M. Below
    `MIN_SPLIT` ports E is zero and not written.
    """
    m, copied, room = scratch.k, scratch.ky, scratch.t.at
    if q >= MIN_SPLIT:
        p.copy(copied, m, (q, q))
    p.write(ADD_ONES, (m.at,), m.row_step, q)
    p.invert(m, q, room)
    if q >= MIN_SPLIT:
        p.write(MINUS_DIAGONAL, (room, m.at, copied.at), m.row_step, copied.row_step, q)
        p.write(SPLIT_NEAR_ONE, (m.at, room, scratch.ones), m.row_step, q)


def _k_times(
    p: Program, c: Matrix, scratch: _Scratch, k: Matrix, x: Matrix, shape: tuple[int, int]
) -> None:
    """Write C = K X with K - E at `k`: E X, then (K - E) X is added."""
    q, cols = shape
    if q >= MIN_SPLIT:
        p.scale_rows(c, x, scratch.ones, shape)
    p.product(c, k, x, (q, cols, q), ADD if q >= MIN_SPLIT else SET)


def write_merge(p: Program, join: Join) -> None:
    """Write H of the merged block, its lower triangle, after `write_factors`.

    [H_up,up + X_up K Y X_up^T            .               ]
    [X_down K^T X_up^T          H_dn,dn - X_dn Z K X_dn^T ]
    """
    q, up, down = join.interior, join.upstream, join.downstream
    factors, scratch = Factors.of(join), _Scratch.of(join)
    x_up, x_down, ky, t = scratch.x_up, scratch.x_down, scratch.ky, scratch.t
    h = row_major(Place(RESULT), pitch(up.count + down.count))
    if up.count > up.driven:
        # H_up,up += X_up (K Y) X_up^T
        _gather_triangle(p, h, child_h(UPSTREAM, up), up.exterior)
        if q >= MIN_SPLIT:
            p.scale_rows(ky, factors.y, scratch.ones, (q, q))  # E Y, then (K - E) Y is added
        p.triangle(ky, scratch.k, factors.y, (q, q), ADD if q >= MIN_SPLIT else SET)
        p.mirror(ky, q)
        rest = up.count - up.driven
        p.product(t, ky, x_up.from_entry(0, up.driven), (q, rest, q), SET)
        _add_square(p, h, t, x_up, up, q)
    if down.count > down.border or (down.driven > 0 and down.grounded > 0):
        # H_down,down += X_down (-Z) (K X_down^T)
        corner = h.from_entry(up.count, up.count)
        _gather_triangle(p, corner, child_h(DOWNSTREAM, down), down.exterior)
        rest = down.count - down.driven
        k_x_rest = factors.k_x_down.from_entry(0, down.driven)
        p.product(t, factors.minus_z, k_x_rest, (q, rest, q), SET)
        _add_square(p, corner, t, x_down, down, q)
    # H_down,up = X_down K^T X_up^T: rows of driven, of grounded and of other downstream ports
    everywhere, not_driven = [(0, up.count)], [(up.driven, up.count)]
    not_grounded = [(0, up.driven), (up.border, up.count)]
    for first, rows, columns in (
        (0, down.driven, not_driven),
        (down.driven, down.grounded, not_grounded),
        (down.border, down.count - down.border, everywhere),
    ):
        some = factors.k_x_down.from_entry(0, first).T
        for start, stop in columns:
            to = h.from_entry(up.count + first, start)
            p.product(to, some, x_up.from_entry(0, start), (rows, stop - start, q), SET)


def _add_square(p: Program, h: Matrix, t: Matrix, x: Matrix, side: Side, q: int) -> None:
    """Write H += T^T X, lower triangle, without driven-driven and grounded-grounded entries.

    T begins with the column `driven`; X, which is X^T of the text, with column 0.
    """
    driven, grounded, count = side.sizes
    if grounded > 0:  # grounded rows, driven columns
        p.product(h.from_entry(driven, 0), t.T, x, (grounded, driven, q), ADD)
    t, first = t.from_entry(0, grounded), side.border
    # other rows, driven and grounded columns; then their own triangle
    p.product(h.from_entry(first, 0), t.T, x, (count - first, first, q), ADD)
    rest = x.from_entry(0, first)
    p.triangle(h.from_entry(first, first), t.T, rest, (count - first, q), ADD)


def _gather(p: Program, to: Matrix, h: Matrix, rows: Sequence[Span], cols: Sequence[Span]) -> None:
    """Write to[i, j] = H[rows_i, cols_j] by two lists of ports without a common one."""
    for row in rows:
        for col in cols:
            _copy_lower(p, to, h, row, col, below=row.port > col.port)


def _gather_triangle(p: Program, to: Matrix, h: Matrix, ports: Sequence[Span]) -> None:
    """Write the lower triangle of to[i, j] = H[ports_i, ports_j], and some of the upper one."""
    for r, row in enumerate(ports):
        for col in ports[: r + 1]:
            _copy_lower(p, to, h, row, col, below=row.port >= col.port)


def _copy_lower(p: Program, to: Matrix, h: Matrix, row: Span, col: Span, *, below: bool) -> None:
    """Write a rectangle of H, of which only the lower triangle is stored, to its place in lists."""
    source = h.from_entry(row.port, col.port) if below else h.from_entry(col.port, row.port).T
    p.copy(to.from_entry(row.place, col.place), source, (row.length, col.length))
