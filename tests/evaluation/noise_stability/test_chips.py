"""A chip beside its network: nothing of either is touched, and more noise lowers the SNR."""

import dataclasses

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit


@pytest.fixture(scope="module")
def mapped() -> tuple[nn.Module, wl.Chip, ImageSplit]:
    crossbar = wl.Crossbar.preset("rethinking-32", gain=wl.LeastSquaresGain())
    crossbar = dataclasses.replace(
        crossbar,
        nonidealities=(wl.ReadNoise(0.05),),
        adc=wl.UniformConverter(8, range=wl.FullScale(0.2)),
    )
    software = wl.load_model("digits-cnn")
    return (
        software,
        wl.map_model(software, crossbar, seed=0),
        wl.load_dataset("digits").test.take(6),
    )


def test_nothing_of_either_network_is_touched(mapped, no_global_draws) -> None:
    software, chip, digits = mapped
    software.requires_grad_(True)
    chip(digits.images[:2])
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in (software, chip)]
    layers = chip.layers.values()
    streams = [(layer.noise.seed, layer.noise.reads, layer.tally.conversions) for layer in layers]
    first = wl.noise_stability(software=software, chip=chip, data=digits, draws=2)
    assert first.draws == 2 and [row.name for row in first.layers] == [
        "conv1",
        "conv2",
        "fc1",
        "fc2",
    ]
    for model, state in zip((software, chip), before, strict=True):
        for name, value in model.state_dict().items():  # ranges that nobody measured are NaN
            torch.testing.assert_close(value, state[name], rtol=0, atol=0, equal_nan=True)
        for module in model.modules():
            assert (
                not module.training and not module._forward_hooks and not module._forward_pre_hooks
            )
        assert all(p.grad is None for p in model.parameters())
    assert streams == [
        (layer.noise.seed, layer.noise.reads, layer.tally.conversions) for layer in layers
    ]
    assert wl.noise_stability(software=software, chip=chip, data=digits, draws=2) == first


def test_the_ideal_chip_has_no_noise_and_more_noise_lowers_the_snr(mapped) -> None:
    software, _, digits = mapped
    ideal = wl.noise_stability(
        software=software, chip=wl.map_model(software, wl.Crossbar.preset("ideal")), data=digits
    )
    assert ideal.logits.snr_db > 90
    found = []
    for sigma in (0.02, 0.1):
        crossbar = dataclasses.replace(
            wl.Crossbar.preset("ideal"), nonidealities=(wl.GaussianVariation(sigma),)
        )
        chip = wl.map_model(software, crossbar)
        found.append(wl.noise_stability(software=software, chip=chip, data=digits))
    assert all(
        few.snr.mean > 2 * many.snr.mean
        for few, many in zip(*(r.layers for r in found), strict=True)
    )


def test_prints_and_survives_json(mapped) -> None:
    software, chip, digits = mapped
    found = wl.noise_stability(software=software, chip=chip, data=digits, limit=3, draws=2)
    assert wl.NoiseStability.from_json(found.to_json()) == found
    text = str(found)
    assert (
        "conv2" in text
        and "logits" in text
        and "dB" in text
        and "3 images of digits, 2 draws" in text
    )
    with pytest.raises(KeyError):
        found["conv9"]
