"""The data of the picture of gains in the page."""

import pytest
from tests.reports.examples import gains_and_twins

from wordline.reports.page.advantages_data import advantages_data


def test_numbers_are_in_percent_and_bars_about_the_point() -> None:
    points = advantages_data(gains_and_twins())
    first, twin, scaled = points[0], points[2], points[4]
    assert (first["lost"][0], first["advantage"][0], first["gained"][0]) == (20.0, 40.0, 20.0)
    ends = [first["lost"][0] + end for end in first["gained"][1:]]
    assert first["bar"] == pytest.approx(ends)
    assert [point["number"] for point in points] == list(range(10))
    assert (first["twinOf"], twin["twinOf"], twin["tile"]) == (-1, 0, "twin of 16x16")
    assert (first["curve"], scaled["curve"], points[9]["curve"]) == (None, 0, 1)
    assert scaled["factor"] == 0.9 and scaled["panel"] == "white-box"
    assert first["words"] == "FGSM 0.1 margin" and first["verdict"] == "undecided"
