"""The effective conductance of an ohmic array: the matrix it multiplies by, wires included."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..transforms import batch_dim_first, concrete, no_compile, once_differentiable, require_plain
from .linear import compiled, reference
from .siemens import warn_of_ohms
from .wires import Wires

# Cells that the reference solver holds at once, which bounds its working memory: 0.3 GB in float64
# on the CPU, eight times as much elsewhere, where small batches leave processors idle.
_CHUNK_CELLS, _CHUNK_CELLS_ELSEWHERE = 1 << 17, 1 << 20


@no_compile
def effective_conductance(g: Tensor, wires: Wires) -> Tensor:
    """Compute the matrix by which an array of conductances multiplies its input voltages.

    Kirchhoff's laws at all 2 rows x cols nodes of the array are linear in the voltages, so the
    output currents are exactly `I_j = sum_i V_i W_ij`, with W independent of the input. Each of the
    four resistances may be zero, and each device may be open (g = 0). Without any wire resistance W
    is `g`, bit for bit. A float32 tile whose devices outweigh their wires, or whose lines are all
    alike, is solved in float64 and rounded; a tile whose devices are nearly shorts beside a driver,
    and numbers near the end of the type's range, by sums of positive terms in float64, slower and
    right at any scale: see `conditioning`. On the CPU a tile's bits do not depend on what else is
    in the batch nor on the number of threads; on other devices the last ones may.

    Differentiable once with respect to `g`, by the adjoint network rather than by unrolling the
    solve, in reverse and (slower, in plain torch) in forward mode; `torch.func` may batch it. Where
    a gradient will be asked for, the factors of the solve are saved for it, up to 1 GB in the whole
    process.

    - `g`: siemens, `(..., rows, cols)`, float32 or float64, finite and not negative; word lines
      are rows.
    - returns: siemens, same shape, type and device.
    - raises `ValueError` for NaN, infinite or negative conductances and for fewer than two
      dimensions, `TypeError` for other types; warns above 0.1 S, where ohms or normalised numbers
      were probably meant.

    >>> g = torch.tensor([[1e-3]], dtype=torch.float64)
    >>> w = effective_conductance(g, Wires(driver_ohm=500, sense_ohm=1500))
    >>> round(w.item(), 12)  # 1 / (500 + 1/g + 1500) siemens
    0.000333333333
    """
    _require_conductances(g)
    warn_of_ohms("g", g)
    return through_wires(g, wires)


def through_wires(g: Tensor, wires: Wires) -> Tensor:
    """Compute `effective_conductance` of devices as programmed, whose unit is not in doubt.

    It never warns.
    """
    _require_conductances(g)
    if not isinstance(wires, Wires):
        raise TypeError(f"`wires` must be Wires, got {wires!r} of type {type(wires).__name__}")
    if wires.ideal or g.numel() == 0:
        return g.clone()
    needs_adjoint = g.requires_grad and torch.is_grad_enabled()
    w: Tensor = _Effective.apply(g.reshape(-1, *g.shape[-2:]), wires, needs_adjoint)[0]
    return w.reshape(g.shape)


def _require_conductances(g: Tensor) -> None:
    if not isinstance(g, Tensor):
        raise TypeError(
            f"`g` must be a torch Tensor, got {type(g).__name__}; pass torch.from_numpy(g)"
        )
    if g.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"`g` must be float32 or float64, got {g.dtype}; pass g.double() or g.float()"
        )
    if g.ndim < 2:
        raise ValueError(
            f"`g` must have the shape (..., rows, cols), got {tuple(g.shape)}; a row is g[None, :]"
        )
    if g.numel() == 0:
        return
    low, high = (x.item() for x in concrete(g).aminmax())
    if not low >= 0 and low == low:
        raise ValueError(
            f"`g` must not be negative, got {low:g} S; clamp it, or map signs to a pair of arrays"
        )
    if not high < float("inf"):
        raise ValueError(
            f"`g` must be finite, got {high:g} S; an open device is 0, a short has a resistance"
        )


class _Effective(torch.autograd.Function):
    """The effective conductance, and the factors saved for its adjoint (none on other devices)."""

    @staticmethod
    def forward(g: Tensor, wires: Wires, needs_adjoint: bool) -> tuple[Tensor, Tensor]:
        if g.device.type != "cpu":
            return torch.cat([reference.solve(part, wires) for part in _chunks(g)]), g.new_empty(0)
        if needs_adjoint:
            return compiled.solve_and_save(g, wires)
        return compiled.solve(g, wires), g.new_empty(0)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Wires, bool], output: tuple[Tensor, Tensor]
    ) -> None:
        g, ctx.wires, _ = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # no zeros as large as the saved factors
        ctx.save_for_backward(g, output[1])
        ctx.save_for_forward(g)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None, None]:
        if grads[0] is None:
            return None, None, None
        g, saved = ctx.saved_tensors
        return _Adjoint.apply(g, *require_plain(grads[0]), ctx.wires, saved), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> tuple[Tensor, None]:
        (g,) = ctx.saved_tensors
        return _Tangent.apply(g, tangents[0], ctx.wires), None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int, None, None], g: Tensor, wires: Wires, needs_adjoint: bool
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, None]]:
        tiles = g.movedim(dims[0], 0).flatten(0, 1)
        w, saved = _Effective.apply(tiles, wires, needs_adjoint)
        return (w.unflatten(0, (info.batch_size, -1)), saved), (0, None)


class _Adjoint(once_differentiable("effective_conductance")):
    @staticmethod
    def forward(g: Tensor, grad: Tensor, wires: Wires, saved: Tensor) -> Tensor:
        if g.device.type == "cpu":
            return compiled.adjoint(g, grad, wires, saved)
        parts = zip(_chunks(g), _chunks(grad), strict=True)
        return torch.cat([reference.adjoint(part, bar, wires) for part, bar in parts])

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], g: Tensor, grad: Tensor, wires: Wires,
        saved: Tensor,
    ) -> tuple[Tensor, int]:  # fmt: skip
        same_tiles = dims[0] is not None and dims[3] is None  # the factors are those of these g
        saved = saved if same_tiles else saved.new_empty(0)
        tiles = (x.flatten(0, 1) for x in batch_dim_first(info.batch_size, dims[:2], g, grad))
        return _Adjoint.apply(*tiles, wires, saved).unflatten(0, (info.batch_size, -1)), 0


class _Tangent(once_differentiable("effective_conductance")):
    """dW for a change dG: the adjoint is linear in dL/dW, so its own adjoint takes dG to dW."""

    @staticmethod
    def forward(g: Tensor, tangent: Tensor, wires: Wires) -> Tensor:
        parts: list[Tensor] = []
        for tiles, change in zip(_chunks(g.double()), _chunks(tangent.double()), strict=True):
            with torch.enable_grad():
                grad = torch.zeros_like(tiles).requires_grad_()
                pulled = reference.adjoint(tiles, grad, wires)
            parts += torch.autograd.grad(pulled, grad, change)
        return torch.cat(parts).to(g.dtype)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], g: Tensor, tangent: Tensor, wires: Wires
    ) -> tuple[Tensor, int]:
        tiles = (x.flatten(0, 1) for x in batch_dim_first(info.batch_size, dims[:2], g, tangent))
        return _Tangent.apply(*tiles, wires).unflatten(0, (info.batch_size, -1)), 0


def _chunks(g: Tensor) -> tuple[Tensor, ...]:
    """Split a batch, so that the working memory stays small."""
    cells = _CHUNK_CELLS if g.device.type == "cpu" else _CHUNK_CELLS_ELSEWHERE
    return torch.split(g, max(1, cells // (g.shape[-2] * g.shape[-1])))
