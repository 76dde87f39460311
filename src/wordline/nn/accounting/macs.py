"""Multiply-accumulates (MACs) of single operations of torch, and their operands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten


def _matrix_vector(matrix: Tensor) -> int:
    return matrix.numel()


def _rnn(x: Tensor, ih: Tensor, hh: Tensor) -> int:
    """Count a sequence through one layer: every time step multiplies by both matrices."""
    return math.prod(x.shape[:-1]) * (ih.numel() + hh.numel())


def _attention(query: Tensor, key: Tensor, value: Tensor) -> float:
    """Count scores of `(..., queries, d)` with `(..., keys, d)`, times `(..., keys, e)`."""
    scores = math.prod(query.shape[:-1]) * key.shape[-2]
    return float(scores * (query.shape[-1] + value.shape[-1]))


# Operations that torch's own counter of floating-point operations does not know.
_MORE: dict[Any, Callable[..., int]] = {
    aten.mv: lambda matrix, vector, **_: _matrix_vector(matrix),
    aten.addmv: lambda add, matrix, vector, **_: _matrix_vector(matrix),
    aten.dot: lambda a, b, **_: a.numel(),
    aten.vdot: lambda a, b, **_: a.numel(),
    aten._trilinear: lambda a, w, b, *_, out, **__: out.numel() * a.shape[-1] * max(1, b.shape[-1]),
    aten.mkldnn_rnn_layer: lambda x, ih, hh, *_, **__: _rnn(x, ih, hh),
}
# Names of products without a formula here: quantised and packed layers, mostly.
_PRODUCT_NAMES = "linear|conv\\d?d?|convolution|matmul|bmm|mm|lstm|gru|rnn|attention|bilinear"
_BY_NAME = re.compile(rf"(^|_)({_PRODUCT_NAMES})(_|\d|$)")
_NOT = re.compile(r"backward|unpack|prepack|pack_padded")


def macs_of(function: Any, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> float | None:
    """Count the MACs of one call of an operation; None where it is no product of two tensors."""
    packet = function._overloadpacket
    if packet in _MORE:
        return float(_MORE[packet](*args, out=out))
    if packet in flop_registry:
        return flop_registry[packet](*args, **kwargs, out_val=out) / 2
    name = function._schema.name.split("::")[-1]
    if not _BY_NAME.search(name) or _NOT.search(name):
        return None
    if "scaled_dot_product" in name:
        return _attention(*args[:3])
    tensors = [leaf for leaf in pytree.tree_leaves(out) if isinstance(leaf, Tensor)]
    first = next((leaf for leaf in pytree.tree_leaves(args) if isinstance(leaf, Tensor)), None)
    if not tensors or first is None:
        return None
    inputs = first.shape[-1] if "linear" in name or "mm" in name else math.prod(first.shape[1:2])
    return float(tensors[0].numel() * inputs)  # of a packed convolution, without its unknown kernel


def has_formula(function: Any) -> bool:
    """Tell whether an operation is counted as it stands, not by what it is made of."""
    return function._overloadpacket in flop_registry or function._overloadpacket in _MORE


def factors(function: Any, args: Sequence[Any]) -> Sequence[Any]:
    """Return the arguments that are multiplied with each other, without biases and masks."""
    name = function._schema.name.split("::")[-1]
    if name.startswith(("addmm", "addmv", "baddbmm", "addbmm", "_addmm")):
        return args[1:3]
    three = "attention" in name or "rnn" in name or name == "_trilinear"
    return args[:3] if three else args[:2]
