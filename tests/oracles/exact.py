"""Kirchhoff's laws in rational numbers: exact whatever the conductances, for arrays of a few cells.

Each inner node is removed by the star-mesh transform, which puts y_a y_b / sum y between each two of its neighbours.
What remains between the terminals is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

Node = tuple[str, int, int]


def effective_conductance(
    g: Sequence[Sequence[float]], driver: float, row: float, col: float, sense: float
) -> list[list[Fraction]]:
    """W of one array of conductances in siemens; resistances in ohm, any of them zero."""
    rows, cols = range(len(g)), range(len(g[0]))
    joined: dict[Node, Node] = {}
    links: list[tuple[Node, Node, Fraction]] = []

    def find(node: Node) -> Node:
        return find(joined[node]) if node in joined else node

    def wire(outer: Node, inner: Node, ohm: float) -> None:
        if ohm == 0:
            joined[inner] = outer  # each wire leads away from a terminal, so that its inner node is still by itself
        else:
            links.append((outer, inner, 1 / Fraction(ohm)))

    for i in rows:
        for j in cols:
            wire(("word", i, j - 1) if j else ("input", i, 0), ("word", i, j), row if j else driver)
    for j in cols:
        for i in reversed(rows):
            last = i == len(g) - 1
            wire(("output", j, 0) if last else ("bit", i + 1, j), ("bit", i, j), sense if last else col)
    links += [(("word", i, j), ("bit", i, j), Fraction(g[i][j])) for i in rows for j in cols if g[i][j] > 0]

    near: dict[Node, dict[Node, Fraction]] = {}

    def link(a: Node, b: Node, siemens: Fraction) -> None:
        for one, other in ((a, b), (b, a)):
            near.setdefault(one, {})[other] = near.get(one, {}).get(other, Fraction(0)) + siemens

    for a, b, siemens in links:
        link(find(a), find(b), siemens)
    for node in [node for node in near if node[0] in ("word", "bit")]:
        star = near.pop(node)
        for neighbour in star:
            del near[neighbour][node]
        for (a, to_a), (b, to_b) in combinations(star.items(), 2):
            link(a, b, to_a * to_b / sum(star.values()))
    none: dict[Node, Fraction] = {}
    return [[near.get(("input", i, 0), none).get(("output", j, 0), Fraction(0)) for j in cols] for i in rows]
