"""Two blocks become one, and the way back for the adjoint.

With i the currents and v the voltages where the giver's right (top) ports meet the taker's left (bottom) ports,
i = Y v + X_taker^T x_taker and v = X_giver^T x_giver - Z i close a loop:

    i = Y' X_giver^T x_giver + K X_taker^T x_taker         K = (1 + Y Z)^-1, Y' = K Y, Z' = Z K
    v = K^T X_giver^T x_giver - Z' X_taker^T x_taker

The loop can always be closed: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative. No
pivoting is needed, as closing the loop port by port is itself a sequence of passive networks.

`kind` holds: where the port lists begin, met ports, kept ports of giver and taker, and how many of these stand first
that are driven (left border of the array) or grounded (bottom border): giver driven, grounded, taker driven, grounded.
Driven ports' answers to driven ports, and grounded ones' to grounded ones, interest nobody and are left out.
"""

from __future__ import annotations

from typing import no_type_check

from numba import njit

from .lanes import copy
from .lanes_matrices import ADD, SET, SUBTRACT, fill, invert, mirror, product, triangle


@njit(nogil=True, cache=True)
@no_type_check
def _gather(ws, to, pitch, h, ld, ports, rows, m, cols, n):
    """to[i, j] = H[rows_i, cols_j], where only the lower triangle of H is stored."""
    for i in range(m):
        row = ports[rows + i]
        for j in range(n):
            col = ports[cols + j]
            copy(ws, to + i * pitch + j, h + (row * ld + col if row >= col else col * ld + row))


@njit(nogil=True, cache=True)
@no_type_check
def _gather_triangle(ws, to, pitch, h, ld, ports, rows, m):
    for i in range(m):
        row = ports[rows + i]
        for j in range(i + 1):
            col = ports[rows + j]
            copy(ws, to + i * pitch + j, h + (row * ld + col if row >= col else col * ld + row))


@njit(nogil=True, cache=True)
@no_type_check
def _add_square(ws, h, ld, t, x, q, driven, grounded, kept):
    """H += T X^T, lower triangle, without driven-driven and grounded-grounded."""
    first = driven + grounded
    if grounded > 0 and driven > 0:
        product(ws, h + driven * ld, ld, t + driven * q, q, 1, x, 1, q, grounded, driven, q, ADD)
    if kept > first:
        if first > 0:
            product(ws, h + first * ld, ld, t + first * q, q, 1, x, 1, q, kept - first, first, q, ADD)
        triangle(ws, h + first * ld + first, ld, t + first * q, q, 1, x + first * q, 1, q, kept - first, q, ADD)


@njit(nogil=True, cache=True)
@no_type_check
def join_blocks(ws, giver, taker, h, kind, ports, keep, scratch):
    """H of the joined block from those of giver and taker.

    Leaves X_giver, X_taker, K, Y' and minus Z' at `keep`; `scratch` holds (kept + 2 met) met vectors.
    """
    at, q, pg, pt, lg, bg, lt, bt = kind
    giver_kept, giver_met = at, at + pg
    taker_kept, taker_met = at + pg + q, at + pg + q + pt
    x_giver = keep
    x_taker = x_giver + pg * q
    k = x_taker + pt * q
    y_closed = k + q * q
    z_closed = y_closed + q * q
    y, z, t = scratch, scratch + q * q, scratch + 2 * q * q
    _gather(ws, x_giver, q, giver, pg + q, ports, giver_kept, pg, giver_met, q)
    _gather(ws, x_taker, q, taker, pt + q, ports, taker_kept, pt, taker_met, q)
    _gather(ws, y, q, taker, pt + q, ports, taker_met, q, taker_met, q)
    _gather(ws, z, q, giver, pg + q, ports, giver_met, q, giver_met, q)  # minus Z, here and below
    for i in range(q):
        for j in range(q):
            fill(ws, (k + i * q + j,), (1.0 if i == j else 0.0,))
    product(ws, k, q, y, q, 1, z, 1, q, q, q, q, SUBTRACT)
    invert(ws, k, q, q, t)
    triangle(ws, y_closed, q, k, q, 1, y, 1, q, q, q, SET)
    triangle(ws, z_closed, q, z, q, 1, k, q, 1, q, q, SET)
    mirror(ws, y_closed, q, q)
    mirror(ws, z_closed, q, q)
    ld = pg + pt
    below = h + pg * ld
    if pg > lg:
        _gather_triangle(ws, h, ld, giver, pg + q, ports, giver_kept, pg)
        product(ws, t + lg * q, q, x_giver + lg * q, q, 1, y_closed, 1, q, pg - lg, q, q, SET)
        _add_square(ws, h, ld, t, x_giver, q, lg, bg, pg)
    if pt > lt:
        _gather_triangle(ws, below + pg, ld, taker, pt + q, ports, taker_kept, pt)
        product(ws, t + lt * q, q, x_taker + lt * q, q, 1, z_closed, 1, q, pt - lt, q, q, SET)
        _add_square(ws, below + pg, ld, t, x_taker, q, lt, bt, pt)
    product(ws, t, q, x_taker, q, 1, k, 1, q, pt, q, q, SET)
    sg, st = lg + bg, lt + bt
    if lt > 0 and pg > lg:
        product(ws, below + lg, ld, t, q, 1, x_giver + lg * q, 1, q, lt, pg - lg, q, SET)
    if bt > 0:
        middle = below + lt * ld
        if lg > 0:
            product(ws, middle, ld, t + lt * q, q, 1, x_giver, 1, q, bt, lg, q, SET)
        if pg > sg:
            product(ws, middle + sg, ld, t + lt * q, q, 1, x_giver + sg * q, 1, q, bt, pg - sg, q, SET)
    if pt > st:
        product(ws, below + st * ld, ld, t + st * q, q, 1, x_giver, 1, q, pt - st, pg, q, SET)


@njit(nogil=True, cache=True)
@no_type_check
def _rows_times(ws, c, bar, ld, m, x, q, first, driven, grounded, kept, of):
    """C = bar[rows, first : first + kept] X for rows that are driven (`of` 0), grounded (1) or neither (2)."""
    if m == 0:
        return
    start = driven if of == 0 else 0
    split = driven if of == 1 else kept
    again = driven + grounded if of == 1 else kept
    if split > start:
        product(ws, c, q, bar + first + start, ld, 1, x + start * q, q, 1, m, q, split - start, SET)
    else:
        for i in range(m * q):
            fill(ws, (c + i,), (0.0,))
    if kept > again:
        product(ws, c, q, bar + first + again, ld, 1, x + again * q, q, 1, m, q, kept - again, ADD)


@njit(nogil=True, cache=True)
@no_type_check
def unjoin_blocks(ws, giver, taker, bar, kind, ports, keep, scratch):
    """dL/dH of giver and taker from that of the joined block: F bar F^T, F a child's ports as driven from outside.

    `keep` as left by `join_blocks`; `scratch` holds (3 (kept of both) + 6 met) met vectors; all dL/dH are full squares.
    """
    at, q, pg, pt, lg, bg, lt, bt = kind
    giver_kept, giver_met = at, at + pg
    taker_kept, taker_met = at + pg + q, at + pg + q + pt
    p = pg + pt
    x_giver = keep
    x_taker = x_giver + pg * q
    k = x_taker + pt * q
    y = k + q * q
    z = y + q * q  # minus Z'
    by_giver, by_taker = scratch, scratch + p * q  # bar X, all rows
    to_giver = by_taker + p * q
    to_taker = to_giver + pg * q
    gg = to_taker + pt * q
    gt, tt, one, two, s = gg + q * q, gg + 2 * q * q, gg + 3 * q * q, gg + 4 * q * q, gg + 5 * q * q
    for of, row, m in ((0, 0, lg), (1, lg, bg), (2, lg + bg, pg - lg - bg),
                       (0, pg, lt), (1, pg + lt, bt), (2, pg + lt + bt, pt - lt - bt)):  # fmt: skip
        _rows_times(ws, by_giver + row * q, bar + row * p, p, m, x_giver, q, 0, lg, bg, pg, of)
        _rows_times(ws, by_taker + row * q, bar + row * p, p, m, x_taker, q, pg, lt, bt, pt, of)
    triangle(ws, gg, q, x_giver, 1, q, by_giver, q, 1, q, pg, SET)
    product(ws, gt, q, x_giver, 1, q, by_taker, q, 1, q, q, pg, SET)
    triangle(ws, tt, q, x_taker, 1, q, by_taker + pg * q, q, 1, q, pt, SET)
    mirror(ws, gg, q, q)
    mirror(ws, tt, q, q)
    # currents drawn from the giver: i = Y' X_giver^T x_giver + K X_taker^T x_taker
    product(ws, to_giver, q, by_giver, q, 1, y, q, 1, pg, q, q, SET)
    product(ws, to_giver, q, by_taker, q, 1, k, 1, q, pg, q, q, ADD)
    product(ws, one, q, gg, q, 1, y, q, 1, q, q, q, SET)
    product(ws, one, q, gt, q, 1, k, 1, q, q, q, q, ADD)
    product(ws, two, q, gt, 1, q, y, q, 1, q, q, q, SET)
    product(ws, two, q, tt, q, 1, k, 1, q, q, q, q, ADD)
    triangle(ws, s, q, y, q, 1, one, q, 1, q, q, SET)
    triangle(ws, s, q, k, q, 1, two, q, 1, q, q, ADD)
    _scatter(ws, giver, pg + q, ports, giver_kept, pg, giver_met, q, bar, p, to_giver, s)
    # voltages put on the taker: v = K^T X_giver^T x_giver - Z' X_taker^T x_taker
    product(ws, to_taker, q, by_giver + pg * q, q, 1, k, q, 1, pt, q, q, SET)
    product(ws, to_taker, q, by_taker + pg * q, q, 1, z, q, 1, pt, q, q, ADD)
    product(ws, one, q, gg, q, 1, k, q, 1, q, q, q, SET)
    product(ws, one, q, gt, q, 1, z, q, 1, q, q, q, ADD)
    product(ws, two, q, gt, 1, q, k, q, 1, q, q, q, SET)
    product(ws, two, q, tt, q, 1, z, q, 1, q, q, q, ADD)
    triangle(ws, s, q, k, 1, q, one, q, 1, q, q, SET)
    triangle(ws, s, q, z, q, 1, two, q, 1, q, q, ADD)
    _scatter(ws, taker, pt + q, ports, taker_kept, pt, taker_met, q, bar + pg * p + pg, p, to_taker, s)


@njit(nogil=True, cache=True)
@no_type_check
def _scatter(ws, child, ld, ports, kept, n, met, q, bar, p, cross, s):
    for i in range(n):
        row = ports[kept + i]
        for j in range(n):
            copy(ws, child + row * ld + ports[kept + j], bar + i * p + j)
        for j in range(q):
            col = ports[met + j]
            copy(ws, child + row * ld + col, cross + i * q + j)
            copy(ws, child + col * ld + row, cross + i * q + j)
    for i in range(q):
        for j in range(i + 1):
            row, col = ports[met + i], ports[met + j]
            copy(ws, child + row * ld + col, s + i * q + j)
            copy(ws, child + col * ld + row, s + i * q + j)
