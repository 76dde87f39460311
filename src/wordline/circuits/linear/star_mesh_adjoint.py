"""The adjoint of the star-mesh transform: potentials of the open ends, carried backwards.

Where devices are nearly shorts, the voltages across them are differences of nearly equal numbers:
potentials are therefore also held as differences along a tree that ties each end to the one which
weighs most in it. A difference is taken from the tree or from the potentials, whichever rounds
less.
"""

from __future__ import annotations

from typing import NamedTuple, no_type_check

import numpy as np

from ...kernels import kernel


class Potentials(NamedTuple):
    """Potentials of all ends, each a row of coefficients of the terminals' potentials."""

    x: np.ndarray  # (ends, ends), the potentials themselves
    parent: np.ndarray  # (ends,), the tree; -1 at its root
    d: np.ndarray  # (ends, ends), each end's potential less its parent's
    from_root: np.ndarray  # (ends, ends), working memory: less the root's,
    magnitude: np.ndarray  # (ends, ends), and the largest number that went into it


@kernel()
@no_type_check
def tile_adjoint(bar, ohms, y_before, factors):
    """Compute dL/dG of one tile from dL/dW at `bar` and what `eliminate_wires` kept."""
    n, m = bar.shape
    ends = n + m
    at = Potentials(
        np.eye(ends), np.zeros(ends, np.int64), np.eye(ends),
        np.empty((ends, ends)), np.empty((ends, ends)),
    )  # fmt: skip
    at.d[:, 0] -= 1  # the terminals hang from the first one
    at.parent[0] = -1
    bar_reversed = bar[:, ::-1].copy()  # ends of bit lines stand from last to first
    out, done = np.empty((n, m)), 2 * n * m - 1
    for j in range(m):
        k = n + m - 1 - j
        for step in range(2 * n - 1, -1, -1):
            i = step % n
            if step < n:
                ohm = ohms.col if i < n - 1 else ohms.sense
            else:
                ohm = ohms.row if j > 0 else ohms.driver
            if ohm > 0:
                end = k if step < n else i
                t, share = factors[done]
                _remove_series(at, end, y_before[done, : k + 1], t, share)
            done -= 1
            if step < n:
                volts = _difference(at, i, k)
                to_inputs = np.dot(volts[:n].copy(), bar_reversed)
                out[i, j] = -np.dot(to_inputs, volts[n:].copy())
    return out


@kernel()
@no_type_check
def _remove_series(at, k, y_before, t, share):
    """Replace the potential of the end k by the one before its series resistance."""
    size = at.parent.shape[0]
    weight = t * y_before
    weight[k] = share
    heaviest = np.argmax(weight)
    _reroot(at.parent, at.d, heaviest)
    _measure_from_root(at, heaviest)
    offset, potential = np.zeros(size), np.zeros(size)
    for end in range(weight.shape[0]):
        for n in range(size):
            offset[n] += weight[end] * at.from_root[end, n]
            potential[n] += weight[end] * at.x[end, n]
    for end in range(size):
        if at.parent[end] == k:
            for n in range(size):
                largest = max(at.magnitude[end, n], abs(offset[n]))
                by_tree = at.from_root[end, n] - offset[n]
                at.d[end, n] = _less_rounded(by_tree, largest, at.x[end, n], potential[n])[0]
    if heaviest != k:
        at.parent[k] = heaviest
        at.d[k] = offset
    at.x[k] = potential


@kernel()
@no_type_check
def _reroot(parent, d, root):
    """Make another end the root of the same tree."""
    at, above, difference = root, parent[root], d[root].copy()
    parent[root] = -1
    while above >= 0:
        next_above, next_difference = parent[above], d[above].copy()
        parent[above], d[above] = at, -difference
        at, above, difference = above, next_above, next_difference


@kernel()
@no_type_check
def _less_rounded(by_tree, largest_step, one, other):
    """Choose a difference of potentials from the tree or from the potentials `one` and `other`.

    Returns the one of less rounding, and the largest number that went into it.
    """
    largest = max(one, other)
    return (one - other, largest) if largest < largest_step else (by_tree, largest_step)


@kernel()
@no_type_check
def _measure_from_root(at, root):
    """Fill `from_root` and `magnitude`."""
    parent, d, x, far, magnitude = at.parent, at.d, at.x, at.from_root, at.magnitude
    size = parent.shape[0]
    known, path = np.zeros(size, np.bool_), np.empty(size, np.int64)
    known[root] = True
    far[root], magnitude[root] = 0, 0
    for start in range(size):
        length, end = 0, start
        while not known[end]:  # up to an end that is known, then down again
            path[length] = end
            length += 1
            end = parent[end]
        for back in range(length - 1, -1, -1):
            end = path[back]
            above = parent[end]
            for n in range(size):
                by_tree = far[above, n] + d[end, n]
                largest = max(magnitude[above, n], abs(d[end, n]))
                far[end, n], magnitude[end, n] = _less_rounded(
                    by_tree, largest, x[end, n], x[root, n]
                )
            known[end] = True


@kernel()
@no_type_check
def _difference(at, a, b):
    """Compute the potential of the end a less that of b."""
    parent, d, x = at.parent, at.d, at.x
    size = parent.shape[0]
    above_a = np.zeros(size, np.bool_)
    end = a
    while end >= 0:
        above_a[end] = True
        end = parent[end]
    common = b
    while not above_a[common]:
        common = parent[common]
    out, largest = np.zeros(size), np.zeros(size)
    for start, sign in ((a, 1.0), (b, -1.0)):
        end = start
        while end != common:
            for n in range(size):
                out[n] += sign * d[end, n]
                largest[n] = max(largest[n], abs(d[end, n]))
            end = parent[end]
    for n in range(size):
        out[n] = _less_rounded(out[n], largest[n], x[a, n], x[b, n])[0]
    return out
