"""Reads by the compiled kernel of `kernels.reads`, and their derivative: straight through what did not saturate.

`kernel_derivatives` tells torch of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ..devices import UniformConverter
from ..kernels import reads
from ..mapping import BitSlicing, Crossbar, DifferentialPair, NoSlicing, decode
from ..transforms import in_forward_mode, under_vmap
from .convolution import ConvProduct
from .product import AbstractProduct
from .windows import by_inputs, padded, places, windows

_PREPARED = WeakTensorKeyDictionary()  # a layer's arrays in the kernel's own order, as long as the layer lives


def prepared_bytes(response: Tensor) -> int:
    """Bytes of what reads of these arrays laid out for the kernel; 0 before the first."""
    known: tuple[Any, reads.PackedColumns] | None = _PREPARED.get(response)
    return known[1].weights.nbytes + known[1].affine.nbytes if known else 0


def applies(crossbar: Crossbar, response: Tensor, u: Tensor) -> bool:
    """Whether the kernel computes this read: ohmic arrays on a CPU, a plain ADC, no derivative by the arrays.

    Forward mode is left to plain torch, whose sums may round to another code.
    """
    plain = type(crossbar.adc) is UniformConverter and type(crossbar.slicing) in (NoSlicing, BitSlicing)
    learning = torch.is_grad_enabled() and response.requires_grad
    there = u.numel() > 0 and reads.available(response) and not under_vmap(response) and not in_forward_mode(u, response)
    return crossbar.array.linear and plain and not learning and there


@dataclass(frozen=True, eq=False)
class KernelRead:
    """One layer's read. `limit`: full scale of the ADC; `off`: what it is spared for each unit of voltage; in shares.

    `negative`: whether there are negative inputs; `outputs`: columns of a group that hold weights; `count`
    is told of conversions made and saturated; `generic`: the same read of vectors and response in torch, for
    derivatives of which there is no kernel.
    """

    product: AbstractProduct
    crossbar: Crossbar
    response: Tensor
    limit: float
    off: float
    outputs: int
    negative: bool
    count: Callable[[int, int], None]
    generic: Callable[[Tensor, Tensor], Tensor]

    @property
    def convolves(self) -> bool:
        """Whether the source is padded maps, samples first, rather than vectors `(groups, n, K)`."""
        return isinstance(self.product, ConvProduct)

    def source(self, u: Tensor) -> Tensor:
        """Inputs in [-1, 1] as the kernel walks them."""
        return padded(cast(ConvProduct, self.product), u) if self.convolves else self.product.unroll(u)

    def of(self, response: Tensor) -> KernelRead:
        """The same read of the arrays that a transform of torch hands on."""
        return self if response is self.response else dataclasses.replace(self, response=response)

    def vectors(self, source: Tensor) -> Tensor:
        """The vectors `(groups, n, K)` of padded maps; of themselves, where the layer is no convolution."""
        return windows(self.product, source) if isinstance(self.product, ConvProduct) else source

    def run(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Sums of products, and which of the vectors met a saturated converter."""
        columns, (worth, apart) = self._columns(), self._worth()
        significances = columns.bit_planes.significances
        if columns.bit_planes.levels and self.negative:  # read after the others, and subtracted
            significances = torch.cat([significances, -significances])
        weigh = significances[:, None] * worth
        vectors = reads.InputVectors(source, *self._places(source))
        sums, saturated = reads.convert(vectors, columns, weigh, apart)
        self.count(len(weigh) * len(vectors.starts) * self.response[..., 0, :].numel(), int(saturated.sum()))
        return self._differences(sums)[..., : self.outputs], torch.from_numpy(saturated > 0)

    def _worth(self) -> tuple[Tensor, int]:
        """What each array counts for, slices and the signs of a pair, and how many sums are then kept apart."""
        slicing, encoding = self.crossbar.slicing, self.crossbar.encoding
        worth = torch.tensor(slicing.slices(encoding.sign_bits), dtype=torch.float64)[:, None]
        if isinstance(encoding, DifferentialPair):  # the difference is taken in the kernel
            signs = encoding.difference(torch.eye(2, dtype=torch.float64)[:, :, None], slicing.zero_share)
            return (worth * signs.T).flatten(), 1
        apart = len(self.response) // len(worth)
        return worth.expand(-1, apart).flatten(), apart

    def _differences(self, sums: Tensor) -> Tensor:
        """Sums `(apart, groups, col_tiles, n, cols)` -> `(groups, n, columns)`."""
        encoding = self.crossbar.encoding
        paired = isinstance(encoding, DifferentialPair)
        answers = sums[0] if paired else encoding.difference(sums, self.crossbar.slicing.zero_share)
        return answers.transpose(1, 2).flatten(2)

    def _places(self, source: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if isinstance(self.product, ConvProduct):
            return places(self.product, source.shape)
        n, k = source.shape[1:]
        return np.arange(n) * k, np.arange(len(source))[:, None] * n * k + np.arange(k)

    def straight(self, source: Tensor, grad: Tensor) -> Tensor:
        """The derivative where nothing saturated: that of a product with what the arrays multiply by."""
        k = self.vectors(source[:1]).shape[2] if isinstance(self.product, ConvProduct) else source.shape[2]
        matrix = decode(self.response, self.crossbar, (k, self.outputs))
        if isinstance(self.product, ConvProduct):
            return by_inputs(self.product, matrix, grad, source.shape)
        return grad @ matrix.transpose(1, 2)

    def clipped(self, source: Tensor, grad: Tensor) -> Tensor:
        """The derivative where conversions saturated: what did not pass them is taken away."""
        columns, (worth, apart) = self._columns(), self._worth()
        starts, offsets = self._places(source)
        _, groups, _, col_tiles, _, cols = self.response.shape
        with torch.enable_grad():
            sums = grad.new_zeros(apart, groups, col_tiles, len(starts), cols).requires_grad_()
            (towards,) = torch.autograd.grad(self._differences(sums)[..., : self.outputs], sums, grad)
        slopes = columns.bit_planes.significances / columns.bit_planes.significances.sum()
        slopes = torch.cat([slopes, slopes]) if columns.bit_planes.levels and self.negative else slopes
        out = self.straight(source, grad).contiguous()
        each = len(starts) // len(source) if isinstance(self.product, ConvProduct) else 1
        shares = self.response / self.crossbar.window_siemens
        vectors = reads.InputVectors(source, starts, offsets)
        reads.subtract_saturated(out, towards, vectors, columns, shares, slopes, worth, each)
        return out

    def pulled(self, source: Tensor, saturated: Tensor, grad: Tensor) -> Tensor:
        """The derivative by the source, given that by the answers."""
        if self.crossbar.adc.gradient == "none":
            return torch.zeros_like(source)
        if not self.convolves:  # each vector is on its own
            out = self.straight(source, grad)
            if saturated.any():
                out[:, saturated] = self.clipped(source[:, saturated], grad[:, saturated])
            return out
        per_sample = saturated.view(len(source), -1).any(1)
        if not per_sample.any():
            return self.straight(source, grad)
        out = torch.empty_like(source)
        grads = grad.unflatten(1, (len(source), -1))
        for some, derivative in ((per_sample, self.clipped), (~per_sample, self.straight)):
            if some.any():
                out[some] = derivative(source[some], grads[:, some].flatten(1, 2))
        return out

    def _columns(self) -> reads.PackedColumns:
        adc, slicing = self.crossbar.adc, self.crossbar.slicing
        stairs = reads.Quantiser(self.limit, adc.lower_bound * adc.steps, float(adc.steps), self.off)
        planes = reads.BitPlanes()
        if isinstance(slicing, BitSlicing):
            planes = reads.BitPlanes(2 ** (slicing.input_bits - 1) - 1, slicing.stream_bits)
        version = -1 if self.response.is_inference() else self.response._version
        key = (version, stairs, planes)
        known: tuple[Any, reads.PackedColumns] | None = _PREPARED.get(self.response)
        if known is None or known[0] != key or version < 0:
            known = key, reads.pack_columns(self.response, stairs, planes, unit=self.crossbar.window_siemens)
            _PREPARED[self.response] = known
        return known[1]
