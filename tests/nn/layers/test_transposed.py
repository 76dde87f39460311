"""Transposed convolutions.

Torch is the oracle, and `functional.fold` of a linear layer's answers.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nn.crossbars import CODES, EITHER, IDEAL, REAL
from torch import nn
from torch.nn import functional

import wordline as wl

KINDS = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(EITHER),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(1, 2),
    st.booleans(),
)
def test_any_transposed_convolution_maps(
    crossbar: wl.Crossbar,
    dims: int,
    groups: int,
    outputs: int,
    kernel: int,
    stride: int,
    padding: int,
    extra: int,
    dilation: int,
    bias: bool,
) -> None:
    extra = min(extra, max(stride, dilation) - 1)
    layer = KINDS[dims](
        2 * groups, outputs * groups, kernel, stride, padding, extra, groups, bias, dilation
    )
    layer = layer.double().eval()
    x = torch.rand(2, 2 * groups, *(5, 4, 3)[:dims], dtype=torch.float64)
    chip = wl.map_model(layer, crossbar)
    torch.testing.assert_close(chip(x), layer(x), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(chip(x[0]), layer(x[0]), rtol=1e-9, atol=1e-9)


def test_a_real_chip_is_the_layer_with_the_effective_weight() -> None:
    layer = nn.ConvTranspose2d(4, 6, 3, 2, groups=2).eval()
    chip, x = wl.map_model(layer, REAL), torch.rand(2, 4, 5, 5)
    weight = chip.layers["model"].effective_weight
    assert weight.shape == layer.weight.shape and not torch.equal(weight, layer.weight)
    assert chip.layers["model"].matrix_shape == (2, 2, 27)
    torch.testing.assert_close(
        chip(x), functional.conv_transpose2d(x, weight, layer.bias, 2, groups=2)
    )


def test_overlaps_are_summed_after_conversion() -> None:
    layer = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, bias=False).eval()
    pixels = nn.Linear(3, 18, bias=False).eval()
    pixels.weight.data = layer.weight.data.reshape(3, 18).t()
    x = torch.rand(2, 3, 4, 5)
    columns = wl.map_model(pixels, CODES)(x.flatten(2).transpose(1, 2)).transpose(1, 2)
    wanted = functional.fold(columns, (7, 9), 3, padding=1, stride=2)
    chip = wl.map_model(layer, CODES)
    torch.testing.assert_close(chip(x), wanted)
    assert (chip(x) - layer(x)).abs().max() > 1e-3  # codes are coarse


@pytest.mark.parametrize("crossbar", EITHER)
@pytest.mark.parametrize("size", [[9, 10], [10, 9], [2, 6, 10, 10]])
def test_an_output_size_may_be_asked_for(crossbar: wl.Crossbar, size: list[int]) -> None:
    layer = nn.ConvTranspose2d(4, 6, 3, 2, 1).double().eval()
    mapped, x = (
        wl.map_model(layer, crossbar).layers["model"],
        torch.rand(2, 4, 5, 5, dtype=torch.float64),
    )
    torch.testing.assert_close(
        mapped(x, output_size=size), layer(x, output_size=size), rtol=1e-9, atol=1e-9
    )


def test_sizes_that_no_padding_gives_are_refused() -> None:
    x, up = (
        torch.rand(1, 4, 5, 5),
        wl.map_model(nn.ConvTranspose2d(4, 6, 3, 2, 1).eval(), IDEAL).layers["model"],
    )
    with pytest.raises(ValueError, match=r"`output_size` must be between \[9, 9\] and \[10, 10\]"):
        up(x, output_size=[11, 9])
    with pytest.raises(ValueError, match="`output_size` must have 2 or 4 numbers"):
        up(x, output_size=[9])
    with pytest.raises(TypeError, match="`output_size` goes with a transposed convolution"):
        wl.map_model(nn.Conv2d(4, 6, 3).eval(), IDEAL).layers["model"](x, output_size=[9, 9])
