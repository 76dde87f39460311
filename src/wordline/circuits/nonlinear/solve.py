"""Column currents and operating points of arrays whose devices have a curved I-V characteristic."""

import torch
from jaxtyping import Float
from torch import Tensor

from ...transforms import concrete, needs_derivative, no_compile
from ...values import require_instance
from ..siemens import warn_of_ohms
from ..wires import Wires
from .adjoint import ColumnCurrents
from .laws import AbstractDeviceLaw
from .operating_point import OperatingPoint, operating_points


@no_compile
def solve_nonlinear(
    v: Float[Tensor, "... batch rows"],
    g: Float[Tensor, "... rows cols"],
    wires: Wires,
    law: AbstractDeviceLaw,
) -> Float[Tensor, "... batch cols"]:
    """Compute the column currents of an array whose devices need not obey Ohm's law.

        I_j = sum_i i(u_ij, g_ij),   u = v - Z i(u, g)

    with Z the resistance of the wires as the devices see it. Each of the four resistances may be
    zero and each device open. A sample's result does not depend on what else is in the batch.
    Differentiable once with respect to `v` and `g`, in reverse and in forward mode, by one linear
    network at the operating point; `torch.func` may batch it.

    - `v`: row voltages, volt, `(..., batch, rows)`; `g`: siemens, `(..., rows, cols)`, not
      negative; float32 or float64, finite; leading dimensions broadcast, word lines are rows.
    - returns: ampere, `(..., batch, cols)`, in the wider of the two types; all work is done in
      float64.
    - raises `ValueError` and `TypeError` for bad input and `RuntimeError` that names the samples
      that did not converge; `nonlinear_operating_point` returns the report instead. Warns above
      0.1 S, as for ohms.

    >>> from wordline.circuits import SinhDevice
    >>> v, g = torch.tensor([[0.5, 0.25]]), torch.tensor([[2e-4], [1e-4]])
    >>> i = solve_nonlinear(v, g, Wires(), SinhDevice(b=4.0))
    >>> round(i.item(), 9)  # 2e-4 sinh(2)/4 + 1e-4 sinh(1)/4
    0.000210723
    """
    _require_arguments(v, g, wires, law)
    warn_of_ohms("g", g)
    return currents_through(v, g, wires, law)


def currents_through(
    v: Float[Tensor, "... batch rows"],
    g: Float[Tensor, "... rows cols"],
    wires: Wires,
    law: AbstractDeviceLaw,
) -> Float[Tensor, "... batch cols"]:
    """Compute `solve_nonlinear` of devices as programmed, whose unit is not in doubt.

    It never warns.
    """
    _require_arguments(v, g, wires, law)
    keep = needs_derivative(v, g)
    currents: Tensor = ColumnCurrents.apply(*_broadcast(v, g), wires, law, keep)[0]
    return currents.to(torch.result_type(v, g))


def nonlinear_operating_point(
    v: Float[Tensor, "... batch rows"],
    g: Float[Tensor, "... rows cols"],
    wires: Wires,
    law: AbstractDeviceLaw,
) -> OperatingPoint:
    """Compute the operating point of each sample of a nonlinear array, with a report.

    Arguments as in `solve_nonlinear`. Does not raise for a sample that does not converge, and is
    not differentiable. Samples that do not converge are short circuits: without driver resistance
    and with exponential devices (b V above 25), devices pass millions of times the current of a
    column from one row to the next, and lose its digits. All numbers are float64; `device_volts`
    holds one for every device of every sample.

    >>> from wordline.circuits import Ohmic
    >>> point = nonlinear_operating_point(
    ...     torch.tensor([[0.5]]), torch.tensor([[1e-3]]), Wires(driver_ohm=1e3), Ohmic()
    ... )
    >>> round(point.device_volts.item(), 6), point.converged.item()  # driver and device halve it
    (0.25, True)
    """
    _require_arguments(v, g, wires, law)
    warn_of_ohms("g", g)
    with torch.no_grad():
        return operating_points(*_broadcast(v, g), wires, law, keep_volts=True)


def _broadcast(v: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Convert both to float64 and broadcast their leading dimensions."""
    tiles = _leading(v, g)
    return v.double().expand(*tiles, *v.shape[-2:]), g.double().expand(*tiles, *g.shape[-2:])


def _require_arguments(v: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw) -> None:
    require_instance("wires", wires, Wires)
    require_instance("law", law, AbstractDeviceLaw)
    for name, tensor, shape in (("v", v, "(..., batch, rows)"), ("g", g, "(..., rows, cols)")):
        require_instance(name, tensor, Tensor)
        if tensor.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"`{name}` must be float32 or float64, got {tensor.dtype}; pass {name}.double()"
            )
        if tensor.ndim < 2:
            raise ValueError(
                f"`{name}` must have the shape {shape}, got {tuple(tensor.shape)}; add a dimension"
            )
    if v.device != g.device:
        raise ValueError(
            f"`v` and `g` must be on one device, got {v.device} and {g.device}; move one with "
            "`.to()`"
        )
    for name, tensor in (("v", v), ("g", g)):
        if not torch.isfinite(concrete(tensor)).all():
            raise ValueError(
                f"`{name}` must be finite, got NaN or infinity; look for the step that produced it"
            )
    if 0 in g.shape[-2:]:
        raise ValueError(
            f"`g` must hold at least one row and one column, got shape {tuple(g.shape)}"
        )
    if (concrete(g) < 0).any():
        raise ValueError(
            f"`g` must not be negative, got {concrete(g).min().item():g} S; an open device is 0"
        )
    if v.shape[-1] != g.shape[-2]:
        raise ValueError(
            f"`v` has {v.shape[-1]} rows and `g` has {g.shape[-2]}; `v` is (..., batch, rows) and "
            "`g` (..., rows, cols)"
        )


def _leading(v: Tensor, g: Tensor) -> tuple[int, ...]:
    try:
        return tuple(torch.broadcast_shapes(v.shape[:-2], g.shape[:-2]))
    except RuntimeError as error:
        raise ValueError(
            f"the leading dimensions of `v` {tuple(v.shape)} and `g` {tuple(g.shape)} do not "
            "broadcast; give `v` one set of inputs for each tile, or one for all"
        ) from error
