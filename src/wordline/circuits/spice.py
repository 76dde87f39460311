"""The SPICE netlist of one tile, and ngspice to run it."""

import math
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..values import require_instance
from .nonlinear.laws import AbstractDeviceLaw, Ohmic
from .siemens import warn_of_ohms
from .wires import Wires

_OHMIC = Ohmic()
# The tightest tolerances at which ngspice 39 still converges on arrays with exponential devices. No
# gmin: 1e-12 S beside every device would be seen.
_OPTIONS = ".options reltol=1e-9 abstol=1e-17 vntol=1e-14 gmin=1e-20 itl1=500"


def netlist(
    g: Float[Tensor, "rows cols"],
    wires: Wires,
    volts: Float[Tensor, " rows"],
    law: AbstractDeviceLaw = _OHMIC,
    title: str = "wordline tile",
) -> str:
    """Write the circuit of one programmed tile with one set of row voltages, for `ngspice -b`.

    `g`: siemens `(rows, cols)`; `volts`: row voltages `(rows,)`; `law`: of the devices, see
    `AbstractDeviceLaw.spice`. The simulator prints `i(vsense_j)`, the current of column j into
    virtual ground in ampere, in all its digits. Nodes on the two sides of a zero resistance are one
    node; open devices are left out.

    >>> g = torch.tensor([[1e-3]], dtype=torch.float64)
    >>> volts = torch.tensor([0.5], dtype=torch.float64)
    >>> print(netlist(g, Wires(driver_ohm=500), volts))
    * wordline tile
    Vin_0 in_0 0 0.5
    Rdriver_0 in_0 r_0 500.0
    Rd0_0 r_0 c_0 1000.0
    Vsense_0 c_0 0 0
    .options ...

    A tile of a programmed chip, by array, group, row of tiles and column of tiles:

    >>> import wordline as wl
    >>> crossbar = wl.Crossbar.preset("rethinking-16", gain=wl.UnitGain())
    >>> chip = wl.map_model(torch.nn.Sequential(torch.nn.Linear(20, 10)).eval(), crossbar, seed=0)
    >>> text = netlist(chip.layers["0"].conductances[0, 0, 1, 0], crossbar.wires, torch.ones(16))
    >>> text.count("Vin_"), text.count("Rd")  # its rows; 16 x 16 devices and 16 drivers
    (16, 272)
    """
    require_instance("wires", wires, Wires)
    require_instance("law", law, AbstractDeviceLaw)
    for name, tensor in (("g", g), ("volts", volts)):
        require_instance(name, tensor, Tensor)
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"`{name}` must be finite, got NaN or infinity; SPICE has no number for it"
            )
    if g.ndim != 2 or volts.shape != g.shape[:1]:
        raise ValueError(
            f"`g` must be one tile (rows, cols) and `volts` its rows, got {tuple(g.shape)} and "
            f"{tuple(volts.shape)}; write one netlist a tile and input"
        )
    if (g < 0).any():
        raise ValueError(f"`g` must not be negative, got {g.min().item():g} S; an open device is 0")
    warn_of_ohms("g", g)
    if "\n" in title:
        raise ValueError(
            f"`title` must be one line, got {title!r}; a second line would be read as an element"
        )
    rows, cols = g.shape
    # A node is named after the segment that ends in it, so that a zero resistance leaves no second
    # name for one node.
    row_node = [
        [f"r_{i}" + f"_{j}" * (wires.row_ohm > 0) for j in range(cols)] for i in range(rows)
    ]
    col_node = [
        [f"c_{j}" if wires.col_ohm == 0 else f"c_{i}_{j}" for j in range(cols)] for i in range(rows)
    ]
    lines = [f"* {title}"]
    for i, value in enumerate(volts.tolist()):
        near = row_node[i][0] if wires.driver_ohm == 0 else f"in_{i}"
        lines.append(f"Vin_{i} {near} 0 {value!r}")
        lines += _resistor(f"driver_{i}", near, row_node[i][0], wires.driver_ohm)
        for j in range(1, cols):
            lines += _resistor(f"row_{i}_{j}", row_node[i][j - 1], row_node[i][j], wires.row_ohm)
    for i, cells in enumerate(g.tolist()):
        for j, siemens in enumerate(cells):
            if siemens > 0 and math.isfinite(1 / siemens):
                lines.append(law.spice(f"{i}_{j}", row_node[i][j], col_node[i][j], siemens))
    for j in range(cols):
        far = col_node[-1][j] if wires.sense_ohm == 0 else f"out_{j}"
        for i in range(1, rows):
            lines += _resistor(f"col_{i}_{j}", col_node[i - 1][j], col_node[i][j], wires.col_ohm)
        lines += _resistor(f"sense_{j}", col_node[-1][j], far, wires.sense_ohm)
        lines.append(f"Vsense_{j} {far} 0 0")
    lines += [
        _OPTIONS,
        ".control",
        "set numdgt=15",
        "op",
        *(f"print i(vsense_{j})" for j in range(cols)),
        "quit 0",
    ]
    return "\n".join([*lines, ".endc", ".end", ""])


def run_ngspice(text: str, seconds: float = 600.0) -> Float[Tensor, " cols"]:
    """Run ngspice on a netlist of `netlist` and return its column currents, in ampere.

    Needs the program `ngspice` on PATH; raises RuntimeError where it is missing, takes longer than
    `seconds` or finds no operating point.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise RuntimeError(
            "`ngspice` is not on PATH; install it (apt install ngspice, brew install ngspice)"
        )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tile.cir").write_text(text)
        command = [program, "-b", "tile.cir"]
        try:
            run = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"`ngspice` took longer than `seconds` = {seconds:g}; use a smaller tile"
            ) from error
    found = {
        int(j): float(value)
        for j, value in re.findall(r"^i\(vsense_(\d+)\) = (\S+)", run.stdout, re.M)
    }
    if not found or sorted(found) != list(range(len(found))) or "rror" in run.stderr:
        said = (run.stderr or run.stdout).strip()[-500:]
        raise RuntimeError(f"`ngspice` found no operating point for `text`; it said: {said}")
    return torch.tensor([found[j] for j in range(len(found))], dtype=torch.float64)


def _resistor(name: str, a: str, b: str, ohm: float) -> list[str]:
    return [f"R{name} {a} {b} {float(ohm)!r}"] if ohm > 0 else []
