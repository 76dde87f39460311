"""Bounds against the dense SVD of operators written out entry by entry: never below, and close."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wordline.evaluation.certificate.gram import gram_bound
from wordline.evaluation.certificate.operator_norm import operator_bound, spectral_bound
from wordline.nn.layers.convolution import conv_product
from wordline.nn.layers.linear import LinearProduct
from wordline.nn.layers.transposed import transposed_product


def written_out(layer: nn.Conv2d, size: int, factors: Tensor) -> np.ndarray:
    """The matrix of a convolution of size x size maps, by its definition."""
    weight, (s, _), (p, _) = layer.weight.detach().numpy(), layer.stride, layer.padding
    (k, _), (d, _), groups = layer.kernel_size, layer.dilation, layer.groups
    out = (size + 2 * p - d * (k - 1) - 1) // s + 1
    each, made = layer.in_channels // groups, layer.out_channels // groups
    matrix = np.zeros((layer.out_channels, out, out, layer.in_channels, size, size))
    for o, y, x, c, i, j in itertools.product(
        range(layer.out_channels), range(out), range(out), range(each), range(k), range(k)
    ):
        row, col, channel = y * s + i * d - p, x * s + j * d - p, o // made * each + c
        if 0 <= row < size and 0 <= col < size:
            matrix[o, y, x, channel, row, col] += weight[o, c, i, j]
    return matrix.reshape(layer.out_channels * out * out, -1) * factors.flatten().numpy()


LAYERS = [  # in, out, kernel, stride, padding, dilation, groups, size
    (3, 8, 3, 1, 1, 1, 1, 12),
    (3, 4, 3, 2, 1, 1, 1, 12),
    (3, 4, 3, 1, 0, 1, 1, 11),
    (2, 4, 5, 3, 2, 1, 1, 13),
    (3, 6, 4, 4, 0, 1, 1, 12),
    (1, 5, 7, 2, 3, 1, 1, 15),
    (4, 6, 3, 1, 2, 2, 2, 8),
    (2, 3, 2, 3, 1, 1, 1, 9),
]


@pytest.mark.parametrize("layer", LAYERS, ids=str)
@pytest.mark.parametrize("kind", ["random", "smooth"])
def test_a_convolution_is_bounded_from_above_and_closely(layer: tuple[int, ...], kind: str) -> None:
    conv = nn.Conv2d(*layer[:7]).double()
    if kind == "smooth":  # whose largest singular vector is that of the lowest frequency
        conv.weight.data.abs_()
    factors = torch.rand(layer[0], 1, 1).double().add(0.5).expand(-1, layer[7], layer[7])
    true = np.linalg.svd(written_out(conv, layer[7], factors), compute_uv=False)[0]
    product = conv_product(conv, 2)
    matrix = product.to_matrix(conv.weight.detach())
    exact = operator_bound(product, matrix, factors)
    spectral = operator_bound(product, matrix, factors, explicit=0)
    assert true <= exact <= 1.005 * true
    assert true <= spectral <= 1.3 * true  # a third of such small maps is border


@pytest.mark.parametrize(("stride", "kernel"), [(1, 3), (2, 3), (1, 5), (2, 7)])
def test_the_spectrum_is_close_on_maps_of_usual_size(stride: int, kernel: int) -> None:
    conv = nn.Conv2d(1, 8, kernel, stride, kernel // 2).double()
    factors = torch.ones(1, 28, 28).double()
    true = np.linalg.svd(written_out(conv, 28, factors), compute_uv=False)[0]
    bound = spectral_bound(conv_product(conv, 2), conv.weight.detach(), factors)
    assert true <= bound <= 1.05 * true


def test_factors_of_pixels_are_bounded_by_those_of_their_channel() -> None:
    conv, factors = nn.Conv2d(2, 3, 3, padding=1).double(), torch.rand(2, 9, 9).double() - 0.5
    true = np.linalg.svd(written_out(conv, 9, factors), compute_uv=False)[0]
    product = conv_product(conv, 2)
    matrix = product.to_matrix(conv.weight.detach())
    assert true <= operator_bound(product, matrix, factors) <= 1.005 * true
    assert true <= operator_bound(product, matrix, factors, explicit=0)


@pytest.mark.parametrize("dims", [1, 3])
def test_other_numbers_of_axes(dims: int) -> None:
    kind = {1: nn.Conv1d, 3: nn.Conv3d}[dims]
    conv, size = kind(2, 3, 3, stride=2, padding=1).double(), (6,) * dims
    columns = torch.eye(2 * 6**dims).double().view(-1, 2, *size)
    bias = conv.bias.view(-1, *(1,) * dims)
    true = np.linalg.svd((conv(columns) - bias).flatten(1).detach().numpy(), compute_uv=False)[0]
    product = conv_product(conv, dims)
    found = spectral_bound(product, conv.weight.detach(), torch.ones(2, *size).double())
    assert true <= found <= 1.25 * true


@pytest.mark.parametrize("shape", [(5, 9), (40, 3), (1, 6), (64, 64)])
def test_a_linear_layer_is_bounded_from_above_and_closely(shape: tuple[int, int]) -> None:
    matrix, scale = torch.randn(1, *shape).double(), torch.rand(4, shape[0]).double()
    blocks = [np.diag(row) @ matrix[0].numpy() for row in scale.numpy()]
    alone = max(np.linalg.svd(block, compute_uv=False)[0] for block in blocks)
    at_most = np.linalg.svd(np.diag(scale.amax(0)) @ matrix[0].numpy(), compute_uv=False)[0]
    bound = operator_bound(LinearProduct(), matrix, scale)
    assert alone <= at_most <= bound <= 1.005 * at_most


def test_gram_iteration_is_never_below() -> None:
    """Complex matrices, equal singular values, one alone, tiny, huge, and zero."""
    found = torch.randn(7, 6, 4, dtype=torch.complex128)
    found[1] = torch.eye(6, 4)
    found[2] = found[2, :, :1] @ found[2, :1]
    found[3] *= 1e-120
    found[4] *= 1e120
    found[5] = 0
    true = np.linalg.svd(found.numpy(), compute_uv=False)[:, 0]
    for squarings in (0, 1, 5, 10):
        bound = gram_bound(found, squarings).numpy()
        assert (bound >= true).all()
        assert (bound <= true * 4 ** (0.25 / 2**squarings) * (1 + 1e-9)).all()
    assert bound[5] == 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="`matrices` hold NaN or infinity"):
        gram_bound(torch.full((1, 2, 2), bad, dtype=torch.float64))


def test_other_products_are_refused() -> None:
    ones = torch.ones(2, 4, 4).double()
    for layer, product_of, words in (
        (nn.ConvTranspose2d(2, 3, 3), transposed_product, "TransposedProduct, whose norm"),
        (
            nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
            conv_product,
            "ConvProduct with padding_mode='reflect', whose norm",
        ),
    ):
        product = product_of(layer, 2)
        matrix = product.to_matrix(layer.weight.detach().double())
        with pytest.raises(ValueError, match=f"`victim` begins with a product of kind {words}"):
            operator_bound(product, matrix, ones)
