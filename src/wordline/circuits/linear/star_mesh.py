"""Effective conductance by the star-mesh transform, in sums of positive terms alone.

It is slow, and right whatever the conductances and resistances. Each word line and each bit line is
one open end, and between any two ends there is a conductance y. A device adds to the y of its two
lines. A resistance R in series with an end k leaves, with s = sum_l y_kl (the star-mesh transform),

    y_kl <- y_kl / (1 + s R),    y_ab <- y_ab + y_ka y_kb R / (1 + s R)

Beginning at the cell that is farthest from all ends, devices and wire segments follow each other
until the ends are the terminals, and y between inputs and outputs is W. Nothing is subtracted, so
every entry keeps its digits where conductances and resistances differ by many orders of magnitude;
a resistance of zero changes nothing.

The adjoint goes the same way backwards with the potentials of the ends,
x_k <- x_k / (1 + s R) + sum_l w_l x_l, w_l = y_kl R / (1 + s R), and dW/dG is minus the product of
two voltages across the device: see `star_mesh_adjoint`.

Some N^4 operations for a tile of N x N, a few times as many for the adjoint: 0.05 and 0.4 s at
N = 64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...kernels import kernel
from ...kernels.threads import ordered_map
from ...typing import Siemens
from ..wires import Ohms, Wires
from .star_mesh_adjoint import tile_adjoint

Floats = NDArray[np.float64]
_MAX_OHM = 2.0**1000  # in the units of `_normalise`; larger ones act as open circuits


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Compute the effective conductance of a batch of tiles `(tiles, rows, cols)`, in float64."""
    none = np.empty((0, 0))

    def one(tile: Floats) -> Floats:
        exponent, ohms = _normalise(tile, wires)
        w = eliminate_wires(np.ldexp(tile, -exponent), ohms, none, none)
        return np.ldexp(w, exponent)

    return _each_tile(one, g)


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """Compute dL/dG from dL/dW, both `(tiles, rows, cols)`, in float64."""

    def one(tile: Floats, bar: Floats) -> Floats:
        exponent, ohms = _normalise(tile, wires)
        steps, scaled = 2 * tile.size, np.ldexp(tile, -exponent)
        y_before, factors = np.empty((steps, sum(tile.shape))), np.empty((steps, 2))
        eliminate_wires(scaled, ohms, y_before, factors)
        return tile_adjoint(bar, ohms, y_before, factors)

    return _each_tile(one, g, grad)


@kernel()
@no_type_check
def eliminate_wires(g, ohms, y_before, factors):
    """Compute W of one tile.

    With room in `y_before` `(2 rows cols, ends)`, also keep the conductances before each series
    resistance, and in `factors` (R / (1 + s R), 1 / (1 + s R)).
    """
    n, m = g.shape
    y = np.zeros((n + m, n + m))
    done = 0
    for j in range(m - 1, -1, -1):  # columns from the far end to the drivers
        k = n + m - 1 - j
        for step in range(2 * n):
            i = step % n
            if step < n:  # down the bit line: a device, then the segment below it
                y[i, k] += g[i, j]
                y[k, i] = y[i, k]
                ohm = ohms.col if i < n - 1 else ohms.sense
            else:  # then the segment to the left in each word line
                ohm = ohms.row if j > 0 else ohms.driver
            if ohm > 0:
                before, t, share = _add_series(y, k + 1, k if step < n else i, ohm)
                if y_before.shape[0] > 0:
                    for end in range(k + 1):  # a slice would compile for seconds
                        y_before[done, end] = before[end]
                    factors[done, 0], factors[done, 1] = t, share
            done += 1
    return y[:n, n:][:, ::-1].copy()


@kernel()
@no_type_check
def _add_series(y, size, k, ohm):
    """Put a resistance in series with the end k of the first `size` ends."""
    s = y[k, :size].sum()
    if ohm < 1:
        share = 1 / (1 + s * ohm)
        t = ohm * share
    else:  # s R may be infinite
        t = 1 / (1 / ohm + s)
        share = t / ohm
    row = y[k, :size].copy()
    for a in range(size):
        if row[a] > 0:
            part = row[a] * t
            for b in range(size):
                y[a, b] += part * row[b]
            y[a, a] = 0
    for a in range(size):
        y[k, a] = row[a] * share if ohm < 1 else row[a] * t / ohm
        y[a, k] = y[k, a]
    return row, t, share


def _normalise(tile: Floats, wires: Wires) -> tuple[int, Ohms]:
    """The exponent of two to divide siemens by, exactly, and the ohms multiplied by it.

    Half way from the devices to what the wires let through.
    """
    given = Ohms.of(wires)
    shortest = min(given.driver, given.row) + min(given.col, given.sense)
    largest = math.log2(float(tile.max()) or 1.0)
    through = min(largest, -math.log2(max(shortest, 1e-323)))
    exponent = round((largest + through) / 2)
    scale = lambda ohm: min(float(np.ldexp(np.float64(ohm), exponent)), _MAX_OHM)  # noqa: E731
    return exponent, Ohms.of(wires, scale)


def _each_tile(one: Callable[..., Floats], *tensors: Tensor) -> Tensor:
    """Run a function of one tile on each of a batch, in float64."""
    arrays = [t.detach().to("cpu", torch.float64).contiguous().numpy() for t in tensors]
    out: Any = np.empty_like(arrays[0])
    tiles = list(zip(*arrays, strict=True))
    results = ordered_map(lambda tile: one(*tile), tiles, torch.get_num_threads())
    for n, result in enumerate(results):
        out[n] = result
    return torch.from_numpy(out).to(tensors[0].device, tensors[0].dtype)
