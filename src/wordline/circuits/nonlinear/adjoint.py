"""Column currents of nonlinear arrays, differentiated by the implicit function theorem.

With s = di/du at the operating point, the array linearised there gives all derivatives:
mu + Z (s mu) = a is that array with voltages a in series with its devices.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ...kernels.threads import drain
from ...transforms import batch_dim_first, once_differentiable, require_plain
from ..wires import Wires
from .laws import AbstractDeviceLaw
from .linear_system import apply_z, max_abs, solve_linearised
from .operating_point import OperatingPoint, in_parts, operating_points
from .tolerances import ADJOINT_RTOL, ADJOINT_STEPS, MAX_ADJOINT_RESIDUAL, RESIDUAL, STEPS


class ColumnCurrents(torch.autograd.Function):
    """Column currents and, if `keep`, the device voltages of the operating points."""

    @staticmethod
    def forward(
        v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep: bool
    ) -> tuple[Tensor, Tensor]:
        point = operating_points(v, g, wires, law, keep_volts=keep)
        _require_converged(point)
        return point.currents, point.device_volts if keep else v.new_empty(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        v, g, ctx.wires, ctx.law, _ = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # no zeros as large as the device voltages
        ctx.save_for_backward(v, g, output[1])
        ctx.save_for_forward(v, g, output[1])

    @staticmethod
    def backward(
        ctx: Any, *grads: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        if grads[0] is None:
            return None, None, None, None, None
        v, g, volts = ctx.saved_tensors
        return (
            *_Adjoint.apply(v, g, *require_plain(grads[0]), volts, ctx.wires, ctx.law),
            None,
            None,
            None,
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, None]:
        v, g, volts = ctx.saved_tensors
        dv, dg = (
            torch.zeros_like(x) if change is None else change
            for x, change in zip((v, g), tangents[:2], strict=True)
        )
        return _Tangent.apply(v, g, dv, dg, volts, ctx.wires, ctx.law), None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], v: Tensor, g: Tensor, wires: Wires,
        law: AbstractDeviceLaw, keep: bool,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int | None]]:  # fmt: skip
        both = batch_dim_first(info.batch_size, dims[:2], v, g)
        return ColumnCurrents.apply(*both, wires, law, keep), (0, 0 if keep else None)


class _Adjoint(once_differentiable("solve_nonlinear")):
    """Gradients with respect to v and g, given that with respect to the column currents.

    With a_ij = dL/dI_j and mu + Z (s mu) = a: dL/dv_i = sum_j (s mu)_ij and dL/dg = (di/dg) mu.
    """

    @staticmethod
    def forward(
        v: Tensor, g: Tensor, grad: Tensor, volts: Tensor, wires: Wires, law: AbstractDeviceLaw
    ) -> tuple[Tensor, Tensor]:
        batch, rows, cols = volts.shape[-3:]
        n = math.prod(volts.shape[:-2])
        grad_v = torch.zeros(v.shape, dtype=v.dtype, device=v.device)
        grad_g = torch.zeros_like(g.contiguous())
        if n == 0:
            return grad_v, grad_g
        u, a = volts.reshape(n, rows, cols), grad.reshape(n, 1, cols)
        tiles = g.reshape(-1, rows, cols)

        def work(part: slice) -> tuple[int, Tensor]:
            tile = torch.arange(part.start, part.stop, device=u.device) // batch
            s, di_dg = _derivatives(law, u[part], tiles.index_select(0, tile))
            mu = _solve_exactly(s, a[part].expand(-1, rows, cols).contiguous(), wires)
            grad_v.view(n, rows)[part] = (s * mu).sum(2)
            first, last = part.start // batch, (part.stop - 1) // batch
            sums = u.new_zeros(last - first + 1, rows, cols)
            return first, sums.index_add_(0, tile - first, di_dg * mu)

        # in order, so that the sum has the same bits
        for first, sums in in_parts(work, n, rows * cols, u.device):
            grad_g.view(-1, rows, cols)[first : first + len(sums)] += sums
        return grad_v, grad_g

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], v: Tensor, g: Tensor, grad: Tensor, volts: Tensor,
        wires: Wires, law: AbstractDeviceLaw,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:  # fmt: skip
        tensors = batch_dim_first(info.batch_size, dims[:4], v, g, grad, volts)
        return _Adjoint.apply(*tensors, wires, law), (0, 0)


class _Tangent(once_differentiable("solve_nonlinear")):
    """Changes dI_j = sum_i q_ij for changes dv and dg.

    q = s du + (di/dg) dg, and du + Z q = dv is the linearised array.
    """

    @staticmethod
    def forward(
        v: Tensor, g: Tensor, dv: Tensor, dg: Tensor, volts: Tensor, wires: Wires,
        law: AbstractDeviceLaw,
    ) -> Tensor:  # fmt: skip
        batch, rows, cols = volts.shape[-3:]
        n = math.prod(volts.shape[:-2])
        out = v.new_zeros(n, cols)
        u, dv = volts.reshape(n, rows, cols), dv.reshape(n, rows, 1)
        tiles, changes = g.reshape(-1, rows, cols), dg.reshape(-1, rows, cols)

        def work(part: slice) -> None:
            tile = torch.arange(part.start, part.stop, device=u.device) // batch
            s, di_dg = _derivatives(law, u[part], tiles.index_select(0, tile))
            extra = di_dg * changes.index_select(0, tile)
            du = _solve_exactly(s, dv[part] - apply_z(extra, wires), wires)
            out[part] = (s * du + extra).sum(1)

        drain(in_parts(work, n, rows * cols, u.device))
        return out.reshape(*volts.shape[:-2], cols)

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        tensors = batch_dim_first(info.batch_size, dims[:5], *inputs[:5])
        return _Tangent.apply(*tensors, *inputs[5:]), 0


def _derivatives(law: AbstractDeviceLaw, u: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """di/du and di/dg of each device."""
    with torch.enable_grad():
        g_leaf = g.detach().requires_grad_()
        i = law.current(u, g_leaf)
        if i.requires_grad:
            (di_dg,) = torch.autograd.grad(i, g_leaf, torch.ones_like(i))
        else:
            di_dg = torch.zeros_like(g)
    return law.slope(u, g), di_dg


def _solve_exactly(s: Tensor, a: Tensor, wires: Wires) -> Tensor:
    """Device voltages mu + Z (s mu) = a: solved, then twice solved for what was left."""
    mu, left = torch.zeros_like(a), a
    for _ in range(3):
        mu = mu + left + solve_linearised(s, s * left, wires, ADJOINT_RTOL, ADJOINT_STEPS)
        left = a - mu - apply_z(s * mu, wires)
    if not (max_abs(left) <= MAX_ADJOINT_RESIDUAL * max_abs(a)).all():
        raise RuntimeError(
            "the adjoint of `solve_nonlinear` did not converge: `wires` and `g` make a network too "
            "stiff for an exact gradient; lower the wire resistances or the conductances"
        )
    return mu


def _require_converged(point: OperatingPoint) -> None:
    failed = (~point.converged).nonzero()
    if len(failed):
        names = ", ".join(str(tuple(where)) for where in failed[:4].tolist())
        worst = point.residual[~point.converged].max().item()
        raise RuntimeError(
            f"`solve_nonlinear` did not converge for {len(failed)} of {point.converged.numel()} "
            f"samples, at index {names}{', ...' if len(failed) > 4 else ''}: residual {worst:.1e} "
            f"after at most {STEPS} steps, {RESIDUAL:g} wanted; lower `v` there, or look with "
            "`nonlinear_operating_point`"
        )
