"""Public CIFAR architectures.

An ideal chip computes what software does, and every product is on arrays.
"""

import pytest
import torch
from tests.nn.patterns import PATTERNS, randomised

import wordline as wl

IDEAL = wl.Crossbar.preset("ideal")


def test_there_are_seventeen() -> None:
    assert len(PATTERNS) == 17


@pytest.mark.parametrize("name", PATTERNS)
def test_an_ideal_chip_is_the_network_and_accounts_for_all_of_it(name: str) -> None:
    network = randomised(PATTERNS[name]())
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    chip = wl.map_model(network, IDEAL, strict=True, example=x)
    expected = network(x)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(chip(x), expected, rtol=1e-6, atol=1e-6)
    assert chip.products.share == 1.0
    assert chip.products.digital == ()


@pytest.mark.parametrize("name", PATTERNS)
def test_multiply_accumulates_are_those_of_the_software_network(name: str) -> None:
    """Counted apart from the probe, from shapes that hooks see."""
    network = randomised(PATTERNS[name]())
    x, total = torch.rand(1, 3, 16, 16, dtype=torch.float64), 0

    def count(layer: torch.nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        total += out.numel() * layer.weight[0].numel()

    handles = [
        layer.register_forward_hook(count)
        for layer in network.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)
    ]  # fmt: skip
    network(x)
    for handle in handles:
        handle.remove()
    assert wl.map_model(network, IDEAL, example=x).products.on_arrays == total
