"""What torch does to a function besides calling it: differentiate it, batch it, compile it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

P = ParamSpec("P")
R = TypeVar("R")
_WHY = "wordline keeps reads of arrays, solves of their circuits and long recurrences out of torch's graphs"


def differentiated(*tensors: Tensor) -> bool:
    """Whether a derivative by any of these may be asked for, in reverse or in forward mode.

    >>> differentiated(torch.ones(1)), differentiated(torch.ones(1, requires_grad=True))
    (False, True)
    """
    if torch.compiler.is_compiling() or transformed():
        return True  # there a tensor does not tell
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return True
    return pushed(*tensors)


def pushed(*tensors: Tensor) -> bool:
    """Whether forward mode is at work: any of these has such a derivative, or `torch.func` may hand on one."""
    if torch._functorch.eager_transforms.JVP_NESTING > 0:
        return True
    return any(forward_ad.unpack_dual(x).tangent is not None for x in tensors)


def transformed() -> bool:
    """Whether `torch.func` is at work, such as `vmap`, `grad` or `jvp`."""
    return bool(torch._C._are_functorch_transforms_active())


def whole(x: Tensor) -> Tensor:
    """The values of a tensor, for a decision in Python: without derivatives, `vmap`'s dimensions in front.

    A decision is then one for all that is computed together, and may be made under `vmap`.

    >>> torch.func.vmap(lambda x: x * whole(x).sum())(torch.tensor([1.0, 2.0])).tolist()
    [3.0, 6.0]
    """
    return cast(Tensor, _Whole.apply(x)) if transformed() else x.detach()


def batched(x: Tensor) -> bool:
    """Whether `vmap` runs over this tensor."""
    return transformed() and whole(x).shape != x.shape


def apart(make: Callable[[], Tensor]) -> Tensor:
    """A tensor made outside of `torch.func`: one for all that `vmap` runs over, as in one pass of all."""
    return cast(Tensor, _Apart.apply(torch.empty(0), make)) if transformed() else make()


def in_front(size: int, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """For a rule of `vmap`: its dimension, of this size, in front of each tensor, also of those that have none."""
    return tuple(
        x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0) for x, dim in zip(tensors, dims, strict=True)
    )


def plain(*grads: Tensor) -> tuple[Tensor, ...]:
    """Upstream derivatives that a compiled kernel can read, or an error in words.

    Raises ValueError under torch's old vmap, which knows no rules of functions with kernels.
    """
    if any(torch._C._functorch.is_legacy_batchedtensor(x) for x in grads):
        raise ValueError(
            "`is_grads_batched` and `vectorize=True` cannot differentiate the arrays, whose derivative is a compiled "
            "kernel; use torch.func.jacrev, or leave them out"
        )
    return grads


def once(name: str) -> type[torch.autograd.Function]:
    """The base of a function that computes a derivative of `name`, of which there is no further one.

    Raises NotImplementedError where one is asked for.
    """
    words = (
        f"`{name}` is differentiable once, got a request for a second derivative; "
        "drop create_graph=True, or take central differences of the gradient"
    )

    class Once(torch.autograd.Function):
        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> None:
            raise NotImplementedError(words)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> None:
            raise NotImplementedError(words)

    return Once


def untraced(function: Callable[P, R]) -> Callable[P, R]:
    """A function that `torch.compile` leaves out of its graphs and calls as it is, with everything that it calls."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        # Without a compiler nothing is called: importing torch's own decorator takes seconds.
        if not torch.compiler.is_compiling() or torch.compiler.is_exporting():
            return function(*args, **kwargs)
        torch._dynamo.graph_break(msg=_WHY)  # what a user reads who asked for one whole graph
        return torch.compiler.disable(function, reason=_WHY)(*args, **kwargs)

    return called


class _Apart(torch.autograd.Function):
    @staticmethod
    def forward(nothing: Tensor, make: Callable[[], Tensor]) -> Tensor:
        return make()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, dims: tuple[None, None], nothing: Tensor, make: Callable[[], Tensor]) -> tuple[Tensor, None]:
        return cast(Tensor, _Apart.apply(nothing, make)), None


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.detach().clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> None:
        return None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> None:
        return None

    @staticmethod
    def vmap(info: Any, dims: tuple[int], x: Tensor) -> tuple[Tensor, None]:
        return cast(Tensor, _Whole.apply(x.movedim(dims[0], 0))), None
