"""Reads of ohmic arrays by the compiled kernel, and their derivative.

The derivative passes straight through every conversion that did not saturate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ...devices import UniformConverter
from ...kernels import reads
from ...mapping import (
    AbstractEncoding,
    AbstractSlicing,
    BitSlicing,
    Crossbar,
    DifferentialPair,
    NoSlicing,
    decode,
)
from ...transforms import in_forward_mode, under_vmap
from ..layers.convolution import ConvProduct
from ..layers.im2col import Indices, im2col, im2col_indices
from ..layers.product import AbstractProduct

_PACKED = WeakTensorKeyDictionary()  # arrays in the kernel's own order, as long as they live


class _Packed(NamedTuple):
    """Columns that hold weights, and those that do not, which the hardware converts as well."""

    columns: reads.PackedColumns
    pads: reads.PackedColumns | None


def packed_bytes(response: Tensor) -> int:
    """Return the bytes of arrays as the kernel packed them; 0 before the first read."""
    known: tuple[Any, _Packed] | None = _PACKED.get(response)
    return sum(part.nbytes for part in known[1] if part) if known else 0


def applies(crossbar: Crossbar, response: Tensor, u: Tensor) -> bool:
    """Tell whether the kernel computes a read.

    It takes ohmic arrays on a CPU behind a uniform ADC, without a derivative by the arrays. Forward
    mode is left to plain torch, whose sums may round to another code.
    """
    uniform = type(crossbar.adc) is UniformConverter
    sliced = type(crossbar.slicing) in (NoSlicing, BitSlicing)
    sliced = sliced and not crossbar.encoding.subtracts_currents
    if not (crossbar.array.linear and uniform and sliced and u.numel() > 0):
        return False
    learning = torch.is_grad_enabled() and response.requires_grad
    runs = not learning and reads.available(response)
    return runs and not under_vmap(response) and not in_forward_mode(u, response)


@dataclass(frozen=True, eq=False)
class FastRead:
    """One read of a layer by the kernel.

    `outputs`: columns of a group that hold weights; `limit`: full scale of the ADC; `off`: the off
    current that it is spared, for each unit of voltage, both in shares; `negative`: whether there
    are negative inputs; `within`: whether all are in [-1, 1]; `count`: is told how many conversions
    were made and saturated; `plain`: the same read of vectors and response in torch, for
    derivatives that the kernel lacks.
    """

    product: AbstractProduct
    crossbar: Crossbar
    response: Tensor
    outputs: int
    _: dataclasses.KW_ONLY
    limit: float
    off: float
    negative: bool
    within: bool
    count: Callable[[int, int], None]
    plain: Callable[[Tensor, Tensor], Tensor]

    @property
    def convolution(self) -> ConvProduct | None:
        """The product where it is a convolution: sources are then padded maps, samples first."""
        return self.product if isinstance(self.product, ConvProduct) else None

    def source(self, u: Tensor) -> Tensor:
        """Lay inputs in [-1, 1] out for the kernel: padded maps, or vectors `(groups, n, K)`."""
        conv = self.convolution
        return self.product.to_vectors(u) if conv is None else conv.padded(u)

    def with_response(self, response: Tensor) -> FastRead:
        """Return the same read of the arrays that a transform of torch hands on."""
        return self if response is self.response else dataclasses.replace(self, response=response)

    def vectors(self, source: Tensor) -> Tensor:
        """Lay a source out as vectors `(groups, n, K)`."""
        conv = self.convolution
        return source if conv is None else im2col(source, conv.windows, conv.groups)

    def run(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return column sums in shares, and which of the vectors met a saturated converter.

        Columns without weights are read where they can saturate, which is counted.
        """
        columns, pads = self._packed()
        weigh, apart = self._weights(columns.bit_planes)
        vectors = reads.InputVectors(source, *self._indices(source))
        certain = self._certain(columns)
        sums, saturated = reads.convert(vectors, columns, weigh, apart, certain=certain)
        over = int(saturated.sum())
        if pads and not self._certain(pads):
            over += int(reads.convert(vectors, pads, weigh, apart)[1].sum())
        self.count(len(weigh) * len(vectors.starts) * self.response[..., 0, :].numel(), over)
        return self._differences(sums)[..., : self.outputs], torch.from_numpy(saturated > 0)

    def _weights(self, planes: reads.BitPlanes) -> tuple[Tensor, int]:
        """Return the weight of each array at each read, and how many sums are kept apart."""
        slicing, encoding = self.crossbar.slicing, self.crossbar.encoding
        twice = planes.levels > 0 and self.negative
        return _read_weights(slicing, encoding, planes, len(self.response), twice)

    def _certain(self, columns: reads.PackedColumns) -> bool:
        """Tell whether no conversion can saturate; the voltages of streams have no sign."""
        both_signs = self.negative and columns.bit_planes.levels == 0
        return self.within and columns.reach.certain(columns.adc, negative=both_signs)

    @property
    def _paired(self) -> bool:
        """Tell whether each weight has two columns of its own, whose difference it is."""
        return isinstance(self.crossbar.encoding, DifferentialPair)

    def _differences(self, sums: Tensor) -> Tensor:
        """Decode sums `(apart, groups, col_tiles, n, cols)` into `(groups, n, columns)`."""
        encoding = self.crossbar.encoding
        decoded = (
            sums[0] if self._paired else encoding.difference(sums, self.crossbar.slicing.zero_share)
        )
        return decoded.transpose(1, 2).flatten(2)

    def _indices(self, source: Tensor) -> tuple[Indices, Indices]:
        conv = self.convolution
        if conv is not None:
            return im2col_indices(source.shape, conv.windows, conv.groups)
        n, k = source.shape[1:]
        return np.arange(n) * k, np.arange(len(source))[:, None] * n * k + np.arange(k)

    def gradient(self, source: Tensor, saturated: Tensor, grad: Tensor) -> Tensor:
        """Return the derivative by the source, given that by the column sums."""
        if self.crossbar.adc.gradient == "none":
            return torch.zeros_like(source)
        out = self._straight(source, grad)
        over = torch.nonzero(saturated).flatten()
        return self._subtract_saturated(out.contiguous(), over, source, grad) if len(over) else out

    def _straight(self, source: Tensor, grad: Tensor) -> Tensor:
        """Return the derivative where nothing saturated: that of a product by the matrix."""
        k = self.vectors(source[:1]).shape[2]
        matrix = decode(self.response, self.crossbar, (k, self.outputs))
        conv = self.convolution
        if conv is not None:
            return conv.gradient_of_maps(matrix, grad, source.shape)
        return grad @ matrix.transpose(1, 2)

    def _subtract_saturated(
        self, out: Tensor, over: Tensor, source: Tensor, grad: Tensor
    ) -> Tensor:
        """Take what passed saturated conversions out of a derivative; `over`: their vectors."""
        columns = self._packed().columns
        worth, apart = _worth(self.crossbar.slicing, self.crossbar.encoding, len(self.response))
        starts, offsets = self._indices(source)
        samples = over.numpy()
        if self.convolution is not None:
            samples = samples // (len(starts) // len(source))
        _, groups, _, col_tiles, _, cols = columns.shape
        with torch.enable_grad():
            sums = grad.new_zeros(apart, groups, col_tiles, len(over), cols).requires_grad_()
            differences = self._differences(sums)[..., : self.outputs]
            (towards,) = torch.autograd.grad(differences, sums, grad[:, over])
        slopes = columns.bit_planes.significances / columns.bit_planes.significances.sum()
        if columns.bit_planes.levels and self.negative:
            slopes = torch.cat([slopes, slopes])
        vectors = reads.InputVectors(source, starts[over.numpy()], offsets)
        shares = self.response / self.crossbar.window_siemens
        if shares.shape != columns.shape:
            shares = shares.transpose(3, 4).flatten(4)[..., : self.outputs].unsqueeze(3)
        reads.subtract_saturated(out, towards, vectors, columns, shares, slopes, worth, samples)
        return out

    def _packed(self) -> _Packed:
        """Return the arrays as the kernel packs them, kept until they or the ADC change."""
        adc, slicing, response = self.crossbar.adc, self.crossbar.slicing, self.response
        quantiser = reads.Quantiser(
            self.limit, adc.lower_bound * adc.steps, float(adc.steps), self.off
        )
        planes = reads.BitPlanes()
        if isinstance(slicing, BitSlicing):
            planes = reads.BitPlanes(2 ** (slicing.input_bits - 1) - 1, slicing.stream_bits)
        version = -1 if response.is_inference() else response._version
        key = (version, quantiser, planes, self.outputs)
        known: tuple[Any, _Packed] | None = _PACKED.get(response)
        if known is None or known[0] != key or version < 0:
            pack = partial(
                reads.pack_columns, response, quantiser, planes, unit=self.crossbar.window_siemens
            )
            every = response.shape[3] * response.shape[5]
            if self._paired and self.outputs < every:
                pads = slice(self.outputs, every)
                known = key, _Packed(pack(columns=slice(self.outputs)), pack(columns=pads))
            else:  # every tile of an offset column has its reference
                known = key, _Packed(pack(), None)
            _PACKED[response] = known
        return known[1]


def _worth(slicing: AbstractSlicing, encoding: AbstractEncoding, arrays: int) -> tuple[Tensor, int]:
    """Return the weight of each array, by slice and sign, and how many sums are kept apart."""
    worth = torch.tensor(slicing.slices(encoding.sign_bits), dtype=torch.float64)[:, None]
    if isinstance(encoding, DifferentialPair):  # the difference is taken in the kernel
        one_hot = torch.eye(2, dtype=torch.float64)[:, :, None]
        signs = encoding.difference(one_hot, slicing.zero_share)
        return (worth * signs.T).flatten(), 1
    apart = arrays // len(worth)
    return worth.expand(-1, apart).flatten(), apart


@lru_cache(maxsize=64)
def _read_weights(
    slicing: AbstractSlicing, encoding: AbstractEncoding, planes: reads.BitPlanes, arrays: int,
    twice: bool,
) -> tuple[Tensor, int]:  # fmt: skip
    """Return `_worth` at each read; `twice`: negative inputs after the others, and subtracted."""
    worth, apart = _worth(slicing, encoding, arrays)
    significances = planes.significances
    if twice:
        significances = torch.cat([significances, -significances])
    return significances[:, None] * worth, apart
