"""The identity of a network: its name, fingerprints and declared gradient."""

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.evaluation import identify
from wordline.evaluation.read_noise import restart_noise
from wordline.evaluation.requirements import require_evaluation_mode, require_fit

IMAGES = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()


def test_a_chip_carries_crossbar_and_seed_and_the_name_of_its_network() -> None:
    software, crossbar = network(), wl.Crossbar.preset("rethinking-16")
    software.display_name = "mine"
    chip = wl.map_model(software, crossbar, seed=3)
    plain, mapped = identify(software), identify(chip)
    assert (plain.network, mapped.network) == ("mine", "mine")
    assert (mapped.crossbar, mapped.seed, mapped.is_chip) == (crossbar, 3, True)
    assert not plain.is_chip and plain.weights != mapped.weights


def test_a_surrogate_gradient_is_that_of_another_network() -> None:
    software = network()
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-16"))
    led = identify(wl.SurrogateGradient(chip, software))
    assert led.gradient == "of Sequential" and led.crossbar == chip.crossbar
    assert led.weights != identify(chip).weights


def test_read_noise_begins_anew_at_a_stream() -> None:
    software = network()
    noisy = wl.Crossbar(
        tile=(8, 8), device=wl.Memristor(20e3, 200e3), wires=wl.Wires(), gain=wl.UnitGain(),
        nonidealities=(wl.ReadNoise(0.1),),
    )  # fmt: skip
    chip = wl.map_model(software, noisy)
    found = []
    for stream in (("a", 0), ("a", 0), ("a", 1)):
        restart_noise(chip, *stream)
        found.append(chip(IMAGES))
    restart_noise(software, "a", 0)  # nothing to begin anew
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_networks_that_cannot_be_measured_are_refused() -> None:
    split = wl.datasets.ImageSplit(torch.rand(2, 1, 3, 3), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"images of shape \(1, 3, 3\) do not fit `victim`"):
        require_fit("victim", network(), split)
    with pytest.raises(ValueError, match="`victim` is in training mode"):
        require_evaluation_mode("victim", network().train())
    with pytest.raises(TypeError, match="`victim` must be a torch.nn.Module, got int"):
        require_evaluation_mode("victim", 3)  # type: ignore[arg-type]
