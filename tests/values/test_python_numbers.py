"""Numbers of numpy and torch are held as Python's own."""

import dataclasses

import numpy as np
import pytest
import torch

import wordline as wl
from wordline.values import takes_numbers

THREES = [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)]
HALVES = [
    np.float32(0.5),
    np.float64(0.5),
    np.float16(0.5),
    np.longdouble(0.5),
    np.array(0.5),
    torch.tensor(0.5),
]


@pytest.mark.parametrize("half", HALVES, ids=lambda x: f"{type(x).__name__} {x.dtype}")
@pytest.mark.parametrize("three", THREES, ids=lambda x: f"{type(x).__name__} {x.dtype}")
def test_numbers_of_numpy_and_torch_are_numbers(half, three) -> None:
    plain = wl.PGD(eps=0.5, steps=3, random_start=False, norm="l2")
    attack = wl.PGD(eps=half, steps=three, random_start=np.bool_(False), norm=np.str_("l2"))
    assert attack == plain and hash(attack) == hash(plain) and repr(attack) == repr(plain)
    assert attack.to_json() == plain.to_json() and attack.identity() == plain.identity()
    assert {type(value) for value in vars(attack).values()} == {
        type(value) for value in vars(plain).values()
    }
    assert dataclasses.replace(plain, steps=three) == plain
    device = wl.Memristor(r_on_ohm=half, r_off_ohm=np.inf)
    square = wl.Crossbar(tile=(three, three), device=device, wires=wl.Wires(), gain=wl.UnitGain())
    assert wl.Crossbar.from_json(square.to_json()) == square and type(square.tile[0]) is int
    assert wl.Wires(row_ohm=np.float64(0.5)).identity() == wl.Wires(row_ohm=0.5).identity()


def test_float32_keeps_its_own_value() -> None:
    assert wl.PGD(eps=np.float32(0.1)).eps == float(np.float32(0.1)) != 0.1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: wl.PGD(eps=torch.tensor(0.1, requires_grad=True)),
            TypeError,
            "`eps` is a tensor with a gradient",
        ),
        (
            lambda: wl.PGD(torch.tensor(0.1, requires_grad=True)),
            TypeError,
            "`argument 1 of PGD` is a tensor with",
        ),
        (lambda: wl.PGD(eps=np.array([0.1, 0.2])), TypeError, "`eps` must be a number, got array"),
        (lambda: wl.PGD(eps=torch.ones(1)), TypeError, "`eps` must be a number, got tensor"),
        (
            lambda: wl.PGD(eps=0.1, steps=np.float64(3)),
            TypeError,
            "`steps` must be a whole number, got 3.0",
        ),
        (lambda: wl.PGD(eps=np.bool_(True)), TypeError, "`eps` must be a number, got True"),
        (lambda: wl.PGD(eps=np.float64("nan")), ValueError, "`eps` must be a finite number"),
        (
            lambda: wl.Wires(5, 10),
            TypeError,
            r"got Wires\(5, 10\); write Wires\(row_ohm=5, col_ohm=10\)",
        ),
        (
            lambda: wl.Wires(np.float32(5)),
            TypeError,
            r"`Wires` takes its numbers by name, .* write Wires\(row_ohm=5",
        ),
        (
            lambda: wl.Wires(1e3, 5, 10, 1e3),
            TypeError,
            "with driver_ohm= and sense_ohm= for the ends",
        ),
    ],
)
def test_what_is_no_number_or_has_no_name_is_refused(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()


def test_functions_take_numbers_of_numpy_as_well() -> None:
    seen = takes_numbers(lambda *given, **named: (given, named))(
        np.int64(3), [np.int64(3)], eps=np.float64(0.5)
    )
    assert repr(seen) == "((3, [np.int64(3)]), {'eps': 0.5})"
    model, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"), nonidealities=(wl.ReadNoise(0.02),)
    )
    chips = [wl.map_model(model, crossbar, seed) for seed in (3, np.int64(3))]
    arguments = zip(chips, (0.5, np.float32(0.5)), (4, np.int32(4)), (7, np.uint16(7)), strict=True)
    records = [
        wl.evaluate(
            victim=chip, source=chip, attack=wl.FGSM(eps), data=data, limit=limit, seed=seed
        )
        for chip, eps, limit, seed in arguments
    ]
    assert records[0] == records[1] and records[0].to_json() == records[1].to_json()
