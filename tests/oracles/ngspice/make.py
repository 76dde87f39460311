"""Golden vectors: small crossbars, their SPICE netlists, the column currents of ngspice.

    python tests/oracles/ngspice/make.py

writes `<case>.cir` and `<case>.json` beside this file; the committed ones are from ngspice 39. The
netlists are written here in their own way and owe nothing to the library: what is tested against
them is its solvers.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
NAMES = ("driver_ohm", "row_ohm", "col_ohm", "sense_ohm")
RETHINKING = (1e3, 5.0, 10.0, 1e3)  # with devices of 20 k to 200 k
GENIEX = (500.0, 2.5, 2.5, 100.0)  # with devices of 100 k to 600 k


def cases() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...], float]]:
    """name -> (g in siemens, row voltages, ohms, b per volt; 0 is ohmic)."""
    rng = np.random.default_rng(0)

    def devices(
        rows: int, cols: int, low_ohm: float = 20e3, high_ohm: float = 200e3
    ) -> NDArray[np.float64]:
        return rng.uniform(1 / high_ohm, 1 / low_ohm, (rows, cols))

    def inputs(rows: int, volts: float) -> NDArray[np.float64]:
        return rng.uniform(0, volts, rows)

    open_cells = devices(5, 6)
    open_cells[1, 2] = open_cells[3, :] = open_cells[:, 4] = 0.0
    signed = rng.uniform(-0.5, 0.5, 7)
    return {
        "linear-rethinking": (devices(16, 16), inputs(16, 1.0), RETHINKING, 0.0),
        "linear-rectangular": (devices(9, 4), inputs(9, 1.0), (300.0, 20.0, 7.0, 50.0), 0.0),
        "linear-zero-wires": (devices(4, 7), inputs(4, 1.0), (1e3, 0.0, 0.0, 2e3), 0.0),
        "linear-zero-driver-and-column": (
            devices(6, 3),
            inputs(6, 1.0),
            (0.0, 40.0, 0.0, 500.0),
            0.0,
        ),
        "linear-open-cells": (open_cells, inputs(5, 1.0), RETHINKING, 0.0),
        "linear-strong": (devices(8, 8, 100.0, 1e4), inputs(8, 1.0), (10.0, 5.0, 10.0, 10.0), 0.0),
        "sinh-rethinking": (devices(12, 12), inputs(12, 0.5), RETHINKING, 4.0),
        "sinh-geniex": (devices(12, 8, 100e3, 600e3), inputs(12, 0.5), GENIEX, 4.0),
        "sinh-signed": (devices(7, 5), signed, (0.0, 5.0, 10.0, 0.0), 4.0),
        "sinh-steep": (devices(6, 6), np.full(6, 0.5), RETHINKING, 20.0),
        "sinh-ideal-wires": (devices(4, 3), inputs(4, 0.5), (0.0, 0.0, 0.0, 0.0), 4.0),
    }


def netlist(
    name: str, g: NDArray[np.float64], volts: NDArray[np.float64], ohms: tuple[float, ...], b: float
) -> str:
    """Write a conductance element (G) a resistance, a source (B) a nonlinear device."""
    (rows, cols), (driver, row, col, sense) = g.shape, ohms
    same: dict[str, str] = {}  # node -> the node it is joined to by zero ohm
    lines = [f"* {name}"]

    def find(node: str) -> str:
        return find(same[node]) if node in same else node

    def resistance(a: str, b: str, ohm: float) -> None:
        if ohm == 0:
            same[b] = find(a)
        else:
            links.append((a, b, ohm))

    links: list[tuple[str, str, float]] = []
    for i in range(rows):
        resistance(f"s{i}", f"w{i}x0", driver)
        for j in range(1, cols):
            resistance(f"w{i}x{j - 1}", f"w{i}x{j}", row)
    for j in range(cols):
        resistance(f"m{j}", f"b{rows - 1}x{j}", sense)
        for i in range(rows - 2, -1, -1):
            resistance(f"b{i + 1}x{j}", f"b{i}x{j}", col)
    lines += [f"Vs{i} s{i} 0 DC {float(v)!r}" for i, v in enumerate(volts)]
    lines += [f"Vm{j} m{j} 0 DC 0" for j in range(cols)]
    lines += [f"R{k} {find(a)} {find(c)} {ohm!r}" for k, (a, c, ohm) in enumerate(links)]
    for (i, j), siemens in np.ndenumerate(g):
        if siemens > 0:
            p, q, value = find(f"w{i}x{j}"), find(f"b{i}x{j}"), repr(float(siemens))
            sinh = f"Bd{i}x{j} {p} {q} I={value}*sinh({b!r}*V({p},{q}))/{b!r}" if b else ""
            lines.append(sinh or f"Gd{i}x{j} {p} {q} {p} {q} {value}")
    lines.append(".options reltol=1e-10 abstol=1e-17 vntol=1e-14 gmin=1e-20 itl1=500")
    lines += [
        ".control",
        "set numdgt=15",
        "op",
        *(f"print i(vm{j})" for j in range(cols)),
        "quit 0",
        ".endc",
        ".end",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every case."""
    for name, (g, volts, ohms, b) in cases().items():
        path = HERE / f"{name}.cir"
        path.write_text(netlist(name, g, volts, ohms, b))
        run = subprocess.run(
            ["ngspice", "-b", path.name], cwd=HERE, capture_output=True, text=True, check=True
        )
        currents = [float(x) for x in re.findall(r"^i\(vm\d+\) = (\S+)", run.stdout, re.M)]
        if len(currents) != g.shape[1]:
            raise SystemExit(f"{name}: ngspice said {run.stdout}{run.stderr}")
        case = {
            "wires": dict(zip(NAMES, ohms, strict=True)),
            "b": b,
            "volts": volts.tolist(),
            "g": g.tolist(),
            "currents": currents,
        }
        (HERE / f"{name}.json").write_text(json.dumps(case) + "\n")


if __name__ == "__main__":
    main()
