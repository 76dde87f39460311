"""A view of a network has other modules in some places and shares everything else."""

import functools
import types
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from tests.nn.crossbars import REAL
from torch import nn

import wordline as wl
from wordline.nn.copying.shared_copy import SharedCopies

Pair = namedtuple("Pair", ["first", "second"])


class Held(nn.Module):
    """A network that reaches its layers in every way that is not a registered module."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.norm = nn.Linear(4, 4), nn.Linear(4, 4), nn.LayerNorm(4)
        layers: Any = [self.one]
        layers.append(layers)  # a ring
        self.in_list, self.in_dict = layers, OrderedDict(a={"b": (self.two,)})
        self.in_set, self.named = {self.one}, Pair(self.one, 3)
        self.bound, self.part = self.one.forward, functools.partial(self.apply_one, self.two)
        self.closure, self.default = self.closed(), lambda x, layer=self.two: layer(x)
        self.itself, self.untouched = [self], {"x": [1, 2]}

    def closed(self) -> Any:
        def forward(x: torch.Tensor, *, layer: nn.Module = self.one) -> torch.Tensor:
            return self.two(layer(x))

        forward.mark = "kept"  # type: ignore[attr-defined]
        return forward

    def apply_one(self, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return self.norm(layer(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.in_list[0](x) + self.in_dict["a"]["b"][0](x) + next(iter(self.in_set))(x)
        x = (
            x
            + self.named.first(x)
            + self.bound(x)
            + self.part(x)
            + self.closure(x)
            + self.default(x)
        )
        return x + self.itself[0].one(x)


def test_every_way_to_a_layer_leads_to_the_one_chosen() -> None:
    network, x = Held().eval(), torch.rand(2, 4)
    expected, doubled = network(x), {}

    def choose(layer: nn.Linear) -> nn.Module:
        other = nn.Linear(4, 4)
        other.load_state_dict({name: 2 * value for name, value in layer.state_dict().items()})
        doubled[layer] = other
        return other

    view: Any = SharedCopies(network, nn.Linear).with_modules(choose)
    with torch.no_grad():
        answer = view(x)
        for layer in doubled:
            layer.weight.mul_(2), layer.bias.mul_(2)
        assert torch.equal(network(x), answer) and not torch.equal(expected, answer)
    assert view.norm is network.norm and view._parameters is network._parameters
    assert (
        view.untouched is network.untouched
        and view.itself[0] is view
        and view.closure.mark == "kept"
    )
    assert view.in_list[1] is view.in_list and isinstance(view.bound, types.MethodType)
    assert view.bound.__self__ is doubled[network.one] and network.bound.__self__ is network.one


def test_a_view_follows_the_network_and_leaves_it_alone() -> None:
    network = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), nn.ReLU())
    view = SharedCopies(network, nn.Linear).with_modules(lambda layer: nn.Identity())
    assert view[0].training and network[0][0] is not view[0][0] and view[0][1] is network[0][1]
    network.double().eval()
    assert (
        not SharedCopies(network, nn.Linear).with_modules(lambda layer: nn.Identity())[0].training
    )
    seen = []
    network[0].register_forward_hook(lambda *_: seen.append(1))
    view(torch.rand(3, 2, dtype=torch.float64))
    assert seen == [1] and len(list(network.named_modules())) == 5


def test_a_network_without_such_modules_is_its_own_copy_and_one_that_is_one_is_replaced() -> None:
    plain = nn.Sequential(nn.ReLU())
    assert SharedCopies(plain, nn.Linear).with_modules(lambda layer: nn.Identity()) is plain
    assert isinstance(
        SharedCopies(nn.Linear(2, 2), nn.Linear).with_modules(lambda layer: nn.Identity()),
        nn.Identity,
    )


def test_a_digital_part_that_was_scripted_is_shared() -> None:
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        scripted = torch.jit.script(nn.Sequential(nn.ReLU()))
    network = nn.Sequential(nn.Linear(2, 2), scripted)
    view = SharedCopies(network, nn.Linear).with_modules(lambda layer: nn.Identity())
    assert view[1] is scripted and torch.equal(
        view(torch.tensor([[-1.0, 2.0]])), torch.tensor([[0.0, 2.0]])
    )


def test_layers_of_an_ensemble_that_nobody_can_tell_apart_are_refused() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x)

    ensemble = wl.map_chips(Hidden().eval(), REAL, (1, 2))
    layer = ensemble.model.inner
    ensemble.model.forward = types.SimpleNamespace(call=layer).call.forward
    assert ensemble(torch.rand(2, 4)).shape == (2, 2, 4)  # a bound method is followed
    ensemble.model.forward = type("Caller", (), {"__call__": lambda self, x: layer(x)})()
    with pytest.raises(ValueError, match="`model` reaches a layer of 2 chips by a way"):
        ensemble(torch.rand(2, 4))
