"""The effective conductance by sums of positive terms alone: slow, and right whatever the conductances and resistances.

Each word line and each bit line is one open end, and between any two ends there is a conductance y. A device adds to
the y of its two lines. A resistance R in series with an end k leaves, with s = sum_l y_kl (the star-mesh transform),

    y_kl <- y_kl / (1 + s R),    y_ab <- y_ab + y_ka y_kb R / (1 + s R)

Beginning at the cell that is farthest from all ends, devices and wire segments follow each other until the ends are the
terminals, and y between inputs and outputs is W. Nothing is subtracted, so every entry keeps its digits where
conductances and resistances differ by many orders of magnitude; a resistance of zero changes nothing.

The adjoint goes the same way backwards with the potentials of the ends, x_k <- x_k / (1 + s R) + sum_l w_l x_l,
w_l = y_kl R / (1 + s R), and dW/dG is minus the product of two voltages across the device. Where devices are nearly
shorts, those voltages are differences of nearly equal numbers: potentials are therefore held as differences along a
tree that ties each end to the one which weighs most in it, and taken from tree or potentials, whichever rounds less.

Some N^4 operations for a tile of N x N, a few times as many for the adjoint: 0.05 and 0.4 s at N = 64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, no_type_check

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kernels import kernel
from ..typing import Siemens
from .wires import Wires

Floats = NDArray[np.float64]
_LARGEST = 2.0**1000


@kernel()
@no_type_check
def _extend(y, size, k, ohm):
    """A resistance in series with the end k of the first `size` ends."""
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
    y[k, :size] = row * share if ohm < 1 else row * t / ohm
    y[:size, k] = y[k, :size]
    return row, t, share


@kernel()
@no_type_check
def _solve(g, ohms, rows_seen, weights):
    """W of one tile; with room in `rows_seen` also the conductances before each extension, and (t, share)."""
    n, m = g.shape
    driver, row, col, sense = ohms
    y = np.zeros((n + m, n + m))
    done = 0
    for j in range(m - 1, -1, -1):
        k = n + m - 1 - j
        for step in range(2 * n):
            i = step % n
            if step < n:
                y[i, k] += g[i, j]
                y[k, i] = y[i, k]
                ohm = col if i < n - 1 else sense
            else:
                ohm = row if j > 0 else driver
            if ohm > 0:
                seen, t, share = _extend(y, k + 1, k if step < n else i, ohm)
                if rows_seen.shape[0] > 0:
                    rows_seen[done, : k + 1] = seen
                    weights[done, 0], weights[done, 1] = t, share
            done += 1
    return y[:n, n:][:, ::-1].copy()


@kernel()
@no_type_check
def _rooted(parent, d, root):
    """The same tree, hung up at another end."""
    at, above, held = root, parent[root], d[root].copy()
    parent[root] = -1
    while above >= 0:
        then, kept = parent[above], d[above].copy()
        parent[above], d[above] = at, -held
        at, above, held = above, then, kept


@kernel()
@no_type_check
def _better(sum_of_steps, largest_step, one, other):
    """A difference of potentials from the tree or from the potentials themselves, whichever is less rounded."""
    whole = max(one, other)
    return (one - other, whole) if whole < largest_step else (sum_of_steps, largest_step)


@kernel()
@no_type_check
def _from_root(parent, d, x, root, far, rounded):
    """Each end's potential less the root's, and what it was rounded to."""
    size = parent.shape[0]
    known, path = np.zeros(size, np.bool_), np.empty(size, np.int64)
    known[root] = True
    far[root], rounded[root] = 0, 0
    for end in range(size):
        length, at = 0, end
        while not known[at]:
            path[length] = at
            length += 1
            at = parent[at]
        for back in range(length - 1, -1, -1):
            at = path[back]
            above = parent[at]
            for n in range(size):
                step, largest = far[above, n] + d[at, n], max(rounded[above, n], abs(d[at, n]))
                far[at, n], rounded[at, n] = _better(step, largest, x[at, n], x[root, n])
            known[at] = True


@kernel()
@no_type_check
def _retract(parent, d, x, far, rounded, k, seen, t, share):
    """The end k before its extension instead of the one after it."""
    size = parent.shape[0]
    weight = t * seen
    weight[k] = share
    m = np.argmax(weight)
    _rooted(parent, d, m)
    _from_root(parent, d, x, m, far, rounded)
    offset, potential = np.zeros(size), np.zeros(size)
    for end in range(weight.shape[0]):
        for n in range(size):
            offset[n] += weight[end] * far[end, n]
            potential[n] += weight[end] * x[end, n]
    for end in range(size):
        if parent[end] == k:
            for n in range(size):
                whole = max(rounded[end, n], abs(offset[n]))
                d[end, n] = _better(far[end, n] - offset[n], whole, x[end, n], potential[n])[0]
    if m != k:
        parent[k] = m
        d[k] = offset
    x[k] = potential


@kernel()
@no_type_check
def _across(parent, d, x, a, b):
    """Potential of the end a less that of b."""
    size = parent.shape[0]
    above = np.zeros(size, np.bool_)
    at = a
    while at >= 0:
        above[at] = True
        at = parent[at]
    meeting = b
    while not above[meeting]:
        meeting = parent[meeting]
    out, largest = np.zeros(size), np.zeros(size)
    for start, sign in ((a, 1.0), (b, -1.0)):
        at = start
        while at != meeting:
            for n in range(size):
                out[n] += sign * d[at, n]
                largest[n] = max(largest[n], abs(d[at, n]))
            at = parent[at]
    for n in range(size):
        out[n] = _better(out[n], largest[n], x[a, n], x[b, n])[0]
    return out


@kernel()
@no_type_check
def _adjoint(g, bar, ohms, rows_seen, weights):
    """dL/dG of one tile from dL/dW at `bar`."""
    n, m = g.shape
    driver, row, col, sense = ohms
    ends = n + m
    _solve(g, ohms, rows_seen, weights)
    x, d, parent = np.eye(ends), np.eye(ends), np.zeros(ends, np.int64)
    far, rounded = np.empty((ends, ends)), np.empty((ends, ends))
    d[:, 0] -= 1  # the terminals hang from the first one
    parent[0] = -1
    turned = bar[:, ::-1].copy()
    out, done = np.empty((n, m)), 2 * n * m - 1
    for j in range(m):
        k = n + m - 1 - j
        for step in range(2 * n - 1, -1, -1):
            i = step % n
            ohm = (col if i < n - 1 else sense) if step < n else (row if j > 0 else driver)
            if ohm > 0:
                end = k if step < n else i
                t, share = weights[done]
                _retract(parent, d, x, far, rounded, end, rows_seen[done, : k + 1], t, share)
            done -= 1
            if step < n:
                volts = _across(parent, d, x, i, k)
                out[i, j] = -np.dot(np.dot(volts[:n].copy(), turned), volts[n:].copy())
    return out


def solve(g: Siemens, wires: Wires) -> Siemens:
    """Effective conductance of a batch of tiles `(tiles, rows, cols)`, worked out in float64."""
    none = np.empty((0, 0))

    def one(tile: Floats) -> Floats:
        exponent, ohms = _unit(tile, wires)
        return np.ldexp(_solve(np.ldexp(tile, -exponent), ohms, none, none), exponent)

    return _each(one, g)


def adjoint(g: Siemens, grad: Siemens, wires: Wires) -> Siemens:
    """dL/dG from dL/dW, both `(tiles, rows, cols)`, worked out in float64."""

    def one(tile: Floats, bar: Floats) -> Floats:
        exponent, ohms = _unit(tile, wires)
        steps = 2 * tile.size
        seen, weights = np.empty((steps, sum(tile.shape))), np.empty((steps, 2))
        return _adjoint(np.ldexp(tile, -exponent), bar, ohms, seen, weights)

    return _each(one, g, grad)


def _unit(tile: Floats, wires: Wires) -> tuple[int, tuple[float, float, float, float]]:
    """The power of two to divide siemens by, exactly, half way from the devices to what the wires let through."""
    given = wires.driver_ohm, wires.row_ohm, wires.col_ohm, wires.sense_ohm
    largest = math.log2(float(tile.max()) or 1.0)
    through = min(largest, -math.log2(max(min(given[:2]) + min(given[2:]), 1e-323)))
    exponent = round((largest + through) / 2)
    driver, row, col, sense = (min(float(np.ldexp(np.float64(ohm), exponent)), _LARGEST) for ohm in given)
    return exponent, (driver, row, col, sense)


def _each(one: Callable[..., Floats], *tensors: Tensor) -> Tensor:
    arrays = [tensor.detach().to("cpu", torch.float64).contiguous().numpy() for tensor in tensors]
    out: Any = np.empty_like(arrays[0])
    with ThreadPoolExecutor(min(torch.get_num_threads(), max(1, len(out)))) as pool:
        for n, answer in enumerate(pool.map(one, *arrays)):
            out[n] = answer
    return torch.from_numpy(out).to(tensors[0].device, tensors[0].dtype)
