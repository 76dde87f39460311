"""Kirchhoff's current law at every node of an array, solved densely in numpy.

Wires of zero resistance are not approximated: the nodes they join become one node. One step of
iterative refinement in extended precision makes the answers good to about 1e-14.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Answer(NamedTuple):
    """Effective conductance (rows, cols), and device voltages (terminals, rows, cols)."""

    w: Floats
    from_inputs: Floats  # 1 V at input i, every other terminal at 0 V
    from_outputs: Floats  # 1 V at output j, every other terminal at 0 V


def solve(g: Floats, driver: float, row: float, col: float, sense: float) -> Answer:
    """One array of conductances (rows, cols) in siemens; resistances in ohm, any of them zero."""
    n, m = g.shape
    # nodes: row nodes, column nodes, input terminals, output terminals
    cells = n * m
    r = lambda i, j: i * m + j  # noqa: E731
    c = lambda i, j: cells + i * m + j  # noqa: E731
    wires = [(2 * cells + i, r(i, 0), driver) for i in range(n)]
    wires += [(r(i, j), r(i, j + 1), row) for i in range(n) for j in range(m - 1)]
    wires += [(c(i, j), c(i + 1, j), col) for i in range(n - 1) for j in range(m)]
    wires += [(c(n - 1, j), 2 * cells + n + j, sense) for j in range(m)]
    name = list(range(2 * cells + n + m))

    def find(node: int) -> int:
        while name[node] != node:
            node = name[node]
        return node

    for one, other, ohm in wires:
        if ohm == 0:
            low, high = sorted((find(one), find(other)))
            name[low] = high  # terminals have the highest numbers and keep theirs
    edges = [(find(a), find(b), 1 / ohm) for a, b, ohm in wires if ohm > 0]
    edges += [(find(r(i, j)), find(c(i, j)), float(g[i, j])) for i in range(n) for j in range(m)]
    nodes = sorted({find(k) for k in range(2 * cells)} - set(range(2 * cells, len(name))))
    place = {node: k for k, node in enumerate(nodes)}
    terminals = list(range(2 * cells, 2 * cells + n + m))
    matrix, drive = np.zeros((len(nodes),) * 2), np.zeros((len(nodes), n + m))
    for a, b, y in edges:
        for one, other in ((a, b), (b, a)):
            if one in place:
                matrix[place[one], place[one]] += y
                if other in place:
                    matrix[place[one], place[other]] -= y
                else:
                    drive[place[one], other - 2 * cells] += y
    inner = np.zeros((0, n + m))
    if nodes:
        inner = np.linalg.solve(matrix, drive)
        rest = drive - matrix.astype(np.longdouble) @ inner
        inner = inner + np.linalg.solve(matrix, rest.astype(np.float64))
    volts = np.concatenate([inner, np.eye(n + m)])
    where = place | {t: len(nodes) + k for k, t in enumerate(terminals)}
    rows = np.array([[volts[where[find(r(i, j))]] for j in range(m)] for i in range(n)])
    cols = np.array([[volts[where[find(c(i, j))]] for j in range(m)] for i in range(n)])
    across = np.moveaxis(rows - cols, -1, 0)
    w = np.zeros((n, m))
    for a, b, y in edges:
        for one, other in ((a, b), (b, a)):
            if one >= 2 * cells + n:  # an output terminal at 0 V: what flows into it
                w[:, one - 2 * cells - n] += y * (volts[where[other], :n] - volts[where[one], :n])
    return Answer(w, across[:n], across[n:])


def effective_conductance(g: Floats, driver: float, row: float, col: float, sense: float) -> Floats:
    """The answer's W, for one array or for a batch `(tiles, rows, cols)`."""
    if g.ndim == 3:
        return np.stack([solve(tile, driver, row, col, sense).w for tile in g])
    return solve(g, driver, row, col, sense).w


def gradient(
    g: Floats, weight: Floats, driver: float, row: float, col: float, sense: float
) -> Floats:
    """d(sum weight W)/dG of one array.

    Minus the device voltages of both networks, input and output driven.
    """
    answer = solve(g, driver, row, col, sense)
    return -np.einsum("ij,iab,jab->ab", weight, answer.from_inputs, answer.from_outputs)
