"""Submatrices of H by ranges of ports that stand side by side.

Only the lower triangle of a block's H is stored on the way up; dL/dH on the way down is whole. Each
pair of ranges is one copy of a rectangle.
"""

from __future__ import annotations

from typing import no_type_check

from ....kernels import kernel
from ....kernels.dense import copy, row_major, transposed


@kernel()
@no_type_check
def gather(ws, to, h, rows, cols):
    """Gather to[i, j] = H[rows_i, cols_j] by two lists of ranges without a common port."""
    for row in rows:
        for col in cols:
            _copy_lower(ws, to, h, row, col, row.port > col.port)


@kernel()
@no_type_check
def gather_triangle(ws, to, h, ports):
    """Gather the lower triangle of to[i, j] = H[ports_i, ports_j], and some of the upper one."""
    for r in range(len(ports)):
        for c in range(r + 1):
            row, col = ports[r], ports[c]
            _copy_lower(ws, to, h, row, col, row.port >= col.port)


@kernel()
@no_type_check
def _copy_lower(ws, to, h, row, col, below):
    """Copy a rectangle of H to its place in a list; `below`: it stands in the lower triangle."""
    target = row_major(to.at + row.place * to.row_step + col.place, to.row_step)
    pitch = h.row_step
    if below:
        source = row_major(h.at + row.port * pitch + col.port, pitch)
    else:
        source = transposed(h.at + col.port * pitch + row.port, pitch)
    copy(ws, target, source, (row.length, col.length))


@kernel()
@no_type_check
def scatter(ws, child, exterior, interior, bar, cross, inner):
    """Write dL/dH of a child, both triangles.

    The part within its exterior ports comes from `bar`, between exterior and interior ones from
    `cross`, within the interior ones from `inner`; those are in the order of the lists.
    """
    for row in exterior:
        for col in exterior:
            source = row_major(bar.at + row.place * bar.row_step + col.place, bar.row_step)
            _copy_to_child(ws, child, source, row, col)
        for col in interior:
            source = row.place * cross.row_step + col.place + cross.at
            _copy_to_child(ws, child, row_major(source, cross.row_step), row, col)
            _copy_to_child(ws, child, transposed(source, cross.row_step), col, row)
    for row in interior:
        for col in interior:
            source = row_major(inner.at + row.place * inner.row_step + col.place, inner.row_step)
            _copy_to_child(ws, child, source, row, col)


@kernel()
@no_type_check
def _copy_to_child(ws, child, source, row, col):
    pitch = child.row_step
    target = row_major(child.at + row.port * pitch + col.port, pitch)
    copy(ws, target, source, (row.length, col.length))
