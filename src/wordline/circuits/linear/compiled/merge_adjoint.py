"""The adjoint of a merge: dL/dH of two children from that of the merged block.

Read dL/dH as the correlations <p p^T> of the port values. Those of a child are the correlations of
its exterior ports, which are the merged block's own, and of its interior ones with these and with
each other. With s = (X_up K)^T p_up and r = (X_down K^T)^T p_down, the interface values are

    i = Y s + r    (at the upstream block),    v = s - Z r    (at the downstream block)

so that only <p s^T>, <p r^T>, <s s^T>, <r r^T> and <r s^T> are formed.
"""

from __future__ import annotations

from typing import no_type_check

from ....kernels import kernel
from ....kernels.dense import ADD, SET, copy, fill, mirror, product, row_major, transposed, triangle
from .gather import scatter
from .merge import pitch


@kernel()
@no_type_check
def _times(ws, c, bar, x, rows, cols, mode):
    """C = bar X, or C += bar X, for a block of dL/dH.

    `rows`, `cols`: numbers of (driven, grounded, all) ports; `bar` is zero between driven and
    driven and between grounded and grounded ports.
    """
    q, pitch_bar = c.row_step, bar.row_step
    driven_rows, grounded_rows, all_rows = rows
    driven, grounded, ports = cols
    border = driven + grounded
    # rows of driven ports: zero, or all columns but the driven
    if mode == SET and ports == driven:
        for i in range(driven_rows * q):
            fill(ws, (c.at + i,), (0.0,))
    if mode == SET and ports == grounded:
        for i in range(driven_rows * q, (driven_rows + grounded_rows) * q):
            fill(ws, (c.at + i,), (0.0,))
    if driven_rows > 0 and ports > driven:
        some, x_some = row_major(bar.at + driven, pitch_bar), row_major(x.at + driven * q, q)
        product(ws, c, some, x_some, (driven_rows, q, ports - driven), mode)
    # rows of grounded ports: the driven columns, and those behind the grounded
    c, bar = (
        row_major(c.at + driven_rows * q, q),
        row_major(bar.at + driven_rows * pitch_bar, pitch_bar),
    )
    if grounded_rows > 0:
        if driven > 0:
            product(ws, c, bar, x, (grounded_rows, q, driven), mode)
        if ports > border:
            some, x_some = row_major(bar.at + border, pitch_bar), row_major(x.at + border * q, q)
            shape = (grounded_rows, q, ports - border)
            product(ws, c, some, x_some, shape, ADD if driven > 0 else mode)
    # all other rows: every column
    c = row_major(c.at + grounded_rows * q, q)
    bar = row_major(bar.at + grounded_rows * pitch_bar, pitch_bar)
    rest = all_rows - driven_rows - grounded_rows
    if rest > 0 and ports > 0:
        product(ws, c, bar, x, (rest, q, ports), mode)


@kernel()
@no_type_check
def merge_adjoint(ws, step, m, ranges, factors, scratch):
    """Compute dL/dH of the children; all dL/dH are full squares.

    `factors` as left by `factor_interface`; scratch as for `merge_blocks`.
    """
    q, up, down = m.interior, m.up_exterior, m.down_exterior
    up_ports = (m.up_driven, m.up_grounded, up)
    down_ports = (m.down_driven, m.down_grounded, down)
    up_exterior = ranges[m.up_exterior_ranges : m.up_interior_ranges]
    up_interior = ranges[m.up_interior_ranges : m.down_exterior_ranges]
    down_exterior = ranges[m.down_exterior_ranges : m.down_interior_ranges]
    down_interior = ranges[m.down_interior_ranges : m.ranges_end]
    x_down_kt, x_up_k = row_major(factors, q), row_major(factors + down * q, q)
    y = row_major(x_up_k.at + up * q, q)
    minus_z = row_major(y.at + q * q, q)
    up_s, down_r = row_major(scratch, q), row_major(scratch + up * q, q)
    up_i = row_major(down_r.at + down * q, q)
    down_v = row_major(up_i.at + up * q, q)
    ss = row_major(down_v.at + down * q, q)
    rr, rs = row_major(ss.at + q * q, q), row_major(ss.at + 2 * q * q, q)
    t, inner = row_major(ss.at + 3 * q * q, q), row_major(ss.at + 4 * q * q, q)
    bar = row_major(step.result, pitch(up + down))
    bar_up_down = row_major(bar.at + up, bar.row_step)
    bar_down_up = row_major(bar.at + up * bar.row_step, bar.row_step)
    bar_down = row_major(bar_down_up.at + up, bar.row_step)
    # <p_up s^T> = <p_up p_up^T> X_up K,  <s s^T> = (X_up K)^T <p_up s^T>
    _times(ws, up_s, bar, x_up_k, up_ports, up_ports, SET)
    triangle(ws, ss, transposed(x_up_k.at, q), up_s, (q, up), SET)
    mirror(ws, ss, q)
    # <p_up i^T> = <p_up s^T> Y + <p_up p_down^T> X_down K^T
    product(ws, up_i, up_s, y, (up, q, q), SET)
    _times(ws, up_i, bar_up_down, x_down_kt, up_ports, down_ports, ADD)
    # <p_down r^T>, <r r^T>
    _times(ws, down_r, bar_down, x_down_kt, down_ports, down_ports, SET)
    triangle(ws, rr, transposed(x_down_kt.at, q), down_r, (q, down), SET)
    mirror(ws, rr, q)
    # <p_down v^T> = <p_down s^T> - <p_down r^T> Z,  <r s^T> = (X_down K^T)^T <p_down s^T>
    _times(ws, down_v, bar_down_up, x_up_k, down_ports, up_ports, SET)
    product(ws, rs, transposed(x_down_kt.at, q), down_v, (q, q, down), SET)
    product(ws, down_v, down_r, minus_z, (down, q, q), ADD)
    # <i i^T> = <r r^T> + Y (<s r^T> + <s s^T> Y) + <r s^T> Y
    copy(ws, t, transposed(rs.at, q), (q, q))
    product(ws, t, ss, y, (q, q, q), ADD)
    copy(ws, inner, rr, (q, q))
    triangle(ws, inner, y, t, (q, q), ADD)
    triangle(ws, inner, rs, y, (q, q), ADD)
    mirror(ws, inner, q)
    upstream = row_major(step.upstream, pitch(up + q))
    scatter(ws, upstream, up_exterior, up_interior, bar, up_i, inner)
    # <v v^T> = <s s^T> - Z (<r s^T> - <r r^T> Z) - <s r^T> Z
    copy(ws, inner, ss, (q, q))
    triangle(ws, inner, transposed(rs.at, q), minus_z, (q, q), ADD)
    product(ws, rs, rr, minus_z, (q, q, q), ADD)
    triangle(ws, inner, minus_z, rs, (q, q), ADD)
    mirror(ws, inner, q)
    downstream = row_major(step.downstream, pitch(down + q))
    scatter(ws, downstream, down_exterior, down_interior, bar_down, down_v, inner)
