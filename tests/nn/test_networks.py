"""Whole networks as other people write them, on an ideal crossbar against software."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from tests.nn.crossbars import CODES, IDEAL, READ, REAL
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import wordline as wl


class UNet(nn.Module):
    """Skips, odd sizes, a transposed convolution with an output size, and one with groups."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.up2, self.up1 = (
            nn.ConvTranspose2d(8, 4, 3, 2, 1),
            nn.ConvTranspose2d(8, 4, 3, 2, 1, groups=2),
        )
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x).relu()
        two = self.down2(one).relu()
        back = self.up2(two, output_size=one.shape[2:]).relu()
        return self.head(self.up1(torch.cat([back, one], 1), output_size=x.size()).relu())


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.proj(
            functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        )
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 2, 2)
        self.token, self.places = (
            nn.Parameter(torch.rand(1, 1, 8)),
            nn.Parameter(torch.rand(1, 17, 8)),
        )
        self.blocks = nn.ModuleList(Block(8) for _ in range(2))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        words = self.patches(x).flatten(2).transpose(1, 2)
        words = torch.cat([self.token.expand(len(x), -1, -1), words], 1) + self.places
        for block in self.blocks:
            words = block(words)
        return self.head(words[:, 0])


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(11, 6, padding_idx=0)
        self.memory = nn.LSTM(6, 5, 2, bidirectional=True, batch_first=True)
        self.tags = nn.Linear(2 * self.memory.hidden_size, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.memory.flatten_parameters()
        packed = pack_padded_sequence(
            self.words(x), (x > 0).sum(1), batch_first=True, enforce_sorted=False
        )
        y, _ = pad_packed_sequence(self.memory(packed)[0], batch_first=True)
        return self.tags(y)


class TiedLanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix, self.out = (
            nn.Embedding(11, 6),
            nn.Linear(6, 6),
            nn.Linear(6, 11, bias=False),
        )
        self.out.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.mix(self.words(x)).tanh())


class TiedPair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(5, 5), nn.Linear(5, 5)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).tanh())


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(self.step(x).relu())


class Functional(nn.Module):
    """Reads the weight of a layer instead of calling the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self.inner.weight.dtype), self.inner.weight, self.inner.bias)


def words() -> Tensor:
    return torch.tensor([[1, 2, 3, 4], [5, 10, 0, 0], [7, 8, 9, 0]])


NETWORKS: list[tuple[type[nn.Module], Callable[[], Tensor], set[str]]] = [
    (UNet, lambda: torch.rand(2, 1, 11, 9), set()),
    (
        ViT,
        lambda: torch.rand(2, 1, 8, 8),
        {"", "blocks.0.norm1", "blocks.0.norm2", "blocks.1.norm1", "blocks.1.norm2"},
    ),
    (Tagger, words, {"words"}),
    (TiedLanguageModel, words, {"words"}),
    (TiedPair, lambda: torch.rand(3, 5), set()),
    (Twice, lambda: torch.rand(3, 5), set()),
]


@pytest.mark.parametrize("crossbar", [IDEAL, READ], ids=["matrix", "read"])
@pytest.mark.parametrize(
    ("network", "example", "digital"), NETWORKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_networks_compute_what_software_does(
    network: type[nn.Module],
    example: Callable[[], Tensor],
    digital: set[str],
    crossbar: wl.Crossbar,
) -> None:
    software, x = network().double().eval(), example()
    x = x.double() if x.is_floating_point() else x
    chip = wl.map_model(software, crossbar)
    torch.testing.assert_close(chip(x), software(x), rtol=1e-8, atol=1e-8)
    assert set(dict(chip.digital_layers)) == {name or "model" for name in digital}
    report = chip.report(x)
    assert report.usage.vectors > 0 and all(row.usage.vectors > 0 for row in report.layers)


@pytest.mark.parametrize(
    ("network", "example", "digital"), NETWORKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_parameter_is_on_arrays_or_named(
    network: type[nn.Module], example: Callable[[], Tensor], digital: set[str]
) -> None:
    software = network().eval()
    chip = wl.map_model(software, REAL)
    owners = {
        name.rpartition(".")[0] or "model"
        for name, _ in software.named_parameters(remove_duplicate=False)
    }
    mapped = {name if name in owners else name.rpartition(".")[0] for name in chip.layers}
    assert owners == mapped | set(dict(chip.digital_layers))


def test_two_layers_that_share_a_weight_have_arrays_of_their_own() -> None:
    chip = wl.map_model(TiedPair().eval(), REAL)
    assert list(chip.layers) == ["a", "b"]
    a, b = chip.layers.values()
    assert not torch.equal(a.effective_weight, b.effective_weight)  # two draws of the same weight


@pytest.mark.parametrize(
    ("network", "x"), [(TiedPair, torch.rand(3, 5)), (TiedLanguageModel, words())]
)
def test_a_shared_weight_stays_one_parameter(network: type[nn.Module], x: Tensor) -> None:
    software = network().train()
    chip = wl.map_model(software, REAL, trainable=True)
    assert len(list(chip.parameters())) == len(list(software.parameters()))
    shared = chip.model.a.weight if network is TiedPair else chip.model.words.weight
    assert shared is (chip.model.b if network is TiedPair else chip.model.out).weight
    chip(x).square().sum().backward()
    whole = shared.grad.clone()
    chip.zero_grad()
    first = {n: p for n, p in chip.named_parameters() if p is not shared}
    assert whole.abs().sum() > 0 and all(
        p.grad is None or p.grad.abs().sum() == 0 for p in first.values()
    )
    assert shared.data_ptr() not in {
        p.data_ptr() for p in software.parameters()
    }  # the software network has its own


def test_a_module_used_twice_is_one_set_of_arrays() -> None:
    chip = wl.map_model(Twice().eval(), REAL)
    assert list(chip.layers) == ["step"] and chip.report(torch.rand(1, 5)).usage.vectors == 2


def test_a_weight_that_is_read_is_the_effective_one() -> None:
    network, x = Functional().eval(), torch.rand(3, 5)
    chip = wl.map_model(network, REAL)
    torch.testing.assert_close(chip(x), chip.layers["inner"](x))
    torch.testing.assert_close(
        wl.map_model(network.double(), IDEAL)(x.double()), network(x.double())
    )


@pytest.mark.parametrize(
    "crossbar", [CODES, dataclasses.replace(REAL, nonidealities=(wl.ReadNoise(0.1),))]
)
def test_reading_a_weight_does_not_go_round_the_converters(crossbar: wl.Crossbar) -> None:
    chip = wl.map_model(Functional().eval(), crossbar)
    weight = chip.layers["inner"].weight
    assert (weight.shape, weight.dtype, weight.device.type, weight.numel()) == (
        (5, 5),
        torch.float32,
        "cpu",
        25,
    )
    for attempt in (chip, lambda x: x @ weight, lambda x: weight + 1):
        with pytest.raises(
            ValueError, match="`weight` of a layer behind converters or read noise is no matrix"
        ):
            attempt(torch.rand(3, 5))
    excluded = wl.map_model(
        nn.Sequential(Functional(), nn.Linear(5, 2)).eval(), crossbar, exclude=("0",)
    )
    assert excluded(torch.rand(3, 5)).shape == (3, 2)


def test_plain_attributes_are_there_to_be_read() -> None:
    chip = wl.map_model(nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.Linear(6, 5)).eval(), REAL)
    assert (chip.model[0].out_channels, chip.model[0].stride, chip.model[1].in_features) == (
        4,
        (2, 2),
        6,
    )
    with pytest.raises(AttributeError, match="no attribute 'weights'"):
        _ = chip.model[1].weights
