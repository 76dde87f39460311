"""Kirchhoff's current law at every node of a large array, by a sparse LU factorisation of scipy.

Nodes joined by a zero resistance become one node. One step of iterative refinement against the
equations in extended precision, as the sum of a wire's conductance and a device's keeps few digits
of the device.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]


def effective_conductance(g: Floats, driver: float, row: float, col: float, sense: float) -> Floats:
    """W of one array of conductances (rows, cols) in siemens.

    Resistances in ohm, any of them zero.
    """
    n, m = g.shape
    _, currents = _solve(g, (driver, row, col, sense), np.eye(n + m, n))
    return currents[n:].T


def gradient(
    g: Floats, weight: Floats, driver: float, row: float, col: float, sense: float
) -> Floats:
    """d(sum weight W)/dG.

    Minus the device voltages with an input driven, times those with its outputs driven.
    """
    n, m = g.shape
    drives = np.zeros(
        (n + m, 2 * n)
    )  # input i at 1 V; then the outputs at what the loss weighs their currents by
    drives[:n, :n], drives[n:, n:] = np.eye(n), weight.T
    across, _ = _solve(g, (driver, row, col, sense), drives)
    return -(across[..., :n] * across[..., n:]).sum(-1)


def _solve(
    g: Floats, ohms: tuple[float, float, float, float], drives: Floats
) -> tuple[Floats, Floats]:
    """Device voltages (rows, cols, drives), terminal currents (inputs and outputs, drives)."""
    (n, m), (driver, row, col, sense) = g.shape, ohms
    word = np.arange(n * m).reshape(n, m)
    bit = word + n * m
    terminals = 2 * n * m + np.arange(n + m)
    links = [
        (terminals[:n], word[:, 0], driver),
        (word[:, :-1].ravel(), word[:, 1:].ravel(), row),
        (bit[:-1].ravel(), bit[1:].ravel(), col),
        (bit[-1], terminals[n:], sense),
    ]
    size = 2 * n * m + n + m
    shorts = [(a, b) for a, b, ohm in links if ohm == 0] or [(terminals[:0], terminals[:0])]
    a, b = (np.concatenate(ends) for ends in zip(*shorts, strict=True))
    _, name = connected_components(
        sp.coo_matrix((np.ones(len(a)), (a, b)), (size, size)), directed=False
    )
    stamps = [(a, b, np.full(len(a), 1 / np.longdouble(ohm))) for a, b, ohm in links if ohm > 0]
    stamps.append((word.ravel(), bit.ravel(), g.ravel().astype(np.longdouble)))
    a, b, y = (np.concatenate(x) for x in zip(*stamps, strict=True))
    a, b = name[a], name[b]
    at = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
    laplacian = sp.csr_matrix((np.concatenate([y, y, -y, -y]), at), (name.max() + 1,) * 2)

    fixed = name[terminals]
    volts = np.zeros((laplacian.shape[0], drives.shape[1]))
    volts[fixed] = drives
    free = np.setdiff1d(
        np.flatnonzero(laplacian.diagonal()), fixed
    )  # a node that open devices cut off stays at 0 V
    if len(free):
        matrix = laplacian[free][:, free]
        rounded, symmetric = matrix.astype(np.float64).tocsc(), {"SymmetricMode": True}
        factors = splu(
            rounded, permc_spec="MMD_AT_PLUS_A", options=symmetric, diag_pivot_thresh=0.0
        )
        drive = -(laplacian[free][:, fixed] @ drives)
        found = factors.solve(drive.astype(np.float64))
        left = drive - matrix @ found.astype(np.longdouble)
        volts[free] = found + factors.solve(left.astype(np.float64))
    return volts[name[word]] - volts[name[bit]], -(laplacian[fixed] @ volts).astype(np.float64)
