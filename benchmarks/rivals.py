"""Exact answers by other means, all N inputs of a tile: a sparse LU, badcrossbar, ngspice.

badcrossbar, if importable, counts one wire segment as driver and one as sense amplifier, and has no
others. It is measured as it is meant to be used: `compute` with all inputs at once and nothing but
output currents asked for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from wordline.circuits import Wires, netlist

Floats = NDArray[np.float64]


def sparse_lu(g: Floats, wires: Wires, volts: Floats | None = None) -> Floats:
    """All 2 N^2 node equations, factored once, solved for each input: what exact tools do today.

    Currents `(inputs, cols)` of `volts` `(inputs, rows)`: 1 V on one word line after another,
    unless given.
    """
    n, m = g.shape
    node = np.arange(n * m).reshape(n, m)
    col = node + n * m
    a, b, y = [], [], []
    for one, other, siemens in (
        (node, col, g),
        (node[:, 1:], node[:, :-1], np.full((n, m - 1), 1 / wires.row_ohm)),
        (col[1:], col[:-1], np.full((n - 1, m), 1 / wires.col_ohm)),
    ):
        a.append(one.ravel())
        b.append(other.ravel())
        y.append(siemens.ravel())
    i, j, s = (np.concatenate(x) for x in (a, b, y))
    ends = np.concatenate([node[:, 0], col[-1]])
    end_s = np.concatenate([np.full(n, 1 / wires.driver_ohm), np.full(m, 1 / wires.sense_ohm)])
    at = np.concatenate([i, j, i, j, ends]), np.concatenate([i, j, j, i, ends])
    matrix = sp.coo_matrix((np.concatenate([s, s, -s, -s, end_s]), at)).tocsc()
    factors = splu(
        matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0
    )
    volts = np.eye(n) if volts is None else volts
    currents = np.empty((len(volts), m))
    for k, inputs in enumerate(volts):
        drive = np.zeros(2 * n * m)
        drive[node[:, 0]] = inputs / wires.driver_ohm
        currents[k] = factors.solve(drive)[col[-1]] / wires.sense_ohm
    return currents


def has_badcrossbar() -> bool:
    """Try to import `badcrossbar.compute`.

    Its plots need more, and are not wanted, nor is its log.
    """
    if importlib.util.find_spec("badcrossbar") is None:
        return False
    with contextlib.redirect_stderr(io.StringIO()):
        import badcrossbar
    logging.getLogger("badcrossbar").setLevel(logging.WARNING)
    return hasattr(badcrossbar, "compute")


def badcrossbar(g: Floats, wires: Wires) -> Floats:
    """Solve tiles whose driver is one more row segment and whose sense is one more of a column."""
    import badcrossbar as theirs

    found = theirs.compute(
        np.eye(len(g)), 1 / g, r_i_word_line=wires.row_ohm, r_i_bit_line=wires.col_ohm,
        node_voltages=False, all_currents=False,
    )  # fmt: skip
    return np.asarray(found.currents.output)


def ngspice(g: Floats, wires: Wires) -> Floats:
    """The library's netlist, read once, and one operating point for each input.

    1 V there and 0 V elsewhere.
    """
    n, m = g.shape
    text = netlist(torch.from_numpy(g), wires, torch.zeros(n, dtype=torch.float64))
    before, rest = text.split("\nop\n")
    prints = rest[: rest.index("quit 0")]
    runs = "".join(f"alter vin_{k} dc 1\nop\n{prints}alter vin_{k} dc 0\n" for k in range(n))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tile.cir").write_text(before + "\n" + runs + rest[rest.index("quit 0") :])
        command = ["ngspice", "-b", "tile.cir"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = re.findall(r"^i\(vsense_\d+\) = (\S+)", run.stdout, re.M)
    return np.array(found, dtype=np.float64).reshape(n, m)
