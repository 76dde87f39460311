"""The adjoint of a merge: dL/dH of two children from that of the merged block, as a program.

Read dL/dH as the correlations <p p^T> of the port values. Those of a child are the correlations of
its exterior ports, which are the merged block's own, and of its interior ones with these and with
each other. With s = (X_up K)^T p_up and r = (X_down K^T)^T p_down, the interface values are

    i = Y s + r    (at the upstream block),    v = s - Z r    (at the downstream block)

so that only <p s^T>, <p r^T>, <s s^T>, <r r^T> and <r s^T> are formed.
"""

from __future__ import annotations

from ....kernels.program import ADD, SET, ZERO, Matrix, Place, Program, row_major
from .joins import Join, Side, has_idle_ports, pitch, size_of
from .merge import DOWNSTREAM, RESULT, SCRATCH, UPSTREAM, Factors, child_h


def write_adjoint(p: Program, join: Join) -> None:
    """Write dL/dH of the children, full squares, with the factors of `merge.write_factors`."""
    q, up, down = join.interior, join.upstream, join.downstream
    width = pitch(q)
    sizes = up.count, down.count, up.count, down.count, up.count, down.count, q, q, q, q, q
    starts = [sum(sizes[:n]) * width for n in range(len(sizes))]
    x_up_k, x_down_kt, up_s, down_r, up_i, down_v, ss, rr, rs, t, inner = (
        row_major(Place(SCRATCH, start), width) for start in starts
    )
    k_x_down, kt_x_up, y, minus_z = Factors.of(join)
    bar = row_major(Place(RESULT), pitch(up.count + down.count))
    bar_down = bar.from_entry(up.count, up.count)
    p.copy(x_up_k, kt_x_up.T, (up.count, q))
    p.copy(x_down_kt, k_x_down.T, (down.count, q))
    # <p_up s^T> = <p_up p_up^T> X_up K,  <s s^T> = (X_up K)^T <p_up s^T>
    _times(p, up_s, bar, x_up_k, up, up, q, SET)
    p.triangle(ss, kt_x_up, up_s, (q, up.count), SET)
    p.mirror(ss, q)
    # <p_up i^T> = <p_up s^T> Y + <p_up p_down^T> X_down K^T
    p.product(up_i, up_s, y, (up.count, q, q), SET)
    _times(p, up_i, bar.from_entry(0, up.count), x_down_kt, up, down, q, ADD)
    # <p_down r^T>, <r r^T>
    _times(p, down_r, bar_down, x_down_kt, down, down, q, SET)
    p.triangle(rr, k_x_down, down_r, (q, down.count), SET)
    p.mirror(rr, q)
    # <p_down v^T> = <p_down s^T> - <p_down r^T> Z,  <r s^T> = (X_down K^T)^T <p_down s^T>
    _times(p, down_v, bar.from_entry(up.count, 0), x_up_k, down, up, q, SET)
    p.product(rs, k_x_down, down_v, (q, q, down.count), SET)
    p.product(down_v, down_r, minus_z, (down.count, q, q), ADD)
    # <i i^T> = <r r^T> + Y (<s r^T> + <s s^T> Y) + <r s^T> Y
    p.copy(t, rs.T, (q, q))
    p.product(t, ss, y, (q, q, q), ADD)
    p.copy(inner, rr, (q, q))
    p.triangle(inner, y, t, (q, q), ADD)
    p.triangle(inner, rs, y, (q, q), ADD)
    p.mirror(inner, q)
    _scatter(p, UPSTREAM, up, bar, up_i, inner)
    # <v v^T> = <s s^T> - Z (<r s^T> - <r r^T> Z) - <s r^T> Z
    p.copy(inner, ss, (q, q))
    p.triangle(inner, rs.T, minus_z, (q, q), ADD)
    p.product(rs, rr, minus_z, (q, q, q), ADD)
    p.triangle(inner, minus_z, rs, (q, q), ADD)
    p.mirror(inner, q)
    _scatter(p, DOWNSTREAM, down, bar_down, down_v, inner)


def _times(
    p: Program, c: Matrix, bar: Matrix, x: Matrix, row: Side, col: Side, q: int, mode: int
) -> None:
    """Write C = bar X, or C += bar X, for a block of dL/dH, rows and columns by ports of a side.

    `bar` is zero between driven and driven and between grounded and grounded ports.
    """
    not_driven, not_grounded = [(col.driven, col.count)], [(0, col.driven), (col.border, col.count)]
    for first, rows, columns in (
        (0, row.driven, not_driven),
        (row.driven, row.grounded, not_grounded),
        (row.border, row.count - row.border, [(0, col.count)]),
    ):
        some = [(start, stop) for start, stop in columns if stop > start]
        if rows and not some and mode == SET:
            p.write(ZERO, (c.from_entry(first, 0).at,), rows * c.row_step)
        for n, (start, stop) in enumerate(some):
            part, x_part = bar.from_entry(first, start), x.from_entry(start, 0)
            to, how = c.from_entry(first, 0), mode if n == 0 else ADD
            p.product(to, part, x_part, (rows, q, stop - start), how)


def _scatter(
    p: Program, register: int, side: Side, bar: Matrix, cross: Matrix, inner: Matrix
) -> None:
    """Write dL/dH of a child, both triangles.

    The part within its exterior ports comes from `bar`, between exterior and interior ones from
    `cross`, within the interior ones from `inner`; those are in the order of the lists.
    """
    child = child_h(register, side)
    if has_idle_ports(side.block):
        p.write(ZERO, (child.at,), size_of(side.block))
    for row in side.exterior:
        to = child.from_entry(row.port, 0)
        for col in side.exterior:
            source = bar.from_entry(row.place, col.place)
            p.copy(to.from_entry(0, col.port), source, (row.length, col.length))
        for col in side.interior:
            source, shape = cross.from_entry(row.place, col.place), (row.length, col.length)
            p.copy(to.from_entry(0, col.port), source, shape)
            p.copy(child.from_entry(col.port, row.port), source.T, shape[::-1])
    for row in side.interior:
        for col in side.interior:
            to, source = (
                child.from_entry(row.port, col.port),
                inner.from_entry(row.place, col.place),
            )
            p.copy(to, source, (row.length, col.length))
