"""What a network sees that reads the weight of a mapped layer instead of calling the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

_ATTRIBUTES = ("dtype", "device", "shape", "ndim", "layout", "requires_grad", "is_cuda", "is_meta")
_METHODS = ("size", "dim", "numel", "is_floating_point", "__len__")
_LOOKS = {getattr(Tensor, name).__get__ for name in _ATTRIBUTES} | {getattr(Tensor, name) for name in _METHODS}


class LookedAtOnly(Tensor):
    """A weight that tells its shape, type and device, and refuses to be computed with.

    Behind converters or read noise no matrix says what a layer computes: a product with one would leave the arrays out.
    Where groups share tiles the matrix is wider than the layer.
    """

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Let looks through, refuse the rest."""
        if function not in _LOOKS:
            raise ValueError(  # a TypeError would become "unsupported operand" in operators
                "`weight` of a layer behind converters or read noise is no matrix to compute with, and where "
                "groups share tiles it is a wider one, got a call of "
                f"{getattr(function, '__name__', function)}; call the layer, or keep it digital with `exclude`"
            )
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))


def looked_at_only(weight: Tensor) -> Tensor:
    """The same numbers, to be looked at only."""
    return weight.detach().as_subclass(LookedAtOnly)
