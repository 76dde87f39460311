"""Ohms or normalised numbers where siemens belong are noticed, once a call, and never inside of the
library.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

import wordline as wl

WIRES, LAW = wl.Wires(row_ohm=5, col_ohm=10), wl.SinhDevice(b=1.0)
VOLTS = torch.full((1, 3), 1e-3, dtype=torch.float64)
ASKED = [
    lambda g: wl.effective_conductance(g, WIRES),
    lambda g: wl.effective_conductance(g, wl.Wires()),
    lambda g: wl.solve_nonlinear(VOLTS, g, WIRES, LAW),
    lambda g: wl.nonlinear_operating_point(VOLTS, g, WIRES, LAW),
    lambda g: wl.netlist(g, WIRES, VOLTS[0]),
]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(("value", "ohm"), [(0.11, "9.09"), (1.0, "1"), (2e4, "5e-05")])
def test_ohms_and_normalised_numbers_draw_one_warning(ask, value: float, ohm: str) -> None:
    g = torch.full((3, 2), 1e-5, dtype=torch.float64)
    g[1, 1] = value
    with pytest.warns(
        UserWarning, match=f"`g` holds {value:g} siemens, a device of {ohm} ohm: are these ohms"
    ) as said:
        ask(g)
    assert len(said) == 1


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ten_ohm_draw_none(ask, dtype: torch.dtype) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(torch.full((3, 2), 0.1, dtype=dtype))


def test_devices_of_a_crossbar_draw_none() -> None:
    crossbar = wl.Crossbar(
        tile=(4, 4),
        device=wl.Memristor(r_on_ohm=1.0, r_off_ohm=10.0),
        wires=wl.Wires(row_ohm=1e-3),
        gain=wl.UnitGain(),
        nonidealities=(wl.ReadNoise(0.1),),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wl.map_model(torch.nn.Linear(3, 2).eval(), crossbar)(torch.rand(2, 3))


def test_a_surrogate_is_asked_for_siemens(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="`g_on` holds 1 siemens"),
        pytest.raises(ValueError, match="`out`"),
    ):
        wl.fit_surrogate(
            tile=(4, 4),
            g_off=0.1,
            g_on=1.0,
            wires=WIRES,
            law=LAW,
            volts=0.1,
            out=tmp_path / "no.txt",
        )


def test_numpy_is_answered_in_words() -> None:
    with pytest.raises(
        TypeError, match=r"`g` must be a torch Tensor, got ndarray; pass torch.from_numpy\(g\)"
    ):
        wl.effective_conductance(torch.ones(2, 2).numpy(), WIRES)
