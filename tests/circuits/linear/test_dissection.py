"""The tree of blocks."""

from __future__ import annotations

import pytest

from wordline.circuits.linear.dissection import Block, merge_of


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("cols", [1, 2, 5, 16])
def test_an_array_has_its_inputs_and_outputs_as_ports_and_nothing_else(
    rows: int, cols: int
) -> None:
    ports = Block(rows, cols).ports
    assert sorted(ports) == sorted(
        [("L", i) for i in range(rows)] + [("B", j) for j in range(cols)]
    )


def test_a_block_inside_the_array_has_ports_on_four_sides() -> None:
    ports = Block(3, 5, False, False, False, False).ports
    want = [(s, k) for s, n in (("L", 3), ("B", 5), ("R", 3), ("T", 5)) for k in range(n)]
    assert sorted(ports) == sorted(want)


@pytest.mark.parametrize(
    "block",
    [Block(4, 4), Block(3, 7, False, True, True, False), Block(9, 2, True, False, False, True)],
)
def test_interior_ports_are_as_many_and_in_the_same_order(block: Block) -> None:
    step = merge_of(block)
    pairs = (step.upstream, step.upstream_interior), (step.downstream, step.downstream_interior)
    interior = [[child.ports[k] for k in ports] for child, ports in pairs]
    assert (
        [n for _, n in interior[0]] == [n for _, n in interior[1]] == list(range(len(interior[0])))
    )
    assert ({s for s, _ in interior[0]}, {s for s, _ in interior[1]}) in (
        ({"R"}, {"L"}),
        ({"T"}, {"B"}),
    )
    assert (
        step.upstream.rows * step.upstream.cols + step.downstream.rows * step.downstream.cols
        == block.rows * block.cols
    )


def test_driven_and_grounded_ports_stand_first_in_large_blocks() -> None:
    step = merge_of(Block(8, 8, True, True, False, False))
    sides = "".join(step.upstream.ports[k][0] for k in step.upstream_exterior)
    assert sides == "".join(sorted(sides, key="LBRT".index))
