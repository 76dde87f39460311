"""The star product of two blocks and its adjoint, on vector lanes.

Let p be the values at the exterior ports of the upstream and the downstream block and X their
couplings to the shared ports, Y the downstream block's admittance and Z the upstream block's
impedance there. The currents i and voltages v at the shared ports close a loop:

    i = Y v + X_down^T p_down,    v = X_up^T p_up - Z i

    i = Y s + r,  v = s - Z r        s = K^T X_up^T p_up,  r = K X_down^T p_down,  K = (1 + Y Z)^-1

K exists: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative. No
pivoting is needed, as closing the loop port by port is itself a sequence of passive networks.

Only lower triangles of H are computed, and nothing that the borders of the array make useless: how
driven ports respond to driven ones, and grounded ports to grounded ones, is never needed.

`step` and `m` are rows of the schedule's `steps` and `merges`. A merge leaves its factors one after
the other, each with rows of `interior` vectors:

    X_down K^T | X_up K | Y | -Z

and uses as scratch, for `merge_blocks`,

    X_up | X_down | K - E | E | K Y or loop scratch | T
"""

from __future__ import annotations

from typing import no_type_check

from ....kernels import kernel
from ....kernels.dense import (
    ADD,
    SET,
    SET_MINUS,
    copy,
    increase,
    invert,
    mirror,
    product,
    row_major,
    scale_columns,
    scale_rows,
    split_near_one,
    transposed,
    triangle,
)
from .gather import gather, gather_triangle

# Interior ports from which numbers near one in K are held as their difference from one. In smaller
# merges K changes little, and its entries near one cost nothing that matters.
MIN_SPLIT = 8


@kernel()
@no_type_check
def pitch(n):
    """Space the rows of a large matrix by an odd number of vectors.

    Otherwise the entries of a column would compete for the same sets of the cache.
    """
    return n if n < 16 else n | 1


@kernel()
@no_type_check
def factors_size(interior, exterior):
    """Count the vectors of one merge's factors, `exterior` ports of both blocks together."""
    return (exterior + 2 * interior) * interior


@kernel()
@no_type_check
def _invert_loop(ws, m, q, ones, scratch):
    """M <- K - E, K = (1 + M)^-1; E is diagonal, one where K's diagonal is near it and else zero.

    E stands at `ones`. Near one, K would be rounded like one: there its diagonal comes from
    K - 1 = - K M. Below `MIN_SPLIT` ports E is zero and not written.
    """
    copied, less_one = row_major(scratch + q * q, q), scratch + 2 * q * q
    if q >= MIN_SPLIT:
        copy(ws, copied, m, (q, q))
    for i in range(q):
        increase(ws, (m.at + i * q + i,), (1.0,))
    invert(ws, m, q, scratch)
    if q >= MIN_SPLIT:
        for i in range(q):  # less_one_i = - (K M)_ii
            k_row, m_col = row_major(m.at + i * q, q), row_major(copied.at + i, q)
            product(ws, row_major(less_one + i, 1), k_row, m_col, (1, 1, q), SET_MINUS)
        for i in range(q):
            split_near_one(ws, (m.at + i * q + i, less_one + i, ones + i), ())


@kernel()
@no_type_check
def _times_k(ws, c, x, k, ones, rows):
    """C = X K with K - E at `k`: X E, then X (K - E) is added. For X K^T pass `k` transposed."""
    q = c.row_step
    if q >= MIN_SPLIT:
        scale_columns(ws, c, x, ones, (rows, q))
        product(ws, c, x, k, (rows, q, q), ADD)
    else:
        product(ws, c, x, k, (rows, q, q), SET)


@kernel()
@no_type_check
def factor_interface(ws, step, m, ranges, adjoint, factors, scratch):
    """Close the loop between two blocks.

    Leaves X_down K^T, X_up K (only if `adjoint`), Y and -Z at `factors`; X_up, X_down and, as
    `_invert_loop` does, K at `scratch`.
    """
    q, up, down = m.interior, m.up_exterior, m.down_exterior
    up_h, down_h = (
        row_major(step.upstream, pitch(up + q)),
        row_major(step.downstream, pitch(down + q)),
    )
    up_exterior = ranges[m.up_exterior_ranges : m.up_interior_ranges]
    up_interior = ranges[m.up_interior_ranges : m.down_exterior_ranges]
    down_exterior = ranges[m.down_exterior_ranges : m.down_interior_ranges]
    down_interior = ranges[m.down_interior_ranges : m.ranges_end]
    x_down_kt, x_up_k = row_major(factors, q), row_major(factors + down * q, q)
    y = row_major(x_up_k.at + up * q, q)
    minus_z = row_major(y.at + q * q, q)
    x_up, x_down = row_major(scratch, q), row_major(scratch + up * q, q)
    k = row_major(x_down.at + down * q, q)
    ones = k.at + q * q
    # X_up, X_down, Y, -Z out of the two H
    gather(ws, x_up, up_h, up_exterior, up_interior)
    gather(ws, x_down, down_h, down_exterior, down_interior)
    gather_triangle(ws, y, down_h, down_interior)
    gather_triangle(ws, minus_z, up_h, up_interior)
    mirror(ws, y, q)
    mirror(ws, minus_z, q)
    # K = (1 + Y Z)^-1
    product(ws, k, y, minus_z, (q, q, q), SET_MINUS)
    _invert_loop(ws, k, q, ones, ones + q)
    _times_k(ws, x_down_kt, x_down, transposed(k.at, q), ones, down)
    if adjoint:
        _times_k(ws, x_up_k, x_up, k, ones, up)


@kernel()
@no_type_check
def _add_square(ws, h, t, x, driven, grounded, exterior):
    """H += T X^T, lower triangle, without driven-driven and grounded-grounded entries.

    T begins with the row `driven`; X with row 0.
    """
    q, first = x.row_step, driven + grounded
    pitch_h = h.row_step
    if grounded > 0 and driven > 0:  # grounded rows, driven columns
        below = row_major(h.at + driven * pitch_h, pitch_h)
        product(ws, below, t, transposed(x.at, q), (grounded, driven, q), ADD)
    if exterior > first:
        t = row_major(t.at + grounded * q, q)
        rows = h.at + first * pitch_h
        if first > 0:  # other rows, driven and grounded columns
            left = row_major(rows, pitch_h)
            product(ws, left, t, transposed(x.at, q), (exterior - first, first, q), ADD)
        corner, x_rest = row_major(rows + first, pitch_h), transposed(x.at + first * q, q)
        triangle(ws, corner, t, x_rest, (exterior - first, q), ADD)


@kernel()
@no_type_check
def merge_blocks(ws, step, m, ranges, factors, scratch):
    """Compute H of the merged block, its lower triangle, after `factor_interface`.

    [H_up,up + X_up K Y X_up^T            .               ]
    [X_down K^T X_up^T          H_dn,dn - X_dn Z K X_dn^T ]
    """
    q, up, down = m.interior, m.up_exterior, m.down_exterior
    up_driven, up_border = m.up_driven, m.up_driven + m.up_grounded
    down_driven, down_border = m.down_driven, m.down_driven + m.down_grounded
    x_down_kt, y = row_major(factors, q), row_major(factors + (up + down) * q, q)
    minus_z = row_major(y.at + q * q, q)
    x_up, x_down = row_major(scratch, q), row_major(scratch + up * q, q)
    k = row_major(x_down.at + down * q, q)
    ones = k.at + q * q
    ky = row_major(ones + q, q)
    t = row_major(ky.at + q * q, q)
    h = row_major(step.result, pitch(up + down))
    ld = h.row_step
    lower = h.at + up * ld  # rows of the downstream block's ports
    if up > up_driven:
        # H_up,up += X_up (K Y) X_up^T
        up_h = row_major(step.upstream, pitch(up + q))
        gather_triangle(ws, h, up_h, ranges[m.up_exterior_ranges : m.up_interior_ranges])
        if q >= MIN_SPLIT:
            scale_rows(ws, ky, y, ones, (q, q))  # E Y, then (K - E) Y is added
        triangle(ws, ky, k, y, (q, q), ADD if q >= MIN_SPLIT else SET)
        mirror(ws, ky, q)
        x_rest = row_major(x_up.at + up_driven * q, q)
        product(ws, t, x_rest, ky, (up - up_driven, q, q), SET)
        _add_square(ws, h, t, x_up, up_driven, m.up_grounded, up)
    if down > down_border or (down_driven > 0 and m.down_grounded > 0):
        # H_down,down += (X_down K^T) (-Z) X_down^T
        corner, down_h = row_major(lower + up, ld), row_major(step.downstream, pitch(down + q))
        gather_triangle(ws, corner, down_h, ranges[m.down_exterior_ranges : m.down_interior_ranges])
        rest = row_major(x_down_kt.at + down_driven * q, q)
        product(ws, t, rest, minus_z, (down - down_driven, q, q), SET)
        _add_square(ws, corner, t, x_down, down_driven, m.down_grounded, down)
    # H_down,up = (X_down K^T) X_up^T: rows of driven, of grounded and of other downstream ports
    if down_driven > 0 and up > up_driven:
        x_rest = transposed(x_up.at + up_driven * q, q)
        to = row_major(lower + up_driven, ld)
        product(ws, to, x_down_kt, x_rest, (down_driven, up - up_driven, q), SET)
    if m.down_grounded > 0:
        rows, grounded = lower + down_driven * ld, row_major(x_down_kt.at + down_driven * q, q)
        if up_driven > 0:
            shape = (m.down_grounded, up_driven, q)
            product(ws, row_major(rows, ld), grounded, transposed(x_up.at, q), shape, SET)
        if up > up_border:
            x_rest = transposed(x_up.at + up_border * q, q)
            shape = (m.down_grounded, up - up_border, q)
            product(ws, row_major(rows + up_border, ld), grounded, x_rest, shape, SET)
    if down > down_border:
        rest = row_major(x_down_kt.at + down_border * q, q)
        to = row_major(lower + down_border * ld, ld)
        product(ws, to, rest, transposed(x_up.at, q), (down - down_border, up, q), SET)
