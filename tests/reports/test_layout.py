"""Layouts say where a table finds its numbers, and survive JSON."""

import pytest

from wordline.reports import Axis, Layout, Published
from wordline.values import decode, encode

ROWS, COLUMNS = Axis("tile", ("tile", "setting")), Axis("epsilon", ("eps",))


def test_a_layout_survives_json() -> None:
    layout = Layout(
        "Table II", "AL", ROWS, COLUMNS, where=(("attack", "PGD"),),
        published=(Published("arXiv 2008.11298", "Table II", "64x64 HH", "8/255", 67.38),),
    )  # fmt: skip
    assert decode(encode(layout)) == layout
    assert Layout.from_json(layout.to_json()).path == "loss"


def test_a_quantity_of_its_own_names_its_field() -> None:
    own = Layout("t", "SNR", ROWS, COLUMNS, unit="dB", scale=1.0, field="layers.0.snr.mean")
    assert own.path == "layers.0.snr.mean"
    with pytest.raises(ValueError, match="`quantity` 'SNR' is none of CA, AA, AL, ASR, robust gain; say in `field`"):
        Layout("t", "SNR", ROWS, COLUMNS)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="`fields` of the axis 'tile' is 'tile'; give a tuple"):
        Axis("tile", "tile")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`fields` of the axis 'tile'"):
        Axis("tile", ())
    with pytest.raises(TypeError, match="`rows` must be Axis"):
        Layout("t", "AL", ("tile",), COLUMNS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`decimals` must be at least 0"):
        Layout("t", "AL", ROWS, COLUMNS, decimals=-1)
    with pytest.raises(TypeError, match="`value` must be a number"):
        Published("s", "t", "r", "c", "67.4")  # type: ignore[arg-type]


@pytest.mark.parametrize(("each", "field"), [("layers", "layers.0.snr"), ("", "each.snr"), ("layers", "")])
def test_a_list_and_a_field_in_it_go_together(each: str, field: str) -> None:
    rows, columns = Axis("layer", ("layer",)), Axis("network", ("model",))
    with pytest.raises(ValueError, match="`field` is .* and `each` .*; a list needs a `field` of 'each.'"):
        Layout("SNR", "CA", rows=rows, columns=columns, each=each, field=field)
    with pytest.raises(TypeError, match="`each` must be str, got 3"):
        Layout("SNR", "CA", rows=rows, columns=columns, each=3)  # type: ignore[arg-type]
