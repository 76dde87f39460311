"""What a chip is given: tensors, and finite numbers where a converter stands."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import wordline as wl

PLAIN = wl.Crossbar.preset("rethinking-16")
CONVERTED = {
    "adc": dataclasses.replace(PLAIN, adc=wl.UniformConverter(bits=8, range=wl.FullScale(0.5))),
    "dac": dataclasses.replace(PLAIN, dac=wl.UniformConverter(bits=6, range=wl.SampleMax())),
    "slices": dataclasses.replace(
        PLAIN,
        slicing=wl.BitSlicing(8, 2, 8, 1),
        adc=wl.UniformConverter(bits=8, range=wl.FullScale()),
    ),
}


def linear(crossbar: wl.Crossbar) -> wl.Chip:
    return wl.map_model(nn.Sequential(nn.Linear(5, 3)).eval(), crossbar)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 5), np.float32), np.zeros((2, 5)), np.zeros(5, np.int64)]
)
def test_numpy_is_answered_in_words(array: np.ndarray) -> None:
    chip = linear(PLAIN)
    with pytest.raises(
        TypeError, match=r"`images` is a numpy array of shape .*; pass torch.from_numpy\(images\)"
    ):
        chip(array)
    with pytest.raises(TypeError, match=r"pass torch.from_numpy\(images\)"):
        chip(input=array)
    with pytest.raises(
        TypeError, match="`images` and `labels` must be tensors, got ndarray and .*from_numpy"
    ):
        wl.FGSM(0.1)(chip, array, np.zeros(2, np.int64))


@pytest.mark.parametrize("crossbar", CONVERTED.values(), ids=CONVERTED.keys())
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_has_no_code_is_refused_before_a_converter(crossbar: wl.Crossbar, bad: float) -> None:
    chip, x = linear(crossbar), torch.rand(2, 5)
    assert chip(x).isfinite().all()
    x[1, 2] = bad
    with pytest.raises(
        ValueError, match=r"`inputs` of a converter, of shape \(2, 5\), hold NaN or infinity"
    ):
        chip(x)
    assert chip(torch.rand(0, 5)).shape == (0, 3)


def test_without_a_converter_it_passes_through_as_in_software() -> None:
    x = torch.rand(2, 5)
    x[1, 2] = torch.nan
    answer = linear(PLAIN)(x)
    assert answer[0].isfinite().all() and answer[1].isnan().all()
