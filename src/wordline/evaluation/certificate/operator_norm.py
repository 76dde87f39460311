"""The norm of a whole layer, bounded from above: a linear layer, or a convolution of an image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ...nn.layers.convolution import ConvProduct
from ...nn.layers.linear import LinearProduct
from ...nn.layers.product import AbstractProduct
from .gram import gram_bound

EXPLICIT = 1024  # inputs up to which the matrix of a convolution is written out
_CHUNK = 1 << 21  # complex numbers of a spectrum held at once
_ANGLES = 2.0**-48  # relative error of a product of sines and cosines, and of sums of them


def operator_bound(
    product: AbstractProduct, matrix: Tensor, scale: Tensor, *, explicit: int = EXPLICIT
) -> float:
    """Bound the norm of x -> product(scale * x) from above, for all inputs of one image.

    `matrix` `(groups, K, S)`: the weights as arrays hold them, double precision; `scale`: a factor
    for each input, of the shape of one image as the layer takes it. A linear layer is one matrix,
    whatever number of vectors an image is. Of a convolution with at most `explicit` inputs the
    matrix is written out, padding, stride and groups included; of a larger one see
    `spectral_bound`.

    Raises ValueError for other layers, and for padding other than by zeros.

    >>> identity = torch.eye(2, dtype=torch.float64)[None]
    >>> factors = torch.tensor([1.0, 3.0], dtype=torch.float64)
    >>> round(operator_bound(LinearProduct(), identity, factors), 2)
    3.0
    """
    if isinstance(product, LinearProduct):
        largest = scale.reshape(-1, scale.shape[-1]).abs().amax(0)
        return float(gram_bound(largest[:, None] * matrix))
    padding = getattr(product, "padding_mode", "zeros")
    if not isinstance(product, ConvProduct) or padding != "zeros":
        padded = f" with padding_mode={padding!r}" if padding != "zeros" else ""
        raise ValueError(
            f"`victim` begins with a product of kind {type(product).__name__}{padded}, whose norm "
            "is not bounded here; linear layers and convolutions padded with zeros are"
        )
    weight = matrix.transpose(1, 2).reshape(
        matrix.shape[0] * matrix.shape[2], -1, *product.kernel
    )  # fmt: skip
    if scale.numel() <= explicit:
        one_hot = torch.diag(scale.flatten()).view(-1, *scale.shape)
        return float(gram_bound(product(one_hot, weight, None).flatten(1)[None]))
    return spectral_bound(product, weight, scale)


def spectral_bound(product: ConvProduct, weight: Tensor, scale: Tensor) -> float:
    """Bound the norm of a convolution by the largest singular value of its spectrum.

    A convolution of stride s is one of stride 1 on s times as many channels: those of the s phases
    of an image. Laid on a torus of N >= outputs + kernel - 1 positions an axis, nothing wraps
    around, and the layer is a part of the circular convolution there: rows left out by the border,
    columns by the padding. So

        ||W||_2 <= max_f ||W(f)||_2,    W(f) = sum_q w_q exp(-2 pi i f q / N)   (outputs x phases)

    over the frequencies of the torus. The excess is that of the border alone and falls with the
    size of the image. Of the factors `scale` the largest of each channel is taken.
    """
    largest = scale.abs().flatten(1).amax(1).view(product.groups, -1)
    pads = zip(product.border[-2::-2], product.border[-1::-2], strict=True)
    size = [n + low + high for n, (low, high) in zip(scale.shape[1:], pads, strict=True)]
    positions = product.windows.positions(size)
    bounds = []
    for each, factors in zip(weight.chunk(product.groups), largest, strict=True):
        scaled = each * factors.view(1, -1, *(1,) * product.dims)
        taps = _polyphase(scaled, product)
        lost = _ANGLES * float(taps.abs().sum(-1).norm()) * taps.shape[-1]
        spectrum = _spectrum(taps, _tap_counts(product), positions)
        bounds.append(max(float(gram_bound(part).max()) for part in spectrum) + lost)
    return max(bounds)


def _tap_counts(product: ConvProduct) -> tuple[int, ...]:
    """Count the positions that a kernel spans along each axis, in steps of its stride."""
    axes = zip(product.kernel, product.stride, product.dilation, strict=True)
    return tuple((k - 1) * gap // step + 1 for k, step, gap in axes)


def _polyphase(weight: Tensor, product: ConvProduct) -> Tensor:
    """Lay a weight out as `(outputs, channels * phases, taps)` of a convolution of stride 1."""
    taps, stride = _tap_counts(product), product.stride
    laid = weight.new_zeros(*weight.shape[:2], math.prod(stride), *taps)
    for place in itertools.product(*map(range, product.kernel)):
        offsets = [p * gap for p, gap in zip(place, product.dilation, strict=True)]
        phase = 0
        for offset, step in zip(offsets, stride, strict=True):
            phase = phase * step + offset % step
        tap = tuple(offset // step for offset, step in zip(offsets, stride, strict=True))
        at: tuple[Any, ...] = (slice(None), slice(None))
        laid[(*at, phase, *tap)] = weight[(*at, *place)]
    return laid.flatten(3).flatten(1, 2)


def _spectrum(
    taps: Tensor, counts: tuple[int, ...], positions: tuple[int, ...]
) -> Iterator[Tensor]:
    """Yield matrices `(frequencies, outputs, channels * phases)` of a torus, some at a time.

    Of an axis on which the kernel has one tap all frequencies are alike, and one is enough. Those
    of opposite sign have conjugate matrices: half of the first axis is enough.
    """
    waves = torch.ones(1, 1, dtype=torch.complex128)
    for axis, (count, outputs) in enumerate(zip(counts, positions, strict=True)):
        around = outputs + count - 1 if count > 1 else 1
        kept = around // 2 + 1 if axis == 0 else around
        turns = torch.outer(torch.arange(kept), torch.arange(count)) % around
        wave = torch.exp(-2j * math.pi * turns.double() / around)
        waves = torch.einsum("fq,gr->fgqr", waves, wave).flatten(2).flatten(0, 1)
    flat = taps.flatten(0, 1).to(waves.dtype)
    for part in waves.split(max(1, _CHUNK // flat[:, 0].numel())):
        yield (part @ flat.T).unflatten(1, taps.shape[:2])
