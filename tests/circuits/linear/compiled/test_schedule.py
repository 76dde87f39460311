"""The tables of the compiled solver."""

from __future__ import annotations

import numpy as np
import pytest

from wordline.circuits.linear.compiled.schedule import schedule
from wordline.circuits.linear.compiled.small_blocks import SHAPES, shape_code

SIZES = [(1, 1), (2, 2), (3, 5), (16, 16), (33, 17)]


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_small_blocks_cover_each_cell_once(rows: int, cols: int) -> None:
    steps = schedule(rows, cols, 8).tables.steps
    seen = np.zeros((rows, cols), int)
    for step in steps[steps["merge"] < 0]:
        block = SHAPES[int(step["shape"])]
        row, col = step["row"], step["col"]
        seen[row : row + block.rows, col : col + block.cols] += 1
        assert step["at_driver"] == (col == 0)
        assert step["at_sense"] == (row + block.rows == rows)
    assert (seen == 1).all()


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_children_are_merged_before_their_parents(rows: int, cols: int) -> None:
    """A merge reads two results that stand in the workspace, and nothing has replaced."""
    plan = schedule(rows, cols, 8)
    standing: set[int] = set()
    for step in plan.tables.steps:
        if step["merge"] >= 0:
            children = {int(step["upstream"]), int(step["downstream"])}
            assert children <= standing and min(children) > step["result"]
            standing -= children
        standing.add(int(step["result"]))
    assert standing == {0}


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_saved_factors_do_not_overlap_and_small_ones_are_recomputed(rows: int, cols: int) -> None:
    plan = schedule(rows, cols, 8)
    merges, used = plan.tables.merges, np.zeros(plan.saved, int)
    for step in plan.tables.steps[plan.tables.steps["merge"] >= 0]:
        m = merges[step["merge"]]
        size = (m["up_exterior"] + m["down_exterior"] + 2 * m["interior"]) * m["interior"]
        assert size <= plan.largest_factors
        if m["interior"] >= 8:
            used[step["factors"] : step["factors"] + size] += 1
            assert step["recompute_from"] == -1
        else:
            assert step["factors"] + size <= plan.recomputed
    assert (used == 1).all()


def test_each_kind_of_small_block_has_its_own_code() -> None:
    assert len(SHAPES) == 16 and all(shape_code(block) == code for code, block in SHAPES.items())
