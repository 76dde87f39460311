"""Every way in which a network holds its layers.

The chip is that of the plain network, or it is refused.
"""

from __future__ import annotations

import collections
import copy
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.nn.holding import CROSSBAR, Held, Plain, X
from torch import Tensor, nn
from torch.nn.utils import prune, spectral_norm, weight_norm

import wordline as wl


class Box:
    def __init__(self, first: Any, last: Any) -> None:
        self.first, self.last = first, last


class Slots:
    __slots__ = ("first", "last")

    def __init__(self, first: Any, last: Any) -> None:
        self.first, self.last = first, last


Pair = collections.namedtuple("Pair", "first last")


def closure(n: Any) -> Any:
    first, last = n.first, n.last
    return lambda x: last(torch.relu(first(x)))


def nested_closure(n: Any) -> Any:
    def outer(x: Tensor) -> Tensor:
        def inner(y: Tensor) -> Tensor:
            return n.last(y)

        return inner(torch.relu(n.first(x)))

    return outer


def recursive_closure(n: Any) -> Any:
    def run(x: Tensor, at: int = 0) -> Tensor:
        return run(torch.relu(n.first(x)), 1) if at == 0 else n.last(x)

    return run


def default_argument(n: Any) -> Any:
    def run(x: Tensor, first: Any = n.first, *, last: Any = n.last) -> Tensor:
        return last(torch.relu(first(x)))

    return run


def pair(held: Any, x: Tensor) -> Tensor:
    return held[1](torch.relu(held[0](x)))


def named(held: Any, x: Tensor) -> Tensor:
    return held.last(torch.relu(held.first(x)))


def listed(held: Any, x: Tensor) -> Tensor:
    return pair([*held[0].values()], x)


def itself(held: Any, x: Tensor) -> Tensor:
    return held(x)


HELD = {
    "list": (lambda n: [n.first, n.last], pair),
    "tuple": (lambda n: (n.first, n.last), pair),
    "named tuple": (lambda n: Pair(n.first, n.last), named),
    "dict": (lambda n: {0: n.first, 1: n.last}, pair),
    "ordered dict in a list": (lambda n: [collections.OrderedDict(a=n.first, b=n.last)], listed),
    "default dict": (lambda n: collections.defaultdict(list, {0: n.first, 1: n.last}), pair),
    "deque": (lambda n: collections.deque([n.first, n.last]), pair),
    "plain object": (lambda n: Box(n.first, n.last), named),
    "namespace": (lambda n: types.SimpleNamespace(first=n.first, last=n.last), named),
    "bound forward methods": (lambda n: [n.first.forward, n.last.forward], pair),
    "bound call": (lambda n: [n.first.__call__, n.last.__call__], pair),
    "method of the network": (lambda n: functools.partial(Plain.forward, n), itself),
    "closure": (closure, itself),
    "nested closure": (nested_closure, itself),
    "recursive closure": (recursive_closure, itself),
    "default arguments": (default_argument, itself),
    "partial": (
        lambda n: functools.partial(lambda a, b, x: pair((a, b), x), n.first, n.last),
        itself,
    ),
    "closure in a list": (lambda n: [closure(n)], lambda h, x: h[0](x)),
    "weak references": (
        lambda n: [weakref.ref(n.first), weakref.ref(n.last)],
        lambda h, x: pair([r() for r in h], x),
    ),
    "weak proxies": (lambda n: [weakref.proxy(n.first), weakref.proxy(n.last)], pair),
}


@pytest.mark.parametrize("way", HELD)
def test_layers_held_in_any_way_are_mapped(way: str) -> None:
    hold, call = HELD[way]
    network = Held(hold, call).eval()
    expected = wl.map_model(Plain().eval(), CROSSBAR, strict=True)(X)
    before = network(X)
    chip = wl.map_model(network, CROSSBAR, strict=True, example=X)
    assert torch.equal(chip(X), expected)
    assert chip.products.share == 1.0
    assert torch.equal(network(X), before)  # the software network is as it was
    copied, ensemble = copy.deepcopy(chip), wl.map_chips(network, CROSSBAR, seeds=(0, 1))
    for layer in chip.layers.values():
        layer.effective_weight.zero_()
    assert torch.equal(copied(X), expected)  # a copy computes with layers of its own
    alone, together = ensemble[1], ensemble(X)
    for layer in ensemble.layers.values():
        layer.effective_weight.zero_()
    assert torch.equal(alone(X), together[1])
    for parameter in network.parameters():
        parameter.data.zero_()
    assert torch.equal(copied(X), expected)  # nothing of the software network is in the chip


def replaced(wrap: Callable[[Any], Any]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        network = Plain().eval()
        network.forward = wrap(network.forward)  # type: ignore[method-assign]
        return network

    return make


def hooked() -> nn.Module:
    network = Plain().eval()
    network.register_forward_hook(
        lambda module, args, out: network.last(torch.relu(network.first(args[0])))
    )
    return network


def pre_hooked() -> nn.Module:
    network = nn.Sequential(Plain()).eval()
    network.register_forward_pre_hook(lambda module, args: (args[0] * 1.0,))
    return network


WRAPPED = {
    "torch.compile of forward": replaced(lambda f: torch.compile(f, backend="eager")),
    "torch.compile of the network": lambda: torch.compile(Plain().eval(), backend="eager"),
    "no_grad": replaced(lambda f: torch.no_grad()(f)),
    "timer": replaced(lambda f: lambda *a: f(*a)),
    "wraps": replaced(lambda f: functools.wraps(f)(lambda *a, **k: f(*a, **k))),
    "partial": replaced(lambda f: functools.partial(f)),
    "two wrappers": replaced(lambda f: (lambda g: lambda *a: g(*a))(lambda *a: f(*a))),
    "hook on the network": hooked,
    "hook before the network": pre_hooked,
    "in a sequence": lambda: nn.Sequential(replaced(lambda f: lambda *a: f(*a))()).eval(),
    "DataParallel": lambda: nn.DataParallel(Plain()).eval(),
}


@pytest.mark.parametrize("way", WRAPPED)
def test_wrapped_networks_are_mapped(way: str) -> None:
    network = WRAPPED[way]()
    software, plain = network(X).detach(), Plain().eval()
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"), strict=True, example=X)
    torch.testing.assert_close(chip(X), software)
    assert chip.products.share == 1.0
    effective = [
        layer.effective_weight
        for layer in wl.map_model(network, CROSSBAR, strict=True).layers.values()
    ]
    for weight, layer in zip(effective, (plain.first, plain.last), strict=True):
        assert weight.shape == layer.weight.shape
    for parameter in network.parameters():
        parameter.data.zero_()
    torch.testing.assert_close(chip(X), software)


NETWORK = Plain().eval()


class ByGlobal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = NETWORK

    def forward(self, x: Tensor) -> Tensor:
        return NETWORK(x)


class ByHelper(ByGlobal):
    def forward(self, x: Tensor) -> Tensor:
        return self.helper(x)

    def helper(self, x: Tensor) -> Tensor:
        return NETWORK(x)


def test_a_network_that_is_reached_through_a_global_variable_is_refused() -> None:
    for kind in (ByGlobal, ByHelper):
        with pytest.raises(ValueError, match="global variable 'NETWORK'"):
            wl.map_model(kind().eval(), CROSSBAR)


def test_a_layer_in_a_place_that_cannot_be_rewritten_is_refused() -> None:
    network = Held(lambda n: Slots(n.first, n.last), named).eval()
    with pytest.raises(ValueError, match="where it cannot be replaced"):
        wl.map_model(network, CROSSBAR)


def test_what_a_copy_shares_with_the_software_network_is_left_alone_and_refused() -> None:
    network = Plain().eval()
    forward, before = network.forward, network(X)
    network.forward = functools.lru_cache(lambda x: forward(x))
    with pytest.raises(ValueError, match="holds itself where it cannot be copied: model.forward"):
        wl.map_model(network, CROSSBAR)
    assert torch.equal(network(X), before)


COMPUTED = {
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "pruned twice": lambda layer: prune.ln_structured(
        prune.l1_unstructured(layer, "weight", 0.3), "weight", 0.3, 2, 0
    ),
    "weight norm": weight_norm,
    "spectral norm": spectral_norm,
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("ran", [False, True])
@pytest.mark.parametrize("way", COMPUTED)
def test_weights_that_a_hook_computes_are_mapped(way: str, ran: bool) -> None:
    network = Plain()
    COMPUTED[way](network.first)
    network.eval()
    if ran:
        with torch.no_grad():
            network(X)
    software = network(X)
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"), strict=True, example=X)
    torch.testing.assert_close(chip(X), software, rtol=1e-5, atol=1e-6)
    assert len(network.first._forward_pre_hooks) >= 1  # of the software network nothing changed
    with pytest.raises(ValueError, match="computes its weight in a hook"):
        wl.map_model(network, CROSSBAR, trainable=True)


def test_layers_that_have_not_seen_an_input_are_refused() -> None:
    with pytest.raises(ValueError, match="has not seen an input yet"):
        wl.map_model(nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2)).eval(), CROSSBAR)


def test_the_layers_of_any_network_stay_where_dicts_use_them_as_keys() -> None:
    network = Held(
        lambda n: {n.first: "first", n.last: "last"}, lambda held, x: pair([*held], x)
    ).eval()
    chip = wl.map_model(network, CROSSBAR, strict=True, example=X)
    assert torch.equal(chip(X), wl.map_model(Plain().eval(), CROSSBAR)(X))
