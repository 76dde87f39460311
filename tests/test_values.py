"""Configurations: JSON round trip, and the one place that validates numbers."""

import dataclasses

import pytest
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
