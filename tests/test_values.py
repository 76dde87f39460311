"""Configurations: JSON round trip, and the one place that validates numbers."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl
from wordline.values import (
    Value,
    decode,
    encode,
    require_choice,
    require_instance,
    require_integer,
    require_number,
    takes_numbers,
)

CROSSBARS = [
    wl.Crossbar.preset(name, gain=gain)
    for name in ("ideal", "rethinking-16", "rethinking-32", "rethinking-64")
    for gain in (wl.UnitGain(), wl.LeastSquaresGain(), wl.PerColumnGain())
]


@pytest.mark.parametrize("value", [*CROSSBARS, wl.Memristor(1e3, float("inf")), wl.PercentileScale(99.9)])
def test_json_round_trip_keeps_equality_and_hash(value: Value) -> None:
    again = type(value).from_json(value.to_json())
    assert again == value
    assert hash(again) == hash(value)


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.tuples, max_leaves=20))
def test_encoding_is_inverted_by_decoding(plain: object) -> None:
    assert decode(encode(plain)) == plain


def test_a_users_own_value_registers_itself() -> None:
    @dataclasses.dataclass(frozen=True)
    class Halved(wl.AbstractNonideality):
        def apply(self, g, device, *, generator):
            return g / 2

    crossbar = dataclasses.replace(CROSSBARS[0], nonidealities=(Halved(),))
    assert wl.Crossbar.from_json(crossbar.to_json()) == crossbar


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "`text` is not JSON"),
        ('{"type": "Nobody"}', "`type` is 'Nobody'"),
        ('{"type": "Wires", "length": 3}', "`length` is not a field of Wires"),
        ('{"type": "UnitGain"}', "`text` holds a UnitGain, not a Wires"),
        ('{"type": "Wires", "row_ohm": -1}', "`row_ohm` must be at least 0"),
    ],
)
def test_bad_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wl.Wires.from_json(text)


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="`value` of type object has no JSON form"):
        encode(object())


def test_numbers_out_of_range_name_the_argument() -> None:
    with pytest.raises(TypeError, match="`x` must be a number, got 'a'"):
        require_number("x", "a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`x` must be a number, got True"):
        require_number("x", True)
    with pytest.raises(ValueError, match="`x` must be a finite number, got nan"):
        require_number("x", float("nan"), finite=False)
    with pytest.raises(ValueError, match="`x` must be at least 1, got 0"):
        require_number("x", 0, at_least=1)
    with pytest.raises(ValueError, match="`x` must be greater than 0, got 0"):
        require_number("x", 0, above=0)
    with pytest.raises(ValueError, match="`x` must be at most 1, got 2"):
        require_number("x", 2, at_most=1)
    with pytest.raises(TypeError, match="`n` must be a whole number, got 1.0"):
        require_integer("n", 1.0, at_least=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`n` must be at least 0, got -1"):
        require_integer("n", -1, at_least=0)
    with pytest.raises(TypeError, match="`w` must be Wires, got 3 of type int"):
        require_instance("w", 3, wl.Wires)
    with pytest.raises(ValueError, match="`c` must be one of 'a', 'b', got 'd'"):
        require_choice("c", "d", ("a", "b"))


THREES = [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)]
HALVES = [np.float32(0.5), np.float64(0.5), np.float16(0.5), np.longdouble(0.5), np.array(0.5), torch.tensor(0.5)]


@pytest.mark.parametrize("half", HALVES, ids=lambda x: f"{type(x).__name__} {x.dtype}")
@pytest.mark.parametrize("three", THREES, ids=lambda x: f"{type(x).__name__} {x.dtype}")
def test_numbers_of_numpy_and_torch_are_numbers(half, three) -> None:
    plain = wl.PGD(eps=0.5, steps=3, random_start=False, norm="l2")
    attack = wl.PGD(eps=half, steps=three, random_start=np.bool_(False), norm=np.str_("l2"))
    assert attack == plain and hash(attack) == hash(plain) and repr(attack) == repr(plain)
    assert attack.to_json() == plain.to_json() and attack.identity() == plain.identity()
    assert {type(value) for value in vars(attack).values()} == {type(value) for value in vars(plain).values()}
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
        (lambda: wl.PGD(eps=torch.tensor(0.1, requires_grad=True)), TypeError, "`eps` is a tensor with a gradient"),
        (lambda: wl.PGD(torch.tensor(0.1, requires_grad=True)), TypeError, "`argument 1 of PGD` is a tensor with"),
        (lambda: wl.PGD(eps=np.array([0.1, 0.2])), TypeError, "`eps` must be a number, got array"),
        (lambda: wl.PGD(eps=torch.ones(1)), TypeError, "`eps` must be a number, got tensor"),
        (lambda: wl.PGD(eps=0.1, steps=np.float64(3)), TypeError, "`steps` must be a whole number, got 3.0"),
        (lambda: wl.PGD(eps=np.bool_(True)), TypeError, "`eps` must be a number, got True"),
        (lambda: wl.PGD(eps=np.float64("nan")), ValueError, "`eps` must be a finite number"),
        (lambda: wl.Wires(5, 10), TypeError, r"got Wires\(5, 10\); write Wires\(row_ohm=5, col_ohm=10\)"),
        (lambda: wl.Wires(np.float32(5)), TypeError, r"`Wires` takes its numbers by name, .* write Wires\(row_ohm=5"),
        (lambda: wl.Wires(1e3, 5, 10, 1e3), TypeError, "with driver_ohm= and sense_ohm= for the ends"),
    ],
)
def test_what_is_no_number_or_has_no_name_is_refused(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()


def test_functions_take_numbers_of_numpy_as_well() -> None:
    seen = takes_numbers(lambda *given, **named: (given, named))(np.int64(3), [np.int64(3)], eps=np.float64(0.5))
    assert repr(seen) == "((3, [np.int64(3)]), {'eps': 0.5})"
    model, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    crossbar = dataclasses.replace(wl.Crossbar.preset("rethinking-16"), nonidealities=(wl.ReadNoise(0.02),))
    chips = [wl.map_model(model, crossbar, seed) for seed in (3, np.int64(3))]
    arguments = zip(chips, (0.5, np.float32(0.5)), (4, np.int32(4)), (7, np.uint16(7)), strict=True)
    records = [
        wl.evaluate(victim=chip, source=chip, attack=wl.FGSM(eps), data=data, limit=limit, seed=seed)
        for chip, eps, limit, seed in arguments
    ]
    assert records[0] == records[1] and records[0].to_json() == records[1].to_json()


def test_a_name_that_another_module_has_is_refused_and_a_former_one_is_read() -> None:
    fields = {"__module__": "elsewhere", "__annotations__": {}}
    with pytest.raises(ValueError, match="`Wires` is the name of a value of wordline.circuits.wires and of elsewhere"):
        type("Wires", (Value,), fields)
    renamed = dataclasses.dataclass(frozen=True)(type("Renamed", (Value,), {**fields, "former_names": ("Older",)}))
    assert isinstance(Value.from_json('{"type": "Older"}'), renamed)
    assert Value.from_json(renamed().to_json()) == renamed()
