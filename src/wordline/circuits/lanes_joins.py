"""Two blocks become one, and the way back for the adjoint.

With i the currents and v the voltages where the giver's right (top) ports meet the taker's left (bottom) ports,
i = Y v + X_taker^T x_taker and v = X_giver^T x_giver - Z i close a loop:

    i = Y s + r,  v = s - Z r        s = K^T X_giver^T x_giver, r = K X_taker^T x_taker, K = (1 + Y Z)^-1

The loop can always be closed: for Y and Z positive semidefinite all eigenvalues of Y Z are real and not negative. No
pivoting is needed, as closing the loop port by port is itself a sequence of passive networks.

`kind` holds: met ports, kept ports of giver and taker, how many of these stand first that are driven (left border of
the array) or grounded (bottom border): giver driven, grounded, taker driven, grounded; then where the runs of giver's
kept, giver's met, taker's kept and taker's met ports begin, and where the last ones end. A run is some ports that stand
side by side in the child: first port there, first place in the list, length. Driven ports' answers to driven ports, and
grounded ones' to grounded ones, interest nobody and are left out.
"""

from __future__ import annotations

from typing import no_type_check

from ..kernels import kernel
from .lanes_matrices import (
    ADD,
    SET,
    SET_MINUS,
    block,
    fill,
    increase,
    invert,
    masked,
    mirror,
    near_one,
    product,
    triangle,
)

ROUNDED = 8  # joins of so many ports or more take care of numbers near one


@kernel()
@no_type_check
def pitch(n):
    """From row to row of a large matrix: odd, or a column's entries would compete for the same places in the cache."""
    return n if n < 16 else n | 1


@kernel()
@no_type_check
def _gather(ws, to, ti, h, ld, runs, rows, rows_end, cols, cols_end):
    """to[i, j] = H[rows_i, cols_j] for two lists without a common port; only the lower triangle of H is stored."""
    for r in range(rows, rows_end):
        row, i, m = runs[r, 0], runs[r, 1], runs[r, 2]
        for c in range(cols, cols_end):
            col, j, n = runs[c, 0], runs[c, 1], runs[c, 2]
            if row > col:
                block(ws, to + i * ti + j, ti, 1, h + row * ld + col, ld, 1, m, n)
            else:
                block(ws, to + i * ti + j, ti, 1, h + col * ld + row, 1, ld, m, n)


@kernel()
@no_type_check
def _gather_triangle(ws, to, ti, h, ld, runs, rows, rows_end):
    """The lower triangle of to[i, j] = H[rows_i, rows_j], and some of the upper one."""
    for r in range(rows, rows_end):
        row, i, m = runs[r, 0], runs[r, 1], runs[r, 2]
        for c in range(rows, r + 1):
            col, j, n = runs[c, 0], runs[c, 1], runs[c, 2]
            if row >= col:
                block(ws, to + i * ti + j, ti, 1, h + row * ld + col, ld, 1, m, n)
            else:
                block(ws, to + i * ti + j, ti, 1, h + col * ld + row, 1, ld, m, n)


@kernel()
@no_type_check
def _add_square(ws, h, ld, t, x, q, driven, grounded, kept):
    """H += T X^T, lower triangle, without driven-driven and grounded-grounded; T begins with the row `driven`."""
    first = driven + grounded
    if grounded > 0 and driven > 0:
        product(ws, h + driven * ld, ld, t, q, 1, x, 1, q, grounded, driven, q, ADD)
    if kept > first:
        t += grounded * q
        if first > 0:
            product(ws, h + first * ld, ld, t, q, 1, x, 1, q, kept - first, first, q, ADD)
        triangle(ws, h + first * ld + first, ld, t, q, 1, x + first * q, 1, q, kept - first, q, ADD)


@kernel()
@no_type_check
def keep_size(kind):
    """Vectors that `meet_blocks` leaves at `keep`."""
    q, pg, pt = kind[:3]
    return (pg + pt + 2 * q) * q


@kernel()
@no_type_check
def _close_loop(ws, m, q, ones, scratch):
    """M <- K - E, K = (1 + M)^-1, E diagonal, one where K's diagonal is near it and else zero, at `ones`.

    Near one K would be rounded like one: there its diagonal comes from K - 1 = - K M. Small blocks change little, and
    go without: their E is zero.
    """
    copy, less_one = scratch + q * q, scratch + 2 * q * q
    if q >= ROUNDED:
        block(ws, copy, q, 1, m, q, 1, q, q)
    for i in range(q):
        increase(ws, (m + i * q + i,), (1.0,))
    invert(ws, m, q, q, scratch)
    if q >= ROUNDED:
        for i in range(q):
            product(ws, less_one + i, 1, m + i * q, q, 1, copy + i, q, 1, 1, 1, q, SET_MINUS)
        for i in range(q):
            near_one(ws, (m + i * q + i, less_one + i, ones + i), ())


@kernel()
@no_type_check
def _times_k(ws, c, x, k, ki, kj, ones, q, rows):
    """C = X K or X K^T with K - E at `k`, added to X E at the end."""
    if q >= ROUNDED:
        masked(ws, (c, x, q, ones, 0, 1, rows, q), ())
        product(ws, c, q, x, q, 1, k, ki, kj, rows, q, q, ADD)
    else:
        product(ws, c, q, x, q, 1, k, ki, kj, rows, q, q, SET)


@kernel()
@no_type_check
def meet_blocks(ws, giver, taker, kind, runs, adjoint, keep, scratch):
    """Close the loop between giver and taker.

    Leaves X_taker K^T, X_giver K (only if it is for the adjoint), Y and minus Z at `keep`, X_giver, X_taker and, as
    `_close_loop` does, K at `scratch`.
    """
    q, pg, pt, _, _, _, _, giver_kept, giver_met, taker_kept, taker_met, end = kind
    taken, given = keep, keep + pt * q
    y = given + pg * q
    z = y + q * q  # minus Z, here and below
    x_giver, x_taker = scratch, scratch + pg * q
    k = x_taker + pt * q
    _gather(ws, x_giver, q, giver, pitch(pg + q), runs, giver_kept, giver_met, giver_met, taker_kept)
    _gather(ws, x_taker, q, taker, pitch(pt + q), runs, taker_kept, taker_met, taker_met, end)
    _gather_triangle(ws, y, q, taker, pitch(pt + q), runs, taker_met, end)
    _gather_triangle(ws, z, q, giver, pitch(pg + q), runs, giver_met, taker_kept)
    mirror(ws, y, q, q)
    mirror(ws, z, q, q)
    product(ws, k, q, y, q, 1, z, q, 1, q, q, q, SET_MINUS)
    ones = k + q * q
    _close_loop(ws, k, q, ones, ones + q)
    _times_k(ws, taken, x_taker, k, 1, q, ones, q, pt)
    if adjoint:
        _times_k(ws, given, x_giver, k, q, 1, ones, q, pg)


@kernel()
@no_type_check
def merge_blocks(ws, giver, taker, h, kind, runs, keep, scratch):
    """H of the joined block, lower triangle, after `meet_blocks`."""
    q, pg, pt, lg, bg, lt, bt, giver_kept, giver_met, taker_kept, taker_met, _ = kind
    taken, y = keep, keep + (pg + pt) * q
    z = y + q * q
    x_giver, x_taker = scratch, scratch + pg * q
    k = x_taker + pt * q
    ones = k + q * q
    closed = ones + q
    t = closed + q * q
    ld = pitch(pg + pt)
    below = h + pg * ld
    if pg > lg:
        _gather_triangle(ws, h, ld, giver, pitch(pg + q), runs, giver_kept, giver_met)
        if q >= ROUNDED:
            masked(ws, (closed, y, q, ones, 1, 0, q, q), ())
        triangle(ws, closed, q, k, q, 1, y, q, 1, q, q, ADD if q >= ROUNDED else SET)
        mirror(ws, closed, q, q)
        product(ws, t, q, x_giver + lg * q, q, 1, closed, q, 1, pg - lg, q, q, SET)
        _add_square(ws, h, ld, t, x_giver, q, lg, bg, pg)
    if pt > lt + bt or (lt > 0 and bt > 0):
        _gather_triangle(ws, below + pg, ld, taker, pitch(pt + q), runs, taker_kept, taker_met)
        product(ws, t, q, taken + lt * q, q, 1, z, q, 1, pt - lt, q, q, SET)
        _add_square(ws, below + pg, ld, t, x_taker, q, lt, bt, pt)
    sg, st = lg + bg, lt + bt
    if lt > 0 and pg > lg:
        product(ws, below + lg, ld, taken, q, 1, x_giver + lg * q, 1, q, lt, pg - lg, q, SET)
    if bt > 0:
        middle = below + lt * ld
        if lg > 0:
            product(ws, middle, ld, taken + lt * q, q, 1, x_giver, 1, q, bt, lg, q, SET)
        if pg > sg:
            product(ws, middle + sg, ld, taken + lt * q, q, 1, x_giver + sg * q, 1, q, bt, pg - sg, q, SET)
    if pt > st:
        product(ws, below + st * ld, ld, taken + st * q, q, 1, x_giver, 1, q, pt - st, pg, q, SET)


@kernel()
@no_type_check
def join_blocks(ws, giver, taker, h, kind, runs, adjoint, keep, scratch):
    """`meet_blocks` and `merge_blocks`; `scratch` holds 2 (kept of both) + 6 met + 1, times met, vectors."""
    meet_blocks(ws, giver, taker, kind, runs, adjoint, keep, scratch)
    merge_blocks(ws, giver, taker, h, kind, runs, keep, scratch)


@kernel()
@no_type_check
def _times(ws, c, bar, ld, x, q, l_rows, b_rows, rows, l_cols, b_cols, cols, mode):
    """C = bar X, or C += bar X, where bar is zero between driven and driven and between grounded and grounded ports."""
    first = l_cols + b_cols
    if mode == SET and cols == l_cols:
        for i in range(l_rows * q):
            fill(ws, (c + i,), (0.0,))
    if mode == SET and cols == b_cols:
        for i in range(l_rows * q, (l_rows + b_rows) * q):
            fill(ws, (c + i,), (0.0,))
    if l_rows > 0 and cols > l_cols:
        product(ws, c, q, bar + l_cols, ld, 1, x + l_cols * q, q, 1, l_rows, q, cols - l_cols, mode)
    c, bar = c + l_rows * q, bar + l_rows * ld
    if b_rows > 0:
        if l_cols > 0:
            product(ws, c, q, bar, ld, 1, x, q, 1, b_rows, q, l_cols, mode)
        if cols > first:
            again = ADD if l_cols > 0 else mode
            product(ws, c, q, bar + first, ld, 1, x + first * q, q, 1, b_rows, q, cols - first, again)
    c, bar, rest = c + b_rows * q, bar + b_rows * ld, rows - l_rows - b_rows
    if rest > 0 and cols > 0:
        product(ws, c, q, bar, ld, 1, x, q, 1, rest, q, cols, mode)


@kernel()
@no_type_check
def unjoin_blocks(ws, giver, taker, bar, kind, runs, keep, scratch):
    """dL/dH of giver and taker from that of the joined block; all dL/dH are full squares.

    Read dL/dH as the correlations <x x^T> of the port values: those of a child are the ones of the ports it keeps and
    those with i (giver) or v (taker), from i = Y s + r and v = s - Z r. `keep` as left by `meet_blocks`;
    `scratch` as for `join_blocks`.
    """
    q, pg, pt, lg, bg, lt, bt, giver_kept, giver_met, taker_kept, taker_met, end = kind
    p = pitch(pg + pt)
    taken, given = keep, keep + pt * q  # r = taken^T x_taker, s = given^T x_giver
    y = given + pg * q
    z = y + q * q  # minus Z
    one, two = scratch, scratch + pg * q
    to_giver = two + pt * q  # <x_giver i^T>
    to_taker = to_giver + pg * q  # <x_taker v^T>
    ss = to_taker + pt * q
    rr, rs, sr, s = ss + q * q, ss + 2 * q * q, ss + 3 * q * q, ss + 4 * q * q
    low = bar + pg * p
    _times(ws, one, bar, p, given, q, lg, bg, pg, lg, bg, pg, SET)  # <x_giver s^T>
    triangle(ws, ss, q, given, 1, q, one, q, 1, q, pg, SET)
    mirror(ws, ss, q, q)
    product(ws, to_giver, q, one, q, 1, y, q, 1, pg, q, q, SET)
    _times(ws, to_giver, bar + pg, p, taken, q, lg, bg, pg, lt, bt, pt, ADD)
    _times(ws, two, low + pg, p, taken, q, lt, bt, pt, lt, bt, pt, SET)  # <x_taker r^T>
    triangle(ws, rr, q, taken, 1, q, two, q, 1, q, pt, SET)
    mirror(ws, rr, q, q)
    _times(ws, to_taker, low, p, given, q, lt, bt, pt, lg, bg, pg, SET)  # <x_taker s^T>
    product(ws, rs, q, taken, 1, q, to_taker, q, 1, q, q, pt, SET)
    product(ws, to_taker, q, two, q, 1, z, q, 1, pt, q, q, ADD)
    # <i i^T> = rr + Y (sr + ss Y) + rs Y
    block(ws, sr, q, 1, rs, 1, q, q, q)
    product(ws, sr, q, ss, q, 1, y, q, 1, q, q, q, ADD)
    block(ws, s, q, 1, rr, q, 1, q, q)
    triangle(ws, s, q, y, q, 1, sr, q, 1, q, q, ADD)
    triangle(ws, s, q, rs, q, 1, y, q, 1, q, q, ADD)
    mirror(ws, s, q, q)
    _scatter(ws, giver, pitch(pg + q), runs, giver_kept, giver_met, taker_kept, q, bar, p, to_giver, s)
    # <v v^T> = ss - Z (rs - rr Z) - sr Z
    block(ws, s, q, 1, ss, q, 1, q, q)
    triangle(ws, s, q, rs, 1, q, z, q, 1, q, q, ADD)
    product(ws, rs, q, rr, q, 1, z, q, 1, q, q, q, ADD)
    triangle(ws, s, q, z, q, 1, rs, q, 1, q, q, ADD)
    mirror(ws, s, q, q)
    _scatter(ws, taker, pitch(pt + q), runs, taker_kept, taker_met, end, q, low + pg, p, to_taker, s)


@kernel()
@no_type_check
def _scatter(ws, child, ld, runs, kept, met, end, q, bar, p, cross, s):
    """dL/dH of a child: of what it keeps from `bar`, with and within the ports that met from `cross` and `s`."""
    for r in range(kept, end):
        row, i, m = runs[r, 0], runs[r, 1], runs[r, 2]
        for c in range(kept, end):
            col, j, n = runs[c, 0], runs[c, 1], runs[c, 2]
            to = child + row * ld + col
            if r < met and c < met:
                block(ws, to, ld, 1, bar + i * p + j, p, 1, m, n)
            elif r < met:
                block(ws, to, ld, 1, cross + i * q + j, q, 1, m, n)
            elif c < met:
                block(ws, to, ld, 1, cross + j * q + i, 1, q, m, n)
            else:
                block(ws, to, ld, 1, s + i * q + j, q, 1, m, n)
