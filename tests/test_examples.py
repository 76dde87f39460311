"""The examples run, and give the numbers that their heads announce."""

import importlib.util
from pathlib import Path

import pytest


def test_a_chip_goes_straight_into_foolbox_and_pyautoattack() -> None:
    pytest.importorskip("foolbox")
    pytest.importorskip("pyautoattack")
    path = Path(__file__).parents[1] / "examples" / "chip_in_foolbox.py"
    spec = importlib.util.spec_from_file_location("chip_in_foolbox", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    found = example.main()
    assert found["clean"] > 0.95
    assert found["foolbox PGD"] == pytest.approx(found["wordline PGD, same settings"], abs=0.02)
    assert found["pyautoattack APGD-T"] <= found["foolbox PGD"] < 0.4
