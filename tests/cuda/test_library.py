"""What stands on chips: audits of the layers' noise, rounding, defences, memory, on the device."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from tests.cuda.moved import assert_close, devices_of, to
from tests.nn.crossbars import CODES, REAL
from torch import Tensor, nn

import wordline as wl
from wordline.defenses import TRADES, Discretised, FastFGSM, LipschitzPenalty
from wordline.nn.accounting.available_memory import available_bytes

Pairs = list[tuple[Tensor, int]]
NOISY = dataclasses.replace(REAL, nonidealities=(wl.ReadNoise(0.05),))


@pytest.fixture
def split(tiny_cnn: nn.Module, rng: torch.Generator) -> Pairs:
    images = torch.rand(16, 2, 6, 6, generator=rng)
    return [(x, int(y)) for x, y in zip(images, tiny_cnn(images).argmax(1), strict=True)]


def both(model: nn.Module, crossbar: wl.Crossbar, device: torch.device) -> list[list[nn.Module]]:
    """The chip and its network here, and there."""
    chip = wl.map_model(model, crossbar, seed=1)
    return [[chip, model], [copy.deepcopy(chip).to(device), copy.deepcopy(model).to(device)]]


def test_noise_stability(device: torch.device, tiny_cnn: nn.Module, split: Pairs) -> None:
    here, there = (
        wl.noise_stability(chip=chip, software=software, data=split, draws=3, probes=2)
        for chip, software in both(tiny_cnn.double(), CODES, device)
    )
    for ours, theirs in zip(there.layers, here.layers, strict=True):
        assert ours.snr.median == pytest.approx(theirs.snr.median, rel=1e-3)


def test_gradient_deviation(device: torch.device, tiny_cnn: nn.Module, split: Pairs) -> None:
    here, there = (
        wl.gradient_deviation(chip=chip, software=software, data=split, eps=0.05)
        for chip, software in both(tiny_cnn.double(), REAL, device)
    )
    assert there.to_json() == pytest.approx(here.to_json()) or there == here


@pytest.mark.parametrize("crossbar", [REAL, NOISY], ids=["fixed", "noisy"])
def test_matched_noise(
    device: torch.device, tiny_cnn: nn.Module, split: Pairs, crossbar: wl.Crossbar
) -> None:
    images = torch.stack([x for x, _ in split])
    noisy = []
    for chip, software in both(tiny_cnn, crossbar, device):
        noisy.append(wl.matched_noise(software=software, chip=chip, data=split))
    assert devices_of(noisy[1]) == {device.type}
    assert_close(noisy[1](images.to(device)), noisy[0](images), device, rtol=1e-3)


def test_rounding_and_batch_norm(device: torch.device, tiny_cnn: nn.Module, split: Pairs) -> None:
    images = torch.stack([x for x, _ in split])
    made = [
        wl.recalibrate_batch_norm(
            wl.quantise(net, 4, activation_bits=5, calibration=images), split, limit=16
        )
        for net in (tiny_cnn, copy.deepcopy(tiny_cnn).to(device))
    ]
    assert devices_of(made[1]) == {device.type}
    assert_close(made[1](images.to(device)), made[0](images), device, rtol=1e-3)
    rounded = Discretised(tiny_cnn, bits=3)
    assert_close(copy.deepcopy(rounded).to(device)(images.to(device)), rounded(images), device)


@pytest.mark.parametrize(
    "objective",
    [
        FastFGSM(eps=0.05),
        TRADES(eps=0.05, steps=2),
        LipschitzPenalty(FastFGSM(eps=0.05), weight=0.1),
    ],
    ids=lambda o: type(o).__name__,
)
def test_losses_of_defences(
    device: torch.device, tiny_cnn: nn.Module, split: Pairs, objective: object
) -> None:
    images, labels = torch.stack([x for x, _ in split]), torch.tensor([y for _, y in split])
    networks = tiny_cnn, copy.deepcopy(tiny_cnn).to(device)
    expected, found = (
        objective.loss(net, *to(at, (images, labels)), generator=torch.Generator().manual_seed(1))
        for net, at in zip(networks, ("cpu", device), strict=True)
    )
    assert_close(found, expected, device, rtol=1e-3)
    found.backward()
    assert all(p.grad.device.type == device.type for p in networks[1].parameters())


def test_an_audit(device: torch.device, tiny_cnn: nn.Module, split: Pairs) -> None:
    if device.type != "cuda":
        pytest.skip("minutes on a stand-in")
    (_, _), (chip, software) = both(tiny_cnn, REAL, device)
    found = wl.audit(chip=chip, software=software, data=split, eps=0.05, limit=8, quick=True)
    assert found.checks


def test_memory_that_torch_keeps_for_itself_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 300)
    assert available_bytes(torch.device("cuda", 0)) == 500
