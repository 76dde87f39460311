"""Weights and activations rounded to a few bits, with straight-through gradients: the parts of a quantised layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import final

import torch
from torch import Tensor, nn

from ..devices import Calibrated, UniformConverter
from ..mapping import MaxScale
from ..mapping.scale import full_window

MOST_BITS = 16  # finer steps are lost in the float32 arithmetic of the products


class WeightRounding(nn.Module):
    """Uniform, symmetric, one scale a layer: w -> s floor(n w/s + 1/2)/n with s = max |w| and n = 2^(bits-1) - 1.

    2n + 1 values, zero and both ends among them; two bits leave -s, 0 and s. The derivative is one everywhere, s being
    a constant of it: what trains is the unrounded weight (Jacob et al. 2018, arXiv 1712.05877; Bengio et al. 2013,
    arXiv 1308.3432).

    >>> WeightRounding(3)(torch.tensor([3.0, 1.4, -0.6])).tolist()
    [3.0, 1.0, -1.0]
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits, self.codes = bits, UniformConverter(bits)

    def forward(self, weight: Tensor) -> Tensor:
        """The rounded weight, of the same shape."""
        largest = full_window(MaxScale().largest(weight))  # what a crossbar with `MaxScale` takes for the full window
        return self.codes.convert(weight / largest) * largest


@final
@dataclass(frozen=True)
class Span:
    """The activations that a layer is given: the largest magnitude that is resolved, and whether any is negative."""

    limit: float
    signed: bool

    @classmethod
    def of(cls, x: Tensor, percent: float) -> Span:
        """Of one batch: a percentile of its magnitudes; activations that are all zero get 1."""
        limit = float(Calibrated(percent).measure(x))
        return cls(limit if limit > 0 else 1.0, bool((x < 0).any()))


def joined(spans: Sequence[Span], percent: float) -> Span:
    """The span of several batches: the largest limit for 100 percent, else their mean; signed where any of them is."""
    limits = [span.limit for span in spans]
    return Span(max(limits) if percent == 100 else fmean(limits), any(span.signed for span in spans))


class InputRounding(nn.Module):
    """Activations in evenly spaced steps: 2^bits values from 0 to `limit`, or 2^bits - 1 from -limit to limit.

    Beyond the limit they saturate, and there the derivative is zero; inside it is one (straight-through).

    >>> InputRounding(2, Span(3.0, signed=False))(torch.tensor([-1.0, 1.4, 9.0])).tolist()
    [0.0, 1.0, 3.0]
    """

    limit: Tensor

    def __init__(self, bits: int, span: Span) -> None:
        super().__init__()
        self.bits, self.signed = bits, span.signed
        self.codes, self.gradient = UniformConverter(bits, signed=span.signed), "straight-through"
        self.register_buffer("limit", torch.tensor(span.limit))

    def forward(self, x: Tensor) -> Tensor:
        """The rounded activations, of the same shape."""
        x = _wide(x)
        limit = self.limit.to(x.dtype)
        return self.codes.convert(x / limit) * limit


class BatchInputRounding(nn.Module):
    """`InputRounding` over the span of each batch: for training, while spans still move. It keeps no state."""

    def __init__(self, bits: int, percent: float) -> None:
        super().__init__()
        self.bits, self.percent, self.gradient = bits, percent, "straight-through"

    def forward(self, x: Tensor) -> Tensor:
        """The rounded activations, of the same shape."""
        x = _wide(x)
        span = Span.of(x, self.percent)
        return UniformConverter(self.bits, signed=span.signed).convert(x / span.limit) * span.limit


def _wide(x: Tensor) -> Tensor:
    """Activations in a type that tells codes and halves of codes apart: those of autocast have eight bits or eleven."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
