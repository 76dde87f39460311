"""Layers that stay digital, by name and with the reason; and layers called by keyword."""

from __future__ import annotations

import pytest
import torch
from tests.nn.holding import CROSSBAR, Plain, X
from torch import Tensor, nn

import wordline as wl


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
