"""Sensitivities in closed form and against tiles laid out by hand; every chip without one."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from tests.evaluation.certificate.chips import ADC, NOISY, QUIET, REAL, SIGMA, two_sided
from torch import Tensor, nn

import wordline as wl
from wordline.evaluation import sensitivity, with_input_noise
from wordline.evaluation.certificate.sensitivity import MARGIN
from wordline.fingerprints import fingerprint
from wordline.mapping import OffsetColumn, SharedDevices

LIMIT = 2.0
IMAGE = torch.rand(1, 1, 3, 4)


def norm(matrix: np.ndarray) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False)[0])


def close(found: float, true: float) -> bool:
    return true <= found <= true * 1.003


def test_a_linear_classifier_in_closed_form() -> None:
    """|W| = sqrt(2) |w|; noise s of an output, of two arrays: sqrt(2) sigma w_max limit."""
    w = torch.linspace(-0.5, 1.0, 12)
    chip = wl.map_model(two_sided(w), NOISY)
    s = math.sqrt(2) * SIGMA * 1.0 * LIMIT
    layer, bound = sensitivity(chip, IMAGE)
    assert layer == "1"
    assert close(bound, math.sqrt(2) * float(w.norm()) / s)


def test_normalisation_in_front_multiplies() -> None:
    net = two_sided(torch.linspace(-0.5, 1.0, 12))
    plain = sensitivity(wl.map_model(net, NOISY), IMAGE).bound
    normalised = wl.Normalized(net, mean=(0.3,), std=(0.25,)).eval()
    chip = wl.map_model(normalised, NOISY)
    assert close(sensitivity(chip, IMAGE).bound, 4 * plain / (1 + MARGIN) / 1.002)


class Affine(nn.Module):
    """A normalisation written by hand, in place, behind a reshape."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net(1 - images.flatten(1).mul(2).sub_(0.5).unsqueeze(1).squeeze(1) / 0.5)


def test_a_normalisation_of_ones_own_is_followed() -> None:
    net = two_sided(torch.linspace(-0.5, 1.0, 12))
    plain = sensitivity(wl.map_model(net, NOISY), IMAGE).bound
    own = sensitivity(wl.map_model(Affine(net).eval(), NOISY), IMAGE).bound
    assert own == pytest.approx(4 * plain, rel=1e-5)


def test_noise_of_another_size_in_every_column() -> None:
    """A gain of columns scales outputs and noise alike: columns differ in the matrix alone."""
    chip = wl.map_model(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).eval(), REAL)
    layer = chip.layers["1"]
    std = layer.output_noise_std().double()
    assert len(set(std.tolist())) == 5
    true = norm(layer.effective_weight.double().numpy() / std.numpy()[:, None])
    assert close(sensitivity(chip, IMAGE).bound, true)


def stacked(chip: wl.Chip, name: str) -> np.ndarray:
    """Every column of every tile, as it is read, in units of its noise: 12 inputs, rows of 8."""
    layer = chip.layers[name]
    crossbar = layer.crossbar
    g = layer.response.double().numpy()[:, 0]  # (arrays, row tiles, col tiles, rows, cols)
    g = g / (crossbar.device.g_on_siemens - crossbar.device.g_off_siemens)
    if isinstance(crossbar.slicing, SharedDevices):
        g = g.reshape(2, -1, *g.shape[1:]).mean(0)
    if crossbar.encoding.subtracts_currents:
        g = g[:1] - g[1:]
    spare, outputs, rows = crossbar.encoding.spare_cols, layer.matrix_shape[2], g.shape[3]
    held = crossbar.tile[1] - spare
    found = []
    for array in g:
        for t, row_tile in enumerate(array):
            for c, tile in enumerate(row_tile):
                used = [j for j in range(held) if c * held + j < outputs]
                used += [held] if spare else []
                block = np.zeros((12, len(used)))
                inputs = min(rows, 12 - t * rows)
                block[t * rows : t * rows + inputs] = tile[:inputs, used]
                found.append(block)
    return np.concatenate(found, 1).T / (SIGMA * LIMIT)


@pytest.mark.parametrize(
    "change",
    [
        {"adc": ADC},
        {"adc": ADC, "encoding": wl.DifferentialPair(analog=True)},
        {"adc": ADC, "encoding": OffsetColumn()},
        {"encoding": OffsetColumn()},
        {"adc": ADC, "slicing": SharedDevices(2)},
    ],
    ids=["pair", "analog pair", "offset column", "offset column, ideal ADC", "two devices"],
)
def test_behind_adcs_every_column_of_every_tile_counts(change: dict[str, object]) -> None:
    crossbar = dataclasses.replace(REAL, **change)
    chip = wl.map_model(nn.Sequential(nn.Flatten(), nn.Linear(12, 7)).eval(), crossbar)
    assert chip.layers["1"].cells_shape[2:4] == (2, 2)
    assert close(sensitivity(chip, IMAGE).bound, norm(stacked(chip, "1")))


def test_row_tiles_behind_adcs_are_no_better_than_their_sum() -> None:
    """Of what the ADCs see, a sum is a part: it certifies less."""
    net, analog = nn.Sequential(nn.Flatten(), nn.Linear(12, 7)).eval(), wl.DifferentialPair(
        analog=True
    )  # fmt: skip
    bounds = [
        sensitivity(
            wl.map_model(net, dataclasses.replace(REAL, encoding=analog, **adc)), IMAGE
        ).bound
        for adc in ({}, {"adc": ADC})
    ]
    assert bounds[0] < bounds[1]


def test_an_off_current_that_is_removed_is_no_column() -> None:
    less = dataclasses.replace(ADC, less_off_current=True)
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 7)).eval()
    found = [
        sensitivity(wl.map_model(net, dataclasses.replace(REAL, adc=adc)), IMAGE).bound
        for adc in (ADC, less)
    ]
    assert found[1] < 0.95 * found[0]


def test_noise_at_the_input() -> None:
    noisy = with_input_noise(nn.Flatten().eval(), 0.25)
    layer, bound = sensitivity(noisy, IMAGE)
    assert layer == "input" and bound == pytest.approx(4.0, rel=2e-5) and bound >= 4.0
    with pytest.raises(ValueError, match="`sigma` must be greater than 0"):
        with_input_noise(nn.Flatten().eval(), 0.0)
    noisy[0].deviation = 0.0
    with pytest.raises(ValueError, match="`victim` has input noise of deviation 0"):
        sensitivity(noisy, IMAGE)


def chip_of(crossbar: wl.Crossbar, **options: object) -> wl.Chip:
    return wl.map_model(two_sided(torch.ones(12)), crossbar, **options).eval()


CHANGES = [
    ({"output_noise": wl.OutputNoise(sigma=0.0)}, "whose output noise is missing"),
    (
        {"output_noise": wl.OutputNoise(sigma=0.1, frozen=True)},
        r"whose output noise stands still \(frozen=True\)",
    ),
    (
        {"nonidealities": (wl.ReadNoise(0.1),)},
        r"with read noise of its devices \(ReadNoise\): it is multiplied by the image",
    ),
    ({"array": wl.IdealBackward(wl.ExactArray())}, "of IdealBackward, which is no matrix"),
    (
        {"dac": wl.UniformConverter(bits=8, range=wl.devices.FixedRange(1.0))},
        "that rounds its inputs",
    ),
    ({"dac": wl.IdealConverter()}, "whose full voltage is the largest input of each image"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=lambda v: None)
def test_noise_that_gives_no_certificate_is_refused(
    change: dict[str, object], words: str
) -> None:
    chip = chip_of(dataclasses.replace(NOISY, **change))
    with pytest.raises(ValueError, match=f"`victim` has a first mapped layer '1' {words}"):
        sensitivity(chip, IMAGE)


def test_streams_and_trainable_chips_are_refused() -> None:
    sliced = dataclasses.replace(
        NOISY,
        slicing=wl.BitSlicing(
            weight_bits=4, cell_bits=3, input_bits=4, stream_bits=3
        ),
    )
    with pytest.raises(ValueError, match="rounds its inputs"):
        sensitivity(chip_of(sliced), IMAGE)
    with pytest.raises(ValueError, match="programs itself at each pass"):
        sensitivity(chip_of(NOISY, trainable=True), IMAGE)


class Beside(nn.Module):
    """A network with something beside or in front of its first layer."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.first, self.second = how, nn.Linear(12, 12), nn.Linear(12, 12)

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(1)
        if self.how == "skip":
            return self.first(x) + x
        if self.how == "two":
            return self.first(x) + self.second(x)
        if self.how == "again":
            return self.first(x) + self.first(x)
        if self.how == "decides" and float(x.sum()) > 1e9:
            return x
        if self.how == "numpy":
            bright = x.detach().numpy().mean() > 0.5
            return self.first(x) * (2.0 if bright else 1.0)
        if self.how == "numpy in front":
            return self.first(torch.from_numpy(np.sqrt(x.detach().numpy())) + 0 * x)
        if self.how == "rounded":
            return self.first(x.mul(255).round() / 255)
        if self.how == "mixed":
            return self.first(x.flip(1))
        if self.how == "divides":
            return self.first(1 / (x + 1))
        if self.how == "squared":
            return self.first(x * x)
        if self.how == "narrow":
            return self.first(x.to(torch.bfloat16).float())
        return self.first(x)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("skip", "a part of the network passes them around it"),
        ("two", "the layer 'second' sees them as well as 'first'"),
        ("again", "the layer 'first' sees them again"),
        ("decides", "the network decides by them itself"),
        ("numpy", "its answers differ for the same outputs of that layer"),
    ],
)
def test_answers_that_know_more_than_the_noisy_outputs_are_refused(how: str, words: str) -> None:
    chip = wl.map_model(Beside(how).eval(), NOISY)
    match = f"`victim` sees the images not only through the noisy outputs of 'first': .*{words}"
    with pytest.raises(ValueError, match=match):
        sensitivity(chip, IMAGE)


@pytest.mark.parametrize(
    ("how", "operation"),
    [
        ("rounded", "round"), ("mixed", "flip"), ("divides", "div|reciprocal"), ("squared", "mul"),
        ("narrow", "_to_copy"),
    ],
)  # fmt: skip
def test_anything_but_a_normalisation_in_front_is_refused(how: str, operation: str) -> None:
    chip = wl.map_model(Beside(how).eval(), NOISY)
    words = f"changes images in front of its first noisy layer 'first' by .*({operation})"
    with pytest.raises(ValueError, match=words):
        sensitivity(chip, IMAGE)


def test_inputs_made_outside_torch_are_refused() -> None:
    chip = wl.map_model(Beside("numpy in front").eval(), NOISY)
    with pytest.raises(ValueError, match="other inputs than a shift and a factor"):
        sensitivity(chip, IMAGE)


def test_half_precision_is_refused() -> None:
    chip = wl.map_model(two_sided(torch.ones(12)), NOISY).bfloat16()
    with pytest.raises(ValueError, match="`victim` computes in torch.bfloat16"):
        sensitivity(chip, IMAGE.bfloat16())


def test_software_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="`victim` has no mapped layer that the images reach"):
        sensitivity(two_sided(torch.ones(12)), IMAGE)


def test_noise_of_devices_behind_the_first_layer_is_allowed() -> None:
    noisy = dataclasses.replace(QUIET, nonidealities=(wl.ReadNoise(0.1),))
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    alone = wl.map_model(net, QUIET, overrides=(("1", NOISY),))
    mixed = wl.map_model(net, noisy, overrides=(("1", NOISY),))
    assert sensitivity(mixed, IMAGE) == sensitivity(alone, IMAGE)


def test_nothing_of_the_network_changes() -> None:
    chip = chip_of(NOISY)
    before, places = fingerprint(chip), [layer.progress for layer in chip.layers.values()]
    sensitivity(chip, IMAGE)
    assert fingerprint(chip) == before
    assert [layer.progress for layer in chip.layers.values()] == places
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in chip.modules())
