"""Arrays whose effective conductance a person can write down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def one_cell(g: float, driver: float, sense: float) -> float:
    """Three resistances in a row: W = g / (1 + g (R_driver + R_sense))."""
    return g / (1 + g * (driver + sense))


def ideal_wires(g: Floats, driver: float, sense: float) -> Floats:
    """Each word line is one node x_i, each bit line one node y_j: N + M unknowns.

    Driver and sense are above zero:

    (V_i - x_i) / R_driver = sum_j g_ij (x_i - y_j),   y_j / R_sense = sum_i g_ij (x_i - y_j),   I_j
    = y_j / R_sense
    """
    n, m = g.shape
    rows = np.diag(1 / driver + g.sum(1))
    cols = np.diag(1 / sense + g.sum(0))
    matrix = np.block([[rows, -g], [-g.T, cols]])
    drive = np.concatenate([np.eye(n) / driver, np.zeros((m, n))])
    return np.linalg.solve(matrix, drive)[n:].T / sense


def one_column_ladder(g: Floats, col: float, sense: float) -> Floats:
    """One bit line with ideal word lines.

    W = 1^T D (1 + K D)^-1, K_ik = R_sense + (N - 1 - max(i, k)) R_col.
    """
    n = len(g)
    k = sense + (n - 1 - np.maximum.outer(np.arange(n), np.arange(n))) * col
    return np.linalg.solve((np.eye(n) + k * g).T, g)
