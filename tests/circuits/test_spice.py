"""Netlists: what is written, and that ngspice runs it unchanged to the answer of the solvers."""

from __future__ import annotations

import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.circuits import (
    AbstractDeviceLaw,
    Ohmic,
    SinhDevice,
    Wires,
    effective_conductance,
    netlist,
    run_ngspice,
    solve_nonlinear,
)
from wordline.commands.crossbars import show

RETHINKING = Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is not installed"
)


def elements(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[0] in "RBV"]


def test_every_element_is_written_once() -> None:
    lines = elements(netlist(torch.full((3, 4), 1e-4), RETHINKING, torch.ones(3)))
    kinds = {
        kind: sum(line.startswith(kind) for line in lines)
        for kind in ("Vin", "Vsense", "Rdriver", "Rsense")
    }
    assert kinds == {"Vin": 3, "Vsense": 4, "Rdriver": 3, "Rsense": 4}
    assert sum(line.startswith("Rrow") for line in lines) == 3 * 3
    assert sum(line.startswith("Rcol") for line in lines) == 2 * 4
    assert sum(line.startswith("Rd") and line[2] != "r" for line in lines) == 3 * 4
    assert len({line.split()[0] for line in lines}) == len(lines)


def test_zero_resistances_merge_nodes_and_open_devices_vanish() -> None:
    g = torch.tensor([[1e-4, 0.0], [5e-324, 1e-4]], dtype=torch.float64)
    lines = elements(netlist(g, Wires(), torch.ones(2)))
    assert lines == [
        "Vin_0 r_0 0 1.0",
        "Vin_1 r_1 0 1.0",
        "Rd0_0 r_0 c_0 10000.0",
        "Rd1_1 r_1 c_1 10000.0",
        "Vsense_0 c_0 0 0",
        "Vsense_1 c_1 0 0",
    ]


def test_sinh_devices_are_behavioural_sources() -> None:
    g, volts = torch.tensor([[1e-4]], dtype=torch.float64), torch.ones(1)
    assert "Bd0_0 r_0 c_0 I=2.5e-05*sinh(4.0*V(r_0,c_0))" in netlist(
        g, Wires(), volts, SinhDevice(b=4.0)
    )
    assert netlist(g, Wires(), volts, SinhDevice(b=0.0)) == netlist(g, Wires(), volts)
    assert netlist(g, Wires(), volts, title="tile 3").startswith("* tile 3\n")


@needs_ngspice
@pytest.mark.parametrize("law", [Ohmic(), SinhDevice(b=4.0)], ids=str)
@pytest.mark.parametrize(
    "wires",
    [
        RETHINKING,
        Wires(),
        Wires(driver_ohm=1e3),
        Wires(row_ohm=20.0, sense_ohm=1e3),
        Wires(col_ohm=30.0),
    ],
    ids=str,
)
def test_ngspice_agrees(rng: torch.Generator, wires: Wires, law: AbstractDeviceLaw) -> None:
    g = 5e-6 + 4.5e-5 * torch.rand(7, 5, generator=rng, dtype=torch.float64)
    g[2, 3] = 0
    volts = torch.rand(7, generator=rng, dtype=torch.float64) / 2
    found = run_ngspice(netlist(g, wires, volts, law))
    assert_close(solve_nonlinear(volts[None], g, wires, law)[0], found, 1e-9)
    if law == Ohmic():
        assert_close(volts @ effective_conductance(g, wires), found, 1e-9)


@needs_ngspice
def test_ngspice_makes_up_the_output_of_a_chip(
    linear_model: nn.Module, rng: torch.Generator
) -> None:
    """Both arrays of the pairs, all tiles, with variation: but for one factor, what the chip
    computes.
    """
    crossbar = replace(wl.Crossbar.preset("rethinking-16"), tile=(8, 4))
    chip = wl.map_model(linear_model.double(), crossbar, seed=3)
    (layer,) = chip.layers.values()
    image = torch.rand(1, 1, 4, 4, generator=rng, dtype=torch.float64)
    total = torch.zeros(4, dtype=torch.float64)
    for sign, array in zip((1, -1), layer.conductances, strict=True):
        for tiles, volts in zip(array[0], image.view(2, 8), strict=True):
            assert tiles.shape == (1, 8, 4)
            total += sign * run_ngspice(netlist(tiles[0], crossbar.wires, volts))
    wanted = chip(image)[0] - layer.bias
    factor = wanted @ total[:3] / (total[:3] @ total[:3])
    assert_close(factor * total[:3], wanted, 1e-6)


@needs_ngspice
@pytest.mark.parametrize("law", [Ohmic(), SinhDevice(b=4.0)], ids=str)
@pytest.mark.parametrize(
    "wires",
    [
        RETHINKING,
        Wires(row_ohm=5.0, col_ohm=10.0, sense_ohm=1e3),
        Wires(driver_ohm=1e3, row_ohm=5.0, col_ohm=10.0),
        Wires(driver_ohm=1e3, sense_ohm=1e3),
        Wires(),
    ],
    ids=str,
)
def test_ngspice_on_a_programmed_tile_with_faults(
    linear_model: nn.Module, rng: torch.Generator, wires: Wires, law: AbstractDeviceLaw
) -> None:
    crossbar = replace(wl.Crossbar.preset("rethinking-16"), wires=wires)
    g = wl.map_model(linear_model, crossbar, seed=0).layers["1"].conductances[0, 0, 0, 0].clone()
    g[3], g[:, 5], g[7, 7] = 0, 0, 0
    volts = torch.rand(16, generator=rng, dtype=torch.float64) / 2
    found = run_ngspice(netlist(g, wires, volts, law))
    assert_close(solve_nonlinear(volts[None], g, wires, law)[0], found, 1e-9)
    assert abs(found[5]) <= 1e-9 * found.max()  # an open column


@needs_ngspice
@pytest.mark.parametrize("name", ["ideal", "rethinking-16"])
def test_ngspice_runs_what_show_prints(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    show(name, spice=True)
    text = capsys.readouterr().out
    crossbar = wl.Crossbar.preset(name)
    volts = [float(x) for x in re.findall(r"^Vin_\d+ \S+ 0 (\S+)", text, re.M)]
    ohms = [float(x) for x in re.findall(r"^Rd\d+_\d+ \S+ \S+ (\S+)", text, re.M)]
    g = 1 / torch.tensor(ohms, dtype=torch.float64).view(crossbar.tile)
    wanted = torch.tensor(volts, dtype=torch.float64) @ effective_conductance(g, crossbar.wires)
    assert_close(run_ngspice(text), wanted, 1e-9)


@needs_ngspice
def test_ngspice_runs_what_show_prints_of_curved_devices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show("puma-32x32-100k", spice=True, seed=3)
    text = capsys.readouterr().out
    crossbar, generator = wl.Crossbar.preset("puma-32x32-100k"), torch.Generator().manual_seed(3)
    g = crossbar.device.conductance(torch.rand(32, 32, generator=generator, dtype=torch.float64))
    volts = 0.25 * torch.rand(32, generator=generator, dtype=torch.float64)
    wanted = solve_nonlinear(volts[None], g, crossbar.wires, wl.SinhDevice(b=4.0))[0]
    assert_close(run_ngspice(text), wanted, 1e-6)


@needs_ngspice
def test_a_netlist_that_is_none_is_refused() -> None:
    with pytest.raises(RuntimeError, match="`ngspice` found no operating point for `text`"):
        run_ngspice("* nothing\n.end\n")


def test_a_missing_ngspice_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="`ngspice` is not on PATH"):
        run_ngspice("")


def test_a_slow_ngspice_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "ngspice"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError, match="took longer than `seconds` = 0.2"):
        run_ngspice("", seconds=0.2)


class Unwritten(AbstractDeviceLaw):
    """A law without a SPICE element."""

    def current(self, v: Tensor, g: Tensor) -> Tensor:
        return g * v


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"g": torch.zeros(2, 2, 2)}, ValueError, "`g` must be one tile"),
        ({"volts": torch.zeros(3)}, ValueError, "`g` must be one tile .* and `volts` its rows"),
        ({"g": torch.tensor([[float("nan")], [1.0]])}, ValueError, "`g` must be finite"),
        ({"volts": torch.tensor([1.0, float("inf")])}, ValueError, "`volts` must be finite"),
        ({"g": torch.tensor([[-1.0], [1.0]])}, ValueError, "`g` must not be negative, got -1 S"),
        ({"title": "two\nlines"}, ValueError, "`title` must be one line"),
        ({"wires": None}, TypeError, "`wires` must be Wires"),
        ({"law": "sinh"}, TypeError, "`law` must be AbstractDeviceLaw"),
        ({"law": Unwritten()}, ValueError, "`law` Unwritten has no SPICE element"),
    ],
)
def test_bad_input_is_named(change, error, message) -> None:  # type: ignore[no-untyped-def]
    arguments = {
        "g": torch.full((2, 1), 1e-4),
        "wires": RETHINKING,
        "volts": torch.ones(2),
    } | change
    with pytest.raises(error, match=message):
        netlist(**arguments)


def assert_close(found: Tensor, wanted: Tensor, rtol: float) -> None:
    assert (found - wanted).abs().max() <= rtol * wanted.abs().max()
