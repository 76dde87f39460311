"""Autograd of reads by the kernel: reverse mode of all orders, and rules for `vmap`.

The kernel gives J^T v. J v, which a second derivative asks for, is the derivative of J^T v by v, by
way of the same read in plain torch. J depends on which conversions saturated and on nothing else:
it has no derivative of its own.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ...transforms import batch_dim_first, needs_derivative, require_plain
from .read_fast import FastRead


def differentiable_read(u: Tensor, read: FastRead) -> Tensor:
    """Read inputs in [-1, 1]: sums of products `(groups, n, outputs)` in shares."""
    if not needs_derivative(u):
        return read.run(read.source(u))[0]
    return cast(Tensor, _Read.apply(read.source(u), read.response, read)[0])


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(source: Tensor, response: Tensor, read: FastRead) -> tuple[Tensor, Tensor]:
        return read.with_response(response).run(source)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, FastRead], output: tuple[Tensor, Tensor]
    ) -> None:
        source, response, ctx.read = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(source, response, output[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None, None]:
        if ctx.needs_input_grad[1]:
            raise NotImplementedError(
                "a read by the kernel has no derivative by its devices; read in plain torch"
            )
        if grads[0] is None:
            return None, None, None
        return _Pullback.apply(*require_plain(grads[0]), *ctx.saved_tensors, ctx.read), None, None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int, None, None], source: Tensor, response: Tensor, read: FastRead
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """Read a mapped dimension as more samples; the response never has one."""
        (more,) = batch_dim_first(info.batch_size, dims[:1], source)
        sums, saturated = _Read.apply(_as_samples(read, more), response, read)
        size = (info.batch_size, -1)
        return (sums.unflatten(1, size), saturated.unflatten(0, size)), (1, 0)


class _Pullback(torch.autograd.Function):
    """J^T towards, linear in `towards`."""

    @staticmethod
    def forward(
        towards: Tensor, source: Tensor, response: Tensor, saturated: Tensor, read: FastRead
    ) -> Tensor:
        return read.with_response(response).gradient(source, saturated, towards)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, source, response, saturated, ctx.read = inputs
        ctx.save_for_backward(source, response)
        ctx.save_for_forward(source, response, saturated)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        pushed = _pushforward(ctx.read, *ctx.saved_tensors, *require_plain(*grads))
        return pushed, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return cast(Tensor, _Pullback.apply(tangents[0], *ctx.saved_tensors, ctx.read))

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], towards: Tensor, source: Tensor,
        response: Tensor, saturated: Tensor, read: FastRead,
    ) -> tuple[Tensor, int]:  # fmt: skip
        size, at = info.batch_size, 0 if read.convolution else 1
        of = (dims[0], dims[1], dims[3])
        above, more, over = batch_dim_first(size, of, towards, source, saturated)
        above = above.movedim(0, 1).flatten(1, 2)
        samples = _as_samples(read, more)
        pulled = _Pullback.apply(above, samples, response, over.flatten(0, 1), read)
        return pulled.unflatten(at, (size, -1)), at


def _as_samples(read: FastRead, more: Tensor) -> Tensor:
    """Lay sources `(size, *source)` out as one source of more samples."""
    return more.flatten(0, 1) if read.convolution else more.movedim(0, 1).flatten(1, 2)


def _pushforward(read: FastRead, source: Tensor, response: Tensor, change: Tensor) -> Tensor:
    """Compute J change as the transpose of v -> J^T v, by plain torch."""
    sums, pull = torch.func.vjp(lambda x: read.plain(read.vectors(x), response), source)
    _, push = torch.func.vjp(lambda towards: pull(towards)[0], torch.zeros_like(sums))
    return cast(Tensor, push(change)[0])
