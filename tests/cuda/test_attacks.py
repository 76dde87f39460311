"""Attacks on the device: inside the ball, and as strong as on the CPU."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from tests.cuda.moved import to
from tests.nn.crossbars import CODES, REAL
from torch import Tensor, nn

import wordline as wl
from wordline.attacks.named import NAMED, AttackOptions

EPS = 0.1
OPTIONS = AttackOptions(eps=EPS, step_size=0.02, steps=5)
LIBRARY = ("apgd-ce", "apgd-t", "fab-t", "square", "autoattack", "hop-skip-jump")


@pytest.fixture
def batch(tiny_cnn: nn.Module, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    images = torch.rand(6, 2, 6, 6, generator=rng)
    return images, tiny_cnn(images).argmax(1)


@pytest.mark.parametrize("crossbar", [None, REAL, CODES], ids=["software", "matrix", "converters"])
@pytest.mark.parametrize("name", [name for name in NAMED if name not in LIBRARY])
def test_the_same_images_as_on_the_cpu(
    device: torch.device, tiny_cnn: nn.Module, batch: tuple[Tensor, Tensor], name: str,
    crossbar: wl.Crossbar | None,
) -> None:  # fmt: skip
    model = tiny_cnn.double() if crossbar is None else wl.map_model(tiny_cnn.double(), crossbar)
    given, attack = (batch[0].double(), batch[1]), NAMED[name](OPTIONS)
    expected = attack(model, *given, generator=torch.Generator().manual_seed(1))
    there = copy.deepcopy(model).to(device)
    found = attack(there, *to(device, given), generator=torch.Generator().manual_seed(1))
    assert found.device == device
    assert (found.cpu() - given[0]).abs().max() <= EPS + 1e-9
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LIBRARY)
def test_attacks_of_libraries(
    device: torch.device, tiny_cnn: nn.Module, batch: tuple[Tensor, Tensor], name: str
) -> None:
    pytest.importorskip("pyautoattack" if name != "hop-skip-jump" else "foolbox")
    if name in ("hop-skip-jump", "autoattack") and device.type != "cuda":
        pytest.skip("foolbox knows torch's own class of tensors alone, and AutoAttack is slow")
    attack = NAMED[name](OPTIONS)
    if name == "square":
        attack = dataclasses.replace(attack, queries=20)
    there = wl.map_model(tiny_cnn, REAL).to(device)
    images, labels = to(device, batch)
    found = attack(there, images, labels, generator=torch.Generator().manual_seed(1))
    assert found.device == device and found.dtype == images.dtype
    if name != "hop-skip-jump":
        assert ((found - images).abs().max() <= EPS + 1e-6).item()
    assert ((found >= 0) & (found <= 1)).all().item()


def test_the_euclidean_norm(
    device: torch.device, tiny_cnn: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    attack = wl.PGD(eps=0.5, steps=4, step_size=0.2, norm="l2")
    expected = attack(tiny_cnn, *batch, generator=torch.Generator().manual_seed(1))
    there = copy.deepcopy(tiny_cnn).to(device)
    found = attack(there, *to(device, batch), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-4)
