"""Derivatives, `vmap` and `torch.compile` of functions whose numbers come from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

P = ParamSpec("P")
R = TypeVar("R")
_REASON = (
    "wordline keeps reads of arrays, solves of their circuits and long recurrences out of torch's "
    "graphs"
)


def needs_derivative(*tensors: Tensor) -> bool:
    """Tell whether a derivative by any of these may be asked for, in reverse or in forward mode.

    >>> needs_derivative(torch.ones(1)), needs_derivative(torch.ones(1, requires_grad=True))
    (False, True)
    """
    if torch.compiler.is_compiling() or under_transform():
        return True  # there a tensor does not tell
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return True
    return in_forward_mode(*tensors)


def in_forward_mode(*tensors: Tensor) -> bool:
    """Tell whether any of these has a forward-mode derivative, or `torch.func` may pass one on."""
    if torch._functorch.eager_transforms.JVP_NESTING > 0:
        return True
    return any(forward_ad.unpack_dual(x).tangent is not None for x in tensors)


def under_transform() -> bool:
    """Tell whether a transform of `torch.func` is active, such as `vmap`, `grad` or `jvp`."""
    return bool(torch._C._are_functorch_transforms_active())


def concrete(x: Tensor) -> Tensor:
    """Return the values of a tensor, for a decision in Python.

    They have no derivatives, and the dimensions of `vmap` in front: a decision is then one for all
    that is computed together.

    >>> torch.func.vmap(lambda x: x * concrete(x).sum())(torch.tensor([1.0, 2.0])).tolist()
    [3.0, 6.0]
    """
    return cast(Tensor, _Concrete.apply(x)) if under_transform() else x.detach()


def under_vmap(x: Tensor) -> bool:
    """Tell whether `vmap` runs over this tensor."""
    return under_transform() and concrete(x).shape != x.shape


def outside_transforms(make: Callable[[], Tensor]) -> Tensor:
    """Call `make` outside of `torch.func`: one tensor for all that `vmap` runs over."""
    if not under_transform():
        return make()
    return cast(Tensor, _OutsideTransforms.apply(torch.empty(0), make))


def batch_dim_first(size: int, dims: Sequence[int | None], *tensors: Tensor) -> tuple[Tensor, ...]:
    """Move the dimension of `vmap`, of this size, to the front; expand tensors that lack it."""
    return tuple(
        x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
        for x, dim in zip(tensors, dims, strict=True)
    )


def require_plain(*grads: Tensor) -> tuple[Tensor, ...]:
    """Return upstream derivatives that a compiled kernel can read.

    Raises ValueError under torch's old vmap, which knows no rules of functions with kernels.
    """
    if any(torch._C._functorch.is_legacy_batchedtensor(x) for x in grads):
        raise ValueError(
            "`is_grads_batched` and `vectorize=True` cannot differentiate the arrays, whose "
            "derivative is a compiled kernel; use torch.func.jacrev, or leave them out"
        )
    return grads


def once_differentiable(name: str) -> type[torch.autograd.Function]:
    """Make the base of a function that computes a derivative of `name`, the last there is.

    Raises NotImplementedError where a second derivative is asked for.
    """
    message = (
        f"`{name}` is differentiable once, got a request for a second derivative; "
        "drop create_graph=True, or take central differences of the gradient"
    )

    class OnceDifferentiable(torch.autograd.Function):
        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            pass

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> None:
            raise NotImplementedError(message)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> None:
            raise NotImplementedError(message)

    return OnceDifferentiable


def no_compile(function: Callable[P, R]) -> Callable[P, R]:
    """Keep a function, and everything it calls, out of the graphs of `torch.compile`."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        # Without a compiler nothing is called: importing torch's own decorator takes seconds.
        if not torch.compiler.is_compiling() or torch.compiler.is_exporting():
            return function(*args, **kwargs)
        torch._dynamo.graph_break(msg=_REASON)  # read by users who asked for one whole graph
        return torch.compiler.disable(function, reason=_REASON)(*args, **kwargs)

    return called


class _OutsideTransforms(torch.autograd.Function):
    @staticmethod
    def forward(nothing: Tensor, make: Callable[[], Tensor]) -> Tensor:
        return make()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(
        info: Any, dims: tuple[None, None], nothing: Tensor, make: Callable[[], Tensor]
    ) -> tuple[Tensor, None]:
        return cast(Tensor, _OutsideTransforms.apply(nothing, make)), None


class _Concrete(torch.autograd.Function):
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
        return cast(Tensor, _Concrete.apply(x.movedim(dims[0], 0))), None
