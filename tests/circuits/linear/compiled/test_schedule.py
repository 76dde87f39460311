"""The steps and programs of the compiled solver."""

from __future__ import annotations

import numpy as np
import pytest

from wordline.circuits.linear.compiled.joins import LEAVES, is_leaf, join, leaf, ports_of
from wordline.circuits.linear.compiled.merge import OUT, RESULT, SAVED, G, factors_size
from wordline.circuits.linear.compiled.schedule import MIN_SAVED, schedule
from wordline.circuits.linear.compiled.small_blocks import GRADIENT, MATRIX
from wordline.circuits.linear.dissection import Block
from wordline.kernels.program import STREAM_IN, STREAM_OUT

SIZES = [(1, 1), (2, 2), (3, 5), (4, 4), (16, 16), (33, 17)]
REGISTER = 2  # first register of a step


@pytest.mark.parametrize(("rows", "cols"), SIZES)
@pytest.mark.parametrize(("kind", "codes", "register"), [
    ("solve", MATRIX, G), ("save", MATRIX, G), ("adjoint", GRADIENT, OUT),
    ("recompute", GRADIENT, OUT),
])  # fmt: skip
def test_leaves_cover_each_cell_once(rows, cols, kind, codes, register):
    tables = schedule(rows, cols, kind).tables
    shapes, seen = {code: shape for shape, code in codes.items()}, np.zeros((rows, cols), int)
    start = tables.g if register == G else tables.out
    for step in tables.steps:
        first = tables.program[step[0]]
        if step[1] - step[0] == 1 and first[0] in shapes:
            height, width = shapes[int(first[0])]
            row, col = divmod(int(step[REGISTER + register]) - start, cols)
            seen[row : row + height, col : col + width] += 1
            borders = first[6:8] if register == G else first[8:10]
            assert list(borders) == [col == 0, row + height == rows]
    assert (seen == 1).all()


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_children_are_merged_before_their_parents(rows, cols):
    """A merge reads two results that stand in the workspace, and nothing has replaced."""
    tables = schedule(rows, cols, "solve").tables
    standing: set[int] = set()
    for step in tables.steps:
        up, down, result = (int(step[REGISTER + n]) for n in (1, 2, RESULT))
        if step[1] - step[0] > 1:
            assert {up, down} <= standing and min(up, down) > result
            standing -= {up, down}
        standing.add(result)
    assert standing == {0}


@pytest.mark.parametrize(("rows", "cols"), SIZES)
@pytest.mark.parametrize(("kind", "code"), [("save", STREAM_OUT), ("adjoint", STREAM_IN)])
def test_large_factors_are_saved_once_side_by_side(rows, cols, kind, code):
    plan = schedule(rows, cols, kind)
    used = np.zeros(plan.saved, int)
    for step in plan.tables.steps:
        for row in plan.tables.program[step[0] : step[1]]:
            if row[0] == code:
                at = step[REGISTER + SAVED]
                used[at : at + row[5]] += 1
    assert (used == 1).all()
    assert (plan.saved > 0) == (min(rows, cols) >= MIN_SAVED)


def _tree(block: Block):
    yield block
    if not is_leaf(block):
        for side in (join(block).upstream, join(block).downstream):
            yield from _tree(side.block)


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_each_port_of_a_child_is_exterior_interior_or_missing(rows, cols):
    for block in set(_tree(Block(rows, cols))):
        if is_leaf(block):
            continue
        here = join(block)
        for side, other in ((here.upstream, here.downstream), (here.downstream, here.upstream)):
            ports = ports_of(side.block)
            spans = (*side.exterior, *side.interior)
            listed = [span.port + n for span in spans for n in range(span.length)]
            absent = "R" * side.block.right + "T" * side.block.top
            missing = [n for n, (name, _) in enumerate(ports) if name in absent]
            assert sorted(listed + missing) == list(range(len(ports)))
            assert sum(span.length for span in other.interior) == here.interior
        assert len(here.ports) == here.upstream.count + here.downstream.count
        assert factors_size(here) >= here.interior * (len(here.ports) + 2 * here.interior)


def test_ports_of_a_leaf_stand_side_by_side():
    for rows, cols in LEAVES:
        sides = [side for side, _ in ports_of(leaf(rows, cols))]
        assert sides == ["L"] * rows + ["B"] * cols + ["R"] * rows + ["T"] * cols
