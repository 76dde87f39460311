"""The reference solver in plain torch: nested dissection on every device.

All blocks of one class, of all tiles, merge in one batched operation, from single cells up to the
whole array; the adjoint walks the same tree downwards. Between the first merge and the last the
host never waits for the device.

Batched matrix products choose their order of summation by the size of the batch: a tile's result
may differ in its last bits with what else is in the batch (by less than 1e-14 of its largest entry
in float64, 1e-6 in float32).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...typing import Siemens
from ..wires import Wires
from . import conditioning
from .dissection import Block
from .levels import Child, Plan, plan
from .merge import merge, merge_adjoint

_CELL = Block(1, 1, False, False, False, False)


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Compute the effective conductance of a batch of tiles `(tiles, rows, cols)`."""
    run = lambda some: merge_all(some, wires)  # noqa: E731
    with torch.autocast(g.device.type, enabled=False):
        return conditioning.solve(run, _unrounded(g), wires).to(g.dtype)


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """Compute dL/dG from dL/dW, both `(tiles, rows, cols)`, by the adjoint network."""
    run = lambda some, bar: merge_all_adjoint(some, bar, wires)  # noqa: E731
    with torch.autocast(g.device.type, enabled=False):
        w_bar = grad.to(_unrounded(g).dtype)
        return conditioning.adjoint(run, _unrounded(g), w_bar, wires).to(g.dtype)


def _unrounded(g: Tensor) -> Tensor:
    """In float64 where products of float32 may be rounded to 10 bits (TF32) or 8."""
    return g if torch.get_float32_matmul_precision() == "highest" else g.double()


def merge_all(g: Siemens, wires: Wires) -> Siemens:
    """Compute what `solve` does, of tiles that nested dissection solves accurately."""
    return _forward(g, wires)[0]


def merge_all_adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """Compute what `adjoint` does, of tiles that nested dissection solves accurately."""
    return _backward(g, grad, wires, _forward(g, wires)[1])


def _forward(g: Tensor, wires: Wires) -> tuple[Tensor, list[Tensor]]:
    """Merge all blocks, leaves first, and read W off the array's H; return the forms, too."""
    made, tiles = _plan(g), len(g)
    h, forms = {_CELL: _cells(g.flatten(1), *_series(made, wires, g))}, []
    for level in made.levels:
        merged, of_level = merge(
            _gather(h, level.upstream), _gather(h, level.downstream), level.width
        )
        h[level.block] = merged.unflatten(0, (tiles, -1))
        forms.append(of_level)
    return -h[made.root][:, 0, made.inputs[:, None], made.outputs], forms


def _backward(g: Tensor, grad: Tensor, wires: Wires, forms: list[Tensor]) -> Tensor:
    """Carry dL/dH from the array down to its cells, and from there to dL/dG."""
    made, tiles = _plan(g), len(g)
    count = {level.block: len(level.upstream.members) for level in made.levels}
    count[_CELL] = g[0].numel()
    bar = {b: g.new_zeros(tiles, n, len(b.ports), len(b.ports)) for b, n in count.items()}
    bar[made.root][:, 0, made.inputs[:, None], made.outputs] = -grad / 2
    bar[made.root][:, 0, made.outputs[:, None], made.inputs] -= grad.mT / 2
    for level, of_level in zip(reversed(made.levels), reversed(forms), strict=True):
        split = len(level.upstream.ports) - level.width
        up, down = merge_adjoint(bar.pop(level.block).flatten(0, 1), of_level, split)
        for child, bars in ((level.upstream, up), (level.downstream, down)):
            bar[child.block][_places(child)] = bars.unflatten(0, (tiles, -1))
    return _cells_adjoint(g.flatten(1), bar[_CELL], *_series(made, wires, g)).view_as(g)


def _plan(g: Tensor) -> Plan:
    return plan(g.shape[1], g.shape[2], g.device)


def _places(child: Child) -> tuple[slice, Tensor, Tensor, Tensor]:
    return slice(None), child.members[:, None, None], child.ports[:, None], child.ports


def _gather(h: dict[Block, Tensor], child: Child) -> Tensor:
    """The matrices of a class's children, `(tiles x merges, ports, ports)`."""
    return h[child.block][_places(child)].flatten(0, 1)


def _series(made: Plan, wires: Wires, g: Tensor) -> tuple[Tensor, Tensor]:
    """The resistances that each cell owns, to its left and below it, in float64."""
    ohms = torch.zeros_like(made.first_column, dtype=torch.float64)
    left = (ohms + wires.row_ohm).masked_fill(made.first_column, wires.driver_ohm)
    below = (ohms + wires.col_ohm).masked_fill(made.last_row, wires.sense_ohm)
    return left, below


def _cells(g: Tensor, left: Tensor, below: Tensor) -> Tensor:
    """H of single cells, each entry a product of positive terms: nothing cancels or overflows."""
    a, b, both = (ohms.to(g.dtype) for ohms in (left, below, left + below))
    e = 1 / (1 + g * both)
    d = torch.where(g < 1, g * e, 1 / (1 / g + both))
    ad, bd, abd = a * d, b * d, -(left * below).to(g.dtype) * d
    row, col = e + bd, e + ad
    entries = [
        d, -d, row, bd,
        -d, d, ad, col,
        row, ad, -a * row, abd,
        bd, col, abd, -b * col,
    ]  # fmt: skip
    return torch.stack(entries, -1).unflatten(-1, (4, 4))


def _cells_adjoint(g: Tensor, bar: Tensor, left: Tensor, below: Tensor) -> Tensor:
    """dL/dG of single cells: u^T (dL/dH) u, with u the device voltage as a form in the ports."""
    one = torch.ones_like(left)
    u = torch.stack([one, -one, -left, below], -1)  # device voltage = e times these port values
    e = 1 / (1 + g * (left + below).to(g.dtype))
    return (bar * (u[:, :, None] * u[:, None, :]).to(g.dtype)).sum((-2, -1)) * e * e
