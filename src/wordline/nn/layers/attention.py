"""Multi-head attention whose projections lie on arrays; attention itself is digital."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .linear import LinearProduct
from .matrix_view import LayerMatrices, MatrixView, as_optional_parameter, copy_attributes

PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class MappedAttention(nn.Module):
    """`nn.MultiheadAttention` with q_proj, k_proj, v_proj and out_proj as layers of their own.

    Calls and results are torch's. A packed weight of three projections is three matrices, each on
    its own tiles with its own scale and gain. Every vector of queries, keys and values is one read.
    """

    # nn.TransformerEncoderLayer looks at both before it takes its fused path.
    in_proj_bias: Tensor | None = None
    _qkv_same_embed_dim = False
    out_proj: nn.Module
    num_heads: int
    batch_first: bool
    add_zero_attn: bool
    dropout: float

    def __init__(self, layer: nn.MultiheadAttention, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.bias_k = as_optional_parameter(layer.bias_k)
        self.bias_v = as_optional_parameter(layer.bias_v)
        copy_attributes(layer, self)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return outputs, and the attention weights with `need_weights`, as torch does."""
        if is_causal and attn_mask is None:
            raise ValueError(
                "`is_causal` is a hint about `attn_mask`, which is missing; pass the mask itself"
            )
        batched = query.dim() == 3
        if not batched:
            query, key, value = query[None], key[None], value[None]
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask[None]
        elif not self.batch_first:  # samples first from here on, as converters expect
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        given = zip(PROJECTIONS, (query, key, value), strict=True)
        q, k, v = (getattr(self, name)(x) for name, x in given)
        added = 0
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat([k, self.bias_k.expand(len(k), 1, -1)], 1)
            v = torch.cat([v, self.bias_v.expand(len(v), 1, -1)], 1)
            added += 1
        # (n, heads, length, dim)
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for x in (q, k, v))
        if self.add_zero_attn:
            k, v = functional.pad(k, (0, 0, 0, 1)), functional.pad(v, (0, 0, 0, 1))
            added += 1
        causal = is_causal and key_padding_mask is None and not need_weights
        mask = None if causal else self._mask(attn_mask, key_padding_mask, added, q)
        mixed, weights = self._attend(q, k, v, mask, causal, need_weights)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return out[0], None if weights is None else weights[0]
        return out if self.batch_first else out.transpose(0, 1), weights

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            attend = functional.scaled_dot_product_attention
            return attend(q, k, v, mask, dropout, causal), None
        scores = (q * math.sqrt(1 / q.shape[-1])) @ k.transpose(-2, -1)
        weights = (scores if mask is None else scores + mask).softmax(-1)
        weights = functional.dropout(weights, dropout) if dropout else weights
        return weights @ v, weights

    def _mask(
        self, attention: Tensor | None, padding: Tensor | None, added: int, q: Tensor
    ) -> Tensor | None:
        """Add both masks to one that broadcasts over (samples, heads, queries, keys).

        The last `added` keys are never masked.
        """
        total: Tensor | None = None
        if attention is not None:
            total = functional.pad(_additive(attention, q), (0, added))
            if total.dim() == 3:
                total = total.unflatten(0, (len(q), self.num_heads))
            else:
                total = total[None, None]
        if padding is not None:
            keys = functional.pad(_additive(padding, q), (0, added))[:, None, None]
            total = keys if total is None else total + keys
        return total


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    """Make True -inf and False 0; keep numbers."""
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return like.new_zeros(mask.shape).masked_fill(mask, -math.inf)


def attention_matrices(layer: Any) -> LayerMatrices:
    """View the four projections of an `nn.MultiheadAttention`."""
    packed = layer.in_proj_weight
    if packed is not None:
        weights = packed.chunk(3)
    else:
        weights = [getattr(layer, f"{name}_weight") for name in PROJECTIONS]
    biases = (None,) * 3 if layer.in_proj_bias is None else layer.in_proj_bias.chunk(3)
    kind, out = type(layer).__name__, layer.out_proj
    views = {
        name: MatrixView(weight, bias, LinearProduct(), kind)
        for name, weight, bias in zip(PROJECTIONS, weights, biases, strict=True)
    }
    views["out_proj"] = MatrixView(out.weight, out.bias, LinearProduct(), kind)
    return LayerMatrices(views, lambda modules: MappedAttention(layer, modules))


def require_separate_packed_weights(model: nn.Module) -> None:
    """Refuse to train a packed weight that two attention layers share.

    Its three projections become parameters of their own, which would no longer be shared.
    """
    owners: dict[Tensor, str] = {}
    for name, module in model.named_modules():
        weight = module.in_proj_weight if isinstance(module, nn.MultiheadAttention) else None
        if weight is not None and (first := owners.setdefault(weight, name)) != name:
            raise ValueError(
                f"`model` layers {first!r} and {name!r} share an in_proj_weight, which "
                "trainable=True cannot keep shared; use one attention module in both places"
            )
