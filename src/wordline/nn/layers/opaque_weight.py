"""A weight that networks may look at, but not compute with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

_ATTRIBUTES = ("dtype", "device", "shape", "ndim", "layout", "requires_grad", "is_cuda", "is_meta")
_METHODS = ("size", "dim", "numel", "is_floating_point", "__len__")
_METADATA = {getattr(Tensor, name).__get__ for name in _ATTRIBUTES}
_METADATA |= {getattr(Tensor, name) for name in _METHODS}


class OpaqueWeight(Tensor):
    """A weight that allows only metadata (shape, type, device) and refuses every computation.

    Behind converters or read noise no matrix describes what a layer computes: a product with one
    would bypass the arrays. Where groups share tiles the matrix is wider than the layer.
    """

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function not in _METADATA:
            raise ValueError(  # a TypeError would become "unsupported operand" in operators
                "`weight` of a layer behind converters or read noise is no matrix to compute with, "
                "and where groups share tiles it is a wider one, got a call of "
                f"{getattr(function, '__name__', function)}; call the layer, or keep it digital "
                "with `exclude`"
            )
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))


def opaque(weight: Tensor) -> Tensor:
    """Wrap a weight so that only its metadata can be read."""
    return weight.detach().as_subclass(OpaqueWeight)
