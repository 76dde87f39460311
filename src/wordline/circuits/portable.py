"""The effective conductance in plain torch: every device, every platform.

All blocks that look alike, of all tiles, are joined in one batched operation, from single cells up to the whole array;
the adjoint walks the same tree downwards. About 90 N^3 operations a tile of N x N, nearly all of them matrix products.

Batched matrix products choose their order of summation by the size of the batch: a tile's result may differ in its last
bits with what else is in the batch (by less than 1e-14 of its largest entry in float64, 1e-6 in float32).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from ..typing import Siemens
from . import conditioning
from .dissection import Block, Join, join
from .wires import Wires


@dataclass
class Alike:
    """All blocks of one array that look alike: where they stand, and which giver and taker each is made of."""

    rows: list[int] = field(default_factory=list)
    cols: list[int] = field(default_factory=list)
    givers: list[int] = field(default_factory=list)
    takers: list[int] = field(default_factory=list)


@lru_cache(maxsize=32)
def schedule(rows: int, cols: int) -> dict[Block, Alike]:
    """The blocks of a rows x cols array, small ones first; the last one is the array itself."""
    alike: dict[Block, Alike] = {}

    def place(block: Block, row: int, col: int) -> int:
        group = alike.setdefault(block, Alike())
        index = len(group.rows)
        group.rows.append(row)
        group.cols.append(col)
        if not block.cell:
            step = join(block)
            group.givers.append(place(step.giver, row + step.down, col))
            group.takers.append(place(step.taker, row, col + step.across))
        return index

    place(Block(rows, cols), 0, 0)
    return dict(sorted(alike.items(), key=lambda item: item[0].rows * item[0].cols))


@dataclass
class Meeting:
    """What the adjoint needs to know about one join: the kept ports seen from the met ones, and the loop they close."""

    x_giver: Tensor
    x_taker: Tensor
    y: Tensor
    k: Tensor
    z: Tensor


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    return conditioning.solve(lambda some: _up(some, wires, meetings=None), g, wires)


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """dL/dG from dL/dW, both `(tiles, rows, cols)`, without differentiating through the solve."""
    return conditioning.adjoint(lambda some, bar: _up_and_down(some, bar, wires), g, grad, wires)


def _up_and_down(g: Tensor, grad: Tensor, wires: Wires) -> Tensor:
    meetings: dict[Block, Meeting] = {}
    _up(g, wires, meetings)
    return _down(g, grad, wires, meetings)


def _up(g: Tensor, wires: Wires, meetings: dict[Block, Meeting] | None) -> Tensor:
    rows, cols = g.shape[1:]
    groups = schedule(rows, cols)
    h: dict[Block, Tensor] = {}
    for block, group in groups.items():
        if block.cell:
            h[block] = _cells(g[:, group.rows, group.cols], block, wires)
            continue
        step = join(block)
        h[block], meeting = _joined(h[step.giver][:, group.givers], h[step.taker][:, group.takers], step)
        if meetings is not None:
            meetings[block] = meeting
    whole = Block(rows, cols)
    ports = whole.ports
    inputs = [ports.index(("L", i)) for i in range(rows)]
    outputs = [ports.index(("B", j)) for j in range(cols)]
    return -h[whole][:, 0][:, inputs][:, :, outputs]


def _down(g: Tensor, grad: Tensor, wires: Wires, meetings: dict[Block, Meeting]) -> Tensor:
    tiles, rows, cols = g.shape
    groups = schedule(rows, cols)
    bar = {b: g.new_zeros(tiles, len(a.rows), len(b.ports), len(b.ports)) for b, a in groups.items()}
    whole = Block(rows, cols)
    ports = whole.ports
    inputs = torch.tensor([ports.index(("L", i)) for i in range(rows)])
    outputs = torch.tensor([ports.index(("B", j)) for j in range(cols)])
    bar[whole][:, 0, inputs[:, None], outputs[None, :]] = -grad / 2
    bar[whole][:, 0, outputs[:, None], inputs[None, :]] = -grad.mT / 2
    out = torch.empty_like(g)
    for block, group in reversed(groups.items()):
        if block.cell:
            out[:, group.rows, group.cols] = _cells_adjoint(g[:, group.rows, group.cols], bar.pop(block), block, wires)
            continue
        step = join(block)
        bar_giver, bar_taker = _joined_adjoint(bar.pop(block), meetings.pop(block), step)
        bar[step.giver][:, group.givers] = bar_giver
        bar[step.taker][:, group.takers] = bar_taker
    return out


def _series(block: Block, wires: Wires) -> tuple[float, float]:
    """The resistances that a cell owns, to its left and below it."""
    return wires.driver_ohm if block.left else wires.row_ohm, wires.sense_ohm if block.bottom else wires.col_ohm


def _cells(g: Tensor, block: Block, wires: Wires) -> Tensor:
    """H of single cells, every entry a product of positive terms: nothing cancels, nothing overflows."""
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
    order = "LBRT"
    rows = [torch.stack([entries["".join(sorted(s + t, key=order.index))] for t in sides], -1) for s in sides]
    return torch.stack(rows, -2)


def _cells_adjoint(g: Tensor, bar: Tensor, block: Block, wires: Wires) -> Tensor:
    a, b = _series(block, wires)
    e = 1 / (1 + g * (a + b))
    weight = {"L": 1.0, "B": -1.0, "R": -a, "T": b}  # the voltage across the device is e times these port values
    w = torch.tensor([weight[side] for side, _ in block.ports], dtype=g.dtype, device=g.device)
    return torch.einsum("...ij,i,j->...", bar, w, w) * e * e


def _pick(h: Tensor, rows: Sequence[int], cols: Sequence[int]) -> Tensor:
    return h[..., list(rows), :][..., list(cols)]


def _joined(giver: Tensor, taker: Tensor, step: Join) -> tuple[Tensor, Meeting]:
    """Close the loop i = Y v + beta, v = alpha - Z i between the ports that meet."""
    x_giver = _pick(giver, step.giver_kept, step.giver_met)
    x_taker = _pick(taker, step.taker_kept, step.taker_met)
    y_open, z_open = _pick(taker, step.taker_met, step.taker_met), -_pick(giver, step.giver_met, step.giver_met)
    eye = torch.eye(y_open.shape[-1], dtype=giver.dtype, device=giver.device)
    k = torch.linalg.inv(eye + y_open @ z_open)
    y, z = _symmetric(k @ y_open), _symmetric(z_open @ k)
    giver_giver = _pick(giver, step.giver_kept, step.giver_kept) + _symmetric(x_giver @ y @ x_giver.mT)
    taker_taker = _pick(taker, step.taker_kept, step.taker_kept) - _symmetric(x_taker @ z @ x_taker.mT)
    cross = x_giver @ k @ x_taker.mT
    h = torch.cat([torch.cat([giver_giver, cross], -1), torch.cat([cross.mT, taker_taker], -1)], -2)
    return h, Meeting(x_giver, x_taker, y, k, z)


def _joined_adjoint(bar: Tensor, m: Meeting, step: Join) -> tuple[Tensor, Tensor]:
    """Congruence: bar_child = F bar F^T with F the child's port values as driven by the joined block's ports."""
    split = m.x_giver.shape[-2]
    f_giver = torch.cat([(m.x_giver @ m.y).mT, m.k @ m.x_taker.mT], -1)
    f_taker = torch.cat([(m.x_giver @ m.k).mT, -(m.x_taker @ m.z).mT], -1)
    eye = torch.eye(bar.shape[-1], dtype=bar.dtype, device=bar.device).expand_as(bar)
    giver = torch.cat([eye[..., :split, :], f_giver], -2)
    taker = torch.cat([eye[..., split:, :], f_taker], -2)
    to_giver = torch.argsort(torch.tensor(step.giver_kept + step.giver_met)).tolist()
    to_taker = torch.argsort(torch.tensor(step.taker_kept + step.taker_met)).tolist()
    bar_giver, bar_taker = giver @ bar @ giver.mT, taker @ bar @ taker.mT
    return _pick(bar_giver, to_giver, to_giver), _pick(bar_taker, to_taker, to_taker)


def _symmetric(x: Tensor) -> Tensor:
    return (x + x.mT) / 2
