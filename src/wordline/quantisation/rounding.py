"""Rounding of weights and activations to a few bits, with straight-through gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import final

import torch
from torch import Tensor, nn

from ..devices import Calibrated, UniformConverter
from ..mapping import MaxScale
from ..mapping.scale import nonzero_w_max


class WeightRounding(nn.Module):
    """Uniform, symmetric rounding of weights with one scale for each layer.

        w -> s floor(n w/s + 1/2)/n,    s = max |w|,    n = 2^(bits-1) - 1

    2n + 1 values, zero and both ends among them; two bits leave -s, 0 and s. The derivative is one
    everywhere, with s a constant: the unrounded weight trains (Jacob et al. 2018, arXiv 1712.05877;
    Bengio et al. 2013, arXiv 1308.3432).

    >>> WeightRounding(3)(torch.tensor([3.0, 1.4, -0.6])).tolist()
    [3.0, 1.0, -1.0]
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits, self.codes = bits, UniformConverter(bits)

    def forward(self, weight: Tensor) -> Tensor:
        # As a crossbar with `MaxScale` fills its window.
        w_max = nonzero_w_max(MaxScale().w_max(weight))
        return self.codes.convert(weight / w_max) * w_max


@final
@dataclass(frozen=True)
class Span:
    """The range of a layer's inputs: the largest magnitude that is resolved, and their signs."""

    limit: float
    signed: bool

    @classmethod
    def of(cls, x: Tensor, percent: float) -> Span:
        """Measure one batch: a percentile of its magnitudes; 1 where all are zero."""
        limit = float(Calibrated(percent).measure(x))
        return cls(limit if limit > 0 else 1.0, bool((x < 0).any()))


def join_spans(spans: Sequence[Span], percent: float) -> Span:
    """Join the spans of several batches.

    The limit is their largest for 100 percent, else their mean; signed where any of them is.
    """
    limits = [span.limit for span in spans]
    return Span(
        max(limits) if percent == 100 else fmean(limits), any(span.signed for span in spans)
    )


class InputRounding(nn.Module):
    """Rounding of activations to evenly spaced values up to a limit.

    2^bits values from 0 to `limit`, or 2^bits - 1 from -limit to limit. Beyond the limit they
    saturate, and there the derivative is zero; inside it is one (straight-through).

    >>> InputRounding(2, Span(3.0, signed=False))(torch.tensor([-1.0, 1.4, 9.0])).tolist()
    [0.0, 1.0, 3.0]
    """

    limit: Tensor

    def __init__(self, bits: int, span: Span) -> None:
        super().__init__()
        self.bits, self.signed = bits, span.signed
        self.codes = UniformConverter(bits, signed=span.signed)
        self.gradient = "straight-through"
        self.register_buffer("limit", torch.tensor(span.limit))

    def forward(self, x: Tensor) -> Tensor:
        x = _wide(x)
        limit = self.limit.to(x.dtype)
        return self.codes.convert(x / limit) * limit


class BatchInputRounding(nn.Module):
    """`InputRounding` over the span of each batch: for training, while spans change. No state."""

    def __init__(self, bits: int, percent: float) -> None:
        super().__init__()
        self.bits, self.percent, self.gradient = bits, percent, "straight-through"

    def forward(self, x: Tensor) -> Tensor:
        x = _wide(x)
        span = Span.of(x, self.percent)
        converter = UniformConverter(self.bits, signed=span.signed)
        return converter.convert(x / span.limit) * span.limit


def _wide(x: Tensor) -> Tensor:
    """In float32 at least: half precision types have too few bits to tell codes apart."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
