"""Images that chips are calibrated on, as bytes and as fractions."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import wordline as wl
from wordline.devices import UniformConverter
from wordline.nn.dataset_images import load_image

BYTES = (torch.arange(96, dtype=torch.uint8) * 2).reshape(6, 1, 4, 4)
LABELS = torch.zeros(6, dtype=torch.int64)


def test_bytes_calibrate_as_the_fractions_that_they_are(linear_model: nn.Module) -> None:
    crossbar = dataclasses.replace(wl.Crossbar.preset("ideal"), dac=UniformConverter(bits=8))
    limits = []
    for images in (BYTES, BYTES / 255):
        chip = wl.calibrate(wl.map_model(linear_model, crossbar), TensorDataset(images, LABELS))
        limits.append(chip.layers["1"].input_limit.item())
    assert limits[0] == limits[1] == pytest.approx(190 / 255)


def test_batch_norm_sees_fractions_too() -> None:
    model = nn.Sequential(nn.BatchNorm2d(1)).eval()
    means = [
        wl.recalibrate_batch_norm(model, TensorDataset(images, LABELS))[0].running_mean.item()
        for images in (BYTES, BYTES / 255)
    ]
    assert means[0] == means[1] == pytest.approx(95 / 255)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (torch.ones(2), "Tensor"),
        (({"image": 1}, 0), "dict"),
        ((torch.ones(2, dtype=torch.int64), 0), "torch.int64"),
        ((), "tuple"),
        (3, "int"),
    ],
)
def test_items_without_an_image(item: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"`data` item 0 must begin with an image, .* got {said}"):
        load_image([item], 0)  # type: ignore[arg-type]
