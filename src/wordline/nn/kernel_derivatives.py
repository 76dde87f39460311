"""Reads by the kernel as torch knows them: derivatives of both modes and all orders, and a rule for `vmap`.

The kernel gives J^T towards; J v is the derivative of that by `towards`, by way of the same read in plain torch.
J depends on nothing but which conversions saturated, so there is no second derivative by the inputs.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ..transforms import forward_mode, in_front, plain
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
        ctx.save_for_forward(source, response)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, Tensor | None, None]:
        if grads[0] is None:
            return None, None, None
        found = _Pulled.apply(*plain(grads[0]), *ctx.saved_tensors, ctx.read, ctx.needs_input_grad[1])
        to_source, to_response = (x if want else None for x, want in zip(found, ctx.needs_input_grad[:2], strict=True))
        return to_source, to_response, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, None]:
        with forward_mode():
            return _pushed(ctx.read, *ctx.saved_tensors, *tangents[:2]), None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int, None, None], source: Tensor, response: Tensor, read: KernelRead
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """More samples; arrays that `vmap` runs over never come here."""
        (more,) = in_front(info.batch_size, dims[:1], source)
        answers, saturated = _Read.apply(_samples(read, more), response, read)
        return (answers.unflatten(1, (info.batch_size, -1)), saturated.unflatten(0, (info.batch_size, -1))), (1, 0)


class _Pulled(torch.autograd.Function):
    """J^T towards: by the source with the kernel, by the response, where it is wanted, in plain torch."""

    @staticmethod
    def forward(
        towards: Tensor, source: Tensor, response: Tensor, saturated: Tensor, read: KernelRead, wanted: bool
    ) -> tuple[Tensor, Tensor]:
        read = read.of(response)
        to_response = response.new_empty(0)
        if wanted:
            _, pull = torch.func.vjp(lambda there: read.generic(read.vectors(source), there), response)
            (to_response,) = pull(towards)
        return read.pulled(source, saturated, towards), to_response

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        _, source, response, saturated, ctx.read, ctx.wanted = inputs
        if not ctx.wanted:
            ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(source, response)
        ctx.save_for_forward(source, response, saturated)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None, None, None, None, None]:
        if ctx.wanted or ctx.needs_input_grad[2]:
            raise NotImplementedError(_ONCE_BY_DEVICES)
        source, response = ctx.saved_tensors
        push = None if grads[0] is None else _pushed(ctx.read, source, response, plain(grads[0])[0], None)
        return push, None, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor | None, None]:
        if ctx.wanted or tangents[2] is not None:
            raise NotImplementedError(_ONCE_BY_DEVICES)
        if tangents[0] is None:
            return None, None
        return _Pulled.apply(tangents[0], *ctx.saved_tensors, ctx.read, False)[0], None

    @staticmethod
    def vmap(
        info: Any, dims: tuple[int | None, ...], towards: Tensor, source: Tensor, response: Tensor, saturated: Tensor,
        read: KernelRead, wanted: bool,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int | None]]:  # fmt: skip
        if wanted:
            raise NotImplementedError(_ONCE_BY_DEVICES)
        size = info.batch_size
        above, more, over = in_front(size, (dims[0], dims[1], dims[3]), towards, source, saturated)
        vectors = above.movedim(0, 1).flatten(1, 2), _samples(read, more), response, over.flatten(0, 1)
        to_source, none = _Pulled.apply(*vectors, read, wanted)
        at = 0 if read.convolves else 1
        return (to_source.unflatten(at, (size, -1)), none), (at, None)


_ONCE_BY_DEVICES = (
    "a read with converters has no second derivative by its devices and no Jacobian by them under `vmap`; "
    "take gradients by the weights one at a time, without create_graph=True"
)


def _samples(read: KernelRead, more: Tensor) -> Tensor:
    """Sources `(size, *source)` as one source of more samples."""
    return more.flatten(0, 1) if read.convolves else more.movedim(0, 1).flatten(1, 2)


def _pushed(
    read: KernelRead, source: Tensor, response: Tensor, of_source: Tensor | None, of_response: Tensor | None
) -> Tensor:
    """J v: the transpose of v -> J^T v, which is linear, by plain torch."""
    given = [(source, of_source), (response, of_response)]
    moving = [index for index, (_, change) in enumerate(given) if change is not None]

    def answers(*moved: Tensor) -> Tensor:
        there = dict(zip(moving, moved, strict=True))
        return read.generic(read.vectors(there.get(0, source)), there.get(1, response))

    found, pull = torch.func.vjp(answers, *(given[index][0] for index in moving))
    push = torch.func.vjp(pull, torch.zeros_like(found))[1]
    return cast(Tensor, push(tuple(cast(Tensor, given[index][1]) for index in moving))[0])
