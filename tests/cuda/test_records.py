"""Evaluations on the device: records equal to those of the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.nn.crossbars import CODES, REAL
from torch import nn

import wordline as wl


@pytest.fixture
def split(tiny_cnn: nn.Module, rng: torch.Generator) -> list[tuple[torch.Tensor, int]]:
    images = torch.rand(24, 2, 6, 6, generator=rng)
    return [(x, int(y)) for x, y in zip(images, tiny_cnn(images).argmax(1), strict=True)]


@pytest.mark.parametrize("crossbar", [REAL, CODES], ids=["matrix", "converters"])
def test_a_record_is_that_of_the_cpu(
    device: torch.device, tiny_cnn: nn.Module, split: list[tuple[torch.Tensor, int]],
    crossbar: wl.Crossbar,
) -> None:  # fmt: skip
    attack = wl.PGD(eps=0.05, steps=4, step_size=0.02)
    chip = wl.map_model(tiny_cnn, crossbar, seed=1)
    here = wl.evaluate(victim=chip, source=tiny_cnn, attack=attack, data=split)
    there = wl.evaluate(
        victim=copy.deepcopy(chip).to(device), source=copy.deepcopy(tiny_cnn).to(device),
        attack=attack, data=split,
    )  # fmt: skip
    for name in ("clean", "adversarial"):
        a, b = getattr(here, name).value, getattr(there, name).value
        assert abs(a - b) <= 1 / 24 + 1e-9  # one image may lie on the border
    assert there.victim == here.victim  # fingerprints: the same network, wherever it is
    assert wl.table([here, there])
