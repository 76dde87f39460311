"""A nonlinear crossbar solved node by node in numpy: dense Newton on Kirchhoff's current law.

Nodes joined by a zero resistance are merged, so that every conductance is finite. Nothing is shared
with the library: unknowns here are node potentials, there they are currents.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def column_currents(
    volts: Array,
    g: Array,
    ohms: tuple[float, float, float, float],
    current: Callable[[Array, Array], Array],
    slope: Callable[[Array, Array], Array],
) -> Array:
    """Current of each column into ground, for one input; `ohms`: driver, row, col, sense."""
    rows, cols = g.shape
    driver, row, col, sense = ohms
    source, ground = 2 * rows * cols + np.arange(rows), 2 * rows * cols + rows
    word = np.arange(rows * cols).reshape(rows, cols)
    bit = word + rows * cols
    wires = [(source[i], word[i, 0], driver) for i in range(rows)]
    wires += [(word[i, j - 1], word[i, j], row) for i in range(rows) for j in range(1, cols)]
    wires += [(bit[i - 1, j], bit[i, j], col) for i in range(1, rows) for j in range(cols)]
    wires += [(bit[-1, j], ground, sense) for j in range(cols)]

    owner = np.arange(ground + 1)
    for a, b, ohm in wires:
        if ohm == 0:
            low, high = sorted((owner[a], owner[b]))
            owner[owner == low] = (
                high  # sources and ground have the highest numbers and so survive a merger
            )
    potential = np.zeros(ground + 1)
    potential[source] = volts
    unknown = np.array([k for k in range(2 * rows * cols) if owner[k] == k], dtype=int)
    a, b = owner[word.ravel()], owner[bit.ravel()]
    linear = np.zeros((ground + 1, ground + 1))
    for p, q, ohm in wires:
        if ohm > 0:
            stamp(linear, owner[p], owner[q], 1 / ohm)

    def outflow(x: Array) -> Array:
        out = linear @ x
        i = current(x[a] - x[b], g.ravel())
        np.add.at(out, a, i)
        np.subtract.at(out, b, i)
        return out[unknown]

    lack = outflow(potential)
    for _ in range(200):
        if len(unknown) == 0 or np.abs(lack).max() == 0:
            break
        jacobian = linear.copy()
        for p, q, s in zip(a, b, slope(potential[a] - potential[b], g.ravel()), strict=True):
            stamp(jacobian, p, q, s)
        step = np.zeros_like(potential)
        step[unknown] = np.linalg.solve(jacobian[np.ix_(unknown, unknown)], -lack)
        length = 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            while (
                not np.abs(new := outflow(potential + length * step)).max() < np.abs(lack).max()
                and length > 1e-6
            ):
                length /= 2
        if length <= 1e-6:
            break  # rounding
        potential, lack = potential + length * step, new
    i = current(potential[a] - potential[b], g.ravel()).reshape(rows, cols)
    return i.sum(0)


def stamp(matrix: Array, a: int, b: int, siemens: float) -> None:
    """Add a conductance between two nodes to a nodal matrix."""
    matrix[a, a] += siemens
    matrix[b, b] += siemens
    matrix[a, b] -= siemens
    matrix[b, a] -= siemens
