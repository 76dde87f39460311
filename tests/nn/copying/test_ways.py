"""Every way in which a network reaches its layers.

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
from torch import Tensor, nn
from torch.nn.utils import prune, spectral_norm, weight_norm

import wordline as wl

CROSSBAR = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
X = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        for parameter in self.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=g))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


class Held(Plain):
    """Calls what `hold` made of its layers."""

    def __init__(self, hold: Callable[[Any], Any], call: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.held, self.call = hold(self), call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.held, x)


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


def test_layers_that_are_not_registered_are_named() -> None:
    class Unregistered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps, self.last = [nn.Linear(6, 8), nn.ReLU()], nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            for step in self.steps:
                x = step(x)
            return self.last(x)

    network = Unregistered().eval()
    chip = wl.map_model(network, CROSSBAR, example=X)
    assert dict(chip.digital_layers) == {
        "steps[0]": "Linear is not registered; hold it as an attribute or in an nn.ModuleList"
    }
    assert chip.products.share == pytest.approx(24 / (24 + 48))
    with pytest.raises(ValueError, match="is not registered"):
        wl.map_model(network, CROSSBAR, strict=True)


def test_a_replaced_forward_of_a_layer_keeps_it_digital_by_name() -> None:
    network = Plain().eval()
    down, up, base = torch.randn(6, 2), torch.randn(2, 8), network.first.forward
    network.first.forward = lambda x: base(x) + (x @ down) @ up  # type: ignore[method-assign]
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"), example=X)
    torch.testing.assert_close(chip(X), network(X), rtol=1e-5, atol=1e-6)
    (name, why), *rest = chip.digital_layers
    assert (name, rest) == ("first", [])
    assert "`forward` of its own" in why
    assert [(p.layer, p.macs) for p in chip.products.digital] == [
        ("first", 48.0),
        ("first", 12.0),
        ("first", 16.0),
    ]
    with pytest.raises(ValueError, match="`forward` of its own"):
        wl.map_model(network, CROSSBAR, strict=True)


def test_adapters_as_modules_are_mapped() -> None:
    class LowRank(nn.Module):
        def __init__(self, base: nn.Linear) -> None:
            super().__init__()
            self.base_layer, self.a, self.b = (
                base,
                nn.Linear(6, 2, bias=False),
                nn.Linear(2, 8, bias=False),
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.base_layer(x) + self.b(self.a(x))

    network = Plain().eval()
    network.first = LowRank(network.first).eval()  # type: ignore[assignment]
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"), strict=True, example=X)
    assert list(chip.layers) == ["first.base_layer", "first.a", "first.b", "last"]
    torch.testing.assert_close(chip(X), network(X))


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


def test_a_scripted_network_is_refused_and_a_scripted_part_named() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(6, 8), nn.ReLU()).eval())
    with pytest.raises(ValueError, match="map the network before it is scripted"):
        wl.map_model(scripted, CROSSBAR)
    network = nn.Sequential(scripted, nn.Linear(8, 3)).eval()
    chip = wl.map_model(network, CROSSBAR, example=X)
    assert "TorchScript" in dict(chip.digital_layers)["0.0"]
    assert chip.products.share == pytest.approx(24 / (24 + 48))


class BufferLinear(nn.Module):
    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.detach().abs().max() / 127
        self.register_buffer("qweight", (layer.weight.detach() / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        return x @ (self.qweight * self.scale).T


class TensorLinear(nn.Module):
    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.w = layer.weight.detach()

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bi,oi->bo", x, self.w)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantised_and_hidden_weights_are_named_with_and_without_images() -> None:
    def dynamic(network: nn.Module) -> nn.Module:
        return torch.ao.quantization.quantize_dynamic(
            network, {"first": torch.ao.quantization.default_dynamic_qconfig}
        )

    def put(layer: nn.Module, network: Plain) -> nn.Module:
        network.first = layer  # type: ignore[assignment]
        return network

    networks = {
        "packed, quantised weights": dynamic(Plain().eval()),
        "may multiply by tensors that are no parameters (qweight)": put(
            BufferLinear(nn.Linear(6, 8)), Plain()
        ).eval(),
        "may multiply by tensors that are no parameters (w)": put(
            TensorLinear(nn.Linear(6, 8)), Plain()
        ).eval(),
    }
    for why, network in networks.items():
        assert why in dict(wl.map_model(network, CROSSBAR).digital_layers)["first"]
        with pytest.raises(ValueError, match="layer 'first' cannot be mapped"):
            wl.map_model(network, CROSSBAR, strict=True)
        chip = wl.map_model(network, CROSSBAR, example=X)
        assert chip.products.share == pytest.approx(24 / (24 + 48))
        assert [product.layer for product in chip.products.digital] == ["first"]
        with pytest.raises(ValueError, match="product that is not on arrays"):
            wl.map_model(network, CROSSBAR, strict=True, example=X)


def test_parameters_that_are_only_added_are_no_product() -> None:
    class Positions(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.position = nn.Parameter(torch.randn(1, 6))

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + self.position)

    network = Positions().eval()
    with pytest.raises(ValueError, match="in a way that is not a known product"):
        wl.map_model(network, CROSSBAR, strict=True)
    assert wl.map_model(network, CROSSBAR, strict=True, example=X).products.share == 1.0


def test_a_mask_in_a_buffer_is_no_product() -> None:
    class Masked(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.ones(1, 6))

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x * self.mask)

    assert wl.map_model(Masked().eval(), CROSSBAR, strict=True, example=X).digital_layers == ()


KEYWORDS = [
    (nn.Linear(6, 4), (5, 6)),
    (nn.Conv2d(1, 2, 3), (2, 1, 5, 5)),
    (nn.ConvTranspose1d(2, 3, 2), (2, 2, 5)),
    (nn.GRU(6, 4), (3, 2, 6)),
    (nn.LSTMCell(6, 4), (2, 6)),
    (nn.Conv1d(2, 3, 2), (2, 2, 5)),
    (nn.RNN(6, 4), (3, 2, 6)),
]


@pytest.mark.parametrize(("layer", "shape"), KEYWORDS, ids=lambda value: str(value)[:12])
def test_layers_are_called_by_keyword(layer: nn.Module, shape: tuple[int, ...]) -> None:
    class ByKeyword(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            out = self.layer(input=x)
            return out[0] if isinstance(out, tuple) else out

    network, x = ByKeyword().eval(), torch.rand(shape)
    chip = wl.map_model(network, wl.Crossbar.preset("ideal"), strict=True, example=x)
    torch.testing.assert_close(chip(x), network(x), rtol=1e-5, atol=1e-6)


def test_the_layers_of_any_network_stay_where_dicts_use_them_as_keys() -> None:
    network = Held(
        lambda n: {n.first: "first", n.last: "last"}, lambda held, x: pair([*held], x)
    ).eval()
    chip = wl.map_model(network, CROSSBAR, strict=True, example=X)
    assert torch.equal(chip(X), wl.map_model(Plain().eval(), CROSSBAR)(X))
