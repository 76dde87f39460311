"""The JSON form of values: a round trip keeps them, and bad text is refused."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl
from wordline.values import Value, decode, encode

CROSSBARS = [
    wl.Crossbar.preset(name, gain=gain)
    for name in ("ideal", "rethinking-16", "rethinking-32", "rethinking-64")
    for gain in (wl.UnitGain(), wl.LeastSquaresGain(), wl.PerColumnGain())
]


@pytest.mark.parametrize(
    "value", [*CROSSBARS, wl.Memristor(1e3, float("inf")), wl.PercentileScale(99.9)]
)
def test_json_round_trip_keeps_equality_and_hash(value: Value) -> None:
    again = type(value).from_json(value.to_json())
    assert again == value
    assert hash(again) == hash(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.tuples, max_leaves=20
    )
)
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


def test_a_name_that_another_module_has_is_refused_and_a_former_one_is_read() -> None:
    fields = {"__module__": "elsewhere", "__annotations__": {}}
    with pytest.raises(
        ValueError,
        match="`Wires` is the name of a value of wordline.circuits.wires and of elsewhere",
    ):
        type("Wires", (Value,), fields)
    renamed = dataclasses.dataclass(frozen=True)(
        type("Renamed", (Value,), {**fields, "former_names": ("Older",)})
    )
    assert isinstance(Value.from_json('{"type": "Older"}'), renamed)
    assert Value.from_json(renamed().to_json()) == renamed()
