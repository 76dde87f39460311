"""State: there and back, files, types, copies and streams of the device."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from tests.cuda.moved import assert_close, devices_of
from tests.cuda.test_layers import READS, mapped
from torch import Tensor, nn

import wordline as wl
from wordline.models import load_state, read_weights, save_weights

NAMES = ["signed", "calibrated", "noise", "sliced", "curved", "surrogate"]
X = torch.rand(3, 10, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def layer(rng: torch.Generator) -> nn.Module:
    return nn.Linear(10, 7).eval()


def equal(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.detach().cpu().nan_to_num(-1), b.detach().cpu().nan_to_num(-1))


@pytest.mark.parametrize("trainable", [False, True], ids=["fixed", "trainable"])
@pytest.mark.parametrize("name", NAMES)
def test_there_and_back_changes_no_bit(
    device: torch.device, layer: nn.Module, name: str, trainable: bool
) -> None:
    chip = mapped(layer, READS[name], trainable=trainable)
    before, expected = copy.deepcopy(chip), chip.restart(1)(X)
    chip.to(device)
    assert devices_of(chip) == {device.type}
    there = chip.restart(1)(X.to(device))
    assert_close(there, expected, device, rtol=3e-3)
    chip.to("cpu")
    assert all(map(equal, chip.parameters(), before.parameters()))
    if trainable:  # was programmed anew there
        assert_close(chip.restart(1)(X), expected, torch.device("cpu"), rtol=3e-3)
    else:
        assert all(map(equal, chip.buffers(), before.buffers()))
        assert torch.equal(chip.restart(1)(X), expected)


@pytest.mark.parametrize("name", NAMES)
def test_state_dicts_go_either_way(device: torch.device, layer: nn.Module, name: str) -> None:
    source, target = mapped(layer, READS[name]), wl.map_model(layer, READS[name], seed=9)
    target.to(device).load_state_dict(source.state_dict())
    assert all(equal(x, source.state_dict()[key]) for key, x in target.state_dict().items())
    assert devices_of(target) == {device.type}
    other = wl.map_model(layer, READS[name], seed=9)
    other.load_state_dict(target.state_dict())
    assert torch.equal(other.restart(1)(X), source.restart(1)(X))


def test_files_written_there_are_read_here(
    device: torch.device, layer: nn.Module, tmp_path: Path
) -> None:
    chip = mapped(layer, READS["signed"]).to(device)
    path = tmp_path / "chip.safetensors"
    save_weights(chip, path)
    other = wl.map_model(nn.Linear(10, 7).eval(), READS["signed"], seed=1)
    load_state(other, read_weights(path), "the file")
    assert all(equal(x, chip.state_dict()[key]) for key, x in other.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_types(device: torch.device, layer: nn.Module, name: str, dtype: torch.dtype) -> None:
    chip = mapped(layer, READS[name])
    there = copy.deepcopy(chip).to(device, dtype)
    found = there.restart(1)(X.to(device, dtype))
    assert found.dtype == dtype
    expected = copy.deepcopy(chip).to(dtype).restart(1)(X.to(dtype))
    assert_close(found, expected, device, rtol=4 * torch.finfo(dtype).eps + 3e-3)


@pytest.mark.parametrize("name", NAMES)
def test_copies_stay_where_they_are(device: torch.device, layer: nn.Module, name: str) -> None:
    chip = mapped(layer, READS[name]).to(device)
    other = copy.deepcopy(chip)
    expected = chip.restart(2)(X.to(device))
    assert_close(other.restart(2)(X.to(device)), expected, device, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_rounds_no_siemens(device: torch.device, layer: nn.Module, name: str) -> None:
    if device.type != "cuda":
        pytest.skip("no autocast on this device")
    chip = mapped(layer, READS[name]).to(device)
    expected = chip.restart(1)(X.to(device)).float()
    with torch.autocast(device.type, torch.bfloat16):
        found = chip.restart(1)(X.to(device)).float()
        again = wl.map_model(copy.deepcopy(layer).to(device), READS[name], seed=1)
    assert_close(found, expected, device, rtol=4 * torch.finfo(torch.bfloat16).eps)
    ours, wanted = (
        {name: x for name, x in made.named_buffers() if "limit" not in name}
        for made in (again, chip)
    )
    assert_close(ours, wanted, device, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_is_not_the_default(
    device: torch.device, layer: nn.Module, name: str
) -> None:
    """Work waits for its inputs on its own stream alone; nothing slips onto the default one."""
    if device.type != "cuda":
        pytest.skip("no streams on this device")
    chip = mapped(layer, READS[name]).to(device)
    x = X.to(device).repeat(2000, 1)
    expected = chip.restart(1)(x)
    stream = torch.cuda.Stream(device)
    busy = torch.rand(4096, 4096, device=device)
    torch.cuda.synchronize(device)
    with torch.cuda.stream(stream):
        for _ in range(20):
            busy = busy @ busy / 4096  # so that the input is late
        late = x + 0 * busy[0, 0]
        found = chip.restart(1)(late.requires_grad_())
        (grad,) = torch.autograd.grad(found.sum(), late)
    stream.synchronize()
    assert_close(found, expected, device, rtol=1e-5)
    assert grad.isfinite().all()
