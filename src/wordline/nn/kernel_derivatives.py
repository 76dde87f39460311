"""Reads by the kernel as torch knows them: reverse mode of all orders, and rules for `vmap`.

The kernel gives J^T towards; J v, which a second derivative asks for, is the derivative of that by
`towards`, by way of the same read in plain torch. J depends on nothing but which conversions saturated:
it has no derivative of its own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ..transforms import batch_dim_first, require_plain
from .kernel_reading import KernelRead


def read_by_kernel(u: Tensor, read: KernelRead) -> Tensor:
    """Inputs in [-1, 1] -> sums of products `(groups, n, outputs)` in shares."""
    return cast(Tensor, _Read.apply(read.source(u), read.response, read)[0])


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(source: Tensor, response: Tensor, read: KernelRead) -> tuple[Tensor, Tensor]:
        return read.of(response).run(source)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, KernelRead], output: tuple[Tensor, Tensor]) -> None:
        source, response, ctx.read = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(source, response, output[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None, None]:
        if ctx.needs_input_grad[1]:
            raise NotImplementedError("a read by the kernel has no derivative by its devices; read in plain torch")
        if grads[0] is None:
            return None, None, None
        return _Pulled.apply(*require_plain(grads[0]), *ctx.saved_tensors, ctx.read), None, None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int, None, None], source: Tensor, response: Tensor, read: KernelRead
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """More samples; arrays that `vmap` runs over never come here."""
        (more,) = batch_dim_first(info.batch_size, dims[:1], source)
        answers, saturated = _Read.apply(_samples(read, more), response, read)
        return (answers.unflatten(1, (info.batch_size, -1)), saturated.unflatten(0, (info.batch_size, -1))), (1, 0)


class _Pulled(torch.autograd.Function):
    """J^T towards, linear in `towards`."""

    @staticmethod
    def forward(towards: Tensor, source: Tensor, response: Tensor, saturated: Tensor, read: KernelRead) -> Tensor:
        return read.of(response).pulled(source, saturated, towards)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, source, response, saturated, ctx.read = inputs
        ctx.save_for_backward(source, response)
        ctx.save_for_forward(source, response, saturated)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        return _pushed(ctx.read, *ctx.saved_tensors, *require_plain(*grads)), None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return cast(Tensor, _Pulled.apply(tangents[0], *ctx.saved_tensors, ctx.read))

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], towards: Tensor, source: Tensor, response: Tensor, saturated: Tensor,
        read: KernelRead,
    ) -> tuple[Tensor, int]:  # fmt: skip
        size, at = info.batch_size, 0 if read.convolves else 1
        above, more, over = batch_dim_first(size, (dims[0], dims[1], dims[3]), towards, source, saturated)
        vectors = above.movedim(0, 1).flatten(1, 2), _samples(read, more), response, over.flatten(0, 1)
        return _Pulled.apply(*vectors, read).unflatten(at, (size, -1)), at


def _samples(read: KernelRead, more: Tensor) -> Tensor:
    """Sources `(size, *source)` as one source of more samples."""
    return more.flatten(0, 1) if read.convolves else more.movedim(0, 1).flatten(1, 2)


def _pushed(read: KernelRead, source: Tensor, response: Tensor, change: Tensor) -> Tensor:
    """J v: the transpose of v -> J^T v, by plain torch."""
    found, pull = torch.func.vjp(lambda there: read.generic(read.vectors(there), response), source)
    return cast(Tensor, torch.func.vjp(lambda towards: pull(towards)[0], torch.zeros_like(found))[1](change)[0])
