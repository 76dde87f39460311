"""The tree of blocks written out as a list of steps for the compiled solver."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .dissection import Block, Join, join
from .lanes_joins import pitch

Ints = NDArray[np.int64]


class Program(NamedTuple):
    """What to do for one shape of tile, and where in the workspace; all numbers count vectors."""

    steps: Ints  # join: kind, giver, taker, result, keep, first step below a small join that no small one is made of
    # (else -1); block of few cells: -1 - kind, row, col, result, borders, -1
    kinds: Ints  # one row for each kind of join, see `lanes_joins`
    runs: Ints
    least: int  # joins where fewer ports meet are small
    blocks: int  # size of the part that holds H, or dL/dH on the way down
    scratch: int
    keep: int  # what the joins leave for the adjoint, but for small ones
    keep_one: int  # what the largest join leaves
    keep_small: int  # what the small joins of one block leave
    answer: Ints  # for each cell: where in H of the whole array the currents stand


class _Part(NamedTuple):
    """The steps of one block as if it stood at the origin."""

    steps: Ints
    size: int  # vectors of blocks
    keep: int  # vectors that its joins keep; those of its small ones, if it is joined by a small one itself


@lru_cache(maxsize=64)
def program(rows: int, cols: int, least: int) -> Program:
    """Depth first, the giver before the taker; each result stands in memory before what it is made of.

    What small joins, where fewer than `least` ports meet, leave for the adjoint is not kept but found again: large
    tiles gain little by keeping it, and it would not fit into the memory's bandwidth.
    """
    kinds: list[list[int]] = []
    runs: list[tuple[int, int, int]] = []
    parts: dict[Block, _Part] = {}
    scratch = keep_one = keep_small = 0

    def visit(block: Block) -> _Part:
        nonlocal scratch, keep_one, keep_small
        if block in parts:
            return parts[block]
        own = len(block.ports) * pitch(len(block.ports))
        if block.small:
            shape = 8 * (block.rows - 1) + 4 * (block.cols - 1) + block.right + 2 * block.top
            steps = np.array([[-1 - shape, 0, 0, 0, block.left + 2 * block.bottom, -1]], dtype=np.int64)
            parts[block] = _Part(steps, own, 0)
            return parts[block]
        step = join(block)
        giver, taker = visit(step.giver), visit(step.taker)
        q, pg, pt = len(step.giver_met), len(step.giver_kept), len(step.taker_kept)
        small = q < least
        if not small:
            giver, taker = _found_again(giver, step.giver, least), _found_again(taker, step.taker, least)
        at_taker = own + len(step.giver.ports) * pitch(len(step.giver.ports))
        keep = giver.keep + taker.keep
        sharing = np.array([small or kind[0] >= least for kind in kinds], dtype=bool)  # these keep side by side
        steps = np.concatenate(
            [
                _moved(giver.steps, 0, step.down, 0, own, 0, sharing),
                _moved(taker.steps, len(giver.steps), 0, step.across, at_taker, giver.keep, sharing),
                np.array([[len(kinds), own, at_taker, 0, keep, -1]], dtype=np.int64),
            ]
        )
        starts = []
        for some in (step.giver_kept, step.giver_met, step.taker_kept, step.taker_met):
            starts.append(len(runs))
            runs.extend(_runs(some))
        kinds.append([q, pg, pt, *_borders(block, step), *starts, len(runs)])
        scratch = max(scratch, 2 * (pg + pt) * q + 6 * q * q + q)
        keeps = (pg + pt + 2 * q) * q
        keep_one = max(keep_one, keeps)
        if small:
            keep_small = max(keep_small, keep + keeps)
        parts[block] = _Part(steps, max(own + giver.size, at_taker + taker.size), keep + keeps)
        return parts[block]

    whole = Block(rows, cols)
    part = _found_again(visit(whole), whole, least)
    place = {port: n for n, port in enumerate(whole.ports)}
    pairs = [[(place["L", i], place["B", j]) for j in range(cols)] for i in range(rows)]
    answer = [[max(pair) * pitch(len(place)) + min(pair) for pair in row] for row in pairs]
    table = np.array(kinds or [[0] * 12], dtype=np.int64)
    lists = np.array(runs, dtype=np.int64).reshape(-1, 3)
    where = np.array(answer, dtype=np.int64).ravel()
    return Program(part.steps, table, lists, least, part.size, scratch, part.keep, keep_one, keep_small, where)


def _found_again(part: _Part, block: Block, least: int) -> _Part:
    """A block that is joined to another one by a large join, or to none: keeps nothing if its own join is small."""
    if block.small or len(join(block).giver_met) >= least:
        return part
    steps = part.steps.copy()
    steps[-1, 5] = 0
    return _Part(steps, part.size, 0)


def _moved(
    steps: Ints, later: int, down: int, across: int, at: int, keep: int, sharing: NDArray[np.bool_]
) -> Ints:
    steps = steps.copy()
    joins = steps[:, 0] >= 0
    steps[:, 3] += at
    steps[joins, 1:3] += at
    steps[joins, 4] += keep * sharing[steps[joins, 0]]
    steps[~joins, 1] += down
    steps[~joins, 2] += across
    steps[steps[:, 5] >= 0, 5] += later
    return steps


def _runs(ports: Sequence[int]) -> list[tuple[int, int, int]]:
    """Ports that stand side by side: first one, its place in the list, how many."""
    starts = [n for n, port in enumerate(ports) if n == 0 or port != ports[n - 1] + 1]
    return [(ports[n], n, stop - n) for n, stop in zip(starts, [*starts[1:], len(ports)], strict=True)]


def _borders(block: Block, step: Join) -> list[int]:
    """How many driven and grounded ports stand first among those that giver and taker keep."""
    out = []
    for child, kept in ((step.giver, step.giver_kept), (step.taker, step.taker_kept)):
        sides = [child.ports[k][0] for k in kept]
        out += [sides.count("L") * block.left, sides.count("B") * block.bottom]
    return out
