"""The reference solver in plain torch: nested dissection on every device.

All congruent blocks of all tiles merge in one batched operation, from single cells up to the whole
array; the adjoint walks the same tree downwards. About 90 N^3 operations a tile of N x N, nearly
all of them matrix products.

Batched matrix products choose their order of summation by the size of the batch: a tile's result
may differ in its last bits with what else is in the batch (by less than 1e-14 of its largest entry
in float64, 1e-6 in float32).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from ...typing import Siemens
from ..wires import Wires
from . import conditioning
from .dissection import Block, merge_of
from .merge import MergeFactors, merge, merge_adjoint


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Compute the effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    return conditioning.solve(lambda some: _forward(some, wires, factors=None), g, wires)


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """Compute dL/dG from dL/dW, both `(tiles, rows, cols)`, by the adjoint network."""
    return conditioning.adjoint(
        lambda some, bar: _forward_and_backward(some, bar, wires), g, grad, wires
    )


@dataclass
class BlockClass:
    """All congruent blocks of one array: their places, and the children each is merged from."""

    rows: list[int] = field(default_factory=list)
    cols: list[int] = field(default_factory=list)
    upstream: list[int] = field(default_factory=list)  # index within the class of that child
    downstream: list[int] = field(default_factory=list)


@lru_cache(maxsize=32)
def block_classes(rows: int, cols: int) -> dict[Block, BlockClass]:
    """List the blocks of a rows x cols array, small ones first and the array itself last."""
    classes: dict[Block, BlockClass] = {}

    def place(block: Block, row: int, col: int) -> int:
        group = classes.setdefault(block, BlockClass())
        index = len(group.rows)
        group.rows.append(row)
        group.cols.append(col)
        if not block.is_cell:
            step = merge_of(block)
            group.upstream.append(place(step.upstream, row + step.rows_above, col))
            group.downstream.append(place(step.downstream, row, col + step.cols_left))
        return index

    place(Block(rows, cols), 0, 0)
    return dict(sorted(classes.items(), key=lambda item: item[0].rows * item[0].cols))


def _forward_and_backward(g: Tensor, grad: Tensor, wires: Wires) -> Tensor:
    factors: dict[Block, MergeFactors] = {}
    _forward(g, wires, factors)
    return _backward(g, grad, wires, factors)


def _forward(g: Tensor, wires: Wires, factors: dict[Block, MergeFactors] | None) -> Tensor:
    """Merge all blocks, leaves first, and read W off the array's H; fill `factors` if given."""
    rows, cols = g.shape[1:]
    h: dict[Block, Tensor] = {}
    for block, group in block_classes(rows, cols).items():
        if block.is_cell:
            h[block] = _cells(g[:, group.rows, group.cols], block, wires)
            continue
        step = merge_of(block)
        children = h[step.upstream][:, group.upstream], h[step.downstream][:, group.downstream]
        h[block], merged = merge(*children, step)
        if factors is not None:
            factors[block] = merged
    whole = Block(rows, cols)
    ports = whole.ports
    inputs = [ports.index(("L", i)) for i in range(rows)]
    outputs = [ports.index(("B", j)) for j in range(cols)]
    return -h[whole][:, 0][:, inputs][:, :, outputs]


def _backward(g: Tensor, grad: Tensor, wires: Wires, factors: dict[Block, MergeFactors]) -> Tensor:
    """Carry dL/dH from the array down to its cells, and from there to dL/dG."""
    tiles, rows, cols = g.shape
    groups = block_classes(rows, cols)
    bar = {
        b: g.new_zeros(tiles, len(a.rows), len(b.ports), len(b.ports)) for b, a in groups.items()
    }
    whole = Block(rows, cols)
    ports = whole.ports
    inputs = torch.tensor([ports.index(("L", i)) for i in range(rows)])
    outputs = torch.tensor([ports.index(("B", j)) for j in range(cols)])
    bar[whole][:, 0, inputs[:, None], outputs[None, :]] = -grad / 2
    bar[whole][:, 0, outputs[:, None], inputs[None, :]] = -grad.mT / 2
    out = torch.empty_like(g)
    for block, group in reversed(groups.items()):
        if block.is_cell:
            cells = g[:, group.rows, group.cols]
            out[:, group.rows, group.cols] = _cells_adjoint(cells, bar.pop(block), block, wires)
            continue
        step = merge_of(block)
        bar_up, bar_down = merge_adjoint(bar.pop(block), factors.pop(block), step)
        bar[step.upstream][:, group.upstream] = bar_up
        bar[step.downstream][:, group.downstream] = bar_down
    return out


def _series(block: Block, wires: Wires) -> tuple[float, float]:
    """The resistances that a cell owns, to its left and below it."""
    left = wires.driver_ohm if block.left else wires.row_ohm
    return left, wires.sense_ohm if block.bottom else wires.col_ohm


def _cells(g: Tensor, block: Block, wires: Wires) -> Tensor:
    """H of single cells, each entry a product of positive terms: nothing cancels or overflows."""
    a, b = _series(block, wires)
    e = 1 / (1 + g * (a + b))
    d = torch.where(g < 1, g * e, 1 / (1 / g + (a + b)))
    through_row, through_col = e + b * d, e + a * d
    entries = {
        "LL": d, "LB": -d, "LR": through_row, "LT": b * d,
        "BB": d, "BR": a * d, "BT": through_col,
        "RR": -a * through_row, "RT": -(a * b) * d, "TT": -b * through_col,
    }  # fmt: skip
    sides = [side for side, _ in block.ports]
    names = [["".join(sorted(s + t, key="LBRT".index)) for t in sides] for s in sides]
    return torch.stack([torch.stack([entries[name] for name in row], -1) for row in names], -2)


def _cells_adjoint(g: Tensor, bar: Tensor, block: Block, wires: Wires) -> Tensor:
    """dL/dG of single cells: u^T (dL/dH) u, with u the device voltage as a form in the ports."""
    a, b = _series(block, wires)
    e = 1 / (1 + g * (a + b))
    weight = {"L": 1.0, "B": -1.0, "R": -a, "T": b}  # device voltage = e times these port values
    u = torch.tensor([weight[side] for side, _ in block.ports], dtype=g.dtype, device=g.device)
    return torch.einsum("...ij,i,j->...", bar, u, u) * e * e
