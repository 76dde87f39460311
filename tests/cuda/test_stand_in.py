"""The stand-in refuses what a GPU refuses, so that a test that passes on it shows something."""

from __future__ import annotations

import pytest
import torch
from tests.cuda import stand_in
from torch import nn


@pytest.fixture
def there() -> torch.device:
    return stand_in.lend()


def test_tensors_of_two_devices_do_not_mix(there: torch.device) -> None:
    x = torch.ones(3, device=there)
    for mix in (lambda: x + torch.ones(3), lambda: torch.cat([x, torch.ones(3)])):
        with pytest.raises(RuntimeError, match="expected all tensors to be on one device"):
            mix()
    assert (x + torch.tensor(2.0)).tolist() == [3, 3, 3]  # a number without dimensions may
    assert x[torch.tensor([0, 2])].tolist() == [1, 1]  # and so may indices


def test_a_generator_draws_on_its_own_device(there: torch.device) -> None:
    generator = torch.Generator()
    with pytest.raises(RuntimeError, match="expected a generator of lazy, found one of cpu"):
        torch.randn(3, generator=generator, device=there)
    with pytest.raises(RuntimeError, match="expected a generator"):
        torch.ones(3, device=there).normal_(generator=generator)


def test_numpy_sees_nothing_and_integers_have_no_products(there: torch.device) -> None:
    x = torch.ones(2, 2, device=there)
    with pytest.raises(RuntimeError, match="not supported"):
        x.numpy()
    with pytest.raises(RuntimeError, match="no products of integers"):
        x.int() @ x.int()


def test_what_is_made_there_has_its_shape(there: torch.device) -> None:
    made = torch.arange(2, 7, 2, device=there), torch.eye(2, device=there).flatten()
    assert [x.tolist() for x in made] == [[2, 4, 6], [1, 0, 0, 1]]
    with pytest.raises(NotImplementedError, match="change a tensor's shape"):
        torch.ones(2, device=there).resize_(3)


def test_waits_are_counted(there: torch.device) -> None:
    x = torch.rand(4, device=there)
    x = (x @ x).view(1)
    x.expand(3).clone().add_(1)
    assert stand_in.waits == []
    x.item(), x.cpu(), x.nonzero(), torch.ones(2).to(there)
    assert stand_in.waits == ["_local_scalar_dense", "_to_copy", "nonzero", "copy_"]


def test_a_network_computes_and_learns_there(there: torch.device, tiny_cnn: nn.Module) -> None:
    x = torch.rand(2, 2, 6, 6)
    expected = tiny_cnn(x)
    expected.sum().backward()
    wanted = tiny_cnn[0].weight.grad.clone()
    tiny_cnn.zero_grad()
    tiny_cnn.to(there)
    found = tiny_cnn(x.to(there))
    found.sum().backward()
    assert found.device == tiny_cnn[0].weight.grad.device == there
    torch.testing.assert_close(found.cpu(), expected)
    torch.testing.assert_close(tiny_cnn[0].weight.grad.cpu(), wanted)
