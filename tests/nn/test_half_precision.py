"""Half precision: the network's own numbers become short, the devices' do not."""

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.circuits import SinhDevice

BASE = wl.Crossbar.preset("rethinking-16")
CROSSBARS = {
    "matrix": BASE,
    "noise": dataclasses.replace(BASE, nonidealities=(wl.ReadNoise(0.1),)),
    "dac": dataclasses.replace(BASE, dac=wl.UniformConverter(bits=8)),
    "adc": dataclasses.replace(BASE, adc=wl.UniformConverter(bits=8, range=wl.FullScale(0.5))),
    "curved": dataclasses.replace(BASE, array=wl.NonlinearArray(SinhDevice(b=4.0))),
    "streams": wl.Crossbar.preset("isaac-like"),
    "surrogate": wl.Crossbar.preset("puma-32x32-100k"),
}
SHORT = [torch.float16, torch.bfloat16]
CASTS = [
    nn.Module.half,
    nn.Module.bfloat16,
    lambda m: m.to(torch.float16),
    lambda m: m.type(torch.bfloat16),
]


def off(found: Tensor, wanted: Tensor) -> float:
    return ((found.double() - wanted.double()).norm() / wanted.double().norm()).item()


@pytest.fixture
def x(rng: torch.Generator) -> Tensor:
    return torch.rand(8, 20, generator=rng)


def chip_of(name: str, x: Tensor, trainable: bool = False) -> wl.Chip:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Linear(20, 6)
    return wl.calibrate(
        wl.map_model(layer.eval(), CROSSBARS[name], seed=1, trainable=trainable),
        [(v, 0) for v in x],
    )


@pytest.mark.parametrize("cast", CASTS, ids=["half", "bfloat16", "to", "type"])
@pytest.mark.parametrize("name", CROSSBARS)
def test_a_short_layer_loses_what_a_short_product_loses(name: str, cast: object, x: Tensor) -> None:
    chip = chip_of(name, x)
    short = cast(copy.deepcopy(chip))
    dtype = short.layers["model"].effective_weight.dtype
    given = x.to(dtype)
    found, wanted = short.restart(3)(given), chip.restart(3)(given.float())
    assert found.dtype == dtype and found.isfinite().all()
    assert off(found, wanted) < 4 * torch.finfo(dtype).eps


@pytest.mark.parametrize("name", CROSSBARS)
def test_devices_do_not_move(name: str, x: Tensor) -> None:
    chip = chip_of(name, x)
    short = copy.deepcopy(chip).half()
    again = copy.deepcopy(short).float()
    for (key, before), now, later in zip(
        chip.named_buffers(), short.buffers(), again.buffers(), strict=True
    ):
        if key.endswith("effective_weight"):
            assert torch.equal(now, before.half()) and torch.equal(
                later, now.float()
            )  # as a weight in software
        else:
            assert now.dtype == before.dtype and torch.equal(
                now.nan_to_num(-1), before.nan_to_num(-1)
            )
            assert torch.equal(later.nan_to_num(-1), before.nan_to_num(-1))
    assert (
        off(again.restart(3)(x), chip.restart(3)(x)) < 4e-3
        if name == "noise"
        else off(again(x), chip(x)) < 2e-3
    )
    assert torch.equal(
        copy.deepcopy(short).to("cpu").layers["model"].conductances,
        chip.layers["model"].conductances,
    )


def test_double_precision_is_as_before(x: Tensor) -> None:
    double = chip_of("adc", x).double()
    assert {buffer.dtype for buffer in double.buffers()} == {torch.float64}
    assert {buffer.dtype for buffer in copy.deepcopy(double).float().buffers()} == {torch.float32}
    exact = copy.deepcopy(double).half()
    assert (
        exact.layers["model"].conductances.dtype == torch.float64
        and exact(x.half()).dtype == torch.float16
    )


@pytest.mark.parametrize("name", ["matrix", "adc", "noise", "surrogate"])
@pytest.mark.parametrize("dtype", SHORT, ids=str)
def test_networks_with_batch_norm(name: str, dtype: torch.dtype, rng: torch.Generator) -> None:
    head = nn.Flatten(), nn.Linear(16, 3, bias=False)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head)
    for layer in (
        network[0],
        network[4],
    ):  # logits of many ADC codes: one code more or less is no percent
        layer.weight.data = torch.rand(layer.weight.shape, generator=rng)
    chip, images = (
        wl.map_model(network.eval(), CROSSBARS[name], seed=1),
        torch.rand(3, 2, 4, 4, generator=rng),
    )
    found = copy.deepcopy(chip).to(dtype).restart(3)(images.to(dtype))
    assert found.dtype == dtype
    assert off(found, chip.restart(3)(images)) < 0.03


@pytest.mark.parametrize("name", ["matrix", "noise", "adc", "streams"])
def test_a_trainable_chip_programs_in_float32(name: str, x: Tensor) -> None:
    chip = chip_of(name, x, trainable=True)
    short = copy.deepcopy(chip).half()
    layer = short.layers["model"]
    given = x.half().requires_grad_()
    answers = short.restart(3)(given)
    answers.float().square().sum().backward()
    wide = copy.deepcopy(short).float().restart(3)
    wanted = wide(x.half().float())
    wanted.square().sum().backward()
    assert answers.dtype == layer.weight.grad.dtype == given.grad.dtype == torch.float16
    assert layer.conductances.dtype == torch.float32 and off(answers, wanted) < 2e-3
    assert off(layer.weight.grad, wide.layers["model"].weight.grad) < 0.01


@pytest.mark.parametrize("name", CROSSBARS)
@pytest.mark.parametrize("trainable", [False, True], ids=["", "trained"])
def test_autocast_rounds_products_and_no_device(name: str, trainable: bool, x: Tensor) -> None:
    chip = chip_of(name, x, trainable)
    wanted = chip.restart(3)(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = chip.restart(3)(x)
    assert off(found, wanted) < 0.01  # bfloat16 has eight bits
    if not wl.Crossbar.is_matrix.fget(CROSSBARS[name]):
        assert torch.equal(found, wanted)


def test_programming_under_autocast_is_programming(x: Tensor) -> None:
    wanted = chip_of("streams", x)
    with torch.autocast("cpu", torch.bfloat16):
        found = chip_of("streams", x)
    for one, two in zip(found.buffers(), wanted.buffers(), strict=True):
        assert torch.equal(one.nan_to_num(-1), two.nan_to_num(-1))


def test_images_are_given_in_the_type_of_the_network(x: Tensor) -> None:
    chip = wl.map_model(nn.Linear(20, 6, bias=False).eval(), CROSSBARS["dac"]).half()
    assert wl.calibrate(chip, [(v, 0) for v in x]).layers["model"].input_limit == x.half().max()
