"""Layouts name quantities and fields of a closed vocabulary, and survive JSON."""

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
    assert Layout.from_json(layout.to_json()) == layout


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="`quantity` must be one of 'CA', 'AA', .*, got 'SNR'"):
        Layout("t", "SNR", ROWS, COLUMNS)
    with pytest.raises(ValueError, match="`fields` must be one of 'setting', .*'layer', got 'til'"):
        Axis("tile", ("til",))
    with pytest.raises(ValueError, match="`where` must be one of 'setting', .*, got 'atack'"):
        Layout("t", "AL", ROWS, COLUMNS, where=(("atack", "PGD"),))
    with pytest.raises(ValueError, match="`fields` of the axis 'tile' is 'tile'; give a tuple"):
        Axis("tile", "tile")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`fields` of the axis 'tile'"):
        Axis("tile", ())
    with pytest.raises(TypeError, match="`rows` must be Axis"):
        Layout("t", "AL", ("tile",), COLUMNS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`columns` must be Axis"):
        Layout("t", "AL", ROWS, ("eps",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`value` must be a number"):
        Published("s", "t", "r", "c", "67.4")  # type: ignore[arg-type]
