"""Reads by the compiled kernel of `arrays.reads`, and their derivative: straight through what did not saturate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary

from ..arrays import reads
from ..devices import UniformConverter
from ..mapping import BitSlicing, Crossbar, DifferentialPair, NoSlicing, decode
from .lowering import ConvProduct, Product
from .windows import by_inputs, padded, places, windows

_PREPARED = WeakTensorKeyDictionary()  # a layer's arrays in the kernel's own order, as long as the layer lives


def applies(crossbar: Crossbar, response: Tensor, u: Tensor) -> bool:
    """Whether the kernel computes this read: ohmic arrays on a CPU, a plain ADC, no derivative by the arrays."""
    plain = type(crossbar.adc) is UniformConverter and type(crossbar.slicing) in (NoSlicing, BitSlicing)
    learning = torch.is_grad_enabled() and response.requires_grad
    return crossbar.array.linear and plain and not learning and u.numel() > 0 and reads.available(response)


@dataclass(frozen=True, eq=False)
class KernelRead:
    """One layer's read. `limit`: full scale of the ADC; `generic`: the same read of vectors `(groups, n, K)` in torch.

    `negative`: whether there are negative inputs; `count` hears of conversions made and saturated; `outputs`: columns of
    a group that hold weights.
    """

    product: Product
    crossbar: Crossbar
    response: Tensor
    limit: float
    off: float
    outputs: int
    negative: bool
    generic: Callable[[Tensor], Tensor]
    count: Callable[[int, int], None]

    def __call__(self, u: Tensor) -> Tensor:
        """Inputs in [-1, 1] -> sums of products `(groups, n, outputs)` in shares."""
        convolution = isinstance(self.product, ConvProduct)
        source = padded(cast(ConvProduct, self.product), u) if convolution else self.product.unroll(u)
        return cast(Tensor, _Read.apply(source, self))

    def vectors(self, source: Tensor) -> Tensor:
        """The vectors `(groups, n, K)` of padded maps; of themselves, where the layer is no convolution."""
        return windows(self.product, source) if isinstance(self.product, ConvProduct) else source

    def run(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of products, and which of the vectors met a saturated converter."""
        columns, slicing, encoding = self._columns(), self.crossbar.slicing, self.crossbar.encoding
        significances = slicing.slices(encoding.sign_bits)
        weigh = torch.tensor(significances, dtype=torch.float64)[:, None]
        apart = len(self.response) // len(significances)
        paired = isinstance(encoding, DifferentialPair)
        if paired:  # the difference is taken in the kernel
            weigh = weigh * encoding.difference(torch.eye(2, dtype=torch.float64)[:, :, None], slicing.middle).T
        else:
            weigh = weigh.expand(-1, apart)
        reads_each = columns.digits.significances
        if columns.digits.levels and self.negative:  # read after the others, and subtracted
            reads_each = torch.cat([reads_each, -reads_each])
        weigh = reads_each[:, None] * weigh.reshape(1, -1)
        if isinstance(self.product, ConvProduct):
            starts, offsets = places(self.product, source.shape)
        else:
            n, k = source.shape[1:]
            starts, offsets = np.arange(n) * k, np.arange(len(source))[:, None] * n * k + np.arange(k)
        sums, saturated = reads.convert(source, starts, offsets, columns, weigh, 1 if paired else apart)
        answers = sums[0] if paired else encoding.difference(sums, slicing.middle)
        self.count(len(weigh) * len(starts) * self.response[..., 0, :].numel(), int(saturated.sum()))
        return answers.transpose(1, 2).flatten(2)[..., : self.outputs], torch.from_numpy(saturated > 0)

    def straight(self, source: Tensor, grad: Tensor) -> Tensor:
        """The derivative where nothing saturated: that of a product with what the arrays multiply by."""
        k = self.vectors(source[:1]).shape[2] if isinstance(self.product, ConvProduct) else source.shape[2]
        matrix = decode(self.response, self.crossbar, (k, self.outputs))
        if isinstance(self.product, ConvProduct):
            return by_inputs(self.product, matrix, grad, source.shape)
        return grad @ matrix.transpose(1, 2)

    def clipped(self, source: Tensor, grad: Tensor) -> Tensor:
        """The derivative, conversion by conversion."""
        with torch.enable_grad():
            source = source.detach().requires_grad_()
            return torch.autograd.grad(self.generic(self.vectors(source)), source, grad)[0]

    def _columns(self) -> reads.Columns:
        adc, slicing = self.crossbar.adc, self.crossbar.slicing
        stairs = reads.Staircase(self.limit, adc.least * adc.steps, float(adc.steps), self.off)
        digits = reads.Digits()
        if isinstance(slicing, BitSlicing):
            digits = reads.Digits(2 ** (slicing.input_bits - 1) - 1, slicing.stream_bits)
        version = -1 if self.response.is_inference() else self.response._version
        key = (version, stairs, digits)
        known: tuple[Any, reads.Columns] | None = _PREPARED.get(self.response)
        if known is None or known[0] != key or version < 0:
            known = key, reads.columns(self.response / self.crossbar.window_siemens, stairs, digits)
            _PREPARED[self.response] = known
        return known[1]


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, source: Tensor, read: KernelRead) -> Tensor:
        answers, saturated = read.run(source)
        ctx.read, ctx.saturated = read, saturated
        ctx.save_for_backward(source)
        return answers

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        read, saturated, (source,) = ctx.read, ctx.saturated, ctx.saved_tensors
        if read.crossbar.adc.gradient == "none":
            return torch.zeros_like(source), None
        convolution = isinstance(read.product, ConvProduct)
        if not convolution:  # each vector is on its own
            out = read.straight(source, grad)
            if saturated.any():
                out[:, saturated] = read.clipped(source[:, saturated], grad[:, saturated])
            return out, None
        per_sample = saturated.view(len(source), -1).any(1)
        if not per_sample.any():
            return read.straight(source, grad), None
        out = torch.empty_like(source)
        grads = grad.unflatten(1, (len(source), -1))
        for some, derivative in ((per_sample, read.clipped), (~per_sample, read.straight)):
            if some.any():
                out[some] = derivative(source[some], grads[:, some].flatten(1, 2))
        return out, None
