"""Recurrent layers: the oracle is torch's own module, packed sequences included."""

import copy
import dataclasses
import itertools
from typing import Any

import pytest
import torch
from tests.nn.crossbars import EITHER, IDEAL, READ, REAL
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import wordline as wl

KINDS = [
    (nn.RNN, {}),
    (nn.RNN, {"nonlinearity": "relu", "bias": False}),
    (nn.LSTM, {}),
    (nn.LSTM, {"proj_size": 2}),
    (nn.LSTM, {"bias": False}),
    (nn.GRU, {}),
    (nn.GRU, {"bias": False}),
]
LENGTHS = torch.tensor([2, 6, 1, 5])


def _layer(kind: type[nn.RNNBase], options: dict[str, Any], **more: Any) -> nn.RNNBase:
    return kind(3, 5, **options, **more).double().eval()


def _states(layer: nn.RNNBase, batch: tuple[int, ...], generator: torch.Generator) -> Any:
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    h = torch.randn(count, *batch, layer.proj_size or 5, dtype=torch.float64, generator=generator)
    return (
        (h, torch.randn(count, *batch, 5, dtype=torch.float64)) if isinstance(layer, nn.LSTM) else h
    )


def _same(ours: Any, theirs: Any) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_every_recurrent_layer(
    kind: type[nn.RNNBase], options: dict[str, Any], rng: torch.Generator
) -> None:
    x = torch.randn(4, 6, 3, dtype=torch.float64, generator=rng)
    for depth, both, batch_first in itertools.product((1, 2), (False, True), (False, True)):
        layer = _layer(kind, options, num_layers=depth, bidirectional=both, batch_first=batch_first)
        chip, batch = wl.map_model(layer, IDEAL, strict=True), (4 if batch_first else 6,)
        for given in (
            (x,),
            (x, _states(layer, batch, rng)),
            (x[0],),
            (x[0], _states(layer, (), rng)),
        ):
            _same(chip(*given), layer(*given))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers_that_read_their_arrays(
    kind: type[nn.RNNBase], rng: torch.Generator
) -> None:
    layer, x = (
        _layer(kind, {}, bidirectional=True),
        torch.randn(4, 3, 3, dtype=torch.float64, generator=rng),
    )
    _same(wl.map_model(layer, READ)(x), layer(x))


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences(
    kind: type[nn.RNNBase], options: dict[str, Any], sort: bool, both: bool, rng: torch.Generator
) -> None:
    layer = _layer(kind, options, num_layers=2, bidirectional=both)
    lengths = LENGTHS.sort(descending=True).values if sort else LENGTHS
    x = torch.randn(4, 6, 3, dtype=torch.float64, generator=rng)
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=sort)
    chip = wl.map_model(layer, IDEAL)
    for given in ((packed,), (packed, _states(layer, (4,), rng))):
        (ours, states), (theirs, wanted) = chip(*given), layer(*given)
        assert isinstance(ours, PackedSequence)
        _same([t for t in ours if t is not None], [t for t in theirs if t is not None])
        _same(states, wanted)


@pytest.mark.parametrize("crossbar", EITHER, ids=["matrix", "read"])
@pytest.mark.parametrize(
    "cell",
    [
        nn.RNNCell(3, 5),
        nn.RNNCell(3, 5, nonlinearity="relu"),
        nn.LSTMCell(3, 5),
        nn.LSTMCell(3, 5, False),
        nn.GRUCell(3, 5),
    ],
    ids=str,
)
def test_every_cell(crossbar: wl.Crossbar, cell: nn.RNNCellBase, rng: torch.Generator) -> None:
    cell = copy.deepcopy(cell).double().eval()
    chip, x, h = (
        wl.map_model(cell, crossbar),
        torch.randn(4, 3).double(),
        torch.randn(4, 5, generator=rng).double(),
    )
    assert list(chip.layers) == ["ih", "hh"]
    states: Any = (h, -h) if isinstance(cell, nn.LSTMCell) else h
    first: Any = (h[0], -h[0]) if isinstance(cell, nn.LSTMCell) else h[0]
    for given in ((x,), (x, states), (x[0],), (x[0], first)):
        _same(chip(*given), cell(*given))


def test_parts_have_the_names_and_shapes_of_torch() -> None:
    chip = wl.map_model(
        nn.Sequential(nn.LSTM(3, 5, 1, bidirectional=True, proj_size=2)).eval(), REAL
    )
    shapes = {name: layer.matrix_shape for name, layer in chip.layers.items()}
    one = {"0.ih_l0": (1, 3, 20), "0.hh_l0": (1, 2, 20), "0.hr_l0": (1, 5, 2)}
    assert shapes == one | {f"{name}_reverse": shape for name, shape in one.items()}
    assert {row.kind for row in chip.report().layers} == {"LSTM"}


def test_a_real_chip_is_the_layer_with_effective_weights() -> None:
    layer = nn.GRU(3, 5, batch_first=True).eval()
    chip, x = wl.map_model(layer, REAL), torch.rand(2, 4, 3)
    other = copy.deepcopy(layer)
    for name, mapped in chip.layers.items():
        getattr(other, f"weight_{name}").data = mapped.effective_weight
    torch.testing.assert_close(chip(x), other(x))
    assert not torch.allclose(chip(x)[0], layer(x)[0], atol=1e-4)


def test_the_samples_of_a_batch_do_not_see_each_other() -> None:
    """Converters are scaled to each sample, in whatever order the dimensions are."""
    crossbar = dataclasses.replace(IDEAL, dac=wl.UniformConverter(bits=5, range=wl.SampleMax()))
    x = torch.rand(6, 4, 3, dtype=torch.float64)
    chip = wl.map_model(_layer(nn.LSTM, {}), crossbar)
    torch.testing.assert_close(chip(x)[0][:, 1:2], chip(x[:, 1:2])[0], rtol=1e-9, atol=1e-9)


def test_networks_may_ask_what_they_ask_of_torch() -> None:
    chip = wl.map_model(nn.LSTM(3, 5, 2).eval(), REAL)
    chip.model.flatten_parameters()
    assert (chip.model.hidden_size, chip.model.num_layers, chip.model.bidirectional) == (
        5,
        2,
        False,
    )


def test_trainable_layers_learn_through_time() -> None:
    layer = nn.GRU(3, 5, 2, batch_first=True, dropout=0.3).train()
    chip = wl.map_model(layer, REAL, trainable=True)
    chip(torch.rand(2, 3, 3))[0].square().sum().backward()
    assert all(mapped.weight.grad.abs().sum() > 0 for mapped in chip.layers.values())
