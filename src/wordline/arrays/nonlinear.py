"""Arrays of devices with a curved I-V, solved at every read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..circuits import AbstractDeviceLaw, Wires
from ..circuits.nonlinear import currents_through
from ..transforms import in_forward_mode, require_plain, under_transform
from ..values import require_instance
from .array import AbstractArray

# Device voltages that are kept for a gradient, 8 bytes each. The backward pass of a larger read
# solves it again, chunk by chunk.
_MAX_KEPT_VOLTAGES = 1 << 24


@final
@dataclass(frozen=True)
class NonlinearArray(AbstractArray):
    """An array of devices of any law, solved by Newton's method for every input: exact and slow.

    A read costs about a millisecond for each input of a 64 x 64 array. Currents are exact to 1e-12;
    the gradient is that of the operating point, by implicit differentiation. `RuntimeError` names
    the inputs that did not converge. Operating points take at most 128 MB: a read with more of
    them is solved a second time when it is differentiated.

    `law`: current of a device at a voltage.

    >>> import torch
    >>> from wordline.circuits import SinhDevice
    >>> array, g = NonlinearArray(SinhDevice(b=4.0)), torch.tensor([[2e-4], [1e-4]])
    >>> i = array.currents(torch.tensor([[0.5, 0.25]]), array.program(g, Wires()), Wires())
    >>> round(i.item(), 9)  # 2e-4 sinh(2)/4 + 1e-4 sinh(1)/4
    0.000210723
    """

    linear: ClassVar[bool] = False
    gradient: ClassVar[str] = "exact"
    needs_volts: ClassVar[bool] = True

    law: AbstractDeviceLaw

    def __post_init__(self) -> None:
        require_instance("law", self.law, AbstractDeviceLaw)

    @property
    def device_law(self) -> AbstractDeviceLaw:
        return self.law

    def height(self, rows: int, cols: int, wires: Wires) -> int:
        return rows

    def reads_conductances(self, wires: Wires) -> bool:
        return True

    def program(self, g: Tensor, wires: Wires) -> Tensor:
        """Return the conductances themselves."""
        return g

    def currents(self, volts: Tensor, programmed: Tensor, wires: Wires) -> Tensor:
        """Solve for I_j = sum_i i(u_ij, g_ij), with u_ij the voltage across device (i, j)."""
        tiles = math.prod(torch.broadcast_shapes(volts.shape[:-2], programmed.shape[:-2]))
        devices = max(1, tiles * programmed.shape[-2] * programmed.shape[-1])
        chunk = max(1, _MAX_KEPT_VOLTAGES // devices)
        if volts.shape[-2] <= chunk or under_transform() or in_forward_mode(volts, programmed):
            return currents_through(volts, programmed, wires, self.law)
        currents: Tensor = _Recomputed.apply(volts, programmed, wires, self.law, chunk)
        return currents


class _Recomputed(torch.autograd.Function):
    """`currents_through` without stored operating points: the backward pass solves again."""

    @staticmethod
    def forward(
        ctx: Any, volts: Tensor, g: Tensor, wires: Wires, law: AbstractDeviceLaw, chunk: int
    ) -> Tensor:
        ctx.save_for_backward(volts, g)
        ctx.wires, ctx.law, ctx.chunk = wires, law, chunk
        return currents_through(volts, g, wires, law)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        volts, g = ctx.saved_tensors
        require_plain(*grads)
        grad_volts, grad_g = [], torch.zeros_like(g)
        chunks = zip(volts.split(ctx.chunk, -2), grads[0].split(ctx.chunk, -2), strict=True)
        for v, grad in chunks:
            with torch.enable_grad():
                leaves = v.detach().requires_grad_(), g.detach().requires_grad_()
                currents = currents_through(*leaves, ctx.wires, ctx.law)
                chunk_grad_v, chunk_grad_g = torch.autograd.grad(currents, leaves, grad)
            grad_volts.append(chunk_grad_v)
            grad_g += chunk_grad_g
        return torch.cat(grad_volts, -2), grad_g, None, None, None
