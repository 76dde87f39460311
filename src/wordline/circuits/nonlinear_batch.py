"""A batch of nonlinear arrays: spread over cores part by part, and differentiated at the operating point."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..transforms import in_front, once, plain
from .laws import AbstractDeviceLaw
from .nonlinear_newton import STEPS, TOLERANCE, engine, find_operating_points
from .wires import Wires

# Devices solved at a time: on a CPU so few that a part stays in the cache and that torch wakes no threads of its own.
_CELLS, _CELLS_ELSEWHERE = 1 << 14, 1 << 23
_ADJOINT_RTOL, _ADJOINT_STEPS = 1e-10, 1000
_ADJOINT_LIMIT = 1e-8  # relative residual from which a gradient is refused
Result = TypeVar("Result")


class Point(NamedTuple):
    """The fields of `OperatingPoint`; `device_volts` is empty unless they were to be kept."""

    currents: Tensor
    device_volts: Tensor
    iterations: Tensor
    residual: Tensor
    converged: Tensor


def solve(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep_volts: bool) -> Point:
    """Settle v `(..., batch, rows)` on g `(..., rows, cols)`, both float64 with the same leading dimensions."""
    batch, rows, cols = v.shape[-2], *g.shape[-2:]
    shape, n = v.shape[:-1], math.prod(v.shape[:-1])
    drives, tiles = v.reshape(n, rows), g.reshape(-1, rows, cols) if n else g.new_empty(0, rows, cols)
    point = Point(
        currents=v.new_empty(n, cols),
        device_volts=v.new_empty(n if keep_volts else 0, rows, cols),
        iterations=torch.empty(n, dtype=torch.int64, device=v.device),
        residual=v.new_empty(n),
        converged=torch.empty(n, dtype=torch.bool, device=v.device),
    )

    def work(part: slice) -> None:
        tile = torch.arange(part.start, part.stop, device=v.device) // batch
        arrival = find_operating_points(drives[part], tiles.index_select(0, tile), wires, law)
        point.currents[part] = arrival.currents.sum(1)
        point.iterations[part] = arrival.iterations
        point.residual[part] = arrival.residual
        point.converged[part] = arrival.converged
        if keep_volts:
            point.device_volts[part] = arrival.volts

    for _ in _in_parts(work, n, rows * cols, v.device):
        pass
    ends = ((cols,), (rows, cols), (), (), ())
    return Point(*(x.reshape(*shape, *end) if len(x) == n else x for x, end in zip(point, ends, strict=True)))


class ColumnCurrents(torch.autograd.Function):
    """Column currents, and the operating points `keep` asks for, differentiated by the implicit function theorem."""

    @staticmethod
    def forward(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep: bool) -> tuple[Tensor, Tensor]:
        """Settle v `(..., batch, rows)` on g `(..., rows, cols)`, of the same leading dimensions."""
        point = solve(v, g, wires, law, keep_volts=keep)
        _require_converged(point)
        return point.currents, point.device_volts if keep else v.new_empty(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep what either derivative needs."""
        v, g, ctx.wires, ctx.law, _ = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # no zeros as large as what was kept
        ctx.save_for_backward(v, g, output[1])
        ctx.save_for_forward(v, g, output[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        """One adjoint network for each sample."""
        if grads[0] is None:
            return None, None, None, None, None
        v, g, volts = ctx.saved_tensors
        return *_Adjoint.apply(v, g, *plain(grads[0]), volts, ctx.wires, ctx.law), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, None]:
        """One linear network for each sample."""
        v, g, volts = ctx.saved_tensors
        dv, dg = (
            torch.zeros_like(x) if change is None else change for x, change in zip((v, g), tangents[:2], strict=True)
        )
        return _Tangent.apply(v, g, dv, dg, volts, ctx.wires, ctx.law), None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep: bool
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int | None]]:
        """A further leading dimension."""
        both = in_front(info.batch_size, dims[:2], v, g)
        return ColumnCurrents.apply(*both, wires, law, keep), (0, 0 if keep else None)


class _Adjoint(once("solve_nonlinear")):
    """Gradients with respect to v and g, given that with respect to the column currents, a_ij = dL/dI_j.

    With s = di/du, mu + Z (s mu) = a is the array linearised at its operating point, with the voltages a in series with
    its devices. Then dL/dv_i = sum_j (s mu)_ij and dL/dg = (di/dg) mu.
    """

    @staticmethod
    def forward(
        v: Tensor, g: Tensor, grad: Tensor, volts: Tensor, wires: Wires, law: AbstractDeviceLaw
    ) -> tuple[Tensor, Tensor]:
        batch, rows, cols = volts.shape[-3:]
        n = math.prod(volts.shape[:-2])
        grad_v, grad_g = torch.zeros(v.shape, dtype=v.dtype, device=v.device), torch.zeros_like(g.contiguous())
        if n == 0:
            return grad_v, grad_g
        u, a, tiles = volts.reshape(n, rows, cols), grad.reshape(n, 1, cols), g.reshape(-1, rows, cols)

        def work(part: slice) -> tuple[int, Tensor]:
            tile = torch.arange(part.start, part.stop, device=u.device) // batch
            s, di_dg = _linearised(law, u[part], tiles.index_select(0, tile))
            mu = _adjoint(s, a[part].expand(-1, rows, cols).contiguous(), wires)
            grad_v.view(n, rows)[part] = (s * mu).sum(2)
            first, last = part.start // batch, (part.stop - 1) // batch
            return first, u.new_zeros(last - first + 1, rows, cols).index_add_(0, tile - first, di_dg * mu)

        for first, share in _in_parts(work, n, rows * cols, u.device):  # in order, so that the sum has the same bits
            grad_g.view(-1, rows, cols)[first : first + len(share)] += share
        return grad_v, grad_g

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], v: Tensor, g: Tensor, grad: Tensor, volts: Tensor, wires: Wires,
        law: AbstractDeviceLaw,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:  # fmt: skip
        return _Adjoint.apply(*in_front(info.batch_size, dims[:4], v, g, grad, volts), wires, law), (0, 0)


class _Tangent(once("solve_nonlinear")):
    """dI_j = sum_i q_ij for changes dv and dg: q = s du + (di/dg) dg, and du + Z q = dv is that linear network."""

    @staticmethod
    def forward(
        v: Tensor, g: Tensor, dv: Tensor, dg: Tensor, volts: Tensor, wires: Wires, law: AbstractDeviceLaw
    ) -> Tensor:
        batch, rows, cols = volts.shape[-3:]
        n = math.prod(volts.shape[:-2])
        out = v.new_zeros(n, cols)
        u, dv = volts.reshape(n, rows, cols), dv.reshape(n, rows, 1)
        tiles, changes = g.reshape(-1, rows, cols), dg.reshape(-1, rows, cols)

        def work(part: slice) -> None:
            tile = torch.arange(part.start, part.stop, device=u.device) // batch
            s, di_dg = _linearised(law, u[part], tiles.index_select(0, tile))
            extra = di_dg * changes.index_select(0, tile)
            du = _adjoint(s, dv[part] - engine(s).drops(extra, wires), wires)
            out[part] = (s * du + extra).sum(1)

        for _ in _in_parts(work, n, rows * cols, u.device):
            pass
        return out.reshape(*volts.shape[:-2], cols)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], v: Tensor, g: Tensor, dv: Tensor, dg: Tensor, volts: Tensor,
        wires: Wires, law: AbstractDeviceLaw,
    ) -> tuple[Tensor, int]:  # fmt: skip
        return _Tangent.apply(*in_front(info.batch_size, dims[:5], v, g, dv, dg, volts), wires, law), 0


def _linearised(law: AbstractDeviceLaw, u: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """di/du and di/dg of each device."""
    with torch.enable_grad():
        g_leaf = g.detach().requires_grad_()
        i = law.current(u, g_leaf)
        if i.requires_grad:
            (di_dg,) = torch.autograd.grad(i, g_leaf, torch.ones_like(i))
        else:
            di_dg = torch.zeros_like(g)
    return law.slope(u, g), di_dg


def _adjoint(s: Tensor, a: Tensor, wires: Wires) -> Tensor:
    """Device voltages mu of the linear array with sources a in series: solved, then solved for what was left."""
    drops, respond = engine(s).drops, engine(s).respond
    mu, left = torch.zeros_like(a), a
    for _ in range(3):
        mu = mu + left + respond(s, s * left, wires, _ADJOINT_RTOL, _ADJOINT_STEPS)
        left = a - mu - drops(s * mu, wires)
    if not (left.abs().amax((1, 2)) <= _ADJOINT_LIMIT * a.abs().amax((1, 2))).all():
        raise RuntimeError(
            "the adjoint of `solve_nonlinear` did not converge: `wires` and `g` make a network too stiff for an exact "
            "gradient; lower the wire resistances or the conductances"
        )
    return mu


def _in_parts(work: Callable[[slice], Result], n: int, cells: int, device: torch.device) -> Iterator[Result]:
    """Results, in order, of work on parts of n samples, on as many threads as torch would take."""
    size = max(1, (_CELLS if device.type == "cpu" else _CELLS_ELSEWHERE) // cells)
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    threads = min(torch.get_num_threads(), len(parts)) if device.type == "cpu" else 1
    if threads <= 1:
        yield from map(work, parts)
        return

    def work_on_thread(part: slice) -> Result:
        with torch.no_grad():  # a new thread starts with gradients on
            return work(part)

    # A pool for one call survives forks and leaves nobody's thread settings changed.
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work_on_thread, parts)


def _require_converged(point: Point) -> None:
    failed = (~point.converged).nonzero()
    if len(failed):
        names = ", ".join(str(tuple(where)) for where in failed[:4].tolist())
        worst = point.residual[~point.converged].max().item()
        raise RuntimeError(
            f"`solve_nonlinear` did not converge for {len(failed)} of {point.converged.numel()} samples, at index "
            f"{names}{', ...' if len(failed) > 4 else ''}: residual {worst:.1e} after at most {STEPS} steps, "
            f"{TOLERANCE:g} wanted; lower `v` there, or look with `nonlinear_operating_point`"
        )
