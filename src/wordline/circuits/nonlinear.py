"""What an array of devices with a curved I-V carries: one nonlinear network per input, and its exact gradient."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..values import require_instance
from .laws import AbstractDeviceLaw, Ohmic
from .nonlinear_newton import STEPS, TOLERANCE, engine, find_operating_points
from .wires import Wires

_CELLS = 1 << 18  # devices solved at a time on a CPU: 2 MB an array, near its cores
_CELLS_ELSEWHERE = 1 << 23
_ADJOINT_RTOL, _INNER_RTOL = 1e-13, 1e-4
_ADJOINT_STEPS = 1000
_ADJOINT_LIMIT = 1e-8  # relative residual from which a gradient is refused


class OperatingPoint(NamedTuple):
    """Where each sample of a nonlinear array settles, and how well.

    `currents`: column currents, ampere; `device_volts`: voltage across each device; `iterations`: Newton steps;
    `residual`: what is missing in Kirchhoff's voltage law at the worst device, relative to the largest applied
    voltage; `converged`: whether the residual is at rounding. One entry a sample, never one for the batch.
    """

    currents: Float[Tensor, "*tiles batch cols"]
    device_volts: Float[Tensor, "*tiles batch rows cols"]
    iterations: Int[Tensor, "*tiles batch"]
    residual: Float[Tensor, "*tiles batch"]
    converged: Bool[Tensor, "*tiles batch"]


def solve_nonlinear(
    v: Float[Tensor, "*#tiles batch rows"],
    g: Float[Tensor, "*#tiles rows cols"],
    wires: Wires,
    law: AbstractDeviceLaw = Ohmic(),
) -> Float[Tensor, "... batch cols"]:
    """Column currents of an array whose devices do not obey Ohm's law, for each input and each tile.

        I_j = sum_i i(u_ij, g_ij),   u = v - Z i(u, g),   Z: the resistance of the wires as the devices see it

    `v`: row voltages `(..., batch, rows)`, volt; `g`: device parameters `(..., rows, cols)`, siemens; leading
    dimensions broadcast. Returns ampere in the wider of the two types; the work is done in float64. Any of the four
    resistances may be zero and any device open. Differentiable once with respect to `v` and `g`, by one linear adjoint
    solve at the operating point. Raises ValueError for input that is not finite and RuntimeError naming the samples
    that did not converge; `nonlinear_operating_point` returns the report instead.

    >>> from wordline.circuits import SinhDevice
    >>> v, g = torch.tensor([[0.5, 0.25]]), torch.tensor([[2e-4], [1e-4]])
    >>> solve_nonlinear(v, g, Wires(), SinhDevice(b=4.0)).item()  # 2e-4 sinh(2)/4 + 1e-4 sinh(1)/4
    0.0002107...
    """
    _require_arguments(v, g, wires, law)
    dtype = torch.result_type(v, g)
    v64, g64 = _aligned(v, g)
    currents: Tensor = _ColumnCurrents.apply(v64, g64, wires, law)  # type: ignore[no-untyped-call]
    return currents.to(dtype)


def nonlinear_operating_point(
    v: Float[Tensor, "*#tiles batch rows"],
    g: Float[Tensor, "*#tiles rows cols"],
    wires: Wires,
    law: AbstractDeviceLaw = Ohmic(),
) -> OperatingPoint:
    """Where each sample settles, with a report on how it got there; arguments as in `solve_nonlinear`.

    Never raises for a sample that does not converge and is not differentiable. `device_volts` holds a float64 for every
    device of every sample.

    >>> point = nonlinear_operating_point(torch.tensor([[0.5]]), torch.tensor([[1e-3]]), Wires(driver_ohm=1e3))
    >>> point.device_volts.item(), point.converged.item()  # half of the voltage, as driver and device are equal
    (0.25..., True)
    """
    _require_arguments(v, g, wires, law)
    with torch.no_grad():
        return _solve(*_aligned(v, g), wires, law, keep_volts=True)


class _ColumnCurrents(torch.autograd.Function):
    """Column currents, with the implicit function theorem as their derivative.

    With s = di/du and a_ij the gradient of the loss with respect to I_j, the adjoint is the same linear array with a
    as sources in its devices: mu + Z (s mu) = a. Then dL/dv_i = sum_j (s mu)_ij and dL/dg = (di/dg) mu.
    """

    @staticmethod
    def forward(ctx: Any, v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> Tensor:
        keep = any(ctx.needs_input_grad)
        point = _solve(v, g, wires, law, keep_volts=keep)
        _require_converged(point)
        if keep:
            ctx.save_for_backward(g, point.device_volts)
            ctx.wires, ctx.law = wires, law
        return point.currents

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        g, volts = ctx.saved_tensors
        batch, rows, cols = volts.shape[-3:]
        u, a, tiles = volts.reshape(-1, rows, cols), grad.reshape(-1, 1, cols), g.reshape(-1, rows, cols)
        grad_v, grad_g = u.new_empty(len(u), rows), torch.zeros_like(tiles)
        for part in _parts(len(u), rows * cols, u.device):
            tile = torch.arange(part.start, part.stop, device=u.device) // batch
            emf = a[part].expand(-1, rows, cols).contiguous()
            s, di_dg = _linearise(ctx.law, u[part], tiles[tile])
            mu = _adjoint(s, emf, ctx.wires)
            grad_v[part] = (s * mu).sum(2)
            grad_g.index_add_(0, tile, di_dg * mu)
        return grad_v.reshape(*volts.shape[:-1]), grad_g.reshape(g.shape), None, None


def _linearise(law: AbstractDeviceLaw, u: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """di/du and di/dg of each device."""
    with torch.enable_grad():
        g_leaf = g.detach().requires_grad_()
        i = law.current(u, g_leaf)
        ones = torch.ones_like(i)
        di_dg = torch.autograd.grad(i, g_leaf, ones)[0] if i.requires_grad else torch.zeros_like(g)
    return law.slope(u, g), di_dg


def _adjoint(s: Tensor, emf: Tensor, wires: Wires) -> Tensor:
    """The linear array solved to rounding: conjugate gradients, then once more on what they left."""
    chains = engine(s)
    mu = chains.solve_emf(s, emf, wires, _ADJOINT_RTOL, _ADJOINT_STEPS)
    left = emf - mu - chains.wire_drops(s * mu, wires)
    mu = mu + chains.solve_emf(s, left, wires, _INNER_RTOL, _ADJOINT_STEPS)
    left = emf - mu - chains.wire_drops(s * mu, wires)
    if not (left.abs().amax((1, 2)) <= _ADJOINT_LIMIT * emf.abs().amax((1, 2))).all():
        raise RuntimeError(
            "the adjoint of `solve_nonlinear` did not converge: `wires` and `g` make a network too stiff for an exact "
            "gradient; use smaller wire resistances or conductances"
        )
    return mu


def _solve(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, keep_volts: bool) -> OperatingPoint:
    """Every sample of aligned v `(..., batch, rows)` and g `(..., rows, cols)`, a cacheful at a time."""
    batch, (rows, cols) = v.shape[-2], g.shape[-2:]
    shape, drives, tiles = v.shape[:-1], v.reshape(-1, rows), g.reshape(-1, rows, cols)
    n = len(drives)
    currents, residual = drives.new_empty(n, cols), drives.new_empty(n)
    volts = drives.new_empty(n if keep_volts else 0, rows, cols)
    iterations = torch.empty(n, dtype=torch.int64, device=v.device)
    converged = torch.empty(n, dtype=torch.bool, device=v.device)
    for part in _parts(n, rows * cols, v.device):
        tile = torch.arange(part.start, part.stop, device=v.device) // batch
        arrival = find_operating_points(drives[part], tiles[tile], wires, law)
        currents[part] = arrival.currents.sum(1)
        iterations[part], residual[part], converged[part] = arrival.iterations, arrival.residual, arrival.converged
        if keep_volts:
            volts[part] = arrival.volts
    volts = volts.reshape(*shape, rows, cols) if keep_volts else volts
    shaped = (x.reshape(shape) for x in (iterations, residual, converged))
    return OperatingPoint(currents.reshape(*shape, cols), volts, *shaped)


def _parts(n: int, cells: int, device: torch.device) -> Iterator[slice]:
    size = max(1, (_CELLS if device.type == "cpu" else _CELLS_ELSEWHERE) // cells)
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _aligned(v: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64, with leading dimensions broadcast against each other."""
    tiles = torch.broadcast_shapes(v.shape[:-2], g.shape[:-2])
    return v.double().expand(*tiles, *v.shape[-2:]), g.double().expand(*tiles, *g.shape[-2:])


def _require_converged(point: OperatingPoint) -> None:
    failed = (~point.converged).nonzero()
    if len(failed):
        where = ", ".join(str(tuple(index)) for index in failed[:4].tolist()) + (", ..." if len(failed) > 4 else "")
        worst = point.residual[~point.converged].max().item()
        raise RuntimeError(
            f"`solve_nonlinear` did not converge for {len(failed)} of {point.converged.numel()} samples, at {where}: "
            f"relative residual up to {worst:.1e} after at most {STEPS} steps, {TOLERANCE:g} wanted; lower `v` at those "
            "samples, or look at them with `nonlinear_operating_point`"
        )


def _require_arguments(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> None:
    require_instance("wires", wires, Wires)
    require_instance("law", law, AbstractDeviceLaw)
    for name, tensor, shape in (("v", v, "(..., batch, rows)"), ("g", g, "(..., rows, cols)")):
        require_instance(name, tensor, Tensor)
        if tensor.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"`{name}` must be float32 or float64, got {tensor.dtype}; convert it with `.float()`")
        if tensor.ndim < 2:
            raise ValueError(f"`{name}` must have shape {shape}, got {tuple(tensor.shape)}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"`{name}` must be finite, got NaN or infinity; look for the layer that produced it")
    if v.shape[-1] != g.shape[-2]:
        raise ValueError(
            f"`v` has {v.shape[-1]} rows and `g` has {g.shape[-2]}; `v` is (..., batch, rows), `g` is (..., rows, cols)"
        )
    if g.numel() == 0:
        raise ValueError(f"`g` must hold at least one device, got shape {tuple(g.shape)}")
    if (g < 0).any():
        raise ValueError(f"`g` must not be negative, got {g.min().item():g} S; an open device is 0")
